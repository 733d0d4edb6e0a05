//! `milepost explain`: why a customer got, waits for, or did not get a letter.

use std::process::ExitCode;

use chrono_tz::Tz;
use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::messages::{self, Row};
use super::{customer, out};
use crate::journey::customer::Customer;
use crate::journey::effect::{Cause, Decision};
use crate::store::{MessageFilter, MessageRow};

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The customer: an id, an e-mail address, a phone number, `external=ID` or `CONNECTION=ID`.
    #[arg(long)]
    customer: String,
    /// About one rule only.
    #[arg(long)]
    rule: Option<String>,
    /// At most so many decisions and letters, latest first.
    #[arg(long, default_value_t = 30)]
    limit: usize,
    /// For programs.
    #[arg(long)]
    json: bool,
}

/// Everything that explains.
#[derive(Serialize)]
struct Explanation {
    customer: Customer,
    decisions: Vec<Decision>,
    letters: Vec<Row>,
}

/// Prints the explanation.
pub(super) async fn run(args: ExplainArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let (loaded, store) = context.open().await?;
    let zone = loaded.shop().zone;
    let customer = customer::find(&store, &args.customer).await?;
    let limit = args.limit;
    let decisions = store.decisions(&customer.id, args.rule.as_deref(), limit).await?;
    let filter = MessageFilter {
        customer: Some(customer.id.clone()),
        rule: args.rule.clone(),
        limit,
        ..MessageFilter::default()
    };
    let letters = store.messages(&filter).await?;
    if args.json {
        let letters = letters.iter().map(Row::of).collect();
        out::json(&Explanation { customer, decisions, letters })?;
    } else {
        print(&customer, args.rule.as_deref(), &decisions, &letters, zone)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print(
    customer: &Customer,
    rule: Option<&str>,
    decisions: &[Decision],
    letters: &[MessageRow],
    zone: Tz,
) -> std::io::Result<()> {
    who(customer, zone)?;
    out::line("\nRules under way")?;
    let runs = customer.enrollments.iter().filter(|run| rule.is_none_or(|rule| run.rule == rule));
    let rows = runs.map(|run| {
        let next = if run.step.is_empty() { "the first".to_owned() } else { run.step.clone() };
        let waits = run
            .wants_promo
            .as_ref()
            .map_or_else(|| out::when_maybe(run.wake_at, zone), |pool| format!("a code of {pool}"));
        vec![run.rule.clone(), out::when(run.started_at, zone), next, waits]
    });
    out::table(&["rule", "since", "next step", "waits for"], rows.collect(), "None.")?;
    out::line("\nWhat was decided, latest first")?;
    for decision in decisions {
        let about = format!("{}: {} {}", decision.rule, decision.about, decision.outcome);
        out::line(format_args!("{}  {}", out::when(decision.at, zone), out::clean(&about)))?;
        out::line(format_args!("    {} ({})", out::clean(&decision.note), out::clean(&cause(&decision.cause))))?;
        for part in &decision.parts {
            let facts = if part.facts.is_empty() { String::new() } else { format!("   [{}]", part.facts.join(", ")) };
            out::line(out::clean(&format!("    {} -> {}{facts}", part.text, part.result)))?;
        }
    }
    if decisions.is_empty() {
        out::line("Nothing: no event of this customer concerned a rule yet.")?;
    }
    out::line("\nLetters")?;
    messages::table(letters, zone)
}

fn who(customer: &Customer, zone: Tz) -> std::io::Result<()> {
    let name =
        [customer.text("first_name"), customer.text("last_name")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let stages =
        customer.stages.iter().map(|(map, at)| format!("{map}: {} since {}", at.stage, out::when(at.since, zone)));
    let consents = customer.consents.iter().map(|(purpose, consent)| {
        let said = if consent.granted { "agreed" } else { "refused" };
        format!("{purpose}: {said} {} by {}", out::when(consent.at, zone), consent.source)
    });
    out::facts(&[
        ("customer", customer.id.clone()),
        ("name", name),
        ("e-mail", customer.email().unwrap_or("none").to_owned()),
        ("deleted", out::when_maybe(customer.deleted_at, zone)),
        ("stage", stages.collect::<Vec<_>>().join("; ")),
        ("consent", consents.collect::<Vec<_>>().join("; ")),
    ])
}

fn cause(cause: &Cause) -> String {
    match cause {
        Cause::Event { source, id, kind } => format!("{kind} {source}/{id}"),
        Cause::Time => "time".into(),
        Cause::Cron => "schedule".into(),
        Cause::Rulebook => "changed rules".into(),
        Cause::Merge => "merge".into(),
    }
}
