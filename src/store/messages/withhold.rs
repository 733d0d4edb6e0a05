//! Letters that do not go out: cancelled, withheld at the last moment, or impossible to compose.

use serde_json::json;

use super::super::db::Arg;
use super::super::journeys::OfRule;
use super::super::rows::Many;
use super::super::{Result, Tx};
use super::MessageState;
use super::log::Change;
use crate::journey::effect::{PolicyVerdict, WithheldReason};
use crate::journey::time::Timestamp;

impl Tx {
    /// Withholds letters that were not yet being handed over; gives the ids that it came in time for.
    pub async fn cancel_messages(&mut self, cancelled: &[(String, WithheldReason, Timestamp)]) -> Result<Vec<String>> {
        const MANY: Many = Many {
            what: "cancel messages",
            head: "WITH v (v_id, v_reason, v_at) AS (VALUES",
            tail: ") UPDATE messages SET state = 'withheld', reason = v_reason, changed_at = v_at, next_at = NULL,
                lease_owner = NULL, lease_until = NULL FROM v WHERE id = v_id AND state IN ('queued', 'held') RETURNING id",
        };
        let rows = cancelled
            .iter()
            .map(|(id, reason, at)| [Arg::text(id), Arg::text(reason.code()), Arg::time(*at)])
            .collect();
        let changes = cancelled
            .iter()
            .map(|(id, reason, at)| Change {
                message: id,
                at: *at,
                state: MessageState::Withheld,
                reason: Some(reason.code()),
                detail: json!({ "withheld": reason }),
            })
            .collect();
        self.transit(&MANY, rows, changes).await
    }

    /// The rules that letters are of, as they were planned.
    pub async fn rules_of_messages(&mut self, ids: &[String]) -> Result<Vec<OfRule>> {
        const SQL: &str = "SELECT id, map, rule FROM messages WHERE id = ANY($1)";
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.look("find messages' rules", SQL, vec![Arg::texts(ids.iter().map(String::as_str))]).await?;
        rows.iter().map(OfRule::read).collect()
    }

    /// Withholds letters by what the policies said at the moment of sending; gives the ids that were still to be sent.
    pub async fn withhold_messages(
        &mut self,
        withheld: &[(String, WithheldReason, Vec<PolicyVerdict>, Timestamp)],
    ) -> Result<Vec<String>> {
        const MANY: Many = Many {
            what: "withhold messages",
            head: "WITH v (v_id, v_reason, v_verdicts, v_at) AS (VALUES",
            tail:
                ") UPDATE messages SET state = 'withheld', reason = v_reason, verdicts = v_verdicts, changed_at = v_at,
                next_at = NULL, lease_owner = NULL, lease_until = NULL
                FROM v WHERE id = v_id AND state IN ('queued', 'held') RETURNING id",
        };
        let rows = withheld.iter().map(|(id, reason, verdicts, at)| {
            Ok([Arg::text(id), Arg::text(reason.code()), Arg::json(MANY.what, verdicts)?, Arg::time(*at)])
        });
        let rows = rows.collect::<Result<Vec<_>>>()?;
        let changes = withheld
            .iter()
            .map(|(id, reason, verdicts, at)| Change {
                message: id,
                at: *at,
                state: MessageState::Withheld,
                reason: Some(reason.code()),
                detail: json!({ "withheld": reason, "verdicts": verdicts }),
            })
            .collect();
        self.transit(&MANY, rows, changes).await
    }

    /// Marks letters that cannot be composed, each with the reason; gives the ids that were still to be sent.
    pub async fn fail_messages(&mut self, failed: &[(String, String, Timestamp)]) -> Result<Vec<String>> {
        const MANY: Many = Many {
            what: "fail messages",
            head: "WITH v (v_id, v_reason, v_at) AS (VALUES",
            tail: ") UPDATE messages SET state = 'failed', reason = v_reason, changed_at = v_at, next_at = NULL,
                lease_owner = NULL, lease_until = NULL FROM v WHERE id = v_id AND state IN ('queued', 'held') RETURNING id",
        };
        let rows = failed.iter().map(|(id, reason, at)| [Arg::text(id), Arg::text(reason), Arg::time(*at)]).collect();
        let changes = failed
            .iter()
            .map(|(id, reason, at)| Change {
                message: id,
                at: *at,
                state: MessageState::Failed,
                reason: Some(reason),
                detail: json!({}),
            })
            .collect();
        self.transit(&MANY, rows, changes).await
    }

    /// Queues failed letters again, due at `at`; tells how many there were.
    pub async fn retry_messages(&mut self, ids: &[String], at: Timestamp) -> Result<u64> {
        const MANY: Many = Many {
            what: "retry messages",
            head: "WITH v (v_id, v_at) AS (VALUES",
            tail:
                ") UPDATE messages SET state = 'queued', reason = NULL, changed_at = v_at, next_at = v_at, attempts = 0,
                put_off_since = NULL, lacking_since = NULL
                FROM v WHERE id = v_id AND state = 'failed' RETURNING id",
        };
        let rows = ids.iter().map(|id| [Arg::text(id), Arg::time(at)]).collect();
        let changes = ids
            .iter()
            .map(|id| Change {
                message: id,
                at,
                state: MessageState::Queued,
                reason: Some("retried"),
                detail: json!({}),
            })
            .collect();
        Ok(self.transit(&MANY, rows, changes).await?.len() as u64)
    }
}
