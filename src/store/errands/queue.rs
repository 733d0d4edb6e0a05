//! The queue: putting, claiming, and recording what came of a try.

use std::collections::HashSet;

use super::super::db::{Arg, Row};
use super::super::rows::Many;
use super::super::{Result, Store, Tx};
use super::ErrandState;
use crate::journey::errand::{Errand, ErrandKind};
use crate::journey::time::Timestamp;

/// An errand that a step asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct NewErrand {
    /// For whom.
    pub customer: String,
    /// What.
    pub errand: Errand,
}

/// An errand taken out of the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedErrand {
    /// Id.
    pub id: String,
    /// What it is.
    pub kind: ErrandKind,
    /// The webhook or the connection.
    pub target: String,
    /// Rule.
    pub rule: String,
    /// The body, as it was written down.
    pub body: String,
    /// How often it was tried before.
    pub attempts: i64,
}

/// What came of one try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrandOutcome {
    /// Errand.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// `done`, `dead`, or `queued` to try again.
    pub state: ErrandState,
    /// When to try again, for `queued`.
    pub next_at: Option<Timestamp>,
    /// HTTP status.
    pub code: Option<u16>,
    /// What was said, or what went wrong.
    pub reason: Option<String>,
}

/// Which rule an errand is of, for the figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrandOf {
    /// Errand.
    pub id: String,
    /// What it is.
    pub kind: ErrandKind,
    /// Rule.
    pub rule: String,
    /// Map.
    pub map: String,
    /// How far it had come.
    pub was: ErrandState,
}

impl Tx {
    /// Queues errands; one that was there before stays as it is. Gives the ids of those that are new.
    pub async fn put_errands(&mut self, errands: &[NewErrand]) -> Result<HashSet<String>> {
        const MANY: Many = Many {
            what: "queue errands",
            head:
                "INSERT INTO errands (id, kind, target, customer, enrollment, step, pass, rule, map, body, promo_code,
                created_at, changed_at, next_at, state, attempts) VALUES",
            tail: "ON CONFLICT DO NOTHING RETURNING id",
        };
        let rows = errands.iter().map(row).collect::<Result<Vec<_>>>()?;
        self.fetch_many(&MANY, rows).await?.iter().map(|row| row.fields().text()).collect()
    }

    /// Takes errands of one target whose time has come and puts them under a lease of `owner`, the longest waiting first. Of
    /// the changes of one customer in a CRM only the first that is still to be made is taken.
    pub async fn claim_errands(
        &mut self,
        (kind, target): (ErrandKind, &str),
        owner: &str,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<ClaimedErrand>> {
        const SQL: &str = "UPDATE errands SET lease_owner = $3, lease_until = $4 WHERE seq IN (
                SELECT seq FROM errands AS one WHERE kind = $1 AND target = $2 AND state = 'queued' AND next_at <= $5
                AND (lease_until IS NULL OR lease_until <= $5)
                AND (kind <> 'crm' OR NOT EXISTS (SELECT 1 FROM errands AS earlier WHERE earlier.kind = one.kind
                    AND earlier.target = one.target AND earlier.customer = one.customer AND earlier.state = 'queued'
                    AND earlier.seq < one.seq))
                ORDER BY next_at, seq LIMIT $6 FOR UPDATE SKIP LOCKED
            ) RETURNING id, kind, target, rule, body, attempts";
        let args = vec![
            Arg::text(kind.as_str()),
            Arg::text(target),
            Arg::text(owner),
            Arg::time(lease_until),
            Arg::time(now),
            Arg::count(limit),
        ];
        let mut claimed: Vec<ClaimedErrand> =
            self.fetch("claim errands", SQL, args).await?.iter().map(claimed).collect::<Result<_>>()?;
        // Ids begin with the moment at which they were made.
        claimed.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(claimed)
    }

    /// Records what came of one try, and ends the claim. What is done stays done, whoever comes late; gives the errand as it
    /// was if this applied.
    pub async fn record_errand(&mut self, outcome: &ErrandOutcome) -> Result<Option<ErrandOf>> {
        const WAS: &str = "SELECT id, kind, rule, map, state FROM errands WHERE id = $1 FOR UPDATE";
        const SQL: &str = "UPDATE errands SET state = $2, changed_at = $3, next_at = $4, code = $5, reason = $6,
                attempts = attempts + 1, lease_owner = NULL, lease_until = NULL
            WHERE id = $1 AND (state = 'queued' OR state = 'dead' AND $2 = 'done')";
        const CODE: &str = "UPDATE promo_codes SET state = 'sent', sent_at = $2 FROM errands
            WHERE errands.id = $1 AND promo_codes.enrollment = errands.enrollment
            AND promo_codes.code = errands.promo_code AND promo_codes.state = 'reserved'";
        let was = self.fetch("look at an errand", WAS, vec![Arg::text(&outcome.id)]).await?;
        let was = was.first().map(errand_of).transpose()?;
        let args = vec![
            Arg::text(&outcome.id),
            Arg::text(outcome.state.as_str()),
            Arg::time(outcome.at),
            Arg::maybe_time(outcome.next_at),
            Arg::Int(outcome.code.map(i64::from)),
            Arg::maybe_text(outcome.reason.as_deref()),
        ];
        let applied = self.execute("record an errand", SQL, args).await? > 0;
        if applied && outcome.state == ErrandState::Done {
            let args = vec![Arg::text(&outcome.id), Arg::time(outcome.at)];
            self.execute("mark an errand's promo code as sent", CODE, args).await?;
        }
        Ok(was.filter(|_| applied))
    }

    /// Ends every lease, for a database that only one process uses: whoever held them is gone.
    pub async fn break_errand_leases(&mut self) -> Result<()> {
        const SQL: &str = "UPDATE errands SET lease_owner = NULL, lease_until = NULL WHERE lease_until IS NOT NULL";
        self.execute("break leases of errands", SQL, Vec::new()).await.map(drop)
    }

    /// Queues dead errands again, due at `at`; gives those that were dead.
    pub async fn retry_errands(&mut self, ids: &[String], at: Timestamp) -> Result<Vec<ErrandOf>> {
        const SQL: &str = "UPDATE errands SET state = 'queued', next_at = $2, changed_at = $2, attempts = 0
            WHERE id = ANY($1) AND state = 'dead' RETURNING id, kind, rule, map, 'dead'";
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let args = vec![Arg::texts(ids.iter().map(String::as_str)), Arg::time(at)];
        self.fetch("retry errands", SQL, args).await?.iter().map(errand_of).collect()
    }

    /// Gives up the errands of a target that were made before a moment, and gives them.
    pub async fn bury_errands(
        &mut self,
        (kind, target): (ErrandKind, &str),
        reason: &str,
        made_before: Timestamp,
        at: Timestamp,
    ) -> Result<Vec<ErrandOf>> {
        const SQL: &str = "UPDATE errands SET state = 'dead', reason = $3, changed_at = $4, next_at = NULL,
                lease_owner = NULL, lease_until = NULL
            WHERE kind = $1 AND target = $2 AND state = 'queued' AND created_at < $5
            RETURNING id, kind, rule, map, 'queued'";
        let args =
            vec![Arg::text(kind.as_str()), Arg::text(target), Arg::text(reason), Arg::time(at), Arg::time(made_before)];
        self.fetch("give errands up", SQL, args).await?.iter().map(errand_of).collect()
    }

    /// Removes errands that were done before a moment, at most so many; tells how many.
    pub async fn prune_errands(&mut self, before: Timestamp, limit: usize) -> Result<u64> {
        const SQL: &str = "DELETE FROM errands WHERE seq IN (
            SELECT seq FROM errands WHERE state = 'done' AND changed_at < $1 ORDER BY changed_at LIMIT $2)";
        self.execute("prune errands", SQL, vec![Arg::time(before), Arg::count(limit)]).await
    }
}

impl Store {
    /// When the next errand of a target can be taken: the earliest time of a queued one, or the end of a lease on one. One
    /// that waits for another of the same customer may have to wait longer.
    pub async fn next_errand_at(&self, kind: ErrandKind, target: &str) -> Result<Option<Timestamp>> {
        const FREE: &str = "SELECT next_at FROM errands WHERE kind = $1 AND target = $2 AND state = 'queued'
            AND lease_until IS NULL ORDER BY next_at, seq LIMIT 1";
        const LEASED: &str = "SELECT MIN(lease_until) FROM errands
            WHERE kind = $1 AND target = $2 AND state = 'queued' AND lease_until IS NOT NULL";
        let mut earliest = None;
        for sql in [FREE, LEASED] {
            let args = vec![Arg::text(kind.as_str()), Arg::text(target)];
            for row in self.read("find the next errand", sql, args).await? {
                earliest = [earliest, row.fields().maybe_time()?].into_iter().flatten().min();
            }
        }
        Ok(earliest)
    }

    /// Targets that errands wait for.
    pub async fn errand_targets(&self) -> Result<Vec<(ErrandKind, String)>> {
        const SQL: &str = "SELECT DISTINCT kind, target FROM errands WHERE state = 'queued'";
        self.read("find targets of errands", SQL, Vec::new())
            .await?
            .iter()
            .map(|row| {
                let mut fields = row.fields();
                Ok((fields.word(ErrandKind::parse)?, fields.text()?))
            })
            .collect()
    }
}

fn row(new: &NewErrand) -> Result<[Arg<'_>; 16]> {
    let errand = &new.errand;
    Ok([
        Arg::text(&errand.id),
        Arg::text(errand.kind.as_str()),
        Arg::text(&errand.target),
        Arg::text(&new.customer),
        Arg::text(&errand.enrollment),
        Arg::text(&errand.step),
        Arg::int(errand.pass.into()),
        Arg::text(&errand.rule),
        Arg::text(&errand.map),
        Arg::json("queue errands", &errand.body)?,
        Arg::maybe_text(errand.code.as_deref()),
        Arg::time(errand.at),
        Arg::time(errand.at),
        Arg::time(errand.at),
        Arg::text(ErrandState::Queued.as_str()),
        Arg::int(0),
    ])
}

fn errand_of(row: &Row) -> Result<ErrandOf> {
    let mut fields = row.fields();
    Ok(ErrandOf {
        id: fields.text()?,
        kind: fields.word(ErrandKind::parse)?,
        rule: fields.text()?,
        map: fields.text()?,
        was: fields.word(ErrandState::parse)?,
    })
}

fn claimed(row: &Row) -> Result<ClaimedErrand> {
    let mut fields = row.fields();
    Ok(ClaimedErrand {
        id: fields.text()?,
        kind: fields.word(ErrandKind::parse)?,
        target: fields.text()?,
        rule: fields.text()?,
        body: fields.text()?,
        attempts: fields.int()?,
    })
}
