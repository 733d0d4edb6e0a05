//! Looking at kept bodies.

use super::super::db::Arg;
use super::super::{Result, Store};
use super::{Body, BodyState, bodies};

/// Which bodies to list; newest first.
#[derive(Clone, Debug, Default)]
pub struct BodyFilter {
    /// In this state only.
    pub state: Option<BodyState>,
    /// Of this connection only.
    pub connection: Option<String>,
    /// At most so many.
    pub limit: usize,
    /// Below this number only, to go on after a page.
    pub before_id: Option<i64>,
}

/// How many bodies there are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BodyCounts {
    /// Wait to be applied.
    pub pending: u64,
    /// Wait for a read from the CRM.
    pub waiting: u64,
    /// Cannot be applied.
    pub dead: u64,
    /// Applied and not yet pruned.
    pub done: u64,
}

impl Store {
    /// Bodies that pass the filter, newest first.
    pub async fn bodies(&self, filter: &BodyFilter) -> Result<Vec<Body>> {
        const SQL: &str =
            "SELECT id, connection, channel, content_type, query, body, received_at, state, attempts, reason, next_at
            FROM inbox WHERE ($1 IS NULL OR state = $1) AND ($2 IS NULL OR connection = $2) AND ($3 IS NULL OR id < $3)
            ORDER BY id DESC LIMIT $4";
        let args = vec![
            Arg::maybe_text(filter.state.map(BodyState::as_str)),
            Arg::maybe_text(filter.connection.as_deref()),
            Arg::Int(filter.before_id),
            Arg::count(filter.limit),
        ];
        bodies(&self.read("list bodies", SQL, args).await?)
    }

    /// One body.
    pub async fn body(&self, id: i64) -> Result<Option<Body>> {
        const SQL: &str =
            "SELECT id, connection, channel, content_type, query, body, received_at, state, attempts, reason, next_at
            FROM inbox WHERE id = $1";
        Ok(bodies(&self.read("read a body", SQL, vec![Arg::int(id)]).await?)?.pop())
    }

    /// How many bodies there are in each state.
    pub async fn count_bodies(&self) -> Result<BodyCounts> {
        const SQL: &str = "SELECT
            (SELECT COUNT(*) FROM inbox WHERE state = 'pending'), (SELECT COUNT(*) FROM inbox WHERE state = 'waiting'),
            (SELECT COUNT(*) FROM inbox WHERE state = 'dead'), (SELECT COUNT(*) FROM inbox WHERE state = 'done')";
        let rows = self.read("count bodies", SQL, vec![]).await?;
        let Some(row) = rows.first() else { return Ok(BodyCounts::default()) };
        let mut fields = row.fields();
        Ok(BodyCounts {
            pending: fields.count()?,
            waiting: fields.count()?,
            dead: fields.count()?,
            done: fields.count()?,
        })
    }
}
