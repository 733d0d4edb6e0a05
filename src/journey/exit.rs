//! What ends runs from outside: events, conditions, reached goals, and the end of a run's life.
//!
//! Invariants: a run ends once; of a rule with a key, an event that has a value for the key concerns the runs under that
//! value only; a goal is credited once, to a letter whose window was open.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use serde_json::Value;

use super::advance::Run;
use super::customer::{Customer, Enrollment};
use super::effect::{Effect, EndReason};
use super::event::kind;
use super::facts::fold::Happening;
use super::facts::seen::{self, Seen};
use super::facts::view;
use super::money::Money;
use super::placement::earliest;
use super::rule::{Goal, GoalValue, Rule};
use super::time::{Span, Timestamp};

/// How long a goal window that is over is still kept for events that come late.
pub(super) const LATE: Span = Span::days(2);

impl Rule {
    /// Whether an event of this kind ends a run, and how; conditions are asked of `holds`.
    pub(super) fn ended_by(
        &self,
        kind: &str,
        holds: impl Fn(&super::condition::Condition) -> bool,
    ) -> Option<EndReason> {
        let met = |when: &Option<super::condition::Condition>| when.as_ref().is_none_or(&holds);
        if self.goal.as_ref().is_some_and(|goal| goal.event == kind && met(&goal.when)) {
            return Some(EndReason::Goal);
        }
        let ends = self.exit_on.iter().any(|exit| exit.event == kind && met(&exit.when));
        ends.then(|| EndReason::ExitEvent { kind: kind.to_owned() })
    }

    /// The value of the rule's key in an event; `None` where the rule has no key or the event no value for it.
    pub(super) fn key_of(&self, event: Option<&Value>) -> Option<String> {
        let (path, event) = (self.reenter.key()?, event?);
        match view::of_event(event, path)? {
            Value::String(text) if !text.is_empty() && text.len() <= MAX_KEY => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// Whether an event concerns a run, or a letter, that is under this key.
    fn concerns(&self, event: Option<&Value>, key: Option<&str>) -> bool {
        match (self.key_of(event), key) {
            (Some(told), Some(own)) => told == own,
            _ => true,
        }
    }
}

/// Longest value of a key, in bytes.
const MAX_KEY: usize = 200;

impl Run<'_> {
    /// Ends runs, and takes back their letters, that an event's happenings end.
    pub(super) fn exit_on_events(&mut self, event: Option<&Seen<'_>>, happened: &[Happening]) {
        let now = self.customer.now;
        let book = self.book;
        // Earlier rules only where something finishes as they were.
        let under =
            |rulebook: &String| if book.earlier.contains_key(rulebook) { rulebook.clone() } else { String::new() };
        let runs = self.customer.enrollments.iter().map(|e| (under(&e.rulebook), e.rule.clone()));
        let letters = self.customer.pending.iter().map(|p| (under(&p.rulebook), p.rule.clone()));
        let concerned: BTreeSet<(String, String)> = runs.chain(letters).collect();
        for happening in happened {
            for (rulebook, id) in &concerned {
                let Some(rule) = book.rule_under(rulebook, id) else { continue };
                if happening.at.after(rule.max_age) < now {
                    continue;
                }
                let reason = rule.ended_by(&happening.kind, |c| c.evaluate(self.facts(seen::value(event))).holds);
                if let Some(reason) = reason {
                    let meant = |of: &str, by: &String, key: Option<&str>| {
                        of == id && under(by) == *rulebook && rule.concerns(seen::value(event), key)
                    };
                    self.end_where(&reason, |e, _| meant(&e.rule, &e.rulebook, e.key.as_deref()));
                    // A run that took its last step may still have a letter on the way.
                    self.cancel_pending(&reason, |p| meant(&p.rule, &p.rulebook, p.key.as_deref()));
                }
            }
        }
    }

    /// Ends runs whose `exit_when` holds.
    pub(super) fn exit_on_conditions(&mut self) {
        let book = self.book;
        let running: Vec<(String, &Rule)> =
            self.customer.enrollments.iter().filter_map(|e| Some((e.id.clone(), book.rule_of(e)?))).collect();
        for (id, rule) in running {
            for condition in &rule.exit_when {
                let answer = condition.evaluate(self.facts(None));
                self.flips = earliest(self.flips, answer.flips_at);
                if answer.holds {
                    self.end_where(&EndReason::ExitCondition, |e, _| e.id == id);
                    break;
                }
            }
        }
    }

    /// Ends runs whose life is over.
    pub(super) fn expire(&mut self, now: Timestamp) {
        self.end_where(&EndReason::Expired, |e, _| e.parked.is_none() && e.ends_at.is_some_and(|at| at <= now));
    }

    /// Credits goals that an event's happenings reach.
    pub(super) fn reach_goals(&mut self, event: Option<&Seen<'_>>, happened: &[Happening]) {
        let now = self.customer.now;
        let watches = std::mem::take(&mut self.customer.goals);
        let book = self.book;
        for watch in watches {
            let Some(rule) = book.rule_under(&watch.rulebook, &watch.rule) else { continue };
            let Some(goal) = &rule.goal else { continue };
            match self.reaching(rule, watch.from..=watch.until, watch.key.as_deref(), (event, happened)) {
                Some(happening) => {
                    let at = happening.at;
                    let value = worth(goal, &self.customer, seen::value(event), &book.shop.currency);
                    self.effects.push(Effect::Converted {
                        enrollment: watch.enrollment,
                        rule: watch.rule,
                        message: watch.message,
                        at,
                        value,
                        held_out: watch.held_out,
                    });
                }
                // A late event may still fall into a window that is over by now, but not forever.
                None if watch.until.after(LATE) >= now => self.customer.goals.push(watch),
                None => {}
            }
        }
    }

    /// The happening that reaches a rule's goal in a time, for the run under a key.
    pub(super) fn reaching<'h>(
        &self,
        rule: &Rule,
        window: RangeInclusive<Timestamp>,
        key: Option<&str>,
        (event, happened): (Option<&Seen<'_>>, &'h [Happening]),
    ) -> Option<&'h Happening> {
        let goal = rule.goal.as_ref()?;
        happened.iter().find(|h| {
            h.kind == goal.event
                && window.contains(&h.at)
                && rule.concerns(seen::value(event), key)
                && goal.when.as_ref().is_none_or(|c| c.evaluate(self.facts(seen::value(event))).holds)
        })
    }

    /// Ends the runs that `which` picks.
    pub(super) fn end_where(&mut self, reason: &EndReason, which: impl Fn(&Enrollment, &Customer) -> bool) {
        let all = std::mem::take(&mut self.customer.enrollments);
        let (ended, kept): (Vec<_>, Vec<_>) = all.into_iter().partition(|e| which(e, &self.customer));
        self.customer.enrollments = kept;
        for enrollment in ended {
            self.finish(&enrollment, reason);
        }
    }
}

/// What reaching a goal by this event is worth.
fn worth(goal: &Goal, customer: &Customer, event: Option<&Value>, currency: &str) -> Option<Money> {
    match goal.value.as_ref()? {
        GoalValue::OrderTotal => order_total(customer, event),
        GoalValue::Number { path } => {
            let event = event?;
            let amount = view::of_event(event, path)?;
            // `event.order.total` is in `event.order.currency`, `event.amount` in `event.currency`, if that is there.
            let beside = path.rsplit_once('.').map_or("currency".to_owned(), |(group, _)| format!("{group}.currency"));
            let currency = view::of_event(event, &beside).and_then(Value::as_str).unwrap_or(currency);
            match amount {
                Value::String(text) => Money::from_major(text, currency),
                amount => Money::from_number(amount.as_f64()?, currency),
            }
        }
    }
}

/// The total of the order that an event is about.
fn order_total(customer: &Customer, event: Option<&Value>) -> Option<Money> {
    let id = event?.get("order")?.get("id")?.as_str()?;
    let known =
        customer.orders.recent.iter().rev().find(|o| o.key.rsplit_once('/').is_some_and(|(_, known)| known == id))?;
    known.total.clone()
}

/// How an order that somebody else placed, who turned out to be the same customer, would have ended a run. Conditions ask
/// for its event, which is gone; and a run under a key is about another happening.
pub(super) fn ended_by_order(rule: &Rule) -> Option<EndReason> {
    if rule.reenter.key().is_some() {
        return None;
    }
    rule.ended_by(kind::ORDER_CREATED, |_| false)
}
