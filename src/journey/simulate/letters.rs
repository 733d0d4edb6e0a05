//! The letters of a simulation that wait for their moment.

use std::collections::{BTreeMap, HashMap};

use crate::journey::attention::Held;
use crate::journey::effect::{PlannedMessage, PolicyVerdict};
use crate::journey::time::Timestamp;

/// A letter that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) message: Box<PlannedMessage>,
    /// The customer it is for.
    place: usize,
}

#[derive(Debug, Default)]
pub(super) struct Letters {
    /// By the moment at which each may go, then by id.
    waiting: BTreeMap<(Timestamp, String), Waiting>,
    due: HashMap<String, Timestamp>,
}

impl Letters {
    pub(super) fn due_at(&self) -> Option<Timestamp> {
        self.waiting.first_key_value().map(|((at, _), _)| *at)
    }

    /// Keeps a letter until it may go.
    pub(super) fn put(&mut self, place: usize, message: PlannedMessage) {
        let at = message.held.as_ref().map_or(message.due_at, |held| held.until);
        self.put_at(at, place, message);
    }

    fn put_at(&mut self, due: Timestamp, place: usize, message: PlannedMessage) {
        let id = message.id.clone();
        self.due.insert(id.clone(), due);
        self.waiting.insert((due, id), Waiting { message: Box::new(message), place });
    }

    /// Takes the next letter out, with the customer it is for.
    pub(super) fn pop(&mut self) -> Option<(usize, Waiting)> {
        let ((_, id), waiting) = self.waiting.pop_first()?;
        self.due.remove(&id);
        Some((waiting.place, waiting))
    }

    /// Keeps a letter until another moment than before; `None`: it may go from `at` on. Gives it back as it is now, with what
    /// the policies said last.
    pub(super) fn hold(
        &mut self,
        message: &str,
        at: Timestamp,
        held: Option<Held>,
        verdicts: Vec<PolicyVerdict>,
    ) -> Option<&PlannedMessage> {
        let Waiting { message, place } = self.cancel(message)?;
        let until = held.as_ref().map_or(at, |held| held.until);
        let message = PlannedMessage { held, verdicts, ..*message };
        let key = (until, message.id.clone());
        self.put_at(until, place, message);
        self.waiting.get(&key).map(|waiting| &*waiting.message)
    }

    /// Takes a letter out that must not go any more.
    pub(super) fn cancel(&mut self, message: &str) -> Option<Waiting> {
        let due = self.due.remove(message)?;
        self.waiting.remove(&(due, message.to_owned()))
    }
}
