//! `milepost resume`: a paused rule goes on. What fell due meanwhile is counted and shown before anybody decides about it.

use std::process::ExitCode;
use std::str::FromStr;

use anyhow::bail;
use clap::Args;

use super::context::Context;
use super::out;
use crate::journey::pause::{Overdue, waiting};
use crate::journey::time::{Span, Timestamp};
use crate::store::Store;

/// Customers that are read at once.
const CHUNK: usize = 1_000;
/// Customers that are shown as examples.
const EXAMPLES: usize = 5;
/// The longest time over which overdue letters may be spread.
const LONGEST: Span = Span::days(30);

/// Arguments of `resume`.
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// The rule.
    rule: String,
    /// What becomes of what fell due meanwhile: `skip`, `send`, `spread:4h` or `shift`. Without it nothing is done but to show
    /// how much that is.
    #[arg(long, value_parser = overdue)]
    overdue: Option<Overdue>,
}

fn overdue(text: &str) -> Result<Overdue, String> {
    match text {
        "skip" => Ok(Overdue::Skip),
        "send" => Ok(Overdue::Send),
        "shift" => Ok(Overdue::Shift),
        _ => {
            let span = text.strip_prefix("spread:").map(Span::from_str);
            match span {
                Some(Ok(span)) if !span.is_zero() && span <= LONGEST => Ok(Overdue::Spread(span)),
                Some(Ok(_)) => Err("spread them over more than nothing and at most 30 days".into()),
                Some(Err(error)) => Err(error.to_string()),
                None => Err("write `skip`, `send`, `spread:4h` or `shift`".into()),
            }
        }
    }
}

/// Resumes a rule, or shows what is overdue. A running daemon hears of it within seconds.
pub(super) async fn run(args: ResumeArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let (loaded, store) = context.open().await?;
    let now = context.clock.now();
    let rule = &args.rule;
    let pauses = store.pauses().await?;
    if pauses.get(rule).is_none_or(|pause| pause.over.is_some()) {
        bail!("{rule} is not paused; `milepost pause` lists what is");
    }
    let found = count(&store, rule, now).await?;
    out::line(format_args!(
        "Runs that wait: {}; of those overdue: {}; letters held back: {}.",
        found.runs, found.overdue, found.letters
    ))?;
    let examples = found
        .examples
        .into_iter()
        .map(|(customer, step, due)| vec![customer, step, out::when(due, loaded.shop().zone)]);
    if found.overdue > 0 {
        out::table(&["customer", "waits at", "due since"], examples.collect(), "")?;
    }
    let Some(overdue) = args.overdue else {
        out::note(format_args!(
            "Say what becomes of what is overdue: --overdue skip (its letters are withheld), send (now), spread:4h (over that \
             time, each customer at a moment of their own), or shift (everything later by as long as the pause was)."
        ));
        return Ok(ExitCode::FAILURE);
    };
    let mut tx = store.begin().await?;
    if !tx.resume_rule(rule, overdue, now).await? {
        bail!("somebody resumed {rule} meanwhile");
    }
    tx.commit().await?;
    out::line(format_args!(
        "Resumed: {rule}. A running daemon lets it go on within two seconds; what triggers it before that starts nothing."
    ))?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Default)]
struct Found {
    runs: usize,
    overdue: usize,
    letters: usize,
    examples: Vec<(String, String, Timestamp)>,
}

async fn count(store: &Store, rule: &str, now: Timestamp) -> anyhow::Result<Found> {
    let mut found = Found::default();
    let mut cursor = String::new();
    loop {
        let chunk = store.customers_after(&cursor, CHUNK).await?;
        let Some(last) = chunk.last() else { return Ok(found) };
        cursor.clone_from(&last.id);
        for customer in &chunk {
            let waits = waiting(customer, rule, now);
            found.runs += waits.runs;
            found.letters += waits.letters;
            found.overdue += waits.overdue.len();
            for (step, due) in waits.overdue {
                if found.examples.len() < EXAMPLES {
                    let name = customer.email().unwrap_or(&customer.id).to_owned();
                    found.examples.push((name, step, due));
                }
            }
        }
    }
}
