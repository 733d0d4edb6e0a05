//! `milepost messages export`: every letter of a selection, as CSV or JSON.

use std::path::PathBuf;

use clap::Args;

use super::row::Row;
use crate::cli::export::{Column, Export, Format};
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

/// Writes the export.
pub(super) async fn run(args: &ExportArgs, mut filter: MessageFilter, store: &Store) -> anyhow::Result<()> {
    let mut export = Export::begin(args.format, args.output.as_deref(), &COLUMNS)?;
    filter.limit = PAGE;
    loop {
        let page: Vec<Row> = store.messages(&filter).await?.iter().map(Row::of).collect();
        export.page(&page)?;
        match page.last() {
            Some(last) => filter.after = Some(last.seq),
            None => return export.end("letters"),
        }
    }
}

const COLUMNS: [Column<Row>; 28] = [
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
