//! Faults of the settings: where, what, and what to do. No fault ever shows the value of a secret.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::schema::{Kind, Schema};
use super::tree::Place;

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// What is wrong.
    pub message: String,
    /// The file, or the variable of the environment, it is in.
    pub origin: String,
    /// Line, from 1, if it is in the file.
    pub line: Option<usize>,
    /// Column of its first character, from 1.
    pub column: Option<usize>,
    /// Column behind its last character.
    pub end_column: Option<usize>,
    /// The line as written; the values of secrets are left out.
    pub source_line: Option<String>,
    /// What to do about it.
    pub help: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}", self.message)?;
        match (self.line, self.column, &self.source_line) {
            (Some(line), Some(column), Some(source)) => {
                let gutter = " ".repeat(line.to_string().len());
                let width = self.end_column.unwrap_or(column + 1).saturating_sub(column).max(1);
                writeln!(f, "{gutter}--> {}:{line}:{column}", self.origin)?;
                writeln!(f, "{gutter} |")?;
                writeln!(f, "{line} | {source}")?;
                writeln!(f, "{gutter} | {}{}", " ".repeat(column.saturating_sub(1)), "^".repeat(width))?;
            }
            _ => writeln!(f, " --> {}", self.origin)?,
        }
        if let Some(help) = &self.help {
            writeln!(f, "help: {help}")?;
        }
        Ok(())
    }
}

/// Everything that is wrong with the settings, found in one run.
#[derive(Debug, thiserror::Error)]
#[error("the settings can't be used: {} found in {}", count(.faults.len()), .file.display())]
pub struct Faults {
    /// The settings' file.
    pub file: PathBuf,
    /// The folder that relative paths begin at.
    pub root: PathBuf,
    /// At least one.
    pub faults: Vec<Fault>,
}

fn count(faults: usize) -> String {
    if faults == 1 { "1 fault".into() } else { format!("{faults} faults") }
}

/// Collects faults while the settings are read.
pub struct Collector<'a> {
    file: &'a Path,
    text: &'a str,
    schema: &'a Schema,
    faults: Vec<Fault>,
}

impl<'a> Collector<'a> {
    /// For one file.
    pub fn new(file: &'a Path, text: &'a str, schema: &'a Schema) -> Self {
        Self { file, text, schema, faults: Vec::new() }
    }

    /// Whether there is any fault so far.
    pub fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// The outcome: a value without faults, or the faults in the order of the file.
    pub fn finish<T>(mut self, value: T) -> Result<T, Faults> {
        if self.faults.is_empty() {
            return Ok(value);
        }
        self.faults.sort_by_key(|fault| (fault.line.unwrap_or(usize::MAX), fault.column));
        Err(Faults { file: self.file.to_owned(), root: super::root_of(self.file), faults: self.faults })
    }

    /// Notes a fault at a place; without one it concerns the file as a whole.
    pub fn add(&mut self, place: Option<&Place>, message: impl Into<String>, help: Option<String>) {
        let mut fault = Fault {
            message: printable(&message.into()),
            origin: self.file.display().to_string(),
            line: None,
            column: None,
            end_column: None,
            source_line: None,
            help,
        };
        match place {
            Some(Place::Env(name)) => fault.origin = format!("environment variable {name}"),
            Some(Place::File(span)) => self.point(&mut fault, span),
            None => {}
        }
        self.faults.push(fault);
    }

    fn point(&self, fault: &mut Fault, span: &Range<usize>) {
        let start = floor(self.text, span.start);
        let end = floor(self.text, span.end.max(start));
        let line_start = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = self.text[start..].find('\n').map_or(self.text.len(), |at| start + at);
        let shown_end = end.clamp(start, line_end);
        let line = self.text[line_start..line_end].trim_end_matches('\r');
        let column = self.text[line_start..start].chars().count() + 1;
        fault.line = Some(self.text[..start].matches('\n').count() + 1);
        fault.column = Some(column);
        fault.end_column = Some(column + self.text[start..shown_end].chars().count().max(1));
        fault.source_line = Some(printable(&without_login(&masked(self.schema, &self.text[..line_start], line))));
    }
}

/// The text with each control character as a blank: it may come from a broken file and go to a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// An address with `user:password@` in it, where none belongs, is shown without that part.
fn without_login(line: &str) -> String {
    let found = line.find("://").map(|at| at + 3).and_then(|start| Some((start, start + line[start..].rfind('@')?)));
    found.map_or_else(|| line.to_owned(), |(start, end)| format!("{}…{}", &line[..start], &line[end..]))
}

fn floor(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The line with the value left out if its key, or the key it continues, is or may hold a secret.
fn masked(schema: &Schema, before: &str, line: &str) -> String {
    let mut section = String::new();
    let mut secret = false;
    for earlier in before.lines() {
        match read_line(earlier) {
            Line::Section(name) => {
                section = name;
                secret = false;
            }
            Line::Key(key) => secret = is_secret(schema, &section, &key),
            Line::Blank | Line::Other => {}
        }
    }
    match read_line(line) {
        Line::Key(key) if is_secret(schema, &section, &key) => {
            let (left, _) = line.split_once('=').unwrap_or((line, ""));
            format!("{left}= …")
        }
        Line::Other if secret => "…".into(),
        Line::Section(_) | Line::Key(_) | Line::Blank | Line::Other => line.to_owned(),
    }
}

enum Line {
    Section(String),
    Key(String),
    Blank,
    Other,
}

fn read_line(line: &str) -> Line {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Line::Blank;
    }
    if let Some(name) = line.strip_prefix('[') {
        let name = name.split(']').next().unwrap_or_default();
        return Line::Section(bare(name));
    }
    match line.split_once('=') {
        Some((key, _)) if !key.contains(['{', ',']) && !key.trim().starts_with(['"', '\'']) => Line::Key(bare(key)),
        Some(_) | None => Line::Other,
    }
}

fn bare(key: &str) -> String {
    key.chars().filter(|c| !c.is_whitespace() && *c != '"' && *c != '\'').collect()
}

/// Unknown keys count as secret where a secret could be meant: a misspelt `pasword` must not be shown either.
fn is_secret(schema: &Schema, section: &str, key: &str) -> bool {
    let path = format!("{section}.{key}");
    match schema.at(&path) {
        Some(node) if matches!(node.kind(), Kind::Table | Kind::Map) => node.holds_secret(),
        Some(node) => node.secret,
        None => schema.at(section).is_none_or(|node| section.is_empty() || node.holds_secret()),
    }
}
