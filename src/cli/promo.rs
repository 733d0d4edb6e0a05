//! `milepost promo`: pools of promo codes.

mod list;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::context::{Context, book_in_force};
use super::{known, out};
use crate::insight::people;
use crate::journey::time::Timestamp;
use crate::store::CodeRow;

/// Arguments of `promo`.
#[derive(Debug, Args)]
pub struct PromoArgs {
    #[command(subcommand)]
    command: PromoCommand,
}

#[derive(Debug, Subcommand)]
enum PromoCommand {
    /// Show the pools: codes left, given, sent, redeemed, and when each pool will be empty.
    List {
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Show where one code stands: to whom it was given, when, and with which order it came back.
    Show {
        /// The code.
        code: String,
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

/// Runs the subcommand.
pub(super) async fn run(args: PromoArgs, context: &Context) -> anyhow::Result<ExitCode> {
    match args.command {
        PromoCommand::List { json } => list::run(json, context).await?,
        PromoCommand::Show { code, json } => show(&code, json, context).await?,
        PromoCommand::Import { pool, file } => import(&pool, &file, context).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(code: &str, json: bool, context: &Context) -> anyhow::Result<()> {
    let (loaded, store) = context.open().await?;
    let rows = store.promo_codes(code).await?;
    if rows.is_empty() {
        bail!("no pool has the code `{}`", out::clean(code));
    }
    if json {
        return Ok(out::json(&rows.iter().map(code_json).collect::<Vec<_>>())?);
    }
    let zone = loaded.shop().zone;
    let people: Vec<String> =
        rows.iter().flat_map(|row| [&row.customer, &row.redeemed_by]).flatten().cloned().collect();
    let names = people::names(&store, &people).await?;
    let name = |id: Option<String>| id.and_then(|id| names.get(&id).cloned()).unwrap_or_default();
    for row in rows {
        out::facts(&[
            ("code", row.code),
            ("pool", row.pool),
            ("state", row.state.to_string()),
            ("given", out::when_maybe(row.given_at, zone)),
            ("to", name(row.customer)),
            ("by rule", row.rule.unwrap_or_default()),
            ("sent", out::when_maybe(row.sent_at, zone)),
            ("good until", out::when_maybe(row.expires_at, zone)),
            ("redeemed", out::when_maybe(row.redeemed_at, zone)),
            ("by", name(row.redeemed_by)),
            ("with order", row.redeemed_order.unwrap_or_default()),
            ("came back", if row.returned == 0 { String::new() } else { format!("{} times", row.returned) }),
        ])?;
    }
    Ok(())
}

/// A code as programs get it: moments in RFC 3339.
fn code_json(row: &CodeRow) -> Value {
    let when = |at: Option<Timestamp>| at.map(Timestamp::rfc3339);
    json!({
        "code": row.code,
        "pool": row.pool,
        "state": row.state.as_str(),
        "customer": row.customer,
        "rule": row.rule,
        "given_at": when(row.given_at),
        "sent_at": when(row.sent_at),
        "expires_at": when(row.expires_at),
        "redeemed_at": when(row.redeemed_at),
        "redeemed_by": row.redeemed_by,
        "redeemed_order": row.redeemed_order,
        "returned": row.returned,
    })
}

async fn import(pool: &str, file: &Path, context: &Context) -> anyhow::Result<()> {
    let codes = read(file).with_context(|| format!("the codes of {} can't be used", file.display()))?;
    let (loaded, store) = context.open().await?;
    let stocked = store.pool_stock(context.clock.now()).await?;
    if stocked.iter().all(|stock| stock.pool != pool) {
        let book = book_in_force(&loaded, &store).await?;
        known::check("pool", pool, book.pools.keys().map(String::as_str))?;
    }
    let mut tx = store.begin().await?;
    let new = tx.load_pool(pool, &codes, context.clock.now()).await?;
    tx.commit().await?;
    let distinct = codes.iter().map(|code| code.to_lowercase()).collect::<BTreeSet<_>>().len() as u64;
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
