//! SQL on SQLite and PostgreSQL: everything that must outlive the process.
//!
//! [`Store`] is a cheap clone and the only way in. Reads are methods of `Store`; every write is a method of [`Tx`], so that
//! a decision and all that follows from it are committed together. A `Tx` that is dropped is rolled back.
//!
//! Invariants: each statement is written once and runs on both engines; a transition of a message is guarded by the state
//! it comes from, and the calls that can lose such a race return the ids that won it; every list is written by multi-row
//! statements; documents are written whole.
//!
//! Not here: what any of it means (`journey`, `engine`), and time: every moment is handed in.

mod alone;
mod consents;
mod counters;
mod cursors;
mod customers;
mod db;
mod decisions;
mod dictionaries;
mod errands;
mod error;
mod events;
mod firings;
mod inbox;
mod journeys;
mod messages;
mod open;
mod pauses;
mod promo;
mod relays;
mod returned;
mod rows;
mod rulebooks;
mod schema;
mod splits;
mod strikes;
mod suppressions;
mod vault;
mod words;

pub use alone::Alone;
pub use consents::{ConsentFilter, ConsentRow};
pub use counters::Count;
pub use errands::{ClaimedErrand, ErrandFilter, ErrandOf, ErrandOutcome, ErrandRow, ErrandState, NewErrand};
pub use error::{Result, StoreError};
pub use events::StoredEvent;
pub use firings::Firing;
pub use inbox::{Body, BodyCounts, BodyFilter, BodyState, Channel, NewBody};
pub use journeys::{Conversion, EnrollmentRow, OfRule};
pub use messages::{
    BackRow, Claimed, Frozen, HeldLetters, HoldRow, Links, LogRow, MessageFilter, MessageRow, MessageState, NewMessage,
    OutcomeRow, PutOffRow, RESEND, ReadRow, Sent, Tracked,
};
pub use promo::{CodeRow, CodeState, CodeWish, PoolStock, SEED_NOTE};
pub use relays::{Ceiling, RelayStop, Window};
pub use returned::{NewReturned, Returned, ReturnedFilter, ReturnedForm, ReturnedState, Settled};
pub use rulebooks::InForce;
pub use splits::{ArmRow, WinnerRow};
pub use strikes::Strike;
pub use suppressions::{Suppression, SuppressionChange, SuppressionFilter, SuppressionLog};
pub use vault::{Dictionary, Sealed};

use std::collections::{BTreeSet, HashMap};

use crate::journey::event::Key;
use db::{Arg, Pools, Row};

/// Which database stands behind the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// One file, one node.
    Sqlite,
    /// A server, several nodes.
    Postgres,
}

/// The store. Cheap to clone.
///
/// With `sqlite::memory:` there is one connection in all: a read waits for the transaction that is open, so a task must
/// not read through the store while it holds a [`Tx`].
#[derive(Clone, Debug)]
pub struct Store {
    pools: Pools,
}

/// A writing transaction; dropped without [`Tx::commit`] it is rolled back.
#[derive(Debug)]
pub struct Tx {
    inner: db::Transaction,
    /// What the indexes hold of the customers that were loaded: a document that changes nothing there is written without
    /// touching them.
    indexed: HashMap<String, customers::Indexed>,
}

impl Store {
    /// Opens `sqlite:PATH`, `sqlite::memory:` or `postgres://…`; makes the folder of a file, and brings the schema up to
    /// date under a lock.
    pub async fn open(url: &str) -> Result<Self> {
        Ok(Self { pools: open::open(url).await? })
    }

    /// The engine behind it.
    pub fn engine(&self) -> Engine {
        self.pools.engine()
    }

    /// Asks the database for a sign of life.
    pub async fn ping(&self) -> Result<()> {
        self.read("ask the database for a sign of life", "SELECT CAST(1 AS BIGINT)", vec![]).await.map(drop)
    }

    /// Begins a writing transaction. On SQLite there is one at a time: the others wait for it.
    pub async fn begin(&self) -> Result<Tx> {
        Ok(Tx::new(self.pools.begin().await?))
    }

    /// Begins a transaction that advances customers: of those, one thinks at a time over all nodes. On SQLite it becomes the
    /// one that writes only when it first does, and the next may think from then on; nothing changes what it has read, for
    /// the customers that it has loaded and the names that it [holds](Tx::hold) are its own.
    pub async fn begin_processing(&self) -> Result<Tx> {
        self.begin_thinking(true).await
    }

    /// Begins a transaction that changes customers whom it loads, and neither makes nor merges any. On SQLite it waits only
    /// for what has one of them in hand, not for all that advances customers.
    pub async fn begin_recording(&self) -> Result<Tx> {
        self.begin_thinking(false).await
    }

    async fn begin_thinking(&self, in_turn: bool) -> Result<Tx> {
        const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema(), $1)) IS NULL";
        const PROCESSING: i64 = 1;
        let mut tx = Tx::new(self.pools.begin_reading(in_turn).await?);
        if self.engine() == Engine::Postgres {
            tx.execute("wait for the processing lock", LOCK, vec![Arg::int(PROCESSING)]).await?;
        }
        Ok(tx)
    }

    /// Closes every connection; what is under way is finished first.
    pub async fn close(&self) {
        self.pools.close().await;
    }

    async fn read(&self, what: &'static str, sql: &'static str, args: Vec<Arg<'_>>) -> Result<Vec<Row>> {
        self.pools.fetch(what, sql, args).await
    }
}

impl Tx {
    fn new(inner: db::Transaction) -> Self {
        Self { inner, indexed: HashMap::new() }
    }

    /// Keeps keys of customers and ids of events (source, id) from other transactions until this one ends. To be asked for
    /// before they are looked up.
    pub async fn hold(&mut self, keys: &[Key], events: &[(String, String)]) {
        let keys = keys.iter().map(|key| format!("key\0{}\0{}", key.kind, key.value));
        let events = events.iter().map(|(source, id)| format!("event\0{source}\0{id}"));
        // Each once: what is taken twice would be let go once.
        let names: BTreeSet<String> = keys.chain(events).collect();
        self.inner.hold(&names.into_iter().collect::<Vec<_>>()).await;
    }

    /// Waits until it is the one that writes, on SQLite: from then on nothing changes what it reads but itself.
    pub async fn begin_writing(&mut self) -> Result<()> {
        self.inner.begin_writing().await
    }

    /// Commits: once this returns, everything written is on disk.
    pub async fn commit(self) -> Result<()> {
        self.inner.commit().await
    }

    /// The engine behind it.
    pub fn engine(&self) -> Engine {
        self.inner.engine()
    }

    async fn execute(&mut self, what: &'static str, sql: &'static str, args: Vec<Arg<'_>>) -> Result<u64> {
        self.inner.execute(what, sql, args).await
    }

    async fn fetch(&mut self, what: &'static str, sql: &'static str, args: Vec<Arg<'_>>) -> Result<Vec<Row>> {
        self.inner.fetch(what, sql, args).await
    }

    async fn look(&mut self, what: &'static str, sql: &'static str, args: Vec<Arg<'_>>) -> Result<Vec<Row>> {
        self.inner.look(what, sql, args).await
    }
}
