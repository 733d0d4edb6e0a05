//! `milepost suppressions`: addresses that must not be written to.

mod transfer;

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use anyhow::bail;
use chrono_tz::Tz;
use clap::{Args, Subcommand};
use email_address::EmailAddress;
use serde::Serialize;

use super::context::Context;
use super::export::Format;
use super::{moment, out};
use crate::journey::event::Key;
use crate::journey::time::Timestamp;
use crate::store::{Suppression, SuppressionFilter};

/// The reason and the source of what somebody adds by hand.
const MANUAL: &str = "manual";
const SOURCE: &str = "cli";

/// Arguments of `suppressions`.
#[derive(Debug, Args)]
pub struct SuppressionsArgs {
    #[command(subcommand)]
    command: SuppressionsCommand,
}

#[derive(Debug, Subcommand)]
enum SuppressionsCommand {
    /// List suppressed addresses in their order.
    List {
        #[command(flatten)]
        which: Which,
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: usize,
        /// Those after this address, to go on where a list ended.
        #[arg(long, value_name = "ADDRESS")]
        after: Option<String>,
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Show whether and why an address is suppressed, and everything that became of that.
    Show {
        /// The address.
        address: String,
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Never write to an address again, or not for a time.
    Add {
        /// The address.
        address: String,
        /// The reason, as a short word.
        #[arg(long, default_value = MANUAL, value_parser = word)]
        reason: String,
        /// Until then only: `2026-12-31`, or `30d` from now.
        #[arg(long, value_name = "MOMENT")]
        until: Option<String>,
        /// Why, for the record.
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Allow an address again.
    Remove {
        /// The address.
        address: String,
        /// Why, for the record.
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Read addresses from a CSV file with the columns `address`, `reason` and `expires_at`; only the first is needed.
    Import {
        /// The file; `-` for standard input.
        file: PathBuf,
        /// The reason of rows that give none.
        #[arg(long, default_value = "imported", value_parser = word)]
        reason: String,
    },
    /// Write the list to a file or to standard output.
    Export {
        #[command(flatten)]
        which: Which,
        /// The form.
        #[arg(long, value_enum, default_value_t = Format::Csv)]
        format: Format,
        /// The file; standard output if it is left out.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// Which suppressions.
#[derive(Debug, Args)]
struct Which {
    /// Whose address holds this: `@mail.ru`.
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// For this reason: mailbox_gone, complaint, mailbox_full, manual, …
    #[arg(long)]
    reason: Option<String>,
    /// From this source: relay, maildir, cli, …
    #[arg(long)]
    source: Option<String>,
    /// Those that are over, too.
    #[arg(long)]
    expired: bool,
}

impl Which {
    fn filter(self, limit: usize, after: Option<String>, now: Timestamp) -> SuppressionFilter {
        let counting_at = (!self.expired).then_some(now);
        SuppressionFilter {
            search: self.search,
            reason: self.reason,
            source: self.source,
            counting_at,
            after: after.map(|address| Key::email(&address).value),
            limit,
        }
    }
}

/// A suppression for programs.
#[derive(Debug, Serialize)]
struct Row {
    address: String,
    reason: String,
    source: String,
    at: String,
    expires_at: Option<String>,
    detail: String,
}

impl Row {
    fn of(suppression: Suppression) -> Self {
        Self {
            address: suppression.address,
            reason: suppression.reason,
            source: suppression.source,
            at: suppression.at.to_string(),
            expires_at: suppression.expires_at.map(|at| at.to_string()),
            detail: suppression.detail,
        }
    }
}

/// Runs the subcommand.
pub(super) async fn run(args: SuppressionsArgs, context: &Context) -> anyhow::Result<ExitCode> {
    match args.command {
        SuppressionsCommand::List { which, limit, after, json } => list(which, limit, after, json, context).await?,
        SuppressionsCommand::Show { address, json } => show(&address, json, context).await?,
        SuppressionsCommand::Add { address, reason, until, note } => {
            add(&address, reason, until.as_deref(), note, context).await?;
        }
        SuppressionsCommand::Remove { address, note } => remove(&address, &note, context).await?,
        SuppressionsCommand::Import { file, reason } => transfer::import(&file, &reason, context).await?,
        SuppressionsCommand::Export { which, format, out } => {
            transfer::export(which, format, out.as_deref(), context).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(which: Which, limit: usize, after: Option<String>, json: bool, context: &Context) -> anyhow::Result<()> {
    let (loaded, store) = context.open().await?;
    let zone = loaded.shop().zone;
    let found = store.suppressions(&which.filter(limit, after, context.clock.now())).await?;
    if json {
        out::json(&found.into_iter().map(Row::of).collect::<Vec<_>>())?;
    } else {
        let rows = found.into_iter().map(|s| cells(s, zone)).collect();
        out::table(&HEADER, rows, "No such address is suppressed.")?;
    }
    Ok(())
}

const HEADER: [&str; 6] = ["address", "reason", "source", "since", "until", "detail"];

fn cells(of: Suppression, zone: Tz) -> Vec<String> {
    let since = out::when(of.at, zone);
    vec![of.address, of.reason, of.source, since, out::when_maybe(of.expires_at, zone), of.detail]
}

async fn show(address: &str, json: bool, context: &Context) -> anyhow::Result<()> {
    let address = folded(address)?;
    let (loaded, store) = context.open().await?;
    let zone = loaded.shop().zone;
    let now = context.clock.now();
    let found = store.suppressed_one(&address).await?.filter(|s| s.expires_at.is_none_or(|until| until > now));
    let log = store.suppression_log(&address).await?;
    if json {
        let log: Vec<_> =
            log.into_iter().map(|entry| serde_json::json!({"change": entry.change, "of": Row::of(entry.of)})).collect();
        out::json(&serde_json::json!({"suppressed": found.map(Row::of), "log": log}))?;
        return Ok(());
    }
    match found {
        Some(s) => out::facts(&[
            ("address", s.address),
            ("reason", s.reason),
            ("source", s.source),
            ("since", out::when(s.at, zone)),
            ("until", out::when_maybe(s.expires_at, zone)),
            ("detail", s.detail),
        ])?,
        None => out::line(format_args!("{address} is not suppressed."))?,
    }
    let rows = log.into_iter().map(|entry| {
        let mut row = cells(entry.of, zone);
        row[0] = entry.change.to_string();
        row
    });
    if rows.len() > 0 {
        out::line("")?;
        out::table(&["change", "reason", "by", "when", "until", "detail"], rows.collect(), "")?;
    }
    Ok(())
}

async fn add(
    address: &str,
    reason: String,
    until: Option<&str>,
    note: String,
    context: &Context,
) -> anyhow::Result<()> {
    let address = folded(address)?;
    let (loaded, store) = context.open().await?;
    let zone = loaded.shop().zone;
    let now = context.clock.now();
    let expires_at = until.map(|text| moment::ahead(text, zone, now)).transpose()?;
    if expires_at.is_some_and(|until| until <= now) {
        bail!("`--until` is past: write a moment that is still to come");
    }
    let mut tx = store.begin().await?;
    let one =
        Suppression { address: address.clone(), reason, source: SOURCE.into(), at: now, detail: note, expires_at };
    let news = tx.suppress(&[one]).await?;
    tx.commit().await?;
    if news.is_empty() {
        out::line(format_args!("{address} was suppressed before, for as long or longer; that stays."))?;
    } else if let Some(until) = expires_at {
        out::line(format_args!("Nothing goes to {address} until {}.", out::when(until, zone)))?;
    } else {
        out::line(format_args!("Nothing goes to {address} any more."))?;
    }
    Ok(())
}

async fn remove(address: &str, note: &str, context: &Context) -> anyhow::Result<()> {
    let address = folded(address)?;
    let (_, store) = context.open().await?;
    let mut tx = store.begin().await?;
    if !tx.unsuppress(&address, SOURCE, note, context.clock.now()).await? {
        bail!("{address} is not suppressed");
    }
    tx.commit().await?;
    out::line(format_args!("{address} may be written to again, where consent allows it."))?;
    Ok(())
}

/// The address in the form in which addresses are kept.
fn folded(address: &str) -> anyhow::Result<String> {
    let address = Key::email(address).value;
    if EmailAddress::from_str(&address).is_err() {
        bail!("`{}` is not an e-mail address", out::clean(&address));
    }
    Ok(address)
}

fn word(text: &str) -> Result<String, String> {
    let fine = !text.is_empty()
        && text.len() <= 40
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-');
    if fine { Ok(text.to_owned()) } else { Err("write a short word of lower-case letters, digits, `_` and `-`".into()) }
}
