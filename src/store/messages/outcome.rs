//! What came of a hand-over.

use serde_json::json;

use super::super::db::Arg;
use super::super::rows::Many;
use super::super::{Result, StoreError, Tx};
use super::MessageState;
use super::log::Change;
use crate::journey::time::Timestamp;

/// Why a letter goes again though it may have arrived.
pub const RESEND: &str = "resend";

/// What came of a hand-over of one letter.
#[derive(Clone, Debug, PartialEq)]
pub struct OutcomeRow {
    /// Message id.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// `sent`, `refused`, `uncertain`, `failed`, or `queued` to try again.
    pub state: MessageState,
    /// When to try again, for `queued`; at once if absent.
    pub next_at: Option<Timestamp>,
    /// SMTP reply code.
    pub code: Option<u16>,
    /// Enhanced status code.
    pub enhanced: Option<String>,
    /// The reply as said, or the error.
    pub reply: String,
    /// Relay; `None`: it came to none.
    pub relay: Option<String>,
    /// Why, in a short stable code or in words. `resend` ([`RESEND`]): it goes again though it may have arrived.
    pub reason: Option<String>,
    /// What kind of refusal it was, as a short stable word.
    pub class: Option<&'static str>,
    /// Whether this counts against the time for which the letter is tried.
    pub put_off: bool,
    /// Whether it lacks a file that goes with it: no relay was asked, and whoever has the letter in hand meanwhile keeps it.
    pub lacking: bool,
}

impl Tx {
    /// Records outcomes and ends the claims; gives the ids that it applied to. A letter that was withheld meanwhile stays so;
    /// a final answer that comes late still settles a letter that was marked uncertain.
    pub async fn record_outcomes(&mut self, outcomes: &[OutcomeRow]) -> Result<Vec<String>> {
        const MANY: Many = Many {
            what: "record outcomes",
            head: "WITH v (v_id, v_at, v_state, v_next_at, v_code, v_enhanced, v_reply, v_relay, v_reason, v_class, v_since, v_lacking)
                AS (VALUES",
            tail: ") UPDATE messages SET state = v_state, class = v_class, put_off_since = COALESCE(put_off_since, v_since),
                lacking_since = CASE WHEN v_lacking IS NULL THEN NULL ELSE COALESCE(lacking_since, v_lacking) END, changed_at = v_at, next_at = v_next_at, code = v_code,
                enhanced = v_enhanced, reply = v_reply, relay = v_relay, reason = v_reason, attempts = attempts + 1,
                resend = CASE WHEN v_reason = 'resend' THEN 1 ELSE resend END,
                sent_at = CASE WHEN v_state = 'sent' THEN v_at ELSE sent_at END, lease_owner = NULL, lease_until = NULL
                FROM v WHERE id = v_id AND (state IN ('queued', 'held') OR state = 'sending' AND v_lacking IS NULL
                    OR state = 'uncertain' AND v_state IN ('sent', 'refused')) RETURNING id",
        };
        let rows = outcomes.iter().map(row).collect::<Result<Vec<_>>>()?;
        let changes = outcomes
            .iter()
            .map(|outcome| Change {
                message: &outcome.id,
                at: outcome.at,
                state: outcome.state,
                reason: outcome.reason.as_deref(),
                detail: json!({
                    "relay": outcome.relay,
                    "code": outcome.code,
                    "enhanced": outcome.enhanced,
                    "class": outcome.class,
                    "reply": outcome.reply,
                    "next_at": outcome.next_at,
                }),
            })
            .collect();
        self.transit(&MANY, rows, changes).await
    }
}

fn row(outcome: &OutcomeRow) -> Result<[Arg<'_>; 12]> {
    let next_at = match outcome.state {
        MessageState::Queued => Some(outcome.next_at.unwrap_or(outcome.at)),
        MessageState::Sent | MessageState::Refused | MessageState::Uncertain | MessageState::Failed => None,
        MessageState::Held
        | MessageState::Sending
        | MessageState::Withheld
        | MessageState::Bounced
        | MessageState::Complained => {
            return Err(StoreError::Outcome(outcome.state));
        }
    };
    Ok([
        Arg::text(&outcome.id),
        Arg::time(outcome.at),
        Arg::text(outcome.state.as_str()),
        Arg::maybe_time(next_at),
        Arg::Int(outcome.code.map(i64::from)),
        Arg::maybe_text(outcome.enhanced.as_deref()),
        Arg::text(&outcome.reply),
        Arg::maybe_text(outcome.relay.as_deref()),
        Arg::maybe_text(outcome.reason.as_deref()),
        Arg::maybe_text(outcome.class),
        Arg::maybe_time(outcome.put_off.then_some(outcome.at)),
        Arg::maybe_time(outcome.lacking.then_some(outcome.at)),
    ])
}
