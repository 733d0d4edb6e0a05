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

/// Two rulebooks under way.
#[derive(Debug)]
pub struct Backtest<'b> {
    window: Window,
    sides: [Side<'b>; 2],
    begun: bool,
    events: u64,
}

#[derive(Debug)]
struct Side<'b> {
    book: &'b Rulebook,
    world: Simulator<'b>,
    tally: Tally<'b>,
}

impl<'b> Backtest<'b> {
    /// A backtest of the rulebook in force against a candidate, each with its pools of promo codes.
    pub fn new(
        window: Window,
        present: (&'b Rulebook, Pools),
        candidate: (&'b Rulebook, Pools),
        suppressed: &HashSet<String>,
    ) -> Self {
        let side = |(book, pools)| Side {
            book,
            world: Simulator::new(book, window.known_until, pools, suppressed.clone()),
            tally: Tally::new(book, window),
        };
        Self { window, sides: [side(present), side(candidate)], begun: false, events: 0 }
    }

    /// Takes in an event; events come in the order in which they were accepted.
    pub fn hear(&mut self, customer: &str, event: &Event) {
        if event.received_at > self.window.until {
            return;
        }
        if !self.begun && event.received_at < self.window.known_until {
            self.sides.iter_mut().for_each(|side| side.world.remember(customer, event));
            return;
        }
        self.begin();
        self.events += u64::from(event.received_at >= self.window.from);
        for side in &mut self.sides {
            side.world.hear(customer, event, &mut side.tally);
        }
    }

    /// Runs both to the end, and compares them.
    pub fn finish(mut self) -> Comparison {
        self.begin();
        for side in &mut self.sides {
            side.world.run_until(self.window.until, &mut side.tally);
        }
        let customers = self.sides[0].world.customers();
        let [present, candidate] = self.sides;
        compare::compare(
            self.window,
            (self.events, customers),
            (present.book, &present.tally),
            (candidate.book, &candidate.tally),
        )
    }

    fn begin(&mut self) {
        if !self.begun {
            self.begun = true;
            self.sides.iter_mut().for_each(|side| side.world.begin());
        }
    }
}
