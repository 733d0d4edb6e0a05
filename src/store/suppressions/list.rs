//! Looking at the list of suppressed addresses, and at its record.

use super::super::db::Arg;
use super::super::{Result, Store};
use super::{Suppression, SuppressionChange, SuppressionLog, fold, suppression};
use crate::journey::time::Timestamp;

/// Which suppressions to list, in the order of their addresses.
#[derive(Clone, Debug, Default)]
pub struct SuppressionFilter {
    /// Whose address holds this: `@mail.example`.
    pub search: Option<String>,
    /// For this reason only.
    pub reason: Option<String>,
    /// From this source only.
    pub source: Option<String>,
    /// Only those that count at this moment; `None`: those that are over, too.
    pub counting_at: Option<Timestamp>,
    /// After this address, to go on after a page.
    pub after: Option<String>,
    /// At most so many.
    pub limit: usize,
}

impl Store {
    /// Suppressions that pass the filter.
    pub async fn suppressions(&self, filter: &SuppressionFilter) -> Result<Vec<Suppression>> {
        const SQL: &str = "SELECT address, reason, source, at, detail, expires_at FROM suppressions
            WHERE ($1 IS NULL OR address LIKE $1 ESCAPE '!') AND ($2 IS NULL OR reason = $2) AND ($3 IS NULL OR source = $3)
                AND ($4 IS NULL OR expires_at IS NULL OR expires_at > $4) AND ($5 IS NULL OR address > $5)
            ORDER BY address LIMIT $6";
        let pattern = filter.search.as_ref().map(|search| {
            let literal = fold(search).replace('!', "!!").replace('%', "!%").replace('_', "!_");
            format!("%{literal}%")
        });
        let args = vec![
            Arg::maybe_text(pattern.as_deref()),
            Arg::maybe_text(filter.reason.as_deref()),
            Arg::maybe_text(filter.source.as_deref()),
            Arg::maybe_time(filter.counting_at),
            Arg::maybe_text(filter.after.as_deref()),
            Arg::count(filter.limit),
        ];
        self.read("list suppressions", SQL, args).await?.iter().map(suppression).collect()
    }

    /// Everything that became of the suppression of an address, in order.
    pub async fn suppression_log(&self, address: &str) -> Result<Vec<SuppressionLog>> {
        const SQL: &str = "SELECT address, reason, source, at, detail, expires_at, change FROM suppression_log
            WHERE address = $1 ORDER BY id";
        let rows = self.read("read a suppression's record", SQL, vec![Arg::indexed(&fold(address))]).await?;
        let read = rows.iter().map(|row| {
            let mut fields = row.fields();
            let of = Suppression {
                address: fields.text()?,
                reason: fields.text()?,
                source: fields.text()?,
                at: fields.time()?,
                detail: fields.text()?,
                expires_at: fields.maybe_time()?,
            };
            Ok(SuppressionLog { change: fields.word(SuppressionChange::parse)?, of })
        });
        read.collect()
    }
}
