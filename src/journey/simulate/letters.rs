//! The letters of a simulation that wait for their moment.

use std::collections::{BTreeMap, HashMap};

use crate::journey::effect::PlannedMessage;
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
    /// By due moment, then id.
    waiting: BTreeMap<(Timestamp, String), Waiting>,
    due: HashMap<String, Timestamp>,
}

impl Letters {
    pub(super) fn due_at(&self) -> Option<Timestamp> {
        self.waiting.first_key_value().map(|((at, _), _)| *at)
    }

    /// Keeps a letter until it falls due.
    pub(super) fn put(&mut self, place: usize, message: PlannedMessage) {
        let (id, due) = (message.id.clone(), message.due_at);
        self.due.insert(id.clone(), due);
        self.waiting.insert((due, id), Waiting { message: Box::new(message), place });
    }

    /// Takes the next letter out, with the customer it is for.
    pub(super) fn pop(&mut self) -> Option<(usize, Waiting)> {
        let ((_, id), waiting) = self.waiting.pop_first()?;
        self.due.remove(&id);
        Some((waiting.place, waiting))
    }

    /// Takes a letter out that must not go any more.
    pub(super) fn cancel(&mut self, message: &str) -> Option<Waiting> {
        let due = self.due.remove(message)?;
        self.waiting.remove(&(due, message.to_owned()))
    }
}
