//! `milepost suppressions`: addresses that must not be written to.

use std::process::ExitCode;
use std::str::FromStr;

use anyhow::bail;
use clap::{Args, Subcommand};
use email_address::EmailAddress;
use serde::Serialize;

use super::context::Context;
use super::out;
use crate::journey::event::Key;

/// Arguments of `suppressions`.
#[derive(Debug, Args)]
pub struct SuppressionsArgs {
    #[command(subcommand)]
    command: SuppressionsCommand,
}

#[derive(Debug, Subcommand)]
enum SuppressionsCommand {
    /// Show the latest.
    List {
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: usize,
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Never write to an address again.
    Add {
        /// The address.
        address: String,
        /// Why, for the record.
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Allow an address again.
    Remove {
        /// The address.
        address: String,
    },
}

#[derive(Debug, Serialize)]
struct Row {
    address: String,
    reason: String,
    source: String,
    at: String,
    detail: String,
}

/// Runs the subcommand.
pub(super) async fn run(args: SuppressionsArgs, context: &Context) -> anyhow::Result<ExitCode> {
    match args.command {
        SuppressionsCommand::List { limit, json } => list(limit, json, context).await?,
        SuppressionsCommand::Add { address, note } => add(&address, note, context).await?,
        SuppressionsCommand::Remove { address } => remove(&address, context).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(limit: usize, json: bool, context: &Context) -> anyhow::Result<()> {
    let (loaded, store) = context.open().await?;
    let zone = loaded.shop().zone;
    let found = store.suppressions(limit).await?;
    if json {
        let rows: Vec<_> = found
            .into_iter()
            .map(|s| Row {
                address: s.address,
                reason: s.reason,
                source: s.source,
                at: s.at.to_string(),
                detail: s.detail,
            })
            .collect();
        out::json(&rows)?;
    } else {
        let rows =
            found.into_iter().map(|s| vec![s.address, s.reason, s.source, out::when(s.at, zone), s.detail]).collect();
        out::table(&["address", "reason", "source", "since", "detail"], rows, "No address is suppressed.")?;
    }
    Ok(())
}

async fn add(address: &str, note: String, context: &Context) -> anyhow::Result<()> {
    let address = folded(address)?;
    let (_, store) = context.open().await?;
    let mut tx = store.begin().await?;
    tx.suppress(&[(address.clone(), "manual", "cli", context.clock.now(), note)]).await?;
    tx.commit().await?;
    out::line(format_args!("Nothing goes to {address} any more."))?;
    Ok(())
}

async fn remove(address: &str, context: &Context) -> anyhow::Result<()> {
    let address = folded(address)?;
    let (_, store) = context.open().await?;
    let mut tx = store.begin().await?;
    if !tx.unsuppress(&address).await? {
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
