//! `milepost pause`: a rule starts nothing, takes no step and sends nothing until it is resumed.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::context::{Context, book_in_force};
use super::{known, out};
use crate::rulebook::Book;

/// Arguments of `pause`.
#[derive(Debug, Args)]
pub struct PauseArgs {
    /// The rule; without one, what is paused is listed.
    rule: Option<String>,
    /// Why, for whoever resumes it.
    #[arg(long, default_value = "")]
    why: String,
    /// The list for programs.
    #[arg(long, conflicts_with = "rule")]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Row {
    rule: String,
    since: String,
    why: String,
}

/// Pauses a rule. A running daemon hears of it within seconds.
pub(super) async fn run(args: PauseArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let (loaded, store) = context.open().await?;
    let zone = loaded.shop().zone;
    let Some(rule) = args.rule else {
        let paused = store.reasons_of_pauses().await?;
        if args.json {
            let rows: Vec<Row> =
                paused.into_iter().map(|(rule, since, why)| Row { rule, since: since.to_string(), why }).collect();
            out::json(&rows)?;
        } else {
            let rows = paused.into_iter().map(|(rule, since, why)| vec![rule, out::when(since, zone), why]).collect();
            out::table(&["rule", "paused since", "why"], rows, "No rule is paused.")?;
        }
        return Ok(ExitCode::SUCCESS);
    };
    is_a_rule(&rule, &book_in_force(&loaded, &store).await?)?;
    let mut tx = store.begin().await?;
    let new = tx.pause_rule(&rule, &args.why, context.clock.now()).await?;
    tx.commit().await?;
    if new {
        out::line(format_args!(
            "Paused: {rule}. Within two seconds it starts nothing and sends nothing more until `milepost resume {rule}`; what ends its runs still does."
        ))?;
    } else {
        out::line(format_args!("{rule} is paused already."))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Refuses a name that is neither of a rule in force nor of one that only finishes.
pub(super) fn is_a_rule(rule: &str, book: &Book) -> anyhow::Result<()> {
    if book.rulebook.known_rule(rule).is_some() {
        return Ok(());
    }
    known::check("rule", rule, book.rulebook.rules.keys().map(String::as_str))
}
