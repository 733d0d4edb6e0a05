//! `milepost messages export`: every letter of a selection, as CSV or JSON.
//!
//! Letters are read page by page, so an export of any size takes little memory. Cells that a spreadsheet would run as a
//! formula are guarded.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use super::row::Row;
use crate::cli::out;
use crate::store::{MessageFilter, Store};

const PAGE: usize = 1_000;

/// How to export.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The format.
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// The file to write; standard output without it.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// One row a letter, with a header.
    Csv,
    /// One object a line.
    Json,
}

/// Writes the export.
pub(super) async fn run(args: &ExportArgs, mut filter: MessageFilter, store: &Store) -> anyhow::Result<()> {
    let mut sink: Box<dyn Write + Send> = match &args.output {
        Some(path) => {
            let file = File::create(path).with_context(|| format!("{} can't be written", path.display()))?;
            Box::new(BufWriter::new(file))
        }
        None => Box::new(BufWriter::new(io::stdout())),
    };
    filter.limit = PAGE;
    let mut total = 0;
    loop {
        let page: Vec<Row> = store.messages(&filter).await?.iter().map(Row::of).collect();
        let text = match args.format {
            Format::Csv => csv(&page, total == 0)?,
            Format::Json => json_lines(&page)?,
        };
        sink.write_all(&text)?;
        total += page.len();
        match page.last() {
            Some(last) => filter.after = Some(last.seq),
            None => break,
        }
    }
    sink.flush()?;
    if let Some(path) = &args.output {
        out::note(format_args!("{total} letters written to {}", path.display()));
    }
    Ok(())
}

fn json_lines(rows: &[Row]) -> anyhow::Result<Vec<u8>> {
    let mut text = Vec::new();
    for row in rows {
        serde_json::to_writer(&mut text, row)?;
        text.push(b'\n');
    }
    Ok(text)
}

/// Rows as CSV. The header is there even when no letter is.
fn csv(rows: &[Row], header: bool) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    if header {
        writer.write_record(COLUMNS.map(|(name, _)| name))?;
    }
    for row in rows {
        writer.write_record(COLUMNS.map(|(_, cell)| guarded(&cell(row))))?;
    }
    Ok(writer.into_inner()?)
}

/// One column: its name and what stands in it.
type Column = (&'static str, fn(&Row) -> String);

const COLUMNS: [Column; 28] = [
    ("no", |row| row.seq.to_string()),
    ("id", |row| row.id.clone()),
    ("state", |row| row.state.to_owned()),
    ("reason", |row| row.reason.clone()),
    ("customer", |row| row.customer.clone()),
    ("to", |row| row.to.clone()),
    ("subject", |row| row.subject.clone()),
    ("map", |row| row.map.clone()),
    ("stage", |row| row.stage.clone()),
    ("rule", |row| row.rule.clone()),
    ("step", |row| row.step.clone()),
    ("pass", |row| row.pass.to_string()),
    ("letter", |row| row.letter.clone()),
    ("purpose", |row| row.purpose.clone()),
    ("locale", |row| row.locale.clone()),
    ("planned_at", |row| row.planned_at.clone()),
    ("due_at", |row| row.due_at.clone()),
    ("sent_at", |row| row.sent_at.clone()),
    ("next_at", |row| row.next_at.clone()),
    ("attempts", |row| row.attempts.to_string()),
    ("relay", |row| row.relay.clone()),
    ("code", |row| row.code.clone()),
    ("enhanced", |row| row.enhanced.clone()),
    ("reply", |row| row.reply.clone()),
    ("class", |row| row.class.clone()),
    ("message_id", |row| row.message_id.clone()),
    ("rulebook", |row| row.rulebook.clone()),
    ("enrollment", |row| row.enrollment.clone()),
];

/// A cell that no spreadsheet takes for a formula.
pub(in crate::cli) fn guarded(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_that_look_like_formulas_are_guarded() {
        let check = |cell: &str, expect: &str| assert_eq!(guarded(cell), expect);
        check("=HYPERLINK(\"http://evil.example\")", "'=HYPERLINK(\"http://evil.example\")");
        check("+7 900", "'+7 900");
        check("-1", "'-1");
        check("@SUM(A1)", "'@SUM(A1)");
        check("\t=1", "'\t=1");
        check("Anna = Bob", "Anna = Bob");
        check("", "");
    }

    #[test]
    fn an_empty_export_still_has_its_header() {
        let text = String::from_utf8(csv(&[], true).expect("csv")).expect("text");
        assert!(text.starts_with("no,id,state,reason,customer,to,"), "{text}");
        assert_eq!(text.lines().count(), 1);
    }
}
