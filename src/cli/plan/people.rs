//! Whom a plan concerns now: who moves to another stage, and what becomes of runs under way.

use std::collections::{BTreeMap, HashMap};
use std::io;

use serde::Serialize;

use crate::cli::out;
use crate::engine::Result;
use crate::insight::people;
use crate::journey::book::Rulebook;
use crate::journey::foresee::{Fate, Foreseen, foresee};
use crate::store::Store;

/// Customers that are read at once.
const CHUNK: usize = 1_000;
/// Customers that are shown as examples of one thing.
const EXAMPLES: usize = 3;

/// What would become of everyone.
#[derive(Debug, Serialize)]
pub(super) struct People {
    customers: u64,
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

/// Brings every customer under a book in memory; `progress` is told how many are done.
pub(super) async fn look(store: &Store, book: &Rulebook, progress: impl Fn(u64)) -> Result<People> {
    let mut tally = Tally::default();
    let mut cursor = String::new();
    loop {
        let chunk = store.customers_after(&cursor, CHUNK).await?;
        let Some(last) = chunk.last() else { break };
        cursor.clone_from(&last.id);
        for customer in chunk {
            let id = customer.id.clone();
            tally.add(&id, foresee(book, customer));
        }
        progress(tally.customers);
    }
    let names = people::names(store, &tally.examples()).await?;
    Ok(tally.told(&names))
}

type Counted = (usize, Vec<String>);

#[derive(Default)]
struct Tally {
    customers: u64,
    moves: BTreeMap<(String, Option<String>, Option<String>), Counted>,
    runs: BTreeMap<(String, Fate), Counted>,
}

impl Tally {
    fn add(&mut self, id: &str, seen: Foreseen) {
        self.customers += 1;
        for moved in seen.moves {
            count(self.moves.entry((moved.map, moved.from, moved.to)).or_default(), id);
        }
        for run in seen.runs {
            count(self.runs.entry(run).or_default(), id);
        }
    }

    /// The customers who are shown.
    fn examples(&self) -> Vec<String> {
        self.moves.values().chain(self.runs.values()).flat_map(|(_, ids)| ids).cloned().collect()
    }

    fn told(self, names: &HashMap<String, String>) -> People {
        let named = |ids: Vec<String>| ids.into_iter().map(|id| names.get(&id).cloned().unwrap_or(id)).collect();
        let moves = self.moves.into_iter().map(|((map, from, to), (customers, examples))| Moves {
            map,
            from,
            to,
            customers,
            examples: named(examples),
        });
        let runs = self.runs.into_iter().map(|((rule, fate), (number, examples))| Runs {
            rule,
            what: match fate {
                Fate::GoesOn => "go on",
                Fate::Finishes => "finish as the rule was",
                Fate::Ends => "end",
            },
            number,
            examples: named(examples),
        });
        People { customers: self.customers, moves: moves.collect(), runs: runs.collect() }
    }
}

fn count(counted: &mut Counted, id: &str) {
    counted.0 += 1;
    if counted.1.len() < EXAMPLES {
        counted.1.push(id.to_owned());
    }
}

/// Prints it.
pub(super) fn print(people: &People) -> io::Result<()> {
    out::line(format_args!("\nCustomers who move at once, of {}", people.customers))?;
    let stage = |stage: &Option<String>| stage.clone().unwrap_or_else(|| "outside".to_owned());
    let moves = people.moves.iter().map(|moves| {
        let (from, to) = (stage(&moves.from), stage(&moves.to));
        vec![moves.map.clone(), from, to, moves.customers.to_string(), moves.examples.join(", ")]
    });
    out::table(&["map", "from", "to", "customers", "for example"], moves.collect(), "Nobody.")?;
    out::line("\nRuns under way")?;
    let runs = people
        .runs
        .iter()
        .map(|runs| vec![runs.rule.clone(), runs.what.to_owned(), runs.number.to_string(), runs.examples.join(", ")]);
    out::table(&["rule", "they", "runs", "for example"], runs.collect(), "None.")
}
