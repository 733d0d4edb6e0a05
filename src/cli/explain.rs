//! `milepost explain`: why a customer got, waits for, or did not get a letter.

mod told;

use std::io;
use std::process::ExitCode;

use chrono_tz::Tz;
use clap::Args;

use super::context::{Context, book_in_force};
use super::{customer, known, moment, out};
use crate::insight::format;
use crate::insight::story::{self, Asked, Letter, Run};
use crate::journey::book::Rulebook;
use crate::journey::customer::Customer;
use crate::journey::effect::{Cause, Decision};
use crate::journey::waiting::waits_for;
use crate::store::EnrollmentRow;

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The customer: an id, an e-mail address, a phone number, `external=ID` or `CONNECTION=ID`.
    #[arg(long)]
    customer: String,
    /// About one rule only, and then everything about it.
    #[arg(long)]
    rule: Option<String>,
    /// As of another moment: from the record, if it is past; else as time alone would bring it (`+7d`, `2026-12-24`).
    #[arg(long, value_name = "MOMENT")]
    at: Option<String>,
    /// At most so many decisions and letters, latest first.
    #[arg(long, default_value_t = 30)]
    limit: usize,
    /// For programs.
    #[arg(long)]
    json: bool,
}

/// Prints the explanation.
pub(super) async fn run(args: ExplainArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let (loaded, store) = context.open().await?;
    let zone = loaded.shop().zone;
    let now = context.clock.now();
    let at = args.at.as_deref().map(|text| moment::read_either_way(text, zone, now)).transpose()?;
    let customer = customer::find(&store, &args.customer).await?;
    // What is on record stands whatever has become of the rules since.
    let book = book_in_force(&loaded, &store).await.map(|book| book.rulebook).ok();
    if let (Some(rule), Some(book)) = (&args.rule, &book) {
        is_a_rule(rule, book, &store.enrollments_of(&customer.id).await?)?;
    }
    let asked = Asked { rule: args.rule.as_deref(), at, limit: args.limit };
    let story = story::tell(&store, book.as_ref(), customer, asked, now).await?;
    if args.json {
        out::json(&story)?;
        return Ok(ExitCode::SUCCESS);
    }
    who(&story.customer, zone)?;
    if at.is_some_and(|at| at < now) {
        out::line(format_args!(
            "\nAs of {}, from the record. Facts of the past are not kept.",
            out::when(story.at, zone)
        ))?;
    } else {
        runs_under_way(&story.customer, book.as_ref(), args.rule.as_deref(), zone)?;
    }
    runs_over(&story.runs, zone)?;
    decided(&story.decisions, zone)?;
    letters(&story.letters, args.rule.is_some(), zone)?;
    if at.is_none_or(|at| at >= now) {
        told::what_comes(&story, at.is_some(), zone)?;
        told::what_now(&story, args.rule.is_some(), book.is_some(), zone)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A rule's name that is neither in the rulebook nor on this customer's record is a slip of the keys.
fn is_a_rule(name: &str, book: &Rulebook, runs: &[EnrollmentRow]) -> anyhow::Result<()> {
    if runs.iter().any(|run| run.rule == name) {
        return Ok(());
    }
    known::check("rule", name, book.rules.keys().map(String::as_str))
}

/// Letters, with what each policy said of them if it is `whole`.
fn letters(letters: &[Letter], whole: bool, zone: Tz) -> io::Result<()> {
    out::line("\nLetters")?;
    let row = |letter: &Letter| {
        let row = &letter.row;
        let kind = format::words(&row.class);
        let reason = if kind.is_empty() { row.reason.clone() } else { format!("{} ({kind})", row.reason) };
        let cells = [row.state, &row.rule, &row.letter, &row.to, &reason].map(str::to_owned);
        [row.id.clone(), out::when(letter.due, zone)].into_iter().chain(cells).collect()
    };
    let header = ["id", "due", "state", "rule", "letter", "to", "reason"];
    out::table(&header, letters.iter().map(row).collect(), "There are no such letters.")?;
    for letter in letters.iter().filter(|_| whole) {
        out::line(format_args!("What the policies said of {} ({})", letter.row.letter, letter.row.id))?;
        told::verdicts(&letter.verdicts)?;
    }
    Ok(())
}

fn runs_under_way(customer: &Customer, book: Option<&Rulebook>, rule: Option<&str>, zone: Tz) -> io::Result<()> {
    out::line("\nRules under way")?;
    let runs = customer.enrollments.iter().filter(|run| rule.is_none_or(|rule| run.rule == rule));
    let rows = runs.map(|run| {
        let next = if run.step.is_empty() { "the first".to_owned() } else { run.step.clone() };
        let waits = match book.and_then(|book| waits_for(book, run)) {
            Some((what, Some(until))) => format!("{what}, until {} at most", out::when(until, zone)),
            Some((what, None)) => what,
            None => out::when_maybe(run.wake_at, zone),
        };
        let waits = match run.parked {
            Some(since) => {
                format!("the end of the rule's pause, which began on {}; then {waits}", out::when(since, zone))
            }
            None => waits,
        };
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

fn decided(decisions: &[Decision], zone: Tz) -> io::Result<()> {
    out::line("\nWhat was decided, latest first")?;
    for decision in decisions {
        let about = format!("{}: {} {}", decision.rule, decision.about, decision.outcome);
        out::line(format_args!("{}  {}", out::when(decision.at, zone), out::clean(&about)))?;
        out::line(format_args!("    {} ({})", out::clean(&decision.note), out::clean(&cause(&decision.cause))))?;
        told::parts(&decision.parts)?;
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
    let asked = customer.asked.iter().map(|(purpose, asked)| {
        format!("{purpose}: to be confirmed since {}, by {}", out::when(asked.at, zone), asked.source)
    });
    out::facts(&[
        ("customer", customer.id.clone()),
        ("name", name),
        ("e-mail", customer.email().unwrap_or("none").to_owned()),
        ("deleted", out::when_maybe(customer.deleted_at, zone)),
        ("stage", stages.collect::<Vec<_>>().join("; ")),
        ("consent", consents.collect::<Vec<_>>().join("; ")),
        ("asked", asked.collect::<Vec<_>>().join("; ")),
        ("wishes", customer.preferences.in_words(customer.now, zone).join("; ")),
    ])
}

fn cause(cause: &Cause) -> String {
    match cause {
        Cause::Event { source, id, kind } => format!("{kind} {source}/{id}"),
        Cause::Time => "time".into(),
        Cause::Cron => "schedule".into(),
        Cause::Rulebook => "changed rules".into(),
        Cause::Merge => "merge".into(),
        Cause::Rule { rule } => format!("the rule {rule}"),
    }
}
