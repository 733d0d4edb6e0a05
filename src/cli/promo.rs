//! `milepost promo`: pools of promo codes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::context::{Context, load_book};
use super::{known, out};

/// Arguments of `promo`.
#[derive(Debug, Args)]
pub struct PromoArgs {
    #[command(subcommand)]
    command: PromoCommand,
}

#[derive(Debug, Subcommand)]
enum PromoCommand {
    /// Show the pools with how many codes are left.
    List {
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Add codes to a pool; codes that it has already are left as they are.
    Import {
        /// The pool.
        pool: String,
        /// A CSV file whose first column is called `code`.
        file: PathBuf,
    },
}

#[derive(Debug, Serialize)]
struct Stock {
    pool: String,
    codes: u64,
    left: u64,
}

/// Runs the subcommand.
pub(super) async fn run(args: PromoArgs, context: &Context) -> anyhow::Result<ExitCode> {
    match args.command {
        PromoCommand::List { json } => list(json, context).await?,
        PromoCommand::Import { pool, file } => import(&pool, &file, context).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(json: bool, context: &Context) -> anyhow::Result<()> {
    let (_, store) = context.open().await?;
    let stock = store.pool_stock().await?.into_iter();
    let stock: Vec<_> = stock.map(|s| Stock { pool: s.pool, codes: s.total, left: s.left }).collect();
    if json {
        out::json(&stock)?;
    } else {
        let rows = stock.into_iter().map(|s| vec![s.pool, s.codes.to_string(), s.left.to_string()]).collect();
        out::table(&["pool", "codes", "left"], rows, "No codes were loaded yet.")?;
    }
    Ok(())
}

async fn import(pool: &str, file: &Path, context: &Context) -> anyhow::Result<()> {
    let codes = read(file).with_context(|| format!("the codes of {} can't be used", file.display()))?;
    let (loaded, store) = context.open().await?;
    let stocked = store.pool_stock().await?;
    if stocked.iter().all(|stock| stock.pool != pool) {
        known::check("pool", pool, load_book(&loaded)?.pools.keys().map(String::as_str))?;
    }
    let mut tx = store.begin().await?;
    let new = tx.load_pool(pool, &codes, context.clock.now()).await?;
    tx.commit().await?;
    let distinct = codes.iter().collect::<BTreeSet<_>>().len() as u64;
    let repeated = (codes.len() as u64).saturating_sub(distinct);
    out::line(format_args!("new in `{pool}`: {new}; there already: {}", distinct.saturating_sub(new)))?;
    if repeated > 0 {
        out::line(format_args!("lines of the file that repeat another: {repeated}"))?;
    }
    Ok(())
}

fn read(file: &Path) -> anyhow::Result<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_path(file)?;
    let first = reader.headers()?.get(0).unwrap_or_default().trim_start_matches('\u{feff}').to_owned();
    if first != "code" {
        bail!("the first column is called `{}`, not `code`", out::clean(&first));
    }
    let mut codes = Vec::new();
    for row in reader.records() {
        let row = row?;
        let code = row.get(0).unwrap_or_default();
        if code.is_empty() {
            continue;
        }
        if code.len() > 100 || code.chars().any(char::is_control) {
            let line = row.position().map_or(0, csv::Position::line);
            bail!("line {line}: a code has at most 100 characters and no control characters");
        }
        codes.push(code.to_owned());
    }
    Ok(codes)
}
