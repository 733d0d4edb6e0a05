//! A backtest: what happened once, told to two rulebooks, and who would have got which letters by each.
//!
//! Invariants: both sides hear the same events at the same moments, and both are [`simulate`](super::simulate)d: nothing is
//! decided here. What happened before is old news to both: facts and places are known, and nothing begins. Then both run for
//! a while unwatched, so that runs are under way when the watched time begins. Conversions are not guessed: whoever bought
//! after a letter might have bought without it.
//!
//! Not here: reading the events (`store`), printing (`cli`).

mod compare;
mod tally;

use std::collections::HashSet;

pub use compare::{Comparison, DayLetters, Difference, Example, KeptBack, RuleLetters};
use tally::Tally;

use super::book::Rulebook;
use super::customer::Customer;
use super::event::Event;
use super::simulate::{Pools, Simulator};
use super::time::Timestamp;

/// The time that is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// What was accepted before is old news.
    pub known_until: Timestamp,
    /// From here on letters count.
    pub from: Timestamp,
    /// Up to here.
    pub until: Timestamp,
}

/// One rulebook under way. The sides of a backtest know nothing of one another, so each may run in a thread of its own.
#[derive(Debug)]
pub struct Side<'b> {
    book: &'b Rulebook,
    window: Window,
    world: Simulator<'b>,
    tally: Tally<'b>,
    begun: bool,
    events: u64,
}

impl<'b> Side<'b> {
    /// A rulebook with its pools of promo codes.
    pub fn new(book: &'b Rulebook, window: Window, pools: Pools, suppressed: HashSet<String>) -> Self {
        let world = Simulator::new(book, window.known_until, pools, suppressed);
        Self { book, window, world, tally: Tally::new(book, window), begun: false, events: 0 }
    }

    /// Takes in an event; events come in the order in which they were accepted.
    pub fn hear(&mut self, customer: &str, event: &Event) {
        if event.received_at > self.window.until {
            return;
        }
        if !self.begun && event.received_at < self.window.known_until {
            self.world.remember(customer, event);
            return;
        }
        self.begin();
        self.events += u64::from(event.received_at >= self.window.from);
        self.world.hear(customer, event, &mut self.tally);
    }

    /// Runs to the end of the window.
    pub fn finish(&mut self) {
        self.begin();
        self.world.run_until(self.window.until, &mut self.tally);
    }

    fn begin(&mut self) {
        if !self.begun {
            self.begun = true;
            self.world.begin();
        }
    }
}

/// Compares two sides that heard the same and are finished.
pub fn compare(present: &Side<'_>, candidate: &Side<'_>) -> Comparison {
    let mut found = compare::compare(
        present.window,
        (present.events, present.world.customers()),
        (present.book, &present.tally),
        (candidate.book, &candidate.tally),
    );
    for example in &mut found.examples {
        example.email = present.world.customer(&example.customer).and_then(Customer::email).map(str::to_owned);
    }
    found
}
