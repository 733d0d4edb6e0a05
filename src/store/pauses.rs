//! Rules that are paused, or were.

use super::db::{Arg, Row};
use super::{Result, Store, StoreError, Tx};
use crate::journey::pause::{Over, Overdue, Pause, Pauses};
use crate::journey::time::Timestamp;

impl Tx {
    /// Pauses a rule; tells whether it was not paused already.
    pub async fn pause_rule(&mut self, rule: &str, why: &str, at: Timestamp) -> Result<bool> {
        const SQL: &str = "INSERT INTO pauses (rule, since, why) VALUES ($1, $2, $3)
            ON CONFLICT (rule) DO UPDATE SET since = excluded.since, why = excluded.why, over_at = NULL, overdue = NULL
            WHERE pauses.over_at IS NOT NULL";
        let args = vec![Arg::text(rule), Arg::time(at), Arg::text(why)];
        Ok(self.execute("pause a rule", SQL, args).await? > 0)
    }

    /// Ends a rule's pause; tells whether it was paused.
    pub async fn resume_rule(&mut self, rule: &str, overdue: Overdue, at: Timestamp) -> Result<bool> {
        const SQL: &str = "UPDATE pauses SET over_at = $2, overdue = $3 WHERE rule = $1 AND over_at IS NULL";
        let args = vec![Arg::text(rule), Arg::time(at), Arg::json("resume a rule", &overdue)?];
        Ok(self.execute("resume a rule", SQL, args).await? > 0)
    }
}

impl Store {
    /// Every pause, those that are over too.
    pub async fn pauses(&self) -> Result<Pauses> {
        const WHAT: &str = "read pauses";
        const SQL: &str = "SELECT rule, since, over_at, overdue FROM pauses";
        let read = |row: &Row| {
            let mut fields = row.fields();
            let (rule, since) = (fields.text()?, fields.time()?);
            let over = fields.maybe_time()?.zip(fields.maybe_text()?);
            let over = over.map(|(at, overdue)| {
                let overdue = serde_json::from_str(&overdue);
                overdue
                    .map(|overdue| Over { at, overdue })
                    .map_err(|source| StoreError::Document { what: WHAT, source })
            });
            Ok((rule, Pause { since, over: over.transpose()? }))
        };
        self.read(WHAT, SQL, vec![]).await?.iter().map(read).collect()
    }

    /// Why each rule that is paused now is.
    pub async fn reasons_of_pauses(&self) -> Result<Vec<(String, Timestamp, String)>> {
        const SQL: &str = "SELECT rule, since, why FROM pauses WHERE over_at IS NULL ORDER BY since, rule";
        let rows = self.read("read why rules are paused", SQL, vec![]).await?;
        rows.iter()
            .map(|row| {
                let mut fields = row.fields();
                Ok((fields.text()?, fields.time()?, fields.text()?))
            })
            .collect()
    }
}
