//! Letters that wait for a limit, and that wait no longer.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::db::Arg;
use super::super::rows::Many;
use super::super::{Result, Tx};
use super::MessageState;
use super::log::Change;
use crate::journey::attention::Held;
use crate::journey::effect::PolicyVerdict;
use crate::journey::time::Timestamp;

/// What a letter waits for from now on.
#[derive(Clone, Debug, PartialEq)]
pub struct HoldRow {
    /// Message id.
    pub id: String,
    /// When that was decided.
    pub at: Timestamp,
    /// The limit and until when; `None`: it waits no longer.
    pub held: Option<Held>,
    /// What the limits said.
    pub verdicts: Vec<PolicyVerdict>,
}

impl HoldRow {
    fn state(&self) -> MessageState {
        if self.held.is_some() { MessageState::Held } else { MessageState::Queued }
    }

    fn until(&self) -> Timestamp {
        self.held.as_ref().map_or(self.at, |held| held.until)
    }

    fn reason(&self) -> Option<&'static str> {
        self.held.as_ref().map(|held| held.by.code())
    }
}

impl Tx {
    /// Holds letters back, or frees them, and ends the claims on them; of a letter that is in the slice twice the last counts.
    /// Gives the ids of those that were still to be sent.
    pub async fn hold_messages(&mut self, rows: &[HoldRow]) -> Result<Vec<String>> {
        const MANY: Many = Many {
            what: "hold messages",
            head: "WITH v (v_id, v_state, v_reason, v_at, v_next_at) AS (VALUES",
            tail: ") UPDATE messages SET state = v_state, reason = v_reason, changed_at = v_at, next_at = v_next_at,
                lease_owner = NULL, lease_until = NULL
                FROM v WHERE id = v_id AND state IN ('queued', 'held') RETURNING id",
        };
        let once: BTreeMap<&str, &HoldRow> = rows.iter().map(|row| (row.id.as_str(), row)).collect();
        let values = once.values().map(|row| {
            let (state, until) = (row.state().as_str(), row.until());
            [Arg::text(&row.id), Arg::text(state), Arg::maybe_text(row.reason()), Arg::time(row.at), Arg::time(until)]
        });
        let changes = once.values().map(|row| Change {
            message: &row.id,
            at: row.at,
            state: row.state(),
            reason: row.reason(),
            detail: json!({ "until": row.until(), "verdicts": row.verdicts }),
        });
        self.transit(&MANY, values.collect(), changes.collect()).await
    }
}
