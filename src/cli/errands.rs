//! `milepost errands`: webhooks out and changes in CRMs.

mod row;

use std::process::ExitCode;

use anyhow::bail;
use chrono_tz::Tz;
use clap::{Args, Subcommand};

use super::context::Context;
use super::{customer, known, out};
use crate::engine::errands::retry_dead;
use crate::insight::people;
use crate::journey::errand::ErrandKind;
use crate::settings::load::Loaded;
use crate::store::{ErrandFilter, ErrandRow, ErrandState, Store};
use row::Row;

/// How many dead errands `--all-dead` takes back at once.
const CHUNK: usize = 500;

/// Arguments of `errands`.
#[derive(Debug, Args)]
pub struct ErrandsArgs {
    #[command(subcommand)]
    command: ErrandsCommand,
}

#[derive(Debug, Subcommand)]
enum ErrandsCommand {
    /// List errands, the last one first.
    List {
        /// In this state: queued, done, dead.
        #[arg(long, value_parser = state)]
        state: Option<ErrandState>,
        /// Of this kind: webhook, crm.
        #[arg(long, value_parser = kind)]
        kind: Option<ErrandKind>,
        /// For this webhook or connection.
        #[arg(long)]
        target: Option<String>,
        /// For one customer: an id, an e-mail address, a phone number, `external=ID` or `CONNECTION=ID`.
        #[arg(long)]
        customer: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Show one errand: what it says, and what came of it.
    Show {
        /// Its id.
        id: String,
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Try dead errands again, after the cause is fixed.
    Retry {
        /// Their ids.
        #[arg(required_unless_present = "all_dead")]
        ids: Vec<String>,
        /// All that are dead.
        #[arg(long, conflicts_with = "ids")]
        all_dead: bool,
        /// With `--all-dead`: those for this webhook or connection only.
        #[arg(long, requires = "all_dead")]
        target: Option<String>,
    },
}

fn state(text: &str) -> Result<ErrandState, String> {
    ErrandState::parse(text).ok_or_else(|| "write queued, done or dead".to_owned())
}

fn kind(text: &str) -> Result<ErrandKind, String> {
    ErrandKind::parse(text).ok_or_else(|| "write webhook or crm".to_owned())
}

/// Runs the subcommand.
pub(super) async fn run(args: ErrandsArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let (loaded, store) = context.open().await?;
    match args.command {
        ErrandsCommand::List { state, kind, target, customer, limit, json } => {
            if let Some(target) = &target {
                check_target(target, &loaded, &store).await?;
            }
            let customer = match customer {
                Some(text) => Some(customer::find(&store, &text).await?.id),
                None => None,
            };
            let found = store.errands(&ErrandFilter { state, kind, target, customer, limit }).await?;
            if json {
                out::json(&found.iter().map(Row::of).collect::<Vec<_>>())?;
            } else {
                table(&found, loaded.shop().zone)?;
            }
        }
        ErrandsCommand::Show { id, json } => {
            let Some(found) = store.errand(&id).await? else { bail!("there is no errand {}", out::clean(&id)) };
            if json {
                out::json(&Row::of(&found))?;
            } else {
                let names = people::names(&store, std::slice::from_ref(&found.customer)).await?;
                show(&found, names.get(&found.customer).unwrap_or(&found.customer), loaded.shop().zone)?;
            }
        }
        ErrandsCommand::Retry { ids, all_dead, target } => {
            if let Some(target) = &target {
                check_target(target, &loaded, &store).await?;
            }
            let back =
                if all_dead { retry_all(target, &store, context).await? } else { retry(&ids, &store, context).await? };
            if back == 0 {
                bail!(if all_dead { "there are no dead errands" } else { "none of these errands is dead" });
            }
            out::line(format_args!("errands queued again: {back}"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn check_target(target: &str, loaded: &Loaded, store: &Store) -> anyhow::Result<()> {
    let one = ErrandFilter { target: Some(target.to_owned()), limit: 1, ..ErrandFilter::default() };
    if !store.errands(&one).await?.is_empty() {
        return Ok(());
    }
    let settings = &loaded.settings;
    let names = settings.webhooks.keys().chain(settings.connections.keys()).map(String::as_str);
    known::check("webhook or connection", target, names)
}

async fn retry(ids: &[String], store: &Store, context: &Context) -> anyhow::Result<usize> {
    Ok(retry_dead(store, ids, context.clock.now()).await?)
}

async fn retry_all(target: Option<String>, store: &Store, context: &Context) -> anyhow::Result<usize> {
    let filter = ErrandFilter { state: Some(ErrandState::Dead), target, limit: CHUNK, ..ErrandFilter::default() };
    let mut back = 0;
    loop {
        let ids: Vec<String> = store.errands(&filter).await?.into_iter().map(|row| row.id).collect();
        let queued = retry(&ids, store, context).await?;
        back += queued;
        if queued == 0 {
            return Ok(back);
        }
    }
}

fn table(rows: &[ErrandRow], zone: Tz) -> anyhow::Result<()> {
    let row = |row: &ErrandRow| {
        let said = row.code.map(|code| format!("HTTP {code} ")).unwrap_or_default();
        vec![
            row.id.clone(),
            row.state.to_string(),
            row.kind.as_str().to_owned(),
            row.target.clone(),
            row.rule.clone(),
            out::when(row.created_at, zone),
            row.attempts.to_string(),
            out::when_maybe(row.next_at, zone),
            format!("{said}{}", row.reason.as_deref().unwrap_or_default()),
        ]
    };
    let header = ["id", "state", "kind", "for", "rule", "asked", "tries", "next try", "what was said"];
    out::table(&header, rows.iter().map(row).collect(), "No errands.")?;
    Ok(())
}

fn show(row: &ErrandRow, customer: &str, zone: Tz) -> anyhow::Result<()> {
    out::facts(&[
        ("id", row.id.clone()),
        ("state", row.state.to_string()),
        ("kind", row.kind.as_str().to_owned()),
        ("for", row.target.clone()),
        ("customer", customer.to_owned()),
        ("rule", row.rule.clone()),
        ("step", row.step.clone()),
        ("asked", out::when(row.created_at, zone)),
        ("tries", row.attempts.to_string()),
        ("last change", out::when(row.changed_at, zone)),
        ("next try", out::when_maybe(row.next_at, zone)),
        ("HTTP status", row.code.map(|code| code.to_string()).unwrap_or_default()),
        ("what was said", row.reason.clone().unwrap_or_default()),
    ])?;
    out::line("")?;
    out::json(&row.body)?;
    Ok(())
}
