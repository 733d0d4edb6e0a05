//! The loops between inbox, core and relay.
//!
//! Every piece of work is an idempotent function that takes no input, reads the store and is woken by a notification or by
//! time; after a crash the same functions go on. Decisions are made in `journey`, never here.
//!
//! Walk of an event: `web` -> [`ingest`] (inbox) -> [`process`] (parse, identity, advance, one transaction) -> [`send`]
//! (compose, last check, hand-over, outcome).

pub mod archive;
pub mod backtest;
pub mod batch;
pub mod codes;
mod concerned;
pub mod cron;
pub mod errands;
pub mod fetch;
pub mod identity;
pub mod in_force;
pub mod ingest;
pub mod mailing;
pub mod own;
pub mod poll;
pub mod process;
pub mod record;
pub mod returns;
pub mod run;
pub mod send;
pub mod sort;
pub mod splits;
pub mod strikes;
pub mod upkeep;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::crm::{Connection, References};
use crate::journey::time::Span;
use crate::rulebook::Book;
use crate::store::{Store, StoreError};
use crate::webhook::Webhooks;

/// What the loops share.
#[expect(missing_debug_implementations, reason = "a rulebook's templates have none")]
pub struct Engine {
    /// The database.
    pub store: Store,
    /// The rulebook in force.
    pub book: Arc<ArcSwap<Book>>,
    /// The time.
    pub clock: Clock,
    /// CRMs and shops by id.
    pub connections: Arc<BTreeMap<String, Connection>>,
    /// Directories of the connections, by connection.
    pub references: ArcSwap<BTreeMap<String, References>>,
    /// How letters leave.
    pub mailing: ArcSwap<mailing::Mailing>,
    /// What letters are kept by.
    pub archive: archive::Archive,
    /// Where webhooks go.
    pub webhooks: Webhooks,
    /// Waits between tries of an errand.
    pub errand_retry: Vec<Span>,
    /// How long errands are kept after they were carried out.
    pub keep_errands: Span,
    /// Where what comes back is fetched from.
    pub sources: returns::Sources,
    /// Where answers go.
    pub answers: returns::Answers,
    /// How long what came back is kept after it was applied.
    pub keep_returns: Span,
    /// How long raw bodies are kept after they were applied.
    pub keep_raw: Span,
    /// How often each connection is polled; absent ones are not.
    pub poll_every: BTreeMap<String, Span>,
    /// Letters that this process is handing over.
    pub in_hand: Mutex<HashSet<String>>,
    /// This process, in leases.
    pub node: String,
    /// Promo pools that had too few codes left when they were last looked at.
    pub low_pools: Mutex<BTreeSet<String>>,
    /// What wakes the loops.
    pub wakes: Arc<Wakes>,
}

impl Engine {
    /// The letters that this process is handing over.
    fn in_hand(&self) -> MutexGuard<'_, HashSet<String>> {
        // A panic elsewhere leaves at worst a letter too many, which then waits for a restart.
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What wakes the loops before their time.
#[derive(Debug, Default)]
pub struct Wakes {
    /// Bodies were accepted, or customers may be due.
    pub process: Notify,
    /// Letters were planned.
    pub send: Notify,
    /// Errands were asked for.
    pub errands: Notify,
    /// Something came back.
    pub returns: Notify,
    /// An answer is to be passed on.
    pub answers: Notify,
    /// Bodies wait for a read from a CRM.
    pub fetch: Notify,
    /// The rules changed, and with them the schedules.
    pub cron: Notify,
    /// Whether bodies come in by crowds.
    pub rush: ingest::Rush,
}

impl Wakes {
    /// Letters were planned, or errands asked for.
    pub fn outgoing(&self) {
        self.send.notify_one();
        // There is a loop a target. One that is at work now looks again before it rests.
        self.errands.notify_waiters();
    }
}

/// What failed in a loop.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The database.
    #[error("the database could not do it")]
    Store(#[from] StoreError),
    /// A CRM could not be read.
    #[error("connection {connection} could not be read")]
    Crm {
        /// Which.
        connection: String,
        /// Why.
        source: crate::crm::ApiError,
    },
    /// What came back could not be fetched.
    #[error("{name} can't be read")]
    Source {
        /// From where.
        name: String,
        /// Why.
        source: std::io::Error,
    },
    /// The process is stopping.
    #[error("the daemon is stopping")]
    Stopped,
    /// A rulebook of the archive can't be read.
    #[error("the rulebook {hash} can't be used: {faults}")]
    Rulebook {
        /// Which.
        hash: String,
        /// Why.
        faults: String,
    },
    /// A side of a backtest has failed.
    #[error("the backtest has failed")]
    Backtest,
    /// The part that records hand-overs has stopped.
    #[error("the recorder of hand-overs has stopped")]
    RecorderStopped,
}

/// What the loops come to.
pub type Result<T> = std::result::Result<T, EngineError>;
