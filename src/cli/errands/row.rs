//! An errand as programs get it.

use serde::Serialize;
use serde_json::Value;

use crate::journey::time::Timestamp;
use crate::store::ErrandRow;

/// One errand.
#[derive(Debug, Serialize)]
pub(super) struct Row<'a> {
    id: &'a str,
    state: &'static str,
    kind: &'static str,
    target: &'a str,
    customer: &'a str,
    rule: &'a str,
    step: &'a str,
    created_at: String,
    changed_at: String,
    next_at: Option<String>,
    attempts: i64,
    code: Option<i64>,
    reason: Option<&'a str>,
    body: &'a Value,
}

impl<'a> Row<'a> {
    /// Its form for programs: moments in RFC 3339.
    pub(super) fn of(row: &'a ErrandRow) -> Self {
        Self {
            id: &row.id,
            state: row.state.as_str(),
            kind: row.kind.as_str(),
            target: &row.target,
            customer: &row.customer,
            rule: &row.rule,
            step: &row.step,
            created_at: row.created_at.rfc3339(),
            changed_at: row.changed_at.rfc3339(),
            next_at: row.next_at.map(Timestamp::rfc3339),
            attempts: row.attempts,
            code: row.code,
            reason: row.reason.as_deref(),
            body: &row.body,
        }
    }
}
