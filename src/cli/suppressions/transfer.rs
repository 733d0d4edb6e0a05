//! The list of suppressions in and out, as CSV or JSON.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context as _, bail};

use super::{Row, SOURCE, Which, folded};
use crate::cli::context::Context;
use crate::cli::export::{Column, Export, Format};
use crate::cli::{moment, out};
use crate::store::Suppression;

/// Suppressions of one transaction, and of one page.
const CHUNK: usize = 1_000;

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
    let mut export = Export::begin(format, file, &COLUMNS)?;
    let mut filter = which.filter(CHUNK, None, context.clock.now());
    loop {
        let page = store.suppressions(&filter).await?;
        filter.after = page.last().map(|last| last.address.clone());
        export.page(&page.into_iter().map(Row::of).collect::<Vec<_>>())?;
        if filter.after.is_none() {
            return export.end("addresses");
        }
    }
}

/// `import` reads them.
const COLUMNS: [Column<Row>; 6] = [
    ("address", |row| row.address.clone()),
    ("reason", |row| row.reason.clone()),
    ("source", |row| row.source.clone()),
    ("at", |row| row.at.clone()),
    ("expires_at", |row| row.expires_at.clone().unwrap_or_default()),
    ("detail", |row| row.detail.clone()),
];
