//! One customer's story with the rules: what was decided and why, what became of it, what would be decided now, and what time
//! alone would bring.
//!
//! The command line and the API tell it from here, so that they can't differ. What is past is told from the record; what would
//! be is asked of the core.
//!
//! Not here: words for a terminal (`cli::explain`), HTTP (`web::explain`).

mod foreseen;

use std::collections::BTreeSet;

use serde::Serialize;

use super::letter::LetterRow;
use crate::journey::book::Rulebook;
use crate::journey::customer::Customer;
use crate::journey::effect::{Decision, EndReason, PolicyVerdict};
use crate::journey::explain::{Explanation, explain, without_codes};
use crate::journey::time::Timestamp;
use crate::store::{EnrollmentRow, MessageFilter, MessageRow, Store, StoreError};

pub use foreseen::Foreseen;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// About one rule only.
    pub rule: Option<&'a str>,
    /// As of this moment instead of now.
    pub at: Option<Timestamp>,
    /// At most so many decisions, runs and letters, latest first.
    pub limit: usize,
}

/// Everything that explains.
#[derive(Clone, Debug, Serialize)]
pub struct Story {
    /// Whose story it is, as they are known now.
    pub customer: Customer,
    /// The moment that it is told as of.
    pub at: Timestamp,
    /// Runs that are over, latest first.
    pub runs: Vec<Run>,
    /// What was decided, latest first.
    pub decisions: Vec<Decision>,
    /// Letters, latest first.
    pub letters: Vec<Letter>,
    /// What each rule would do. Empty for a moment of the past, whose facts are not kept, and without a sound rulebook.
    pub now: Vec<Explanation>,
    /// What time alone would bring up to a moment that is still to come.
    pub foreseen: Vec<Foreseen>,
}

/// A run that is over.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    /// Enrollment id.
    pub enrollment: String,
    /// Rule.
    pub rule: String,
    /// Began.
    pub started_at: Timestamp,
    /// Ended.
    pub ended_at: Timestamp,
    /// How.
    pub ended_by: EndReason,
    /// The goal was reached in its window.
    pub converted_at: Option<Timestamp>,
}

/// A letter with what each policy said of it.
#[derive(Clone, Debug, Serialize)]
pub struct Letter {
    /// Its row.
    #[serde(flatten)]
    pub row: LetterRow,
    /// What each policy said, last.
    pub verdicts: Vec<PolicyVerdict>,
    /// When it fell due.
    #[serde(skip)]
    pub due: Timestamp,
}

impl Run {
    fn over(row: EnrollmentRow, until: Timestamp) -> Option<Self> {
        let (ended_at, ended_by) = row.ended.filter(|(at, _)| *at <= until)?;
        let converted_at = row.converted.map(|conversion| conversion.at).filter(|at| *at <= until);
        Some(Self { enrollment: row.id, rule: row.rule, started_at: row.started_at, ended_at, ended_by, converted_at })
    }
}

/// Tells a customer's story. `book` is the rulebook in force, if there is a sound one.
pub async fn tell(
    store: &Store,
    book: Option<&Rulebook>,
    customer: Customer,
    asked: Asked<'_>,
    now: Timestamp,
) -> Result<Story, StoreError> {
    let at = asked.at.unwrap_or(now);
    let concerns = |rule: &str| asked.rule.is_none_or(|asked| asked == rule);
    let runs = store.enrollments_of(&customer.id).await?;
    let runs = runs.into_iter().rev().filter(|run| concerns(&run.rule)).filter_map(|run| Run::over(run, at));
    let runs = runs.take(asked.limit).collect();
    let decisions = store.decisions_until(&customer.id, asked.rule, at, asked.limit).await?;
    let filter = MessageFilter {
        customer: Some(customer.id.clone()),
        rule: asked.rule.map(str::to_owned),
        to: asked.at.map(|at| Timestamp::from_micros(at.micros() + 1)),
        limit: asked.limit,
        ..MessageFilter::default()
    };
    let letters = store.messages(&filter).await?;
    let letter = |row: &MessageRow| Letter { row: LetterRow::of(row), verdicts: row.verdicts.clone(), due: row.due_at };
    let letters = letters.iter().map(letter).collect();
    let mut story = Story { customer, at, runs, decisions, letters, now: Vec::new(), foreseen: Vec::new() };
    let Some(book) = book.filter(|_| at >= now) else { return Ok(story) };
    let address = story.customer.email().map(str::to_lowercase);
    let suppressed = match &address {
        Some(address) => store.suppressed_one(address).await?.is_some(),
        None => false,
    };
    let mut then = story.customer.clone();
    if at > now {
        let address = address.filter(|_| suppressed);
        (then, story.foreseen) = foreseen::foresee(store, book, then, address, (now, at)).await?;
        story.foreseen.retain(|seen| seen.rule.as_deref().is_none_or(concerns));
    }
    let rules = book.rules.values().filter(|rule| concerns(&rule.id));
    let empty = empty_pools(store, book, now).await?;
    let told =
        |rule| Explanation { without_codes: without_codes(rule, &empty), ..explain(book, rule, &then, suppressed, at) };
    story.now = rules.map(told).collect();
    Ok(story)
}

/// The pools of a rulebook that have no code left; those whose codes are made when wanted never are empty.
async fn empty_pools(store: &Store, book: &Rulebook, now: Timestamp) -> Result<BTreeSet<String>, StoreError> {
    let lists = book.pools.iter().filter(|(_, rules)| rules.pattern.is_none());
    let mut empty: BTreeSet<String> = lists.map(|(pool, _)| pool.clone()).collect();
    if !empty.is_empty() {
        for stock in store.pool_stock(now).await?.into_iter().filter(|stock| stock.left > 0) {
            empty.remove(&stock.pool);
        }
    }
    Ok(empty)
}
