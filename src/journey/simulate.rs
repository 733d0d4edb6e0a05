//! The whole path on a virtual clock: events, time, schedules and letters of many customers, all in memory.
//!
//! Invariants: nothing is decided here. What happens to a customer is [`advance`]'s answer, whether a letter may go is
//! [`policy::last_check`]'s, and both are asked at the moments at which a daemon would ask them. At one moment, time comes
//! first, then what is heard, then schedules, then letters: a letter leaves when everything that was accepted up to its due
//! moment is applied. A relay takes every letter.
//!
//! Not here: whom an event is about (the caller says so), what a letter says (`mail`), reading events (`store`).

mod letters;
mod people;
mod pools;
mod record;

use std::collections::{BTreeSet, HashSet};

use letters::{Letters, Waiting};
use people::People;
pub use pools::Pools;
pub use record::{Entry, What, Witness};

use super::advance::{Advance, Input, Walked, advance, handed_over};
use super::attention::reschedule;
use super::book::Rulebook;
use super::customer::Customer;
use super::effect::{Effect, PlannedMessage};
use super::event::Event;
use super::facts::fold;
use super::policy;
use super::rule::Trigger;
use super::time::Timestamp;

/// What stands as the rulebook of a customer of whom only old news is known, until the simulation begins.
const OLD_NEWS: &str = "old news";

/// Many customers under one rulebook, and the clock.
#[derive(Debug)]
pub struct Simulator<'b> {
    book: &'b Rulebook,
    now: Timestamp,
    people: People,
    letters: Letters,
    /// The next firing of each cron rule.
    firings: BTreeSet<(Timestamp, &'b str)>,
    pools: Pools,
    suppressed: HashSet<String>,
}

/// What is next to be done at a moment, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Time,
    Schedule,
    Letter,
}

impl<'b> Simulator<'b> {
    /// A world without customers at the moment `from`.
    pub fn new(book: &'b Rulebook, from: Timestamp, pools: Pools, suppressed: HashSet<String>) -> Self {
        let first = |rule: &'b super::rule::Rule| match &rule.trigger {
            Trigger::Cron { schedule, .. } => Some((schedule.next_after(from)?, rule.id.as_str())),
            _ => None,
        };
        let firings = book.rules.values().filter_map(first).collect();
        Self {
            book,
            now: from,
            people: People::default(),
            letters: Letters::default(),
            firings,
            pools,
            suppressed: suppressed.into_iter().map(|address| address.to_lowercase()).collect(),
        }
    }

    /// The clock.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// A customer as they are now.
    pub fn customer(&self, id: &str) -> Option<&Customer> {
        self.people.get(id)
    }

    /// How many customers there are.
    pub fn customers(&self) -> usize {
        self.people.len()
    }

    /// Takes in a customer as they are; letters of theirs that are on the way stay out of it.
    pub fn adopt(&mut self, customer: Customer) {
        let place = self.people.place(&customer.id, customer.now);
        self.people.put(place, customer);
    }

    /// Takes in old news of a customer: facts change, and nothing else. Ended by [`Simulator::begin`].
    pub fn remember(&mut self, customer: &str, event: &Event) {
        let place = self.people.place(customer, event.received_at);
        let mut state = self.people.take(place);
        fold::apply(&mut state, event);
        OLD_NEWS.clone_into(&mut state.rulebook);
        self.people.put(place, state);
    }

    /// Places everyone who was remembered, as when a rulebook comes into force: silently, and nothing begins.
    pub fn begin(&mut self) {
        for place in 0..self.people.len() {
            let mut state = self.people.take(place);
            if state.rulebook == OLD_NEWS {
                state.now = self.now;
                state = advance(self.book, state, &Input::Rulebook, self.now).state;
            }
            self.people.put(place, state);
        }
    }

    /// Everything up to the moment at which an event was accepted, then the event.
    pub fn hear(&mut self, customer: &str, event: &Event, witness: &mut impl Witness) {
        self.run(event.received_at, false, witness);
        self.now = self.now.max(event.received_at);
        let place = self.people.place(customer, self.now);
        self.advance(place, &Input::Event(event), witness);
    }

    /// Everything up to a moment, that moment included.
    pub fn run_until(&mut self, moment: Timestamp, witness: &mut impl Witness) {
        self.run(moment, true, witness);
        self.now = self.now.max(moment);
    }

    fn run(&mut self, moment: Timestamp, included: bool, witness: &mut impl Witness) {
        while let Some((at, turn)) = self.next().filter(|(at, _)| *at < moment || (included && *at == moment)) {
            self.now = self.now.max(at);
            match turn {
                Turn::Time => {
                    if let Some(place) = self.people.next_due() {
                        self.advance(place, &Input::Due, witness);
                    }
                }
                Turn::Schedule => self.fire(witness),
                Turn::Letter => self.send(witness),
            }
        }
    }

    fn next(&self) -> Option<(Timestamp, Turn)> {
        [
            self.people.due_at().map(|at| (at, Turn::Time)),
            self.firings.first().map(|(at, _)| (*at, Turn::Schedule)),
            self.letters.due_at().map(|at| (at, Turn::Letter)),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// The next firing of a cron rule, for everyone.
    fn fire(&mut self, witness: &mut impl Witness) {
        let Some((at, rule)) = self.firings.pop_first() else { return };
        if let Some(Trigger::Cron { schedule, .. }) = self.book.rules.get(rule).map(|rule| &rule.trigger)
            && let Some(next) = schedule.next_after(at)
        {
            self.firings.insert((next, rule));
        }
        for place in self.people.by_id() {
            self.advance(place, &Input::Cron { rule, at }, witness);
        }
    }

    /// The next letter meets its last check.
    fn send(&mut self, witness: &mut impl Witness) {
        let Some((place, Waiting { message, .. })) = self.letters.pop() else { return };
        let mut state = self.people.take(place);
        let address = state.email().map(str::to_lowercase);
        let suppressed = address.is_some_and(|address| self.suppressed.contains(&address));
        let verdict = policy::last_check(self.book, &mut state, &message.id, &message.brings(), suppressed, self.now);
        if let Some(reason) = verdict.withhold {
            self.code_withheld(&message);
            let message = PlannedMessage { verdicts: verdict.verdicts, ..*message };
            witness.sees(self.now, &state, What::Withheld { message, reason });
            let changes = reschedule(self.book, &mut state, self.now).into_iter();
            let effects = changes.map(|change| change.into_effect(self.now)).collect();
            // Moving letters asks for no promo code.
            self.collect(place, &state, (effects, Vec::new()), &mut Vec::new(), witness);
        } else if let Some(held) = verdict.hold {
            let message = PlannedMessage { held: Some(held), verdicts: verdict.verdicts, ..*message };
            witness.sees(self.now, &state, What::Held(message.clone()));
            self.letters.put(place, message);
        } else {
            if let Some(code) = &message.code {
                self.pools.brought(&message.enrollment, code);
            }
            witness.sees(self.now, &state, What::Sent(*message.clone()));
            handed_over(self.book, &mut state, &message.id, self.now);
        }
        self.people.put(place, state);
    }

    /// Advances a customer, answering wishes for promo codes, until the input is taken.
    fn advance(&mut self, place: usize, input: &Input<'_>, witness: &mut impl Witness) {
        let mut state = self.people.take(place);
        loop {
            let done = advance(self.book, state, input, self.now);
            let taken = done.taken;
            state = self.settle(place, done, witness);
            if taken {
                break;
            }
        }
        self.people.put(place, state);
    }

    fn settle(&mut self, place: usize, done: Advance, witness: &mut impl Witness) -> Customer {
        let mut wanted = Vec::new();
        let mut state = done.state;
        self.collect(place, &state, (done.effects, done.walked), &mut wanted, witness);
        while let Some((enrollment, pool)) = wanted.pop() {
            let pattern = self.book.pool(&pool).and_then(|rules| rules.pattern.as_ref());
            let had: Vec<&str> = state.promo_codes.iter().map(|given| given.code.as_str()).collect();
            let code = self.pools.take(&pool, &enrollment, &had, pattern);
            let now = state.now;
            let answer = Input::Promo { enrollment: &enrollment, code: code.as_deref() };
            let done = advance(self.book, state, &answer, now);
            state = done.state;
            self.collect(place, &state, (done.effects, done.walked), &mut wanted, witness);
        }
        state
    }

    fn collect(
        &mut self,
        place: usize,
        state: &Customer,
        (effects, walked): (Vec<Effect>, Vec<Walked>),
        wanted: &mut Vec<(String, String)>,
        witness: &mut impl Witness,
    ) {
        for step in walked {
            witness.sees(state.now, state, What::Walked(step));
        }
        for effect in effects {
            match effect {
                Effect::MessagePlanned(message) => self.planned(place, state, *message, witness),
                Effect::MessageCancelled { message, reason, at, .. } => {
                    if let Some(Waiting { message, .. }) = self.letters.cancel(&message) {
                        self.code_withheld(&message);
                        witness.sees(at, state, What::Withheld { message: *message, reason });
                    }
                }
                Effect::MessageHeld { message, at, held, verdicts } => {
                    let message = self.letters.hold(&message, at, held, verdicts);
                    if let Some(message) = message.filter(|message| message.held.is_some()) {
                        witness.sees(at, state, What::Held(message.clone()));
                    }
                }
                Effect::PromoWanted { enrollment, pool, .. } => wanted.push((enrollment, pool)),
                other => {
                    match &other {
                        Effect::PromoSettled { enrollment } => self.pools.settled(enrollment),
                        Effect::PromoRedeemed { code, .. } => self.pools.redeemed(code),
                        Effect::Errand(errand) => {
                            if let Some(code) = &errand.code {
                                self.pools.brought(&errand.enrollment, code);
                            }
                        }
                        _ => {}
                    }
                    witness.sees(state.now, state, What::Effect(other));
                }
            }
        }
    }

    fn code_withheld(&mut self, message: &PlannedMessage) {
        if let Some(code) = &message.code {
            self.pools.withheld(&message.enrollment, code);
        }
    }

    fn planned(&mut self, place: usize, state: &Customer, message: PlannedMessage, witness: &mut impl Witness) {
        if let Some(reason) = message.withheld.clone() {
            return witness.sees(message.due_at, state, What::Withheld { message, reason });
        }
        if message.held.is_some() {
            witness.sees(message.due_at, state, What::Held(message.clone()));
        }
        if let Some(code) = &message.code {
            self.pools.planned(&message.enrollment, code);
        }
        self.letters.put(place, message);
    }
}
