//! A template taken apart: text, `{{ … }}`, `{% … %}`, comments and raw text, each a place in the file.

use std::ops::Range;

use super::super::tokens::{Kind as Mark, find, next_open, tokens};

/// What a piece is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// `{{ … }}`; whether it is `super()` and nothing else.
    Print {
        parent: bool,
    },
    /// `{% … %}`: its first word, and the text or name behind it.
    Statement {
        word: String,
        name: String,
    },
    /// `{# … #}`
    Comment,
    /// `{% raw %} … {% endraw %}`
    Raw,
}

/// One piece.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) kind: Kind,
    pub(super) place: Range<usize>,
}

/// Takes a part of a text apart.
pub(super) fn pieces(text: &str, part: Range<usize>) -> Vec<Piece> {
    let text = text.get(..part.end).unwrap_or_default();
    let mut out = Vec::new();
    let mut at = part.start;
    while let Some(open) = text.get(at..).and_then(next_open) {
        let start = at + open;
        if start > at {
            out.push(Piece { kind: Kind::Text, place: at..start });
        }
        let (kind, end) = match text.get(start..start + 2).unwrap_or_default() {
            "{#" => (Kind::Comment, find(text, start + 2, "#}").unwrap_or(text.len())),
            "{{" => {
                let (tokens, end) = tokens(text, start + 2, "}}");
                let marks = tokens.iter().map(|token| &token.kind).filter(|kind| **kind != Mark::Mark('-'));
                let parent = [Mark::Name("super".into()), Mark::Mark('('), Mark::Mark(')')];
                (Kind::Print { parent: marks.eq(parent.iter()) }, end)
            }
            _ => {
                let (tokens, end) = tokens(text, start + 2, "%}");
                let mut marks = tokens.iter().map(|token| &token.kind).filter(|kind| **kind != Mark::Mark('-'));
                let mut word = || match marks.next() {
                    Some(Mark::Name(name) | Mark::Text(name)) => name.clone(),
                    _ => String::new(),
                };
                let (word, name) = (word(), word());
                if word == "raw" {
                    let close = find(text, end, "endraw").and_then(|at| find(text, at, "%}"));
                    (Kind::Raw, close.unwrap_or(text.len()))
                } else {
                    (Kind::Statement { word, name }, end)
                }
            }
        };
        at = end.max(start + 2).min(text.len());
        out.push(Piece { kind, place: start..at });
    }
    if at < text.len() {
        out.push(Piece { kind: Kind::Text, place: at..text.len() });
    }
    out
}

/// The text of a piece of text without the space that the tags beside it take away (`-%}`, `{%-`), and how much went in front.
pub(super) fn trimmed<'t>(text: &'t str, pieces: &[Piece], index: usize) -> (&'t str, usize) {
    let of = |index: usize| pieces.get(index).filter(|p| p.kind != Kind::Text).and_then(|p| text.get(p.place.clone()));
    let mut shown = pieces.get(index).and_then(|piece| text.get(piece.place.clone())).unwrap_or_default();
    let whole = shown.len();
    let before = index.checked_sub(1).and_then(of).unwrap_or_default();
    if ["-%}", "-}}", "-#}"].iter().any(|end| before.ends_with(end)) {
        shown = shown.trim_start();
    }
    let skipped = whole - shown.len();
    if of(index + 1).is_some_and(|next| next.as_bytes().get(2) == Some(&b'-')) {
        shown = shown.trim_end();
    }
    (shown, skipped)
}

/// A tag without its dashes: the space that they take away is gone already.
pub(super) fn plain(tag: &str) -> String {
    let (open, rest) = tag.split_at_checked(2).unwrap_or((tag, ""));
    let rest = rest.strip_prefix('-').unwrap_or(rest);
    match rest.split_at_checked(rest.len().saturating_sub(2)) {
        Some((inner, close)) => format!("{open}{}{close}", inner.strip_suffix('-').unwrap_or(inner)),
        None => format!("{open}{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_goes_as_tera_takes_it_away() {
        let text = "a {{- b -}} c {# d -#} e {% raw %}{{ f }}{% endraw %} {%- if g -%}\n{% endif %}";
        let list = pieces(text, 0..text.len());
        let shown: String = (0..list.len())
            .map(|index| match list[index].kind {
                Kind::Text => trimmed(text, &list, index).0.to_owned(),
                Kind::Comment => String::new(),
                Kind::Raw => text[list[index].place.clone()].to_owned(),
                _ => plain(&text[list[index].place.clone()]),
            })
            .collect();
        assert_eq!(shown, "a{{ b }}c e {% raw %}{{ f }}{% endraw %}{% if g %}{% endif %}");
    }

    #[test]
    fn broken_text_is_taken_apart_without_harm() {
        for text in ["{{", "{%", "{#", "{%-", "{% raw %}", "{{ é", "{%%}", "{{-}}", "-", "{{--}}", "{% \"é"] {
            let list = pieces(text, 0..text.len());
            assert_eq!(list.iter().map(|piece| piece.place.len()).sum::<usize>(), text.len(), "{text}");
            for index in 0..list.len() {
                trimmed(text, &list, index);
                plain(&text[list[index].place.clone()]);
            }
        }
    }
}
