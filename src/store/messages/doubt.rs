//! Letters in doubt: a crash came between the mark and the relay's answer.

use serde_json::json;

use super::super::db::Arg;
use super::super::rows::Many;
use super::super::{Result, Store, Tx};
use super::MessageState;
use super::claim::{self, Claimed};
use super::log::Change;
use super::outcome::RESEND;
use crate::journey::time::Timestamp;

impl Store {
    /// Letters that were being handed over when their lease ran out before this moment, with their bytes.
    pub async fn in_doubt(&self, lease_expired_before: Timestamp) -> Result<Vec<Claimed>> {
        const SQL: &str =
            "SELECT id, customer, enrollment, step, rule, map, stage, letter, purpose, locale, address, due_at,
                attempts, inputs, rulebook, message_id, resend, next_at, promo_code, put_off_since, lacking_since
            FROM messages WHERE state = 'sending' AND lease_until < $1 ORDER BY lease_until, id";
        let rows = self.read("find messages in doubt", SQL, vec![Arg::time(lease_expired_before)]).await?;
        let mut messages = rows.iter().map(|row| Ok(claim::claimed(row)?.0)).collect::<Result<Vec<_>>>()?;
        let frozen = claim::frozen(&messages);
        if !frozen.is_empty() {
            let rows = self.read("read messages in doubt", claim::BYTES, vec![Arg::texts(frozen)]).await?;
            claim::thaw(&mut messages, self.opened(&rows).await?);
        }
        Ok(messages)
    }
}

impl Tx {
    /// Marks letters that were being handed over as uncertain; gives the ids that still were.
    pub async fn mark_uncertain(&mut self, doubtful: &[(String, Timestamp)]) -> Result<Vec<String>> {
        const MANY: Many = Many {
            what: "mark messages as uncertain",
            head: "WITH v (v_id, v_at) AS (VALUES",
            tail:
                ") UPDATE messages SET state = 'uncertain', reason = 'interrupted', changed_at = v_at, next_at = NULL,
                lease_owner = NULL, lease_until = NULL FROM v WHERE id = v_id AND state = 'sending' RETURNING id",
        };
        self.transit(&MANY, pairs(doubtful), changes(doubtful, MessageState::Uncertain, "interrupted")).await
    }

    /// Queues letters in doubt again: the same bytes under the same Message-ID. Gives the ids that were in doubt.
    pub async fn requeue_uncertain(&mut self, doubtful: &[(String, Timestamp)]) -> Result<Vec<String>> {
        const MANY: Many = Many {
            what: "queue messages in doubt again",
            head: "WITH v (v_id, v_at) AS (VALUES",
            tail: ") UPDATE messages SET state = 'queued', reason = 'resend', resend = 1, changed_at = v_at, next_at = v_at,
                lease_owner = NULL, lease_until = NULL
                FROM v WHERE id = v_id AND state IN ('sending', 'uncertain') RETURNING id",
        };
        self.transit(&MANY, pairs(doubtful), changes(doubtful, MessageState::Queued, RESEND)).await
    }
}

fn pairs(doubtful: &[(String, Timestamp)]) -> Vec<[Arg<'_>; 2]> {
    doubtful.iter().map(|(id, at)| [Arg::text(id), Arg::time(*at)]).collect()
}

fn changes<'a>(doubtful: &'a [(String, Timestamp)], state: MessageState, reason: &'a str) -> Vec<Change<'a>> {
    let change = |(id, at): &'a (String, Timestamp)| Change {
        message: id,
        at: *at,
        state,
        reason: Some(reason),
        detail: json!({}),
    };
    doubtful.iter().map(change).collect()
}
