//! Letters that wait for a limit, and that wait no longer.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::db::Arg;
use super::super::rows::Many;
use super::super::{Result, Store, Tx};
use super::MessageState;
use super::log::Change;
use crate::journey::attention::Held;
use crate::journey::effect::PolicyVerdict;
use crate::journey::time::Timestamp;

/// Letters of a rule that wait for the same limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldLetters {
    /// Rule.
    pub rule: String,
    /// The limit's code.
    pub by: String,
    /// How many.
    pub number: i64,
}

impl Store {
    /// The letters of a map that wait for a limit now.
    pub async fn held_letters(&self, map: &str) -> Result<Vec<HeldLetters>> {
        // An index of held letters alone answers this.
        const SQL: &str = "SELECT rule, COALESCE(reason, ''), COUNT(*) FROM messages WHERE state = 'held' AND map = $1
            GROUP BY rule, reason";
        let rows = self.read("count held letters", SQL, vec![Arg::text(map)]).await?;
        let held = rows.iter().map(|row| {
            let mut fields = row.fields();
            Ok(HeldLetters { rule: fields.text()?, by: fields.text()?, number: fields.int()? })
        });
        held.collect()
    }
}

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
