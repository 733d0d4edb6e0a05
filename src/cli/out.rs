//! Printing: the only place of the program that writes to the terminal.
//!
//! Text that came from outside is shown without control characters, so that a customer's name can't drive a terminal.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use chrono_tz::Tz;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{ContentArrangement, Table};
use serde::Serialize;

use crate::journey::time::Timestamp;

/// Prints a line.
pub(super) fn line(text: impl Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}

/// Prints bytes as they are.
pub(super) fn bytes(content: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(content)?;
    out.flush()
}

/// Prints a value as JSON.
pub(super) fn json(value: &impl Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)
}

/// Prints a table, or a remark when it has no rows.
pub(super) fn table(header: &[&str], rows: Vec<Vec<String>>, when_empty: &str) -> io::Result<()> {
    if rows.is_empty() {
        return line(when_empty);
    }
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic).set_header(header);
    for row in rows {
        table.add_row(row.iter().map(|cell| clean(cell)));
    }
    line(table)
}

/// Prints names and values, one a line, the values in one column.
pub(super) fn facts(facts: &[(&str, String)]) -> io::Result<()> {
    let width = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
        line(format_args!("{name:width$}  {}", clean(value)))?;
    }
    Ok(())
}

/// A remark on standard error. If even that can't be written there is nobody to tell.
pub(super) fn note(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Asks somebody at the terminal; `None` if nobody is there.
pub(super) fn ask(question: &str) -> io::Result<Option<bool>> {
    if !io::stdin().is_terminal() {
        return Ok(None);
    }
    let mut out = io::stdout().lock();
    write!(out, "{question} [y/N] ")?;
    out.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(Some(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")))
}

/// Whether standard error shows colours.
pub(super) fn color() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// Text without control characters.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A moment on the shop's wall clock.
pub(super) fn when(at: Timestamp, zone: Tz) -> String {
    at.in_words(zone)
}

/// A moment that may not have come.
pub(super) fn when_maybe(at: Option<Timestamp>, zone: Tz) -> String {
    at.map(|at| when(at, zone)).unwrap_or_default()
}
