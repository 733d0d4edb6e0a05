//! `milepost explain`: why a customer got, waits for, or did not get a letter.

use std::io;
use std::process::ExitCode;

use chrono_tz::Tz;
use clap::Args;
use serde::Serialize;

use super::context::{Context, load_book};
use super::messages::{self, Row};
use super::{customer, known, out};
use crate::insight;
use crate::journey::book::Rulebook;
use crate::journey::customer::Customer;
use crate::journey::effect::{Cause, Decision, EndReason};
use crate::journey::explain::{self, Explanation};
use crate::journey::time::Timestamp;
use crate::store::{EnrollmentRow, MessageFilter};

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
struct Report {
    customer: Customer,
    runs: Vec<Run>,
    decisions: Vec<Decision>,
    letters: Vec<Row>,
    now: Vec<Explanation>,
}

/// A run that is over.
#[derive(Serialize)]
struct Run {
    enrollment: String,
    rule: String,
    started_at: Timestamp,
    ended_at: Timestamp,
    ended_by: EndReason,
    /// The goal was reached in its window.
    converted_at: Option<Timestamp>,
}

impl Run {
    fn over(row: EnrollmentRow) -> Option<Self> {
        let (ended_at, ended_by) = row.ended?;
        let converted_at = row.converted.map(|conversion| conversion.at);
        Some(Self { enrollment: row.id, rule: row.rule, started_at: row.started_at, ended_at, ended_by, converted_at })
    }
}

/// Prints the explanation.
pub(super) async fn run(args: ExplainArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let (loaded, store) = context.open().await?;
    let zone = loaded.shop().zone;
    let customer = customer::find(&store, &args.customer).await?;
    let limit = args.limit;
    // What is on record stands whatever has become of the rules since.
    let book = load_book(&loaded).map(|book| book.rulebook).ok();
    let concerns = |rule: &str| args.rule.as_deref().is_none_or(|asked| asked == rule);
    let mut runs: Vec<EnrollmentRow> = store.enrollments_of(&customer.id).await?;
    runs.retain(|run| concerns(&run.rule));
    if let (Some(rule), Some(book)) = (&args.rule, &book) {
        is_a_rule(rule, book, &runs)?;
    }
    let runs: Vec<Run> = runs.into_iter().rev().filter_map(Run::over).take(limit).collect();
    let now = book.iter().flat_map(|book| {
        let rules = book.rules.values().filter(|rule| concerns(&rule.id));
        rules.map(|rule| explain::explain(book, rule, &customer, context.clock.now()))
    });
    let now: Vec<Explanation> = now.collect();
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
        out::json(&Report { customer, runs, decisions, letters, now })?;
    } else {
        who(&customer, zone)?;
        runs_under_way(&customer, args.rule.as_deref(), zone)?;
        runs_over(&runs, zone)?;
        decided(&decisions, zone)?;
        out::line("\nLetters")?;
        messages::table(&letters, zone)?;
        what_now(&now, zone)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A rule's name that is neither in the rulebook nor on this customer's record is a slip of the keys.
fn is_a_rule(name: &str, book: &Rulebook, runs: &[EnrollmentRow]) -> anyhow::Result<()> {
    if !runs.is_empty() {
        return Ok(());
    }
    known::check("rule", name, book.rules.keys().map(String::as_str))
}

fn runs_under_way(customer: &Customer, rule: Option<&str>, zone: Tz) -> io::Result<()> {
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
    out::table(&["rule", "since", "next step", "waits for"], rows.collect(), "None.")
}

fn runs_over(runs: &[Run], zone: Tz) -> io::Result<()> {
    out::line("\nRuns that are over, latest first")?;
    let row = |run: &Run| {
        let (began, ended) = (out::when(run.started_at, zone), out::when(run.ended_at, zone));
        vec![run.rule.clone(), began, ended, run.ended_by.to_string(), out::when_maybe(run.converted_at, zone)]
    };
    let rows = runs.iter().map(row).collect();
    out::table(&["rule", "began", "ended", "because", "goal reached"], rows, "None.")
}

/// What each rule would do now, should it be triggered.
fn what_now(rules: &[Explanation], zone: Tz) -> io::Result<()> {
    out::line("\nWhat each rule would do now")?;
    for rule in rules {
        let could = if rule.could_start.is_ok() { "would start on" } else { "would not start on" };
        out::line(out::clean(&format!("{}: {could} {}", rule.rule, rule.trigger)))?;
        for obstacle in rule.could_start.as_ref().err().into_iter().flatten() {
            out::line(out::clean(&format!("    {obstacle}")))?;
        }
        if let Some(reason) = &rule.would_withhold {
            out::line(out::clean(&format!("    a letter of it would be withheld: {reason}")))?;
        }
        if let Some(held) = &rule.would_wait {
            let (limit, until) = (insight::format::words(held.by.code()), out::when(held.until, zone));
            out::line(format_args!("    a letter of it would wait until {until}: {limit}"))?;
        }
    }
    if rules.is_empty() {
        out::line("Not known: the rulebook has faults.")?;
    }
    Ok(())
}

fn decided(decisions: &[Decision], zone: Tz) -> io::Result<()> {
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
    Ok(())
}

fn who(customer: &Customer, zone: Tz) -> io::Result<()> {
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
