//! Why something was or was not done, for `explain`; kept for a while.

use super::db::Arg;
use super::rows::Many;
use super::{Result, Store, Tx};
use crate::journey::effect::Decision;
use crate::journey::time::Timestamp;

impl Tx {
    /// Records decisions: (customer, decision).
    pub async fn put_decisions(&mut self, decisions: &[(String, Decision)]) -> Result<()> {
        const MANY: Many =
            Many { what: "record decisions", head: "INSERT INTO decisions (customer, rule, at, doc) VALUES", tail: "" };
        let rows = decisions.iter().map(|(customer, decision)| {
            let doc = Arg::json(MANY.what, decision)?;
            Ok([Arg::text(customer), Arg::text(&decision.rule), Arg::time(decision.at), doc])
        });
        let rows = rows.collect::<Result<Vec<_>>>()?;
        self.execute_many(&MANY, rows).await.map(drop)
    }

    /// Deletes decisions older than a moment, at most `limit`; tells how many.
    pub async fn prune_decisions(&mut self, before: Timestamp, limit: usize) -> Result<u64> {
        // Decisions are recorded in the order of time, near enough: the oldest are at the head and need no index of their own.
        const SQL: &str =
            "DELETE FROM decisions WHERE at < $1 AND id IN (SELECT id FROM decisions ORDER BY id LIMIT $2)";
        self.execute("prune decisions", SQL, vec![Arg::time(before), Arg::count(limit)]).await
    }
}

impl Store {
    /// Decisions about a customer and those merged into it, of one rule if one is given, the last recorded first.
    pub async fn decisions(&self, customer: &str, rule: Option<&str>, limit: usize) -> Result<Vec<Decision>> {
        self.decisions_until(customer, rule, Timestamp::MAX, limit).await
    }

    /// The same, of those that were taken up to a moment.
    pub async fn decisions_until(
        &self,
        customer: &str,
        rule: Option<&str>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Decision>> {
        const SQL: &str = "SELECT doc FROM decisions WHERE customer = ANY($1) AND ($2 IS NULL OR rule = $2)
            AND at <= $3 ORDER BY id DESC LIMIT $4";
        let family = self.family(customer).await?;
        let family = Arg::texts(family.iter().map(String::as_str));
        let args = vec![family, Arg::maybe_text(rule), Arg::time(until), Arg::count(limit)];
        let rows = self.read("read decisions", SQL, args).await?;
        rows.iter().map(|row| row.fields().json()).collect()
    }
}
