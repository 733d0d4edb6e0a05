//! `milepost relays`: which relays letters take, which stand still and why, and how much of their ceilings is used.

use std::process::ExitCode;

use chrono_tz::Tz;
use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::out;
use crate::engine::send::fleet::{Used, used};
use crate::journey::time::{Span, Timestamp};
use crate::store::RelayStop;

/// A relay that is looked at again is still one that stands still.
const LOOKING: Span = Span::seconds(120);

/// Arguments of `relays`.
#[derive(Debug, Args)]
pub struct RelaysArgs {
    /// For programs.
    #[arg(long)]
    json: bool,
}

/// A relay as it is shown.
#[derive(Serialize)]
struct Shown {
    name: String,
    host: String,
    weight: u32,
    connections: u32,
    /// Why letters don't take it now, as the nodes say.
    stopped: Option<Stopped>,
    /// Domains that get nothing by it now.
    domains: Vec<Stopped>,
    hour: Option<Used>,
    day: Option<Used>,
}

/// Something that stands still.
#[derive(Serialize)]
struct Stopped {
    #[serde(skip_serializing_if = "String::is_empty")]
    domain: String,
    #[serde(serialize_with = "as_text")]
    since: Timestamp,
    #[serde(serialize_with = "as_text")]
    until: Timestamp,
    why: String,
}

impl Stopped {
    fn of(stop: RelayStop) -> Self {
        let RelayStop { domain, since, until, why, .. } = stop;
        Self { domain, since, until, why }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn as_text<S: serde::Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&at.rfc3339())
}

/// Prints the relays.
pub(super) async fn run(args: &RelaysArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let (loaded, store) = context.open().await?;
    let (now, zone) = (context.clock.now(), loaded.shop().zone);
    let stops = store.relay_stops(now.before(LOOKING)).await?;
    let mut relays = Vec::new();
    for (name, relay) in &loaded.settings.mail.relays {
        let [hour, day] = used(&store, name, relay, zone, now).await?;
        let (whole, domains): (Vec<_>, Vec<_>) =
            stops.iter().filter(|stop| stop.relay == *name).cloned().partition(|stop| stop.domain.is_empty());
        relays.push(Shown {
            name: name.clone(),
            host: relay.host.clone(),
            weight: relay.weight,
            connections: relay.connections,
            stopped: whole.into_iter().next().map(Stopped::of),
            domains: domains.into_iter().filter(|stop| stop.until > now).map(Stopped::of).collect(),
            hour,
            day,
        });
    }
    if args.json {
        out::json(&relays)?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows = relays.iter().map(|relay| row(relay, zone)).collect();
    let header = ["relay", "host", "weight", "connections", "this hour", "warm-up today", "state"];
    out::table(&header, rows, "No relay is set: letters wait until there is one under [mail.relays].")?;
    for relay in &relays {
        for Stopped { domain, until, why, .. } in &relay.domains {
            out::line(format_args!("{} sends {domain} nothing until {}: {why}", relay.name, until.in_words(zone)))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn row(relay: &Shown, zone: Tz) -> Vec<String> {
    let state = match &relay.stopped {
        Some(stop) => format!(
            "can't be used since {}, is tried again at {}: {}",
            stop.since.in_words(zone),
            stop.until.in_words(zone),
            stop.why
        ),
        None if is_full(relay.hour) || is_full(relay.day) => "has sent all that it may for now".to_owned(),
        None if relay.weight == 0 => "spare".to_owned(),
        None => "in use".to_owned(),
    };
    vec![
        relay.name.clone(),
        relay.host.clone(),
        relay.weight.to_string(),
        relay.connections.to_string(),
        share(relay.hour, "no ceiling"),
        share(relay.day, "no ceiling"),
        state,
    ]
}

fn is_full(used: Option<Used>) -> bool {
    used.is_some_and(|Used { used, limit }| limit.is_some_and(|limit| used >= u64::from(limit)))
}

fn share(used: Option<Used>, without: &str) -> String {
    match used {
        Some(Used { used, limit: Some(limit) }) => format!("{used} of {limit}"),
        Some(Used { limit: None, .. }) => "over".to_owned(),
        None => without.to_owned(),
    }
}
