//! A file's text with the way from byte offsets to lines and columns.
//!
//! Not here: which files there are (`tree`), what they mean (`yaml`, `letters`, `pools`).

use std::ops::Range;
use std::path::PathBuf;

use super::diagnostic::{Diagnostic, Severity};

/// Longest part of a line that a diagnostic shows, in bytes: a whole file may be one line, and have a fault at every word.
const MAX_SHOWN: usize = 512;
/// Distance between the places up to which characters are counted once and for all.
const STRIDE: usize = 1024;

/// One file that was read and is UTF-8.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// Path relative to the rulebook's folder.
    pub(super) path: PathBuf,
    /// Its text.
    pub(super) text: String,
    line_starts: Vec<usize>,
    /// Characters before every `STRIDE`th byte, so that a column far out costs no more than a near one.
    counted: Vec<usize>,
}

impl Source {
    pub(super) fn new(path: PathBuf, text: String) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let counted = text.as_bytes().chunks(STRIDE).scan(0, |count, chunk| {
            let before = *count;
            *count += characters(chunk);
            Some(before)
        });
        let counted = counted.collect();
        Self { path, text, line_starts, counted }
    }

    /// An error at a place of this file.
    pub(super) fn error(&self, code: &'static str, place: &Range<usize>, message: impl Into<String>) -> Diagnostic {
        let start = self.floor(place.start);
        let end = self.floor(place.end.max(start));
        let (index, line_start) = self.line_of(start);
        let line_end = self.line_starts.get(index + 1).map_or(self.text.len(), |next| next - 1);
        let line = self.text.get(line_start..line_end).unwrap_or_default().trim_end_matches('\r');
        let column = |at: usize| {
            let upto = at.clamp(line_start, line_start + line.len());
            self.characters_before(upto) - self.characters_before(line_start) + 1
        };
        Diagnostic {
            severity: Severity::Error,
            code,
            message: message.into(),
            file: self.path.clone(),
            line: index + 1,
            column: column(start),
            end_column: column(end),
            source_line: line.get(..line.floor_char_boundary(MAX_SHOWN)).unwrap_or_default().to_owned(),
            help: None,
        }
    }

    /// Line and column of a byte offset, both from 1.
    pub(super) fn position(&self, offset: usize) -> (usize, usize) {
        let at = self.floor(offset);
        let (index, start) = self.line_of(at);
        (index + 1, self.characters_before(at) - self.characters_before(start) + 1)
    }

    /// The index of the line that an offset is on, and where it begins.
    fn line_of(&self, offset: usize) -> (usize, usize) {
        let index = self.line_starts.partition_point(|line| *line <= offset).saturating_sub(1);
        (index, self.line_starts.get(index).copied().unwrap_or(0))
    }

    fn characters_before(&self, at: usize) -> usize {
        let bytes = self.text.as_bytes();
        let Some(counted) = self.counted.get(at / STRIDE) else { return characters(bytes) };
        counted + bytes.get(at - at % STRIDE..at).map_or(0, characters)
    }

    /// A byte offset inside the text, on the boundary of a character.
    fn floor(&self, at: usize) -> usize {
        self.text.floor_char_boundary(at)
    }
}

/// How many characters begin in these bytes of a text.
fn characters(bytes: &[u8]) -> usize {
    // In UTF-8 every byte but those of the form 10xxxxxx begins a character.
    bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}
