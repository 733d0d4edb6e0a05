//! The log of messages: every transition, appended in the transaction that made it, never changed.

use std::collections::HashSet;

use serde::Serialize;
use serde_json::Value;

use super::super::db::{Arg, Row};
use super::super::rows::Many;
use super::super::{Engine, Result, Store, Tx};
use super::MessageState;
use crate::journey::time::Timestamp;

/// One transition of a message.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LogRow {
    /// When.
    pub at: Timestamp,
    /// The state it came to.
    pub state: MessageState,
    /// Why, as a short stable code or in words.
    pub reason: Option<String>,
    /// What more is known of it: verdicts, the relay's reply.
    pub detail: Value,
}

/// A transition to append.
pub(super) struct Change<'a> {
    pub(super) message: &'a str,
    pub(super) at: Timestamp,
    pub(super) state: MessageState,
    pub(super) reason: Option<&'a str>,
    pub(super) detail: Value,
}

impl Tx {
    pub(super) async fn log(&mut self, changes: &[Change<'_>]) -> Result<()> {
        const MANY: Many = Many {
            what: "write the message log",
            head: "INSERT INTO message_log (message, at, state, reason, detail) VALUES",
            tail: "",
        };
        let rows = changes.iter().map(|change| {
            let detail = Arg::json(MANY.what, &change.detail)?;
            let state = Arg::text(change.state.as_str());
            Ok([Arg::text(change.message), Arg::time(change.at), state, Arg::maybe_text(change.reason), detail])
        });
        let rows = rows.collect::<Result<Vec<_>>>()?;
        self.execute_many(&MANY, rows).await.map(drop)
    }

    /// Runs a guarded transition over many messages and logs those that it applied to; gives their ids in the order of
    /// `changes`. The statement returns the id of every row it changed.
    pub(super) async fn transit<const N: usize>(
        &mut self,
        many: &Many,
        rows: Vec<[Arg<'_>; N]>,
        mut changes: Vec<Change<'_>>,
    ) -> Result<Vec<String>> {
        self.lock_messages(changes.iter().map(|change| change.message)).await?;
        let mut moved = ids(&self.fetch_many(many, rows).await?)?;
        changes.retain(|change| moved.remove(change.message));
        self.log(&changes).await?;
        Ok(changes.iter().map(|change| change.message.to_owned()).collect())
    }

    /// Locks rows in the order of their ids, so that two transactions that change the same messages cannot wait for each
    /// other. SQLite has one writer at a time.
    async fn lock_messages(&mut self, messages: impl ExactSizeIterator<Item = &str>) -> Result<()> {
        const SQL: &str = "SELECT id FROM messages WHERE id = ANY($1) ORDER BY id FOR UPDATE";
        if self.engine() == Engine::Postgres && messages.len() > 1 {
            self.fetch("lock messages", SQL, vec![Arg::texts(messages)]).await?;
        }
        Ok(())
    }
}

impl Store {
    /// Everything that became of a message, in order.
    pub async fn message_log(&self, id: &str) -> Result<Vec<LogRow>> {
        const SQL: &str = "SELECT at, state, reason, detail FROM message_log WHERE message = $1 ORDER BY id";
        let rows = self.read("read a message's log", SQL, vec![Arg::text(id)]).await?;
        rows.iter()
            .map(|row| {
                let mut fields = row.fields();
                Ok(LogRow {
                    at: fields.time()?,
                    state: fields.word(MessageState::parse)?,
                    reason: fields.maybe_text()?,
                    detail: fields.json()?,
                })
            })
            .collect()
    }
}

pub(super) fn ids(rows: &[Row]) -> Result<HashSet<String>> {
    rows.iter().map(|row| row.fields().text()).collect()
}
