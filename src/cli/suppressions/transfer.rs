//! The list of suppressions in and out, as CSV or JSON.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use anyhow::{Context as _, bail};
use clap::ValueEnum;

use super::{Row, SOURCE, Which, folded};
use crate::cli::context::Context;
use crate::cli::messages::guarded;
use crate::cli::{moment, out};
use crate::store::Suppression;

/// Suppressions of one transaction, and of one page.
const CHUNK: usize = 1_000;

/// The form of an export.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Format {
    /// One row an address, with a header; `import` reads it.
    Csv,
    /// One object a line.
    Json,
}

/// Reads a CSV file.
pub(super) async fn import(file: &Path, reason: &str, context: &Context) -> anyhow::Result<()> {
    let named = file.display();
    let source: Box<dyn Read> = if file == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(file).with_context(|| format!("{named} can't be read"))?)
    };
    let (loaded, store) = context.open().await?;
    let (zone, now) = (loaded.shop().zone, context.clock.now());
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(source);
    let columns: HashMap<String, usize> =
        reader.headers()?.iter().enumerate().map(|(at, name)| (name.to_lowercase(), at)).collect();
    let Some(address_at) = columns.get("address").or_else(|| columns.get("email")).copied() else {
        bail!("{named}:1: no column is called `address`: write a header, for example `address,reason,expires_at`");
    };
    let (mut wanted, mut faults) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = record.with_context(|| format!("{named} is not CSV"))?;
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |name: &str| {
            let at = columns.get(name)?;
            record.get(*at).filter(|cell| !cell.is_empty())
        };
        let given = record.get(address_at).unwrap_or_default();
        let read = || -> anyhow::Result<Suppression> {
            let expires_at = cell("expires_at").map(|text| moment::ahead(text, zone, now)).transpose()?;
            let reason = cell("reason").map_or(Ok(reason.to_owned()), super::word).map_err(anyhow::Error::msg)?;
            let detail = cell("detail").unwrap_or_default().to_owned();
            Ok(Suppression { address: folded(given)?, reason, source: SOURCE.into(), at: now, detail, expires_at })
        };
        match read() {
            Ok(one) => wanted.push(one),
            Err(error) => faults.push(format!("{named}:{line}: {error}")),
        }
    }
    if !faults.is_empty() {
        for fault in faults.iter().take(20) {
            out::note(fault);
        }
        bail!("{} rows have faults, so none was taken", faults.len());
    }
    // One that is over before it begins would only stand in the list.
    wanted.retain(|one| one.expires_at.is_none_or(|until| until > now));
    let (total, mut news) = (wanted.len(), 0);
    for chunk in wanted.chunks(CHUNK) {
        let mut tx = store.begin().await?;
        news += tx.suppress(chunk).await?.len();
        tx.commit().await?;
    }
    out::line(format_args!("{news} addresses are suppressed now; {} were before.", total - news))?;
    Ok(())
}

/// Writes the list, page by page, so that one of any size takes little memory.
pub(super) async fn export(which: Which, format: Format, file: Option<&Path>, context: &Context) -> anyhow::Result<()> {
    let (_, store) = context.open().await?;
    let mut sink: Box<dyn Write + Send> = match file {
        Some(path) => {
            let file = File::create(path).with_context(|| format!("{} can't be written", path.display()))?;
            Box::new(BufWriter::new(file))
        }
        None => Box::new(BufWriter::new(io::stdout())),
    };
    let mut filter = which.filter(CHUNK, None, context.clock.now());
    let mut total = 0;
    if matches!(format, Format::Csv) {
        sink.write_all(b"address,reason,source,at,expires_at,detail\n")?;
    }
    loop {
        let page = store.suppressions(&filter).await?;
        filter.after = page.last().map(|last| last.address.clone());
        total += page.len();
        let rows: Vec<Row> = page.into_iter().map(Row::of).collect();
        match format {
            Format::Csv => sink.write_all(&csv(&rows)?)?,
            Format::Json => {
                for row in &rows {
                    serde_json::to_writer(&mut sink, row)?;
                    sink.write_all(b"\n")?;
                }
            }
        }
        if filter.after.is_none() {
            break;
        }
    }
    sink.flush()?;
    if let Some(path) = file {
        out::note(format_args!("{total} addresses written to {}", path.display()));
    }
    Ok(())
}

fn csv(rows: &[Row]) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        let until = row.expires_at.clone().unwrap_or_default();
        let cells = [&row.address, &row.reason, &row.source, &row.at, &until, &row.detail];
        writer.write_record(cells.map(|cell| guarded(cell)))?;
    }
    Ok(writer.into_inner()?)
}
