//! A transaction of SQLite that opens when it first writes.

use std::collections::HashSet;
use std::sync::Arc;

use sqlx::{Sqlite, SqliteConnection, SqlitePool};
use tokio::sync::OwnedMutexGuard;

use super::busy::Busy;
use super::failed;
use crate::store::Result;

/// A transaction that may not be open yet; what it reads until then is what was committed last.
#[derive(Debug)]
pub(in crate::store) struct Lazy {
    // Fields are dropped in their order: first the transaction ends, then others may go on.
    open: Option<sqlx::Transaction<'static, Sqlite>>,
    in_hand: InHand,
    /// Let go with the first write: from then on somebody else may think.
    turn: Option<OwnedMutexGuard<()>>,
    write: SqlitePool,
    read: SqlitePool,
}

/// Customers and names in hand, let go when this is dropped.
#[derive(Debug)]
struct InHand {
    busy: Arc<Busy>,
    ids: Vec<String>,
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.busy.free(&self.ids);
    }
}

impl Lazy {
    pub(super) fn new(
        (write, read, busy): (&SqlitePool, &SqlitePool, &Arc<Busy>),
        turn: Option<OwnedMutexGuard<()>>,
    ) -> Self {
        let in_hand = InHand { busy: Arc::clone(busy), ids: Vec::new() };
        Self { open: None, in_hand, turn, write: write.clone(), read: read.clone() }
    }

    /// Waits until no other transaction of this process has these customers or names in hand, and takes them: what a name
    /// will stand for may be in a transaction that has not ended yet.
    pub(super) async fn hold(&mut self, names: &[String]) {
        let held: HashSet<&String> = self.in_hand.ids.iter().collect();
        let more: Vec<String> = names.iter().filter(|name| !held.contains(name)).cloned().collect();
        self.in_hand.busy.take(&more).await;
        self.in_hand.ids.extend(more);
    }

    /// The transaction, if it is open.
    pub(super) fn open(&mut self) -> Option<&mut SqliteConnection> {
        self.open.as_deref_mut()
    }

    /// Where to read while it is not.
    pub(super) fn reading(&self) -> &SqlitePool {
        &self.read
    }

    /// The transaction, opened if it is not.
    pub(super) async fn writing(&mut self) -> Result<&mut SqliteConnection> {
        self.turn = None;
        let open = match self.open.take() {
            Some(open) => open,
            // A transaction that first reads and then writes could not be upgraded while another one writes.
            None => self.write.begin_with("BEGIN IMMEDIATE").await.map_err(failed("begin a transaction"))?,
        };
        Ok(self.open.insert(open))
    }

    pub(super) async fn commit(self) -> Result<()> {
        match self.open {
            Some(open) => open.commit().await.map_err(failed("commit a transaction")),
            None => Ok(()),
        }
    }
}
