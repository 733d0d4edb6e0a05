//! Layouts, blocks and includes of a letter resolved into one text, as Tera would do it for every letter anew.
//!
//! Invariant: the flat text means what the files mean to Tera. Blocks take the definition that is furthest down, `super()`
//! the next one up; what is included is put in its place; space is taken away as the dashes of each file say. Components
//! stay calls, because Tera knows them by name: what a letter itself defines is kept, what a shared file defines stands there.

use std::collections::BTreeMap;
use std::ops::Range;

use super::super::links::Template;
use super::flat::{Flat, Origin};
use super::pieces::{Kind, Piece, pieces, plain, trimmed};
use crate::rulebook::source::Source;

/// Deepest chain of layouts and includes.
const MAX_DEPTH: usize = 32;
/// Largest flat text, in bytes.
pub(super) const MAX_FLAT: usize = 4 * 1024 * 1024;

/// Why a letter has no flat text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A file comes to itself again.
    Circle,
    /// The text is too large.
    Size,
}

/// The flat text of a part of a file.
pub(super) fn flatten<'t>(
    source: &'t Source,
    body: Range<usize>,
    templates: &BTreeMap<String, Template<'t>>,
) -> Result<Flat<'t>, Refusal> {
    let mut work = Work { templates, out: Flat::default(), components: Flat::default() };
    work.file(source, body, 0)?;
    let Work { mut out, components, .. } = work;
    out.append(&components);
    Ok(out)
}

/// A file of a chain of layouts.
struct File<'t> {
    source: &'t Source,
    pieces: Vec<Piece>,
    /// Its blocks: from behind the tag that opens one to the tag that closes it.
    blocks: BTreeMap<String, Range<usize>>,
}

struct Work<'a, 't> {
    templates: &'a BTreeMap<String, Template<'t>>,
    out: Flat<'t>,
    /// What the letter itself defines; it goes behind everything else.
    components: Flat<'t>,
}

impl<'t> Work<'_, 't> {
    /// A file with the layouts that it extends.
    fn file(&mut self, source: &'t Source, body: Range<usize>, depth: usize) -> Result<(), Refusal> {
        if depth > MAX_DEPTH {
            return Err(Refusal::Circle);
        }
        let mut chain = vec![File::new(source, body)];
        while let Some(parent) = chain.last().and_then(|file| file.parent(self.templates)) {
            if chain.len() > MAX_DEPTH {
                return Err(Refusal::Circle);
            }
            chain.push(File::new(parent, 0..parent.text.len()));
        }
        if depth == 0 {
            self.keep_components(&chain[0]);
        }
        let top = chain.len() - 1;
        self.pieces(&chain, top, 0..chain[top].pieces.len(), None, depth)
    }

    /// Pieces of one file of a chain. `within` is the block that they stand in, with the place of its definition in the chain.
    fn pieces(
        &mut self,
        chain: &[File<'t>],
        index: usize,
        range: Range<usize>,
        within: Option<&str>,
        depth: usize,
    ) -> Result<(), Refusal> {
        let file = &chain[index];
        let text = file.source.text.as_str();
        let mut at = range.start;
        while at < range.end {
            let piece = &file.pieces[at];
            let origin = |skipped: usize| Origin { source: file.source, at: piece.place.start + skipped };
            let shown = text.get(piece.place.clone()).unwrap_or_default();
            match &piece.kind {
                Kind::Text => {
                    let (shown, skipped) = trimmed(text, &file.pieces, at);
                    self.out.copy(shown, origin(skipped));
                }
                Kind::Comment => {}
                Kind::Raw => self.out.tag(shown, origin(0)),
                Kind::Print { parent: true } if within.is_some() => {
                    let name = within.unwrap_or_default();
                    self.block(chain, name, index + 1, depth)?;
                }
                Kind::Print { .. } => self.out.tag(&plain(shown), origin(0)),
                Kind::Statement { word, name } => match word.as_str() {
                    "extends" => {}
                    "block" => {
                        self.block(chain, name, 0, depth)?;
                        at = file.blocks.get(name).map_or(at, |block| block.end);
                    }
                    "include" => {
                        if let Some(template) = self.templates.get(name) {
                            self.file(template.source, 0..template.source.text.len(), depth + 1)?;
                        }
                    }
                    "component" => at = file.end_of_component(at),
                    _ => self.out.tag(&plain(shown), origin(0)),
                },
            }
            if self.out.text.len() > MAX_FLAT {
                return Err(Refusal::Size);
            }
            at += 1;
        }
        Ok(())
    }

    /// The definition of a block that is furthest down the chain, from a place of the chain on.
    fn block(&mut self, chain: &[File<'t>], name: &str, from: usize, depth: usize) -> Result<(), Refusal> {
        let defined = (from..chain.len()).find_map(|index| Some((index, chain[index].blocks.get(name)?.clone())));
        match defined {
            Some((index, range)) => self.pieces(chain, index, range, Some(name), depth),
            None => Ok(()),
        }
    }

    fn keep_components(&mut self, file: &File<'t>) {
        for (index, piece) in file.pieces.iter().enumerate() {
            if matches!(&piece.kind, Kind::Statement { word, .. } if word == "component") {
                let end = file.pieces.get(file.end_of_component(index)).map_or(piece.place.end, |end| end.place.end);
                let text = file.source.text.get(piece.place.start..end).unwrap_or_default();
                self.components.tag(text, Origin { source: file.source, at: piece.place.start });
            }
        }
    }
}

impl<'t> File<'t> {
    fn new(source: &'t Source, body: Range<usize>) -> Self {
        let pieces = pieces(&source.text, body);
        let mut blocks = BTreeMap::new();
        let mut open: Vec<(String, usize)> = Vec::new();
        for (index, piece) in pieces.iter().enumerate() {
            match &piece.kind {
                Kind::Statement { word, name } if word == "block" => open.push((name.clone(), index + 1)),
                Kind::Statement { word, .. } if word == "endblock" => {
                    if let Some((name, start)) = open.pop() {
                        blocks.entry(name).or_insert(start..index);
                    }
                }
                _ => {}
            }
        }
        Self { source, pieces, blocks }
    }

    fn parent(&self, templates: &BTreeMap<String, Template<'t>>) -> Option<&'t Source> {
        let extended = self.pieces.iter().find_map(|piece| match &piece.kind {
            Kind::Statement { word, name } if word == "extends" => Some(name),
            _ => None,
        });
        extended.and_then(|name| templates.get(name)).map(|template| template.source)
    }

    /// The index of the tag that closes a component's definition.
    fn end_of_component(&self, start: usize) -> usize {
        let closes = |piece: &Piece| matches!(&piece.kind, Kind::Statement { word, .. } if word == "endcomponent");
        let found = self.pieces.iter().skip(start).position(closes);
        found.map_or(self.pieces.len().saturating_sub(1), |offset| start + offset)
    }
}
