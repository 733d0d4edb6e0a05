//! `milepost plan`: what the rules on disk would change against those in force, for whom, and what they would have sent.
//! Nothing is written or sent.

mod backtest;
mod people;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::bail;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::context::{Context, load_book};
use super::out;
use crate::engine::backtest::{backtest, window};
use crate::engine::{EngineError, in_force};
use crate::insight::people::names;
use crate::journey::backtest::{Comparison, Window};
use crate::journey::time::Span;
use crate::rulebook::{Book, Change, difference};
use crate::store::{InForce, Store};

/// Longest text of a difference that is printed, in characters; `--json` has the whole.
const MOST_SHOWN: usize = 240;

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The folder of rules; the one of the settings without it.
    dir: Option<PathBuf>,
    /// How far back the letters of both rules are counted.
    #[arg(long, default_value = "30d", value_name = "TIME")]
    last: Span,
    /// Leave out what would have been sent.
    #[arg(long, conflicts_with = "last")]
    no_backtest: bool,
    /// For programs.
    #[arg(long)]
    json: bool,
}

/// What would change.
#[derive(Debug, Serialize)]
pub(super) struct Plan {
    /// The rulebook in force.
    before: Option<String>,
    /// The one that would be.
    after: String,
    /// Why the one in force can't be compared; everything is new then.
    unreadable: Option<String>,
    changes: Vec<Change>,
    #[serde(flatten)]
    people: people::People,
    /// What both would have sent; none where that was not asked for or they are one rulebook.
    backtest: Option<Comparison>,
}

/// Prints the plan.
pub(super) async fn run(args: &PlanArgs, context: &Context) -> anyhow::Result<ExitCode> {
    if args.last.is_zero() {
        bail!("`--last` must be longer than nothing");
    }
    let (loaded, store) = context.open().await?;
    let dir = args.dir.clone().unwrap_or_else(|| loaded.rules_dir());
    let book = load_book(&dir, loaded.shop())?;
    let window = (!args.no_backtest).then(|| window(context.clock.now(), args.last));
    let plan = make(&store, book, store.in_force().await?.as_ref(), window).await?;
    if args.json {
        out::json(&plan)?;
    } else {
        print(&plan)?;
        if let Some(found) = &plan.backtest {
            let ids: Vec<String> = found.examples.iter().map(|example| example.customer.clone()).collect();
            backtest::print(found, &names(&store, &ids).await?, loaded.shop().zone)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Compares a book with the one in force, and brings every customer under it in memory.
pub(super) async fn make(
    store: &Store,
    book: Book,
    before: Option<&InForce>,
    window: Option<Window>,
) -> anyhow::Result<Plan> {
    let (present, unreadable) = match before.map(|before| before.rulebook.as_str()) {
        None => (Some(Book::default()), None),
        Some(hash) => match in_force::archived(store, hash).await {
            Ok(present) => (Some(present), None),
            // One that this version can't read any more is replaced as a whole.
            Err(EngineError::Rulebook { faults, .. }) => (None, Some(faults)),
            Err(error) => return Err(error.into()),
        },
    };
    let changes = difference(present.as_ref().unwrap_or(&Book::default()), &book);
    let candidate = Arc::new(in_force::complete(store, book, before.map(|before| before.rulebook.clone())).await?);
    let other = |present: &Book| before.is_some() && present.rulebook.hash != candidate.rulebook.hash;
    let told = window.zip(present.filter(other));
    let customers = store.count_customers().await?;
    let bar = ProgressBar::new(customers + if told.is_some() { store.count_events().await? } else { 0 });
    bar.set_style(style());
    let people = people::look(store, &candidate.rulebook, |done| bar.set_position(done)).await?;
    let found = match told {
        None => None,
        Some((window, present)) => {
            let present = Arc::new(in_force::complete(store, present, None).await?);
            let progress = |done, all| {
                bar.set_length(customers + all);
                bar.set_position(customers + done);
            };
            Some(backtest(store, window, &present, &candidate, progress).await?)
        }
    };
    bar.finish_and_clear();
    Ok(Plan {
        before: before.map(|before| before.rulebook.clone()),
        after: candidate.rulebook.hash.clone(),
        unreadable,
        changes,
        people,
        backtest: found,
    })
}

/// indicatif draws on standard error, and only where a person looks.
fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:30} {percent} %, {eta} left").unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Prints what would change and for whom.
pub(super) fn print(plan: &Plan) -> io::Result<()> {
    if plan.unreadable.is_some() {
        out::line("The rules in force can't be read by this version of Milepost: everything counts as new.\n")?;
    }
    if plan.changes.is_empty() {
        out::line("The rules are those in force.")?;
    }
    for change in &plan.changes {
        out::line(out::clean(&change.to_string()))?;
        for point in &change.points {
            let line = point.line.map(|line| line.to_string()).unwrap_or_default();
            out::line(format_args!("  {line:>5}  {}", short(&out::clean(&point.to_string()))))?;
        }
    }
    people::print(&plan.people)
}

fn short(text: &str) -> String {
    match text.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
