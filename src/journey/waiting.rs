//! Runs that wait for something to happen: beginning such a wait, and going on when it happens or when the time is over.
//!
//! Invariants: an event lets a run go on once, and only if it is no older than the wait; what one input says is taken in the
//! order in which it happened, so a run that goes on by one happening may go on again by a later one, never by the same.

use super::advance::Run;
use super::book::Rulebook;
use super::customer::{Awaiting, Enrollment};
use super::effect::Cause;
use super::facts::fold::Happening;
use super::facts::seen::{self, Seen};
use super::placement::earliest;
use super::rule::{Action, Rule, Step};
use super::time::Timestamp;
use super::wait::{Await, Awaited};

impl Run<'_> {
    /// Lets every run go on that waits for what happened.
    pub(super) fn wake_on_event(&mut self, happening: &Happening, event: Option<&Seen<'_>>, cause: &Cause) {
        let now = self.customer.now;
        let mut met = Vec::new();
        for run in &self.customer.enrollments {
            let Some((rule, wait)) = awaited(self.book, run).filter(|_| !is_met(run)) else { continue };
            let Awaited::Event { kind, when } = &wait.what else { continue };
            let began = run.awaits.as_ref().map_or(run.started_at, |awaits| awaits.since);
            if *kind == happening.kind
                && happening.at >= began
                && happening.at.after(rule.max_age) >= now
                && when.as_ref().is_none_or(|when| when.evaluate(self.facts(seen::value(event))).holds)
            {
                let parts = when.as_ref().map(|when| when.trace(self.facts(seen::value(event)))).unwrap_or_default();
                met.push((run.id.clone(), rule, format!("the event {kind} came"), parts));
            }
        }
        for (id, rule, note, parts) in met {
            self.decide(rule, "wait", "met", note, parts, cause);
            self.go_on(&id, happening.at);
        }
    }

    /// Lets every run go on whose awaited condition holds, and notes when the others may come to hold by time alone.
    pub(super) fn wake_on_conditions(&mut self, at: Timestamp, cause: &Cause) {
        let now = self.customer.now;
        let mut met = Vec::new();
        let mut flips = self.flips;
        for run in &self.customer.enrollments {
            let Some((rule, wait)) = awaited(self.book, run).filter(|_| !is_met(run)) else { continue };
            let Awaited::Condition(condition) = &wait.what else { continue };
            let facts = self.facts(Some(&run.event));
            let answer = condition.evaluate(facts);
            flips = earliest(flips, answer.flips_at);
            if answer.holds {
                met.push((run.id.clone(), rule, condition.trace(facts)));
            }
        }
        self.flips = flips;
        // What a changed rulebook makes hold is taken at the next look, which is at once: nothing is asked for under its name.
        if matches!(cause, Cause::Rulebook) {
            self.flips = earliest(self.flips, (!met.is_empty()).then_some(now));
            return;
        }
        for (id, rule, parts) in met {
            self.decide(rule, "wait", "met", "what it waited for holds".into(), parts, cause);
            self.go_on(&id, at);
        }
    }

    fn go_on(&mut self, id: &str, at: Timestamp) {
        if let Some(run) = self.customer.enrollments.iter_mut().find(|run| run.id == id) {
            run.wake_at = None;
            run.awaits = Some(Awaiting { since: at, met: true });
            self.moment = at;
            self.walk(id);
        }
    }

    /// Takes a wait of a run: where it goes, or `None` while it waits. `woken`: the time is over.
    pub(super) fn take_await(
        &mut self,
        rule: &Rule,
        step: &Step,
        wait: &Await,
        run: &mut Enrollment,
        woken: bool,
    ) -> Option<usize> {
        let awaits = run.awaits.take();
        if awaits.as_ref().is_some_and(|awaits| awaits.met) {
            return Some(wait.then);
        }
        if woken {
            let note = format!("waited at {} for {} in vain", step.id, wait.what.in_words());
            self.decide(rule, "wait", "timeout", note, Vec::new(), &Cause::Time);
            return Some(wait.timeout);
        }
        if run.wake_at.is_some() {
            run.awaits = awaits;
            return None;
        }
        let now = self.customer.now;
        let mut parts = Vec::new();
        if let Awaited::Condition(condition) = &wait.what {
            let facts = self.facts(Some(&run.event));
            let answer = condition.evaluate(facts);
            parts = condition.trace(facts);
            if answer.holds {
                self.decide(rule, "wait", "met", "what it would wait for holds".into(), parts, &Cause::Time);
                return Some(wait.then);
            }
            self.flips = earliest(self.flips, answer.flips_at);
        }
        let until = now.after(wait.up_to);
        run.awaits = Some(Awaiting { since: self.moment.min(now), met: false });
        run.wake_at = Some(until);
        let until = until.in_words(self.book.shop.zone);
        let note = format!("waits at {} for {}, until {until} at most", step.id, wait.what.in_words());
        self.decide(rule, "wait", "until", note, parts, &Cause::Time);
        None
    }
}

/// Whether what a run waits for has happened, and it has only to go on: its rule is paused.
fn is_met(run: &Enrollment) -> bool {
    run.awaits.as_ref().is_some_and(|awaits| awaits.met)
}

/// What a run waits for besides a moment, in words, and until when at most.
pub fn waits_for(book: &Rulebook, run: &Enrollment) -> Option<(String, Option<Timestamp>)> {
    let at_promo = || {
        let rule = book.rule_of(run)?;
        let step = rule.steps.get(rule.position(&run.step)?)?;
        if let Action::Promo { pool, .. } = &step.action { Some(pool.clone()) } else { None }
    };
    if let Some(pool) = run.wants_promo.clone().or_else(|| run.promo_until.and_then(|_| at_promo())) {
        return Some((format!("a code of the pool {pool}"), run.promo_until));
    }
    awaited(book, run).map(|(_, wait)| (wait.what.in_words(), run.wake_at))
}

/// The wait that a run stands at, if what it waits for is more than time.
pub fn awaited<'b>(book: &'b Rulebook, run: &Enrollment) -> Option<(&'b Rule, &'b Await)> {
    // Only what rests can be waiting: not a run that asks for a promo code.
    run.wake_at?;
    let rule = book.rule_of(run)?;
    let step = rule.steps.get(rule.position(&run.step)?)?;
    if let Action::Await(wait) = &step.action { Some((rule, wait)) } else { None }
}
