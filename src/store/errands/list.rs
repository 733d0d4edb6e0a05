//! Errands for people: lists and single ones.

use serde::Serialize;
use serde_json::Value;

use super::super::db::{Arg, Row};
use super::super::{Result, Store};
use super::ErrandState;
use crate::journey::errand::ErrandKind;
use crate::journey::time::Timestamp;

/// Which errands are listed; nothing given means all, newest first.
#[derive(Clone, Debug, Default)]
pub struct ErrandFilter {
    /// In this state.
    pub state: Option<ErrandState>,
    /// Of this kind.
    pub kind: Option<ErrandKind>,
    /// For this webhook or connection.
    pub target: Option<String>,
    /// For this customer, or one who was merged into it.
    pub customer: Option<String>,
    /// At most so many.
    pub limit: usize,
}

/// One errand as it is on record.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ErrandRow {
    /// Id; the `webhook-id` of a webhook.
    pub id: String,
    /// What it is.
    pub kind: ErrandKind,
    /// The webhook or the connection.
    pub target: String,
    /// For whom, as that customer was called then.
    pub customer: String,
    /// Rule.
    pub rule: String,
    /// Step id.
    pub step: String,
    /// How far it has come.
    pub state: ErrandState,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When its state last changed, or when it was last tried.
    pub changed_at: Timestamp,
    /// When it is tried next.
    pub next_at: Option<Timestamp>,
    /// How often it was tried.
    pub attempts: i64,
    /// The last HTTP status.
    pub code: Option<i64>,
    /// What was last said, or what went wrong.
    pub reason: Option<String>,
    /// What is said.
    pub body: Value,
}

impl Store {
    /// Errands, newest first.
    pub async fn errands(&self, filter: &ErrandFilter) -> Result<Vec<ErrandRow>> {
        const SQL: &str =
            "SELECT id, kind, target, customer, rule, step, state, created_at, changed_at, next_at, attempts,
                code, reason, body FROM errands
            WHERE ($1 IS NULL OR state = $1) AND ($2 IS NULL OR kind = $2) AND ($3 IS NULL OR target = $3)
            AND ($4 IS NULL OR customer = ANY($5)) ORDER BY seq DESC LIMIT $6";
        let family = match &filter.customer {
            Some(customer) => self.family(customer).await?,
            None => Vec::new(),
        };
        let args = vec![
            Arg::maybe_text(filter.state.map(ErrandState::as_str)),
            Arg::maybe_text(filter.kind.map(ErrandKind::as_str)),
            Arg::maybe_text(filter.target.as_deref()),
            Arg::maybe_text(filter.customer.as_deref()),
            Arg::texts(family.iter().map(String::as_str)),
            Arg::count(filter.limit),
        ];
        self.read("list errands", SQL, args).await?.iter().map(errand).collect()
    }

    /// One errand.
    pub async fn errand(&self, id: &str) -> Result<Option<ErrandRow>> {
        const SQL: &str =
            "SELECT id, kind, target, customer, rule, step, state, created_at, changed_at, next_at, attempts,
            code, reason, body FROM errands WHERE id = $1";
        self.read("read an errand", SQL, vec![Arg::text(id)]).await?.first().map(errand).transpose()
    }
}

fn errand(row: &Row) -> Result<ErrandRow> {
    let mut fields = row.fields();
    Ok(ErrandRow {
        id: fields.text()?,
        kind: fields.word(ErrandKind::parse)?,
        target: fields.text()?,
        customer: fields.text()?,
        rule: fields.text()?,
        step: fields.text()?,
        state: fields.word(ErrandState::parse)?,
        created_at: fields.time()?,
        changed_at: fields.time()?,
        next_at: fields.maybe_time()?,
        attempts: fields.int()?,
        code: fields.maybe_int()?,
        reason: fields.maybe_text()?,
        body: fields.json()?,
    })
}
