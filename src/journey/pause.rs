//! Pausing a rule and resuming it: whose clock waits, and what becomes of what fell due meanwhile.
//!
//! Invariants: a paused rule starts nothing, takes no step and sends nothing; what ends its runs still ends them. What is
//! paused and how it was resumed is part of the rulebook, so everyone is brought under it like under changed rules, once.
//!
//! Not here: letters on their way, which are held like for a limit (`attention`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::advance::Run;
use super::book::Rulebook;
use super::customer::{Customer, Enrollment};
use super::effect::WithheldReason;
use super::share::part_of;
use super::time::{Span, Timestamp};

/// The pauses of a shop, by rule. A pause that is over stays, for those who have not been told yet.
pub type Pauses = BTreeMap<String, Pause>;

/// What stands between a rulebook's hash and what tells its pauses, where documents say under what they were advanced.
const MARK: char = '+';

/// A rule that is paused, or was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Since when.
    pub since: Timestamp,
    /// Set when it is over.
    pub over: Option<Over>,
}

/// How a pause ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Over {
    /// When.
    pub at: Timestamp,
    /// What becomes of what fell due meanwhile.
    pub overdue: Overdue,
}

/// What becomes of what fell due while a rule was paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overdue {
    /// Its letters are withheld, its webhooks and changes in CRMs left out; the runs go on behind them.
    Skip,
    /// It is done now.
    Send,
    /// It is done in the time from now on, each customer at a moment of their own.
    Spread(Span),
    /// Everything is done later by as long as the pause was, what is not overdue too.
    Shift,
}

impl Overdue {
    /// The moment of something of a customer that waits for a moment of its own.
    fn moment(self, pause: Timestamp, over: Timestamp, due: Timestamp, of: &str) -> Timestamp {
        match self {
            Self::Shift => due.after(over.since(pause)),
            Self::Spread(span) if due <= over => over.after(part_of(span, &["spread", of])),
            // Not before the pause is over: nobody may have looked at the customer since it began, and waits count from then.
            Self::Skip | Self::Send | Self::Spread(_) => due.max(over),
        }
    }
}

impl Rulebook {
    /// Pauses what these say.
    #[must_use]
    pub fn with_pauses(mut self, pauses: Pauses) -> Self {
        self.edition = if pauses.is_empty() { String::new() } else { edition(&self.hash, &pauses) };
        self.pauses = pauses;
        self
    }

    /// The pause of a rule that is paused now.
    pub fn paused(&self, rule: &str) -> Option<&Pause> {
        self.pauses.get(rule).filter(|pause| pause.over.is_none())
    }

    /// What documents stand under: the rulebook's hash, and what tells its pauses where there are any.
    pub fn edition(&self) -> &str {
        if self.edition.is_empty() { &self.hash } else { &self.edition }
    }
}

fn edition(hash: &str, pauses: &Pauses) -> String {
    let mut hasher = Sha256::new();
    for (rule, pause) in pauses {
        hasher.update(format!("{rule} {pause:?};"));
    }
    let number = hasher.finalize().iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{hash}{MARK}{number:016x}")
}

/// The hash of the rulebook of an edition.
pub fn hash_of(edition: &str) -> &str {
    edition.split(MARK).next().unwrap_or(edition)
}

impl Run<'_> {
    /// Stops the clocks of runs whose rule is paused, and sets those going again whose rule is not any more.
    pub(super) fn heed_pauses(&mut self) {
        let book = self.book;
        for run in &mut self.customer.enrollments {
            match (book.paused(&run.rule), run.parked) {
                (Some(pause), None) => run.parked = Some(pause.since.max(run.started_at)),
                (None, Some(since)) => {
                    run.parked = None;
                    let over = book.pauses.get(&run.rule).and_then(|pause| pause.over);
                    resume(run, since, over, &self.customer.id);
                }
                _ => {}
            }
        }
        let mut skipped = Vec::new();
        for pending in &mut self.customer.pending {
            match (book.paused(&pending.rule), pending.parked) {
                (Some(pause), None) => pending.parked = Some(pause.since),
                (None, Some(since)) => {
                    pending.parked = None;
                    let Some(Over { at, overdue }) = book.pauses.get(&pending.rule).and_then(|pause| pause.over) else {
                        continue;
                    };
                    let due = pending.turn_at.unwrap_or(pending.planned_at);
                    if overdue == Overdue::Skip && due <= at {
                        skipped.push(pending.message.clone());
                    }
                    // Nobody may say that it waited too long, for it could not go.
                    pending.turn_at = Some(overdue.moment(since, at, due, &self.customer.id).max(at));
                }
                _ => {}
            }
        }
        self.withhold_pending(&WithheldReason::Skipped, |pending| skipped.contains(&pending.message));
    }

    /// A run of a paused rule that something would let go on: it will when the pause is over. Tells whether it is one.
    pub(super) fn parks(&self, run: &mut Enrollment) -> bool {
        let Some(pause) = self.book.paused(&run.rule) else { return false };
        run.parked.get_or_insert(pause.since);
        run.wake_at.get_or_insert(self.customer.now);
        true
    }
}

fn resume(run: &mut Enrollment, since: Timestamp, over: Option<Over>, customer: &str) {
    let Some(Over { at, overdue }) = over else { return };
    run.lives_from = Some(run.lives_from.unwrap_or(run.started_at).after(at.since(since)));
    let Some(due) = run.wake_at else { return };
    run.skips = overdue == Overdue::Skip && due <= at;
    run.wake_at = Some(overdue.moment(since, at, due, customer));
}

/// What a customer's runs and letters of a rule have overdue at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Runs whose clock stands still.
    pub runs: usize,
    /// Of those, the ones that would have gone on by now: the step they wait at, and when that was.
    pub overdue: Vec<(String, Timestamp)>,
    /// Letters that are held back.
    pub letters: usize,
}

/// What a customer has waiting for the end of a rule's pause.
pub fn waiting(customer: &Customer, rule: &str, now: Timestamp) -> Waiting {
    let mut waiting = Waiting::default();
    for run in customer.enrollments.iter().filter(|run| run.rule == rule) {
        waiting.runs += 1;
        if let Some(due) = run.wake_at.filter(|due| *due <= now) {
            waiting.overdue.push((run.step.clone(), due));
        }
    }
    waiting.letters = customer.pending.iter().filter(|pending| pending.rule == rule).count();
    waiting
}
