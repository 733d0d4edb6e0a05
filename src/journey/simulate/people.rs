//! The customers of a simulation, with an index of whose time comes next.

use std::collections::{BTreeMap, BTreeSet};

use crate::journey::customer::Customer;
use crate::journey::time::Timestamp;

#[derive(Debug, Default)]
pub(super) struct People {
    by_id: BTreeMap<String, usize>,
    all: Vec<Customer>,
    due: BTreeSet<(Timestamp, usize)>,
}

impl People {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn get(&self, id: &str) -> Option<&Customer> {
        self.by_id.get(id).map(|place| &self.all[*place])
    }

    /// Everyone, in the order of ids.
    pub(super) fn by_id(&self) -> Vec<usize> {
        self.by_id.values().copied().collect()
    }

    /// The place of a customer, who comes to be known at `at` if they were not.
    pub(super) fn place(&mut self, id: &str, at: Timestamp) -> usize {
        if let Some(place) = self.by_id.get(id) {
            return *place;
        }
        self.all.push(Customer::new(id, at));
        self.by_id.insert(id.to_owned(), self.all.len() - 1);
        self.all.len() - 1
    }

    /// Takes a customer out; whoever does so puts them back.
    pub(super) fn take(&mut self, place: usize) -> Customer {
        let state = std::mem::take(&mut self.all[place]);
        if let Some(due) = state.due_at() {
            self.due.remove(&(due, place));
        }
        state
    }

    pub(super) fn put(&mut self, place: usize, state: Customer) {
        if let Some(due) = state.due_at() {
            self.due.insert((due, place));
        }
        self.all[place] = state;
    }

    /// When the next customer's time comes.
    pub(super) fn due_at(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Whose time comes next.
    pub(super) fn next_due(&self) -> Option<usize> {
        self.due.first().map(|(_, place)| *place)
    }
}
