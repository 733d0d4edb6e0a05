//! The text inside `{{ }}` and `{% %}` as tokens with their places: names, texts, numbers, marks.
//!
//! Not here: what the tokens mean (`scan`). Whatever is broken is left to Tera; here it only must do no harm.

use std::ops::Range;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Name(String),
    Text(String),
    Number,
    Mark(char),
    /// `==`, `!=`, `?.` and other marks of two characters that must not be taken for two.
    Pair,
}

#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) place: Range<usize>,
}

/// Where the next tag, expression or comment begins.
pub(super) fn next_open(text: &str) -> Option<usize> {
    text.as_bytes().windows(2).position(|two| matches!(two, b"{{" | b"{%" | b"{#"))
}

/// The place behind the next occurrence of a text.
pub(super) fn find(text: &str, from: usize, what: &str) -> Option<usize> {
    text.get(from..)?.find(what).map(|at| from + at + what.len())
}

/// The tokens up to the closing mark, and the place behind it.
pub(super) fn tokens(text: &str, from: usize, close: &str) -> (Vec<Token>, usize) {
    let mut out = Vec::new();
    let mut at = from;
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = text.get(at..).unwrap_or_default();
        // A map may end right before the close: `{{ {"a": {"b": 1}} }}` is rare enough to leave to Tera.
        if rest.starts_with(close) {
            return (out, at + 2);
        }
        let start = at;
        if c.is_alphabetic() || c == '_' {
            let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            at += length;
            out.push(Token { kind: Kind::Name(rest[..length].to_owned()), place: start..at });
        } else if c.is_ascii_digit() {
            at += rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            out.push(Token { kind: Kind::Number, place: start..at });
        } else if matches!(c, '"' | '\'' | '`') {
            let inner = &rest[1..];
            let length = string_length(inner, c);
            at += 1 + length + usize::from(length < inner.len());
            out.push(Token { kind: Kind::Text(inner[..length].to_owned()), place: start..at });
        } else {
            let pair = ["==", "!=", "<=", ">=", "//", "**"].iter().any(|pair| rest.starts_with(pair));
            // `?.` reads on like `.`, without an error when there is nothing.
            let optional = rest.starts_with("?.") || rest.starts_with("?[");
            at += if pair { 2 } else { usize::from(optional) + if optional { 1 } else { c.len_utf8() } };
            if !c.is_whitespace() {
                let mark = if optional { rest[1..].chars().next().unwrap_or('.') } else { c };
                out.push(Token { kind: if pair { Kind::Pair } else { Kind::Mark(mark) }, place: start..at });
            }
        }
    }
    (out, text.len())
}

fn string_length(inner: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in inner.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at,
            _ => {}
        }
    }
    inner.len()
}
