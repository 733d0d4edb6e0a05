//! Planning letters: a row in the queue, or on record as withheld at once.

use std::collections::HashSet;

use super::super::db::Arg;
use super::super::rows::Many;
use super::super::{Result, Tx};
use super::MessageState;
use super::log::{Change, ids};
use crate::journey::effect::{PlannedMessage, WithheldReason};
use crate::journey::time::Timestamp;

/// A letter that a step planned.
#[derive(Clone, Debug, PartialEq)]
pub struct NewMessage {
    /// To whom.
    pub customer: String,
    /// What was planned.
    pub planned: PlannedMessage,
    /// When it was planned.
    pub at: Timestamp,
}

impl Tx {
    /// Records planned letters; tells of each whether it is new. (Enrollment, step, pass) makes one letter, whatever crashes.
    pub async fn put_messages(&mut self, messages: &[NewMessage]) -> Result<Vec<bool>> {
        const MANY: Many = Many {
            what: "record planned messages",
            head: "INSERT INTO messages (id, customer, enrollment, step, pass, rule, map, stage, letter, purpose, locale, address,
                rulebook, planned_at, due_at, inputs, verdicts, state, reason, changed_at, next_at, attempts, resend, promo_code) VALUES",
            tail: "ON CONFLICT DO NOTHING",
        };
        let rows = messages.iter().map(row).collect::<Result<Vec<_>>>()?;
        let added = self.execute_many(&MANY, rows).await?;
        let is_new = if usize::try_from(added) == Ok(messages.len()) {
            vec![true; messages.len()]
        } else {
            let mut new = self.without_log(messages).await?;
            messages.iter().map(|message| new.remove(&message.planned.id)).collect()
        };
        let changes = messages.iter().zip(&is_new).filter(|(_, is_new)| **is_new).map(|(message, _)| Change {
            message: &message.planned.id,
            at: message.at,
            state: state(message),
            reason: reason(&message.planned),
            detail: serde_json::json!({
                "due_at": message.planned.due_at,
                "rulebook": message.planned.rulebook,
                "verdicts": message.planned.verdicts,
                "withheld": message.planned.withheld,
                "held": message.planned.held,
            }),
        });
        let changes = changes.collect::<Vec<_>>();
        self.log(&changes).await?;
        Ok(is_new)
    }

    /// Of planned letters, those that nothing is on record of yet: the others were here before.
    async fn without_log(&mut self, messages: &[NewMessage]) -> Result<HashSet<String>> {
        const SQL: &str = "SELECT id FROM messages WHERE id = ANY($1)
            AND NOT EXISTS (SELECT 1 FROM message_log WHERE message_log.message = messages.id)";
        let args = vec![Arg::texts(messages.iter().map(|message| message.planned.id.as_str()))];
        ids(&self.look("tell new messages from known ones", SQL, args).await?)
    }
}

fn state(message: &NewMessage) -> MessageState {
    match (&message.planned.withheld, &message.planned.held) {
        (Some(_), _) => MessageState::Withheld,
        (None, Some(_)) => MessageState::Held,
        (None, None) => MessageState::Queued,
    }
}

fn reason(planned: &PlannedMessage) -> Option<&'static str> {
    let held = || planned.held.as_ref().map(|held| held.by.code());
    planned.withheld.as_ref().map(WithheldReason::code).or_else(held)
}

fn row(message: &NewMessage) -> Result<[Arg<'_>; 24]> {
    let what = "record planned messages";
    let planned = &message.planned;
    let next_at = planned.held.as_ref().map_or(planned.due_at, |held| held.until);
    Ok([
        Arg::text(&planned.id),
        Arg::text(&message.customer),
        Arg::text(&planned.enrollment),
        Arg::text(&planned.step),
        Arg::int(planned.pass.into()),
        Arg::text(&planned.rule),
        Arg::text(&planned.map),
        Arg::maybe_text(planned.stage.as_deref()),
        Arg::text(&planned.letter),
        Arg::text(&planned.purpose),
        Arg::text(&planned.locale),
        Arg::maybe_text(planned.to.as_deref()),
        Arg::text(&planned.rulebook),
        Arg::time(message.at),
        Arg::time(planned.due_at),
        Arg::json(what, &planned.inputs)?,
        Arg::json(what, &planned.verdicts)?,
        Arg::text(state(message).as_str()),
        Arg::maybe_text(reason(planned)),
        Arg::time(message.at),
        Arg::maybe_time(planned.withheld.is_none().then_some(next_at)),
        Arg::int(0),
        Arg::int(0),
        Arg::maybe_text(planned.code.as_deref()),
    ])
}
