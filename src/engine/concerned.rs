//! The customers whom letters concern, as they are today.

use std::collections::{BTreeSet, HashMap};

use super::Result;
use crate::journey::customer::Customer;
use crate::store::{Store, Tx};

/// A transaction over customers as they are today: who each of them is, and their documents, locked.
pub(super) struct Concerned {
    pub(super) tx: Tx,
    /// Who each of those that were asked for is today; unknown ones are absent, or stand for themselves.
    pub(super) survivors: HashMap<String, String>,
    pub(super) customers: HashMap<String, Customer>,
}

impl Concerned {
    /// Whoever a letter was claimed for may have been merged into somebody else since, and may be while this waits for its
    /// turn.
    pub(super) async fn of(store: &Store, ids: &[String]) -> Result<Self> {
        let mut survivors: HashMap<String, String> = ids.iter().map(|id| (id.clone(), id.clone())).collect();
        loop {
            let wanted: Vec<String> = survivors.values().cloned().collect::<BTreeSet<_>>().into_iter().collect();
            let mut tx = store.begin_recording().await?;
            let customers = tx.load_customers(&wanted).await?;
            if wanted.iter().all(|id| customers.contains_key(id)) {
                return Ok(Self { tx, survivors, customers });
            }
            survivors = tx.survivors(ids).await?;
        }
    }
}
