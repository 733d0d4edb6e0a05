//! What came in, as it came, until it is applied: the durable queue before the core.
//!
//! A body is `pending` until the processor has applied it (`done`), found it unreadable (`dead`), or needs a read from the
//! CRM first (`waiting`). Bytes are kept in every state until they are pruned, so that anything can be replayed.

mod list;
mod put;

use std::ops::RangeInclusive;

use super::db::{Arg, Row};
use super::rows::Many;
use super::words::words;
use super::{Result, Store, Tx, vault};
use crate::journey::time::Timestamp;

pub use list::{BodyCounts, BodyFilter};

words! {
    /// The way a body came.
    Channel {
        /// Posted to a hook of a connection.
        Hook = "hook",
        /// Posted to the events API.
        Api = "api",
        /// A page of a connection's history.
        Poll = "poll",
        /// An entity read from a connection because a hook named it.
        Read = "read",
        /// Said by Milepost itself: a JSON array of events.
        Own = "own",
    }
}

words! {
    /// How far a body has come.
    BodyState {
        /// Waits to be applied.
        Pending = "pending",
        /// Applied.
        Done = "done",
        /// Cannot be applied; the reason is kept.
        Dead = "dead",
        /// Needs a read from its connection first.
        Waiting = "waiting",
    }
}

/// A body to keep.
#[derive(Clone, Debug)]
pub struct NewBody {
    /// The connection it came by.
    pub connection: String,
    /// The way it came.
    pub channel: Channel,
    /// Its media type as said.
    pub content_type: String,
    /// The query string of the address it was posted to.
    pub query: String,
    /// Its bytes.
    pub body: Vec<u8>,
    /// When it was accepted.
    pub received_at: Timestamp,
    /// If given: a second body of the connection with the same value is a duplicate.
    pub dedupe: Option<String>,
}

/// A kept body.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    /// Its number, in the order of arrival.
    pub id: i64,
    /// The connection it came by.
    pub connection: String,
    /// The way it came.
    pub channel: Channel,
    /// Its media type as said.
    pub content_type: String,
    /// The query string of the address it was posted to.
    pub query: String,
    /// Its bytes.
    pub body: Vec<u8>,
    /// When it was accepted.
    pub received_at: Timestamp,
    /// How far it has come.
    pub state: BodyState,
    /// How often a read for it was put off.
    pub attempts: i64,
    /// Why it is dead or waiting.
    pub reason: Option<String>,
    /// When to try a waiting one again.
    pub next_at: Option<Timestamp>,
}

impl Store {
    /// Bodies that wait to be applied, in the order of arrival.
    pub async fn pending_bodies(&self, limit: usize) -> Result<Vec<Body>> {
        self.pending_bodies_beside(0..=0, limit).await
    }

    /// The same without those whose ids lie in a range: they are in hand.
    pub async fn pending_bodies_beside(&self, in_hand: RangeInclusive<i64>, limit: usize) -> Result<Vec<Body>> {
        const SQL: &str =
            "SELECT id, connection, channel, content_type, query, body, received_at, state, attempts, reason, next_at
            FROM inbox WHERE state = 'pending' AND (id < $1 OR id > $2) ORDER BY id LIMIT $3";
        let args = vec![Arg::int(*in_hand.start()), Arg::int(*in_hand.end()), Arg::count(limit)];
        bodies(&self.read("read pending bodies", SQL, args).await?)
    }

    /// When the oldest body that waits to be applied was accepted. One that waits for its first read from a CRM counts; once
    /// that has failed it does not, so that a CRM that is out of order holds no letters up.
    pub async fn oldest_unapplied_at(&self) -> Result<Option<Timestamp>> {
        const SQL: &str = "SELECT MIN(oldest) FROM (
            SELECT MIN(received_at) AS oldest FROM inbox WHERE state = 'pending'
            UNION ALL SELECT MIN(received_at) FROM inbox WHERE state = 'waiting' AND attempts <= 1) AS unapplied";
        let rows = self.read("find the oldest pending body", SQL, vec![]).await?;
        rows.first().map_or(Ok(None), |row| row.fields().maybe_time())
    }

    /// Bodies whose read from the CRM is due.
    pub async fn waiting_bodies(&self, now: Timestamp, limit: usize) -> Result<Vec<Body>> {
        const SQL: &str =
            "SELECT id, connection, channel, content_type, query, body, received_at, state, attempts, reason, next_at
            FROM inbox WHERE state = 'waiting' AND next_at <= $1 ORDER BY next_at, id LIMIT $2";
        bodies(&self.read("read waiting bodies", SQL, vec![Arg::time(now), Arg::count(limit)]).await?)
    }
}

impl Tx {
    /// Marks bodies as applied.
    pub async fn finish_bodies(&mut self, ids: &[i64], at: Timestamp) -> Result<()> {
        const SQL: &str = "UPDATE inbox SET state = 'done', settled_at = $2, reason = NULL, next_at = NULL
            WHERE id = ANY($1) AND state IN ('pending', 'waiting')";
        if !ids.is_empty() {
            self.execute("finish bodies", SQL, vec![Arg::Ints(ids), Arg::time(at)]).await?;
        }
        Ok(())
    }

    /// Marks bodies as impossible to apply, each with the reason.
    pub async fn bury_bodies(&mut self, dead: &[(i64, String)], at: Timestamp) -> Result<()> {
        const MANY: Many = Many {
            what: "bury bodies",
            head: "WITH v (v_id, v_reason, v_at) AS (VALUES",
            tail: ") UPDATE inbox SET state = 'dead', reason = v_reason, settled_at = v_at, next_at = NULL
                FROM v WHERE id = v_id AND state IN ('pending', 'waiting')",
        };
        let rows = dead.iter().map(|(id, reason)| [Arg::int(*id), Arg::text(reason), Arg::time(at)]).collect();
        self.execute_many(&MANY, rows).await.map(drop)
    }

    /// Puts bodies off until a read from the CRM succeeds: (id, what for or why not yet, when to try).
    pub async fn park_bodies(&mut self, parked: &[(i64, String, Timestamp)]) -> Result<()> {
        const MANY: Many = Many {
            what: "park bodies",
            head: "WITH v (v_id, v_reason, v_next_at) AS (VALUES",
            tail:
                ") UPDATE inbox SET state = 'waiting', reason = v_reason, next_at = v_next_at, attempts = attempts + 1
                FROM v WHERE id = v_id AND state IN ('pending', 'waiting')",
        };
        let rows =
            parked.iter().map(|(id, reason, next)| [Arg::int(*id), Arg::text(reason), Arg::time(*next)]).collect();
        self.execute_many(&MANY, rows).await.map(drop)
    }

    /// Sends dead or waiting bodies through again; tells how many there were.
    pub async fn retry_bodies(&mut self, ids: &[i64]) -> Result<u64> {
        const SQL: &str =
            "UPDATE inbox SET state = 'pending', attempts = 0, reason = NULL, next_at = NULL, settled_at = NULL
            WHERE id = ANY($1) AND state IN ('dead', 'waiting')";
        if ids.is_empty() { Ok(0) } else { self.execute("retry bodies", SQL, vec![Arg::Ints(ids)]).await }
    }

    /// Deletes bodies that were applied before a moment; tells how many.
    pub async fn prune_bodies(&mut self, done_before: Timestamp, limit: usize) -> Result<u64> {
        const SQL: &str = "DELETE FROM inbox WHERE id IN (SELECT id FROM inbox WHERE state = 'done' AND settled_at < $1
            ORDER BY settled_at LIMIT $2)";
        self.execute("prune bodies", SQL, vec![Arg::time(done_before), Arg::count(limit)]).await
    }
}

fn bodies(rows: &[Row]) -> Result<Vec<Body>> {
    rows.iter()
        .map(|row| {
            let mut fields = row.fields();
            Ok(Body {
                id: fields.int()?,
                connection: fields.text()?,
                channel: fields.word(Channel::parse)?,
                content_type: fields.text()?,
                query: fields.text()?,
                body: vault::open(&fields.bytes()?, None)?,
                received_at: fields.time()?,
                state: fields.word(BodyState::parse)?,
                attempts: fields.int()?,
                reason: fields.maybe_text()?,
                next_at: fields.maybe_time()?,
            })
        })
        .collect()
}
