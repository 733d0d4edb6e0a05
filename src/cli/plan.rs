//! `milepost plan`: what the rules on disk would change against those in force. Nothing is written.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::context::{Context, load_book};
use super::out;
use crate::engine::in_force;
use crate::journey::book::Rulebook;
use crate::journey::foresee::{Fate, Foreseen, foresee};
use crate::rulebook::{Book, Difference, Files, difference};
use crate::store::{InForce, Store};

/// Customers that are read at once.
const CHUNK: usize = 1_000;
/// Customers that are shown as examples of one thing.
const EXAMPLES: usize = 3;

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The folder of rules; the one of the settings without it.
    dir: Option<PathBuf>,
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
    files: Vec<Difference>,
    customers: usize,
    moves: Vec<Moves>,
    runs: Vec<Runs>,
}

/// Customers who would move alike.
#[derive(Debug, Serialize)]
struct Moves {
    map: String,
    from: Option<String>,
    to: Option<String>,
    customers: usize,
    examples: Vec<String>,
}

/// Runs of one rule to which the same would happen.
#[derive(Debug, Serialize)]
struct Runs {
    rule: String,
    what: &'static str,
    number: usize,
    examples: Vec<String>,
}

/// Prints the plan.
pub(super) async fn run(args: &PlanArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let (loaded, store) = context.open().await?;
    let dir = args.dir.clone().unwrap_or_else(|| loaded.rules_dir());
    let book = load_book(&dir, loaded.shop())?;
    let plan = make(&store, book, store.in_force().await?.as_ref()).await?;
    if args.json {
        out::json(&plan)?;
    } else {
        print(&plan, true)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Brings every customer under the book in memory.
pub(super) async fn make(store: &Store, book: Book, before: Option<&InForce>) -> anyhow::Result<Plan> {
    let old = match before {
        // One that this version can't read any more is replaced as a whole.
        Some(before) => in_force::archived(store, &before.rulebook).await.map(|old| old.files).unwrap_or_default(),
        None => std::sync::Arc::new(Files::new()),
    };
    let files = difference(&old, &book.files);
    let book = in_force::complete(store, book, before.map(|before| before.rulebook.clone())).await?;
    let mut tally = Tally::default();
    let mut cursor = String::new();
    loop {
        let chunk = store.customers_after(&cursor, CHUNK).await?;
        let Some(last) = chunk.last() else { break };
        cursor.clone_from(&last.id);
        for customer in chunk {
            let name = customer.email().unwrap_or(&customer.id).to_owned();
            tally.add(&name, foresee(&book.rulebook, customer));
        }
    }
    Ok(tally.told(&book.rulebook, before, files))
}

type Counted = (usize, Vec<String>);

#[derive(Default)]
struct Tally {
    customers: usize,
    moves: BTreeMap<(String, Option<String>, Option<String>), Counted>,
    runs: BTreeMap<(String, Fate), Counted>,
}

impl Tally {
    fn add(&mut self, name: &str, seen: Foreseen) {
        self.customers += 1;
        for moved in seen.moves {
            count(self.moves.entry((moved.map, moved.from, moved.to)).or_default(), name);
        }
        for run in seen.runs {
            count(self.runs.entry(run).or_default(), name);
        }
    }

    fn told(self, book: &Rulebook, before: Option<&InForce>, files: Vec<Difference>) -> Plan {
        let moves = self.moves.into_iter().map(|((map, from, to), (customers, examples))| Moves {
            map,
            from,
            to,
            customers,
            examples,
        });
        let runs = self.runs.into_iter().map(|((rule, fate), (number, examples))| Runs {
            rule,
            what: match fate {
                Fate::GoesOn => "go on",
                Fate::Finishes => "finish as the rule was",
                Fate::Ends => "end",
            },
            number,
            examples,
        });
        Plan {
            before: before.map(|before| before.rulebook.clone()),
            after: book.hash.clone(),
            files,
            customers: self.customers,
            moves: moves.collect(),
            runs: runs.collect(),
        }
    }
}

fn count(counted: &mut Counted, name: &str) {
    counted.0 += 1;
    if counted.1.len() < EXAMPLES {
        counted.1.push(name.to_owned());
    }
}

/// Prints a plan; with the lines of files that changed, if it is `whole`.
pub(super) fn print(plan: &Plan, whole: bool) -> std::io::Result<()> {
    if plan.files.is_empty() {
        out::line("The files are those in force.")?;
    }
    for file in &plan.files {
        out::line(format_args!("{}: {}", out::clean(&file.path), file.how))?;
        for line in file.lines.iter().filter(|_| whole) {
            out::line(format_args!("    {}", out::clean(line)))?;
        }
    }
    out::line(format_args!("\nCustomers who move at once, of {}", plan.customers))?;
    let stage = |stage: &Option<String>| stage.clone().unwrap_or_else(|| "outside".to_owned());
    let moves = plan.moves.iter().map(|moves| {
        let (from, to) = (stage(&moves.from), stage(&moves.to));
        vec![moves.map.clone(), from, to, moves.customers.to_string(), moves.examples.join(", ")]
    });
    out::table(&["map", "from", "to", "customers", "for example"], moves.collect(), "Nobody.")?;
    out::line("\nRuns under way")?;
    let runs = plan
        .runs
        .iter()
        .map(|runs| vec![runs.rule.clone(), runs.what.to_owned(), runs.number.to_string(), runs.examples.join(", ")]);
    out::table(&["rule", "they", "runs", "for example"], runs.collect(), "None.")
}
