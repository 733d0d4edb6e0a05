//! The end of every decision: a customer's letters get their moments anew.

use super::rank::{Change, Outcome, reschedule};
use crate::journey::advance::Run;
use crate::journey::effect::{Effect, PlannedMessage};
use crate::journey::time::Timestamp;

impl Run<'_> {
    /// Gives the moments of the letters out anew, and says what changed. A letter of this very decision says it itself.
    pub(in crate::journey) fn arrange(&mut self) {
        let now = self.customer.now;
        for change in reschedule(self.book, &mut self.customer, now) {
            let planned = self.effects.iter_mut().find_map(|effect| match effect {
                Effect::MessagePlanned(planned) if planned.id == change.message => Some(planned),
                _ => None,
            });
            match planned {
                Some(planned) => amend(planned, change),
                None => self.effects.push(change.into_effect(now)),
            }
        }
    }
}

fn amend(planned: &mut PlannedMessage, change: Change) {
    planned.verdicts.extend(change.verdicts);
    match change.what {
        Outcome::Held(held) => planned.held = Some(held),
        Outcome::Free(_) => planned.held = None,
        Outcome::Withheld(reason) => planned.withheld = Some(reason),
    }
}

impl Change {
    /// What the world is asked to do about it.
    pub fn into_effect(self, now: Timestamp) -> Effect {
        let Self { message, rule, verdicts, what } = self;
        match what {
            Outcome::Held(held) => Effect::MessageHeld { message, at: now, held: Some(held), verdicts },
            Outcome::Free(_) => Effect::MessageHeld { message, at: now, held: None, verdicts },
            Outcome::Withheld(reason) => Effect::MessageCancelled { message, rule, at: now, reason },
        }
    }
}
