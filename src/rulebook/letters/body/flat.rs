//! One text that was put together from several files, with the way back to them: what of it are Tera's tags, and which file
//! and place each piece comes from.

use std::ops::Range;

use crate::rulebook::source::Source;

/// A place in a file.
#[derive(Clone, Copy, Debug)]
pub(in crate::rulebook::letters) struct Origin<'t> {
    pub(in crate::rulebook::letters) source: &'t Source,
    pub(in crate::rulebook::letters) at: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Copied from a file, letter by letter.
    Copied,
    /// Made of what stands in a file.
    Made,
    /// A tag of Tera's: `{{ … }}`, `{% … %}`, `{% raw %} … {% endraw %}`.
    Tag,
}

#[derive(Clone, Copy, Debug)]
struct Piece<'t> {
    start: usize,
    kind: Kind,
    origin: Origin<'t>,
}

/// The text and its pieces, in order and without a gap.
#[derive(Clone, Debug, Default)]
pub(in crate::rulebook::letters) struct Flat<'t> {
    pub(in crate::rulebook::letters) text: String,
    pieces: Vec<Piece<'t>>,
}

impl<'t> Flat<'t> {
    /// Adds text as it stands in a file.
    pub(in crate::rulebook::letters) fn copy(&mut self, text: &str, origin: Origin<'t>) {
        self.push(text, Kind::Copied, origin);
    }

    /// Adds text that was made of what stands in a file.
    pub(in crate::rulebook::letters) fn make(&mut self, text: &str, origin: Origin<'t>) {
        self.push(text, Kind::Made, origin);
    }

    /// Adds a tag.
    pub(in crate::rulebook::letters) fn tag(&mut self, text: &str, origin: Origin<'t>) {
        self.push(text, Kind::Tag, origin);
    }

    fn push(&mut self, text: &str, kind: Kind, origin: Origin<'t>) {
        if !text.is_empty() {
            self.pieces.push(Piece { start: self.text.len(), kind, origin });
            self.text.push_str(text);
        }
    }

    /// Adds another text at the end.
    pub(in crate::rulebook::letters) fn append(&mut self, other: &Self) {
        let start = self.text.len();
        self.text.push_str(&other.text);
        self.pieces.extend(other.pieces.iter().map(|piece| Piece { start: piece.start + start, ..*piece }));
    }

    /// The tags, as places in the text.
    pub(in crate::rulebook::letters) fn tags(&self) -> impl Iterator<Item = Range<usize>> {
        let ends = self.pieces.iter().skip(1).map(|next| next.start).chain([self.text.len()]);
        self.pieces.iter().zip(ends).filter(|(piece, _)| piece.kind == Kind::Tag).map(|(piece, end)| piece.start..end)
    }

    /// Whether a place holds a tag, or a part of one.
    pub(in crate::rulebook::letters) fn has_tag(&self, place: &Range<usize>) -> bool {
        let first = self.pieces.partition_point(|piece| piece.start <= place.start).saturating_sub(1);
        let pieces = self.pieces.get(first..).unwrap_or_default();
        pieces.iter().take_while(|piece| piece.start < place.end).any(|piece| piece.kind == Kind::Tag)
    }

    /// Where what stands at a place comes from.
    pub(in crate::rulebook::letters) fn origin(&self, at: usize) -> Option<Origin<'t>> {
        let index = self.pieces.partition_point(|piece| piece.start <= at).saturating_sub(1);
        let piece = self.pieces.get(index)?;
        let inside = if piece.kind == Kind::Copied { at.saturating_sub(piece.start) } else { 0 };
        Some(Origin { source: piece.origin.source, at: piece.origin.at + inside })
    }

    /// The text with other text at some places, which come in order and do not overlap; what comes in is no tag.
    pub(in crate::rulebook::letters) fn edited(&self, edits: &[(Range<usize>, String)]) -> Self {
        let mut out = Self::default();
        let mut edits = edits.iter().peekable();
        let ends = self.pieces.iter().skip(1).map(|next| next.start).chain([self.text.len()]);
        for (piece, end) in self.pieces.iter().zip(ends) {
            let mut at = piece.start;
            // An edit that begins in an earlier piece may reach into this one, or beyond it.
            while at < end {
                let next = edits.peek().filter(|(place, _)| place.start < end);
                let Some((place, with)) = next else {
                    out.keep(self, piece, at..end);
                    break;
                };
                out.keep(self, piece, at..place.start.max(at));
                if place.start >= piece.start {
                    out.make(with, piece.origin);
                }
                if place.end > end {
                    break;
                }
                at = place.end.max(at);
                edits.next();
            }
        }
        for (_, with) in edits.filter(|(place, _)| place.start >= self.text.len()) {
            if let Some(piece) = self.pieces.last() {
                out.make(with, piece.origin);
            }
        }
        out
    }

    fn keep(&mut self, from: &Self, piece: &Piece<'t>, place: Range<usize>) {
        let inside = if piece.kind == Kind::Copied { place.start.saturating_sub(piece.start) } else { 0 };
        let origin = Origin { source: piece.origin.source, at: piece.origin.at + inside };
        self.push(from.text.get(place).unwrap_or_default(), piece.kind, origin);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_edited_still_knows_where_it_comes_from() {
        let source = Source::new("a.html".into(), "<p class='a'>{{ x }}</p>".into());
        let mut flat = Flat::default();
        flat.copy("<p class='a'>", Origin { source: &source, at: 0 });
        flat.tag("{{ x }}", Origin { source: &source, at: 13 });
        flat.copy("</p>", Origin { source: &source, at: 20 });
        let edited = flat.edited(&[(2..2, " style=\"b\"".into()), (3..12, String::new()), (20..24, "!".into())]);
        assert_eq!(edited.text, "<p style=\"b\" >{{ x }}!");
        let tags: Vec<_> = edited.tags().collect();
        assert_eq!(tags.iter().map(|tag| &edited.text[tag.clone()]).collect::<Vec<_>>(), ["{{ x }}"]);
        assert_eq!(edited.origin(tags[0].start + 3).map(|origin| origin.at), Some(13));
        assert_eq!(edited.origin(13).map(|origin| origin.at), Some(12));
    }
}
