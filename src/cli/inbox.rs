//! `milepost inbox`: bodies that came in.

use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::context::Context;
use super::{known, out};
use crate::settings::load::Loaded;
use crate::store::{Body, BodyFilter, BodyState, Store};
use crate::web::events::SOURCE;

/// How many bodies one transaction takes back.
const CHUNK: usize = 500;

/// Arguments of `inbox`.
#[derive(Debug, Args)]
pub struct InboxArgs {
    #[command(subcommand)]
    command: InboxCommand,
}

#[derive(Debug, Subcommand)]
enum InboxCommand {
    /// List bodies, latest first; dead ones unless another state is asked for.
    List {
        /// Which state.
        #[arg(long, value_enum, default_value_t = State::Dead)]
        state: State,
        /// Of one connection only.
        #[arg(long)]
        connection: Option<String>,
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
    /// Show one body and why it is where it is.
    Show {
        /// Its number.
        id: i64,
        /// Print the bytes as they came, and nothing else.
        #[arg(long)]
        raw: bool,
        /// For programs.
        #[arg(long, conflicts_with = "raw")]
        json: bool,
    },
    /// Put dead bodies back in line, after the cause is fixed.
    Retry {
        /// Their numbers.
        #[arg(required_unless_present = "all_dead")]
        ids: Vec<i64>,
        /// Every dead body.
        #[arg(long, conflicts_with = "ids")]
        all_dead: bool,
        /// With `--all-dead`: of one connection only.
        #[arg(long, requires = "all_dead")]
        connection: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum State {
    /// Accepted and not yet applied.
    Pending,
    /// Waits for the CRM to be read.
    Waiting,
    /// Could not be used.
    Dead,
    /// Applied.
    Done,
    /// Whatever the state.
    Any,
}

impl State {
    fn wanted(self) -> Option<BodyState> {
        match self {
            Self::Pending => Some(BodyState::Pending),
            Self::Waiting => Some(BodyState::Waiting),
            Self::Dead => Some(BodyState::Dead),
            Self::Done => Some(BodyState::Done),
            Self::Any => None,
        }
    }
}

#[derive(Debug, Serialize)]
struct Row {
    id: i64,
    connection: String,
    channel: &'static str,
    state: &'static str,
    received_at: String,
    attempts: i64,
    next_at: Option<String>,
    reason: Option<String>,
    content_type: String,
    query: String,
    bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

impl Row {
    fn of(body: &Body, whole: bool) -> Self {
        Self {
            id: body.id,
            connection: body.connection.clone(),
            channel: body.channel.as_str(),
            state: body.state.as_str(),
            received_at: body.received_at.to_string(),
            attempts: body.attempts,
            next_at: body.next_at.map(|at| at.to_string()),
            reason: body.reason.clone(),
            content_type: body.content_type.clone(),
            query: body.query.clone(),
            bytes: body.body.len(),
            body: whole.then(|| String::from_utf8_lossy(&body.body).into_owned()),
        }
    }
}

/// Runs the subcommand.
pub(super) async fn run(args: InboxArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let (loaded, store) = context.open().await?;
    let zone = loaded.shop().zone;
    match args.command {
        InboxCommand::List { state, connection, limit, before, json } => {
            is_known(connection.as_deref(), &loaded, &store).await?;
            let filter = BodyFilter { state: state.wanted(), connection, limit, before_id: before };
            let bodies = store.bodies(&filter).await?;
            if json {
                out::json(&bodies.iter().map(|body| Row::of(body, false)).collect::<Vec<_>>())?;
            } else {
                let row = |b: &Body| {
                    let reason = b.reason.clone().unwrap_or_default();
                    let (channel, state) = (b.channel.as_str(), b.state.as_str());
                    let received = out::when(b.received_at, zone);
                    vec![
                        b.id.to_string(),
                        received,
                        b.connection.clone(),
                        channel.into(),
                        state.into(),
                        b.attempts.to_string(),
                        reason,
                    ]
                };
                let header = ["id", "received", "connection", "channel", "state", "tries", "reason"];
                out::table(&header, bodies.iter().map(row).collect(), "There are no such bodies.")?;
            }
        }
        InboxCommand::Show { id, raw, json } => {
            let Some(body) = store.body(id).await? else { bail!("there is no body {id}") };
            if raw {
                out::bytes(&body.body)?;
            } else if json {
                out::json(&Row::of(&body, true))?;
            } else {
                let row = Row::of(&body, true);
                out::facts(&[
                    ("id", id.to_string()),
                    ("received", out::when(body.received_at, zone)),
                    ("connection", row.connection),
                    ("channel", row.channel.into()),
                    ("state", row.state.into()),
                    ("tries", row.attempts.to_string()),
                    ("next try", out::when_maybe(body.next_at, zone)),
                    ("reason", row.reason.unwrap_or_default()),
                    ("content type", row.content_type),
                    ("query", row.query),
                    ("bytes", row.bytes.to_string()),
                ])?;
                out::line("")?;
                for line in row.body.unwrap_or_default().lines() {
                    out::line(out::clean(line))?;
                }
            }
        }
        InboxCommand::Retry { ids, all_dead, connection } => {
            is_known(connection.as_deref(), &loaded, &store).await?;
            let ids = if all_dead { dead(&store, connection).await? } else { ids };
            if ids.is_empty() {
                out::line("No body is dead.")?;
                return Ok(ExitCode::SUCCESS);
            }
            let ids: Vec<i64> = ids.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
            let mut back = 0;
            for chunk in ids.chunks(CHUNK) {
                let mut tx = store.begin().await?;
                back += tx.retry_bodies(chunk).await?;
                tx.commit().await?;
            }
            if back == 0 {
                bail!("none of these bodies is dead or waiting, so none was put back");
            }
            let of = if ids.len() == 1 { String::new() } else { format!(" of {}", ids.len()) };
            out::line(format_args!("In line again: {back}{of}. A running daemon takes them at once."))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Refuses a connection that is neither in the settings nor on record. The events API's bodies are under the name `api`.
async fn is_known(connection: Option<&str>, loaded: &Loaded, store: &Store) -> anyhow::Result<()> {
    let Some(name) = connection else { return Ok(()) };
    let filter = BodyFilter { state: None, connection: Some(name.to_owned()), limit: 1, before_id: None };
    if store.bodies(&filter).await?.is_empty() {
        let configured = loaded.settings.connections.keys().map(String::as_str);
        known::check("connection", name, configured.chain([SOURCE]))?;
    }
    Ok(())
}

async fn dead(store: &Store, connection: Option<String>) -> anyhow::Result<Vec<i64>> {
    let mut ids: Vec<i64> = Vec::new();
    loop {
        let before_id = ids.last().copied();
        let filter =
            BodyFilter { state: Some(BodyState::Dead), connection: connection.clone(), limit: CHUNK, before_id };
        let page = store.bodies(&filter).await?;
        if page.is_empty() {
            return Ok(ids);
        }
        ids.extend(page.iter().map(|body| body.id));
    }
}
