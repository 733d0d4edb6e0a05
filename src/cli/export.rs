//! Lists written for programs: CSV, or a JSON object a line, to a file or to standard output.
//!
//! Rows come page by page, so an export of any size takes little memory. Cells that a spreadsheet would run as a formula are
//! guarded.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::ValueEnum;
use serde::Serialize;

use super::out;

/// The form of an export.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    /// One row a line, with a header.
    Csv,
    /// One object a line.
    Json,
}

/// One column: its name and what stands in it.
pub type Column<T> = (&'static str, fn(&T) -> String);

/// An export under way.
pub struct Export<T: 'static> {
    format: Format,
    columns: &'static [Column<T>],
    sink: Box<dyn Write + Send>,
    file: Option<PathBuf>,
    total: usize,
}

impl<T: Serialize> Export<T> {
    /// Begins one; the header is there even when no row comes.
    pub fn begin(format: Format, file: Option<&Path>, columns: &'static [Column<T>]) -> anyhow::Result<Self> {
        let sink: Box<dyn Write + Send> = match file {
            Some(path) => {
                let file = File::create(path).with_context(|| format!("{} can't be written", path.display()))?;
                Box::new(BufWriter::new(file))
            }
            None => Box::new(BufWriter::new(io::stdout())),
        };
        let mut export = Self { format, columns, sink, file: file.map(Path::to_owned), total: 0 };
        if matches!(format, Format::Csv) {
            export.csv(|writer| writer.write_record(columns.iter().map(|(name, _)| name)))?;
        }
        Ok(export)
    }

    /// Writes rows.
    pub fn page(&mut self, rows: &[T]) -> anyhow::Result<()> {
        match self.format {
            Format::Csv => {
                let columns = self.columns;
                self.csv(|writer| {
                    let cells = |row| columns.iter().map(move |(_, cell)| guarded(&cell(row)));
                    rows.iter().try_for_each(|row| writer.write_record(cells(row)))
                })?;
            }
            Format::Json => {
                for row in rows {
                    serde_json::to_writer(&mut self.sink, row)?;
                    self.sink.write_all(b"\n")?;
                }
            }
        }
        self.total += rows.len();
        Ok(())
    }

    /// Ends it; tells how many of what were written if that went into a file.
    pub fn end(mut self, what: &str) -> anyhow::Result<()> {
        self.sink.flush()?;
        if let Some(path) = &self.file {
            out::note(format_args!("{} {what} written to {}", self.total, path.display()));
        }
        Ok(())
    }

    fn csv(&mut self, write: impl FnOnce(&mut csv::Writer<Vec<u8>>) -> csv::Result<()>) -> anyhow::Result<()> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        write(&mut writer)?;
        self.sink.write_all(&writer.into_inner()?)?;
        Ok(())
    }
}

/// A cell that no spreadsheet takes for a formula.
fn guarded(cell: &str) -> String {
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
        const COLUMNS: [Column<String>; 2] = [("no", String::clone), ("customer", String::clone)];
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("list.csv");
        Export::begin(Format::Csv, Some(&file), &COLUMNS).expect("begins").end("rows").expect("ends");
        assert_eq!(std::fs::read_to_string(&file).expect("reads"), "no,customer\n");
    }
}
