//! `milepost returns`: what came back, and what was made of it.

use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::bail;
use chrono_tz::Tz;
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::context::Context;
use super::out;
use crate::store::{Returned, ReturnedFilter, ReturnedState, Store};

/// Arguments of `returns`.
#[derive(Debug, Args)]
pub struct ReturnsArgs {
    #[command(subcommand)]
    command: ReturnsCommand,
}

#[derive(Debug, Subcommand)]
enum ReturnsCommand {
    /// List what came back, latest first; what nobody could match unless another state is asked for.
    List {
        /// Which state.
        #[arg(long, value_enum, default_value_t = State::Unmatched)]
        state: State,
        /// What it is: bounce, delayed, delivered, complaint, unsubscribe, auto_reply, reply, unknown.
        #[arg(long)]
        what: Option<String>,
        /// About this letter only.
        #[arg(long, value_name = "ID")]
        message: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// Those before this one, to go on where a list ended.
        #[arg(long, value_name = "ID")]
        before: Option<i64>,
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Show one and what was made of it.
    Show {
        /// Its number.
        id: i64,
        /// Print its bytes as they came, and nothing else.
        #[arg(long)]
        raw: bool,
        /// For programs.
        #[arg(long, conflicts_with = "raw")]
        json: bool,
    },
    /// Read unmatched ones again, after the cause is fixed.
    Retry {
        /// Their numbers.
        #[arg(required = true)]
        ids: Vec<i64>,
    },
    /// Set unmatched ones aside that you have looked at: they are removed with the others in time.
    Dismiss {
        /// Their numbers.
        #[arg(required = true)]
        ids: Vec<i64>,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum State {
    /// Not yet read.
    Pending,
    /// Applied.
    Done,
    /// Nobody knows what it is about.
    Unmatched,
    /// An answer that waits to be passed on.
    Forwarding,
    /// An answer that could not be passed on.
    Failed,
    /// Whatever the state.
    Any,
}

impl State {
    fn wanted(self) -> Option<ReturnedState> {
        match self {
            Self::Pending => Some(ReturnedState::Pending),
            Self::Done => Some(ReturnedState::Done),
            Self::Unmatched => Some(ReturnedState::Unmatched),
            Self::Forwarding => Some(ReturnedState::Forwarding),
            Self::Failed => Some(ReturnedState::Failed),
            Self::Any => None,
        }
    }
}

#[derive(Debug, Serialize)]
struct Row {
    id: i64,
    received_at: String,
    source: String,
    form: &'static str,
    state: &'static str,
    what: Option<String>,
    message: Option<String>,
    note: Option<String>,
    recipients: Vec<String>,
    attempts: i64,
    next_at: Option<String>,
    bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

impl Row {
    fn of(thing: &Returned, whole: bool) -> Self {
        Self {
            id: thing.id,
            received_at: thing.received_at.to_string(),
            source: thing.source.clone(),
            form: thing.form.as_str(),
            state: thing.state.as_str(),
            what: thing.what.clone(),
            message: thing.message.clone(),
            note: thing.note.clone(),
            recipients: thing.recipients.clone(),
            attempts: thing.attempts,
            next_at: thing.next_at.map(|at| at.to_string()),
            bytes: thing.bytes.len(),
            body: whole.then(|| String::from_utf8_lossy(&thing.bytes).into_owned()),
        }
    }
}

/// Runs the subcommand.
pub(super) async fn run(args: ReturnsArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let (loaded, store) = context.open().await?;
    let zone = loaded.shop().zone;
    match args.command {
        ReturnsCommand::List { state, what, message, limit, before, json } => {
            let filter = ReturnedFilter { state: state.wanted(), what, message, before_id: before, limit };
            list(&store, &filter, json, zone).await?;
        }
        ReturnsCommand::Show { id, raw, json } => {
            let Some(thing) = store.returned_one(id).await? else {
                bail!("nothing that came back has the number {id}")
            };
            if raw {
                out::bytes(&thing.bytes)?;
            } else if json {
                out::json(&Row::of(&thing, true))?;
            } else {
                show(&thing, zone)?;
            }
        }
        ReturnsCommand::Retry { ids } => {
            let ids = once(ids);
            let mut tx = store.begin().await?;
            let back = tx.retry_returned(&ids, context.clock.now()).await?;
            tx.commit().await?;
            if back == 0 {
                bail!("none of these is unmatched, so none was taken up again");
            }
            out::line(format_args!("Taken up again: {back}. A running daemon reads them at once."))?;
        }
        ReturnsCommand::Dismiss { ids } => {
            let ids = once(ids);
            let mut tx = store.begin().await?;
            let gone = tx.dismiss_returned(&ids, context.clock.now()).await?;
            tx.commit().await?;
            if gone == 0 {
                bail!("none of these is unmatched, so none was set aside");
            }
            out::line(format_args!("Set aside: {gone}."))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn once(ids: Vec<i64>) -> Vec<i64> {
    ids.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}

async fn list(store: &Store, filter: &ReturnedFilter, json: bool, zone: Tz) -> anyhow::Result<()> {
    let found = store.returned(filter).await?;
    if json {
        out::json(&found.iter().map(|thing| Row::of(thing, false)).collect::<Vec<_>>())?;
        return Ok(());
    }
    let row = |thing: &Returned| {
        vec![
            thing.id.to_string(),
            out::when(thing.received_at, zone),
            thing.source.clone(),
            thing.state.to_string(),
            thing.what.clone().unwrap_or_default(),
            thing.message.clone().unwrap_or_default(),
            thing.note.clone().unwrap_or_default(),
        ]
    };
    let header = ["id", "received", "source", "state", "what", "letter", "note"];
    out::table(&header, found.iter().map(row).collect(), "Nothing of that kind came back.")?;
    Ok(())
}

fn show(thing: &Returned, zone: Tz) -> anyhow::Result<()> {
    let row = Row::of(thing, true);
    out::facts(&[
        ("id", row.id.to_string()),
        ("received", out::when(thing.received_at, zone)),
        ("source", row.source),
        ("state", row.state.into()),
        ("what", row.what.unwrap_or_default()),
        ("letter", row.message.unwrap_or_default()),
        ("note", row.note.unwrap_or_default()),
        ("recipients", row.recipients.join(", ")),
        ("tries", row.attempts.to_string()),
        ("next try", out::when_maybe(thing.next_at, zone)),
        ("bytes", row.bytes.to_string()),
    ])?;
    out::line("")?;
    for line in row.body.unwrap_or_default().lines() {
        out::line(out::clean(line))?;
    }
    Ok(())
}
