//! Steps that begin or end runs of other rules.
//!
//! Invariants: what a step asks for is done when the run that asks rests or has ended, in the order in which it was asked; by
//! such steps a rule begins at most once in a moment, so that rules which begin each other do not go round for ever.

use serde_json::Value;

use super::advance::Run;
use super::effect::{Cause, EndReason};
use super::facts::seen::Seen;
use super::trigger::Occasion;

/// What a step asks for.
#[derive(Debug)]
pub(super) enum Wish {
    /// A run of a rule.
    Enroll {
        /// The rule.
        rule: String,
        /// The rule that asks.
        by: String,
        /// The event that began the run which asks.
        event: Value,
    },
    /// The end of a rule's runs.
    Leave {
        /// The rule.
        rule: String,
        /// The rule that asks.
        by: String,
    },
}

impl Run<'_> {
    /// Does what steps asked for, and what the runs that this begins ask for.
    pub(super) fn grant_wishes(&mut self) {
        if self.granting {
            return;
        }
        self.granting = true;
        while let Some(wish) = self.wishes.pop_front() {
            match wish {
                Wish::Enroll { rule, by, event } => self.enroll(&rule, by, &event),
                Wish::Leave { rule, by } => self.leave(&rule, by),
            }
        }
        self.granting = false;
    }

    fn enroll(&mut self, rule: &str, by: String, event: &Value) {
        let (book, now) = (self.book, self.customer.now);
        let Some(rule) = book.rules.get(rule) else { return };
        let cause = Cause::Rule { rule: by };
        if self.customer.past.get(&rule.id).is_some_and(|past| past.runs > 0 && past.started_at == now) {
            let note = "a run of this rule began at this very moment".to_owned();
            self.decide(rule, "trigger", "began_just_now", note, Vec::new(), &cause);
            return;
        }
        let event = Some(Seen::Made(event)).filter(|event| !event.value().is_null());
        self.try_start(rule, &Occasion { at: now, cause: &cause, event: event.as_ref() });
    }

    fn leave(&mut self, rule: &str, by: String) {
        let reason = EndReason::Left { by };
        self.end_where(&reason, |run, _| run.rule == rule);
        // A run that took its last step may still have a letter on the way.
        self.cancel_pending(&reason, |pending| pending.rule == rule);
    }
}
