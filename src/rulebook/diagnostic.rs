//! One fault of the rulebook's files: where it is, the line it is on, what is wrong and what to do.
//!
//! Invariants: a diagnostic stands on its own (it holds the line it shows), so it can be printed, sent as JSON or kept
//! after the files changed. Lines and columns count from 1, columns in characters.
//!
//! Not here: finding faults. The readers and checks beside this file do that.

use std::path::PathBuf;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde::Serialize;

/// How bad a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The rulebook is refused.
    Error,
    /// The rulebook works, but probably not as meant.
    Warning,
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A short stable code for filters and editors: `unknown-key`, `unknown-stage`, …
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// The file, relative to the rulebook's folder.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// First column, from 1, in characters.
    pub column: usize,
    /// The column after the last.
    pub end_column: usize,
    /// The line as it is in the file; of a very long one, how it begins.
    pub source_line: String,
    /// What to do.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A fault of a file as a whole, such as one that cannot be read.
    pub fn of_file(severity: Severity, code: &'static str, file: PathBuf, message: impl Into<String>) -> Self {
        Self {
            severity,
            code,
            message: message.into(),
            file,
            line: 1,
            column: 1,
            end_column: 1,
            source_line: String::new(),
            help: None,
        }
    }

    /// Says what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says what to do about it, if that is known.
    #[must_use]
    pub fn help_maybe(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }

    /// Makes it a warning.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }
}

/// Faults as a compiler shows them: file, line, the line itself with the place underlined, and help.
pub fn render(diagnostics: &[Diagnostic], color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() }.decor_style(DecorStyle::Ascii);
    let mut out = String::new();
    for diagnostic in diagnostics {
        out.push_str(&render_one(diagnostic, &renderer));
        out.push_str("\n\n");
    }
    out
}

fn render_one(diagnostic: &Diagnostic, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let path = diagnostic.file.display().to_string();
    // Control characters of a broken file must not reach a terminal; each stays one character wide.
    let line: String = diagnostic.source_line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let start = byte_of_column(&line, diagnostic.column);
    let end = byte_of_column(&line, diagnostic.end_column).max(start);
    let snippet = Snippet::source(line.as_str())
        .line_start(diagnostic.line)
        .path(path.as_str())
        .annotation(AnnotationKind::Primary.span(start..end));
    let title = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code);
    let mut group: Group<'_> = title.element(snippet);
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    renderer.render(&[group])
}

fn byte_of_column(line: &str, column: usize) -> usize {
    line.char_indices().nth(column.saturating_sub(1)).map_or(line.len(), |(at, _)| at)
}
