//! `milepost consents`: what customers agreed to and refused, change by change, and what proves it.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use chrono_tz::Tz;
use clap::{Args, Subcommand};
use serde_json::Value;

use super::context::Context;
use super::export::{Column, Export, Format};
use super::{customer, moment, out};
use crate::store::{ConsentFilter, ConsentRow, Store};

const PAGE: usize = 1_000;

/// Arguments of `consents`.
#[derive(Debug, Args)]
pub struct ConsentsArgs {
    #[command(subcommand)]
    command: ConsentsCommand,
}

#[derive(Debug, Subcommand)]
enum ConsentsCommand {
    /// Shows every change of one customer, oldest first.
    Show {
        /// The customer: an id, an e-mail address, a phone number, `external=ID` or `CONNECTION=ID`.
        #[arg(long)]
        customer: String,
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Writes the changes of everybody, or of one customer, as CSV or JSON.
    Export {
        /// Of this customer only.
        #[arg(long)]
        customer: Option<String>,
        /// Recorded from this moment on.
        #[arg(long, value_name = "MOMENT")]
        from: Option<String>,
        /// Recorded before this moment.
        #[arg(long, value_name = "MOMENT")]
        to: Option<String>,
        /// The format.
        #[arg(long, value_enum, default_value_t = Format::Csv)]
        format: Format,
        /// The file to write; standard output without it.
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

/// Shows or exports.
pub(super) async fn run(args: ConsentsArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let (loaded, store) = context.open().await?;
    let zone = loaded.shop().zone;
    match args.command {
        ConsentsCommand::Show { customer: named, json } => {
            let customer = customer::find(&store, &named).await?;
            let filter = ConsentFilter { customer: Some(customer.id), limit: PAGE, ..ConsentFilter::default() };
            let rows = pages(&store, filter).await?;
            if json {
                out::json(&rows)?;
            } else {
                show(&rows, zone)?;
            }
        }
        ConsentsCommand::Export { customer: named, from, to, format, output } => {
            let now = context.clock.now();
            let read = |text: Option<String>| text.map(|text| moment::read(&text, zone, now)).transpose();
            let customer = match named {
                Some(named) => Some(customer::find(&store, &named).await?.id),
                None => None,
            };
            let filter = ConsentFilter { customer, from: read(from)?, to: read(to)?, after: None, limit: PAGE };
            export(&store, filter, format, output).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn pages(store: &Store, mut filter: ConsentFilter) -> anyhow::Result<Vec<ConsentRow>> {
    let mut all = Vec::new();
    loop {
        let page = store.consents(&filter).await?;
        let Some(last) = page.last() else { return Ok(all) };
        filter.after = Some(last.seq);
        all.extend(page);
    }
}

fn show(rows: &[ConsentRow], zone: Tz) -> io::Result<()> {
    let cells = rows.iter().map(|row| {
        vec![
            out::when(row.at, zone),
            row.purpose.clone(),
            row.answer.as_str().to_owned(),
            row.was.map_or("nothing said", crate::journey::consents::Answer::as_str).to_owned(),
            row.source.clone(),
            proof(row, "by"),
            proof(row, "message"),
            proof(row, "text"),
        ]
    });
    let header = ["said", "purpose", "answer", "before", "source", "by", "letter", "text"];
    out::table(&header, cells.collect(), "Nothing was ever agreed to or refused.")
}

fn proof(row: &ConsentRow, name: &str) -> String {
    row.proof.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

async fn export(
    store: &Store,
    mut filter: ConsentFilter,
    format: Format,
    output: Option<PathBuf>,
) -> anyhow::Result<()> {
    let mut export = Export::begin(format, output.as_deref(), &COLUMNS)?;
    loop {
        let page = store.consents(&filter).await?;
        export.page(&page)?;
        match page.last() {
            Some(last) => filter.after = Some(last.seq),
            None => return export.end("changes"),
        }
    }
}

const COLUMNS: [Column<ConsentRow>; 17] = [
    ("no", |row| row.seq.to_string()),
    ("customer", |row| row.customer.clone()),
    ("purpose", |row| row.purpose.clone()),
    ("answer", |row| row.answer.as_str().to_owned()),
    ("was", |row| row.was.map(|was| was.as_str().to_owned()).unwrap_or_default()),
    ("at", |row| row.at.rfc3339()),
    ("recorded_at", |row| row.recorded_at.rfc3339()),
    ("source", |row| row.source.clone()),
    ("event", |row| row.event.clone().unwrap_or_default()),
    ("by", |row| proof(row, "by")),
    ("message", |row| proof(row, "message")),
    ("page", |row| proof(row, "page")),
    ("text", |row| proof(row, "text")),
    ("agent", |row| proof(row, "agent")),
    ("letter", |row| proof(row, "letter")),
    ("sha256", |row| proof(row, "sha256")),
    ("address", |row| proof(row, "address")),
];
