//! Firings of cron rules: one row each, so that a rule fires once over all nodes and goes on where it was after a restart.

use super::db::Arg;
use super::{Result, Store, Tx};
use crate::journey::time::Timestamp;

/// A firing that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firing {
    /// Rule.
    pub rule: String,
    /// The moment it is for.
    pub at: Timestamp,
    /// The last customer taken; empty at first.
    pub cursor: String,
}

impl Tx {
    /// Opens a firing; tells whether it is new.
    pub async fn open_firing(&mut self, rule: &str, at: Timestamp) -> Result<bool> {
        const SQL: &str = "INSERT INTO firings (rule, at, progress, closed) VALUES ($1, $2, '', 0)
            ON CONFLICT (rule, at) DO NOTHING";
        Ok(self.execute("open a firing", SQL, vec![Arg::text(rule), Arg::time(at)]).await? > 0)
    }

    /// Notes how far a firing has come; commit it with what it covers.
    pub async fn move_firing(&mut self, rule: &str, at: Timestamp, cursor: &str) -> Result<()> {
        const SQL: &str = "UPDATE firings SET progress = $3 WHERE rule = $1 AND at = $2 AND closed = 0";
        self.execute("move a firing", SQL, vec![Arg::text(rule), Arg::time(at), Arg::text(cursor)]).await.map(drop)
    }

    /// Closes a firing.
    pub async fn close_firing(&mut self, rule: &str, at: Timestamp) -> Result<()> {
        const SQL: &str = "UPDATE firings SET closed = 1 WHERE rule = $1 AND at = $2";
        self.execute("close a firing", SQL, vec![Arg::text(rule), Arg::time(at)]).await.map(drop)
    }
}

impl Store {
    /// Firings that are under way, the oldest first.
    pub async fn open_firings(&self) -> Result<Vec<Firing>> {
        const SQL: &str = "SELECT rule, at, progress FROM firings WHERE closed = 0 ORDER BY at, rule";
        let rows = self.read("read open firings", SQL, vec![]).await?;
        rows.iter()
            .map(|row| {
                let mut fields = row.fields();
                Ok(Firing { rule: fields.text()?, at: fields.time()?, cursor: fields.text()? })
            })
            .collect()
    }

    /// The latest firing of a rule, open or closed.
    pub async fn last_firing(&self, rule: &str) -> Result<Option<Timestamp>> {
        const SQL: &str = "SELECT MAX(at) FROM firings WHERE rule = $1";
        let rows = self.read("find a rule's last firing", SQL, vec![Arg::text(rule)]).await?;
        rows.first().map_or(Ok(None), |row| row.fields().maybe_time())
    }
}
