//! Letters that something came back of: a bounce, a complaint, or a word that changes nothing.

use std::collections::HashMap;

use serde_json::Value;

use super::super::db::Arg;
use super::super::rows::Many;
use super::super::{Result, Tx};
use super::MessageState;
use super::log::Change;
use crate::journey::time::Timestamp;

/// A letter as far as what comes back needs to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Message id.
    pub id: String,
    /// To whom.
    pub customer: String,
    /// Address.
    pub to: Option<String>,
    /// Rule.
    pub rule: String,
    /// Map.
    pub map: String,
    /// Letter's name.
    pub letter: String,
    /// Purpose.
    pub purpose: String,
    /// How far it has come.
    pub state: MessageState,
    /// The `Message-ID` field's value, angle brackets included.
    pub message_id: Option<String>,
    /// Subject.
    pub subject: Option<String>,
}

/// What a letter comes to by what came back.
#[derive(Clone, Debug, PartialEq)]
pub struct BackRow {
    /// Message id.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// `bounced` or `complained`.
    pub state: MessageState,
    /// Why, in a short stable code.
    pub reason: String,
    /// What kind of refusal it is, if it is one.
    pub class: Option<&'static str>,
    /// Enhanced status code.
    pub enhanced: Option<String>,
    /// What was said.
    pub reply: String,
    /// What more is known of it.
    pub detail: Value,
}

impl Tx {
    /// Letters by their ids; those that are not on record are absent.
    pub async fn sent_letters(&mut self, ids: &[String]) -> Result<HashMap<String, Sent>> {
        const SQL: &str =
            "SELECT id, customer, address, rule, map, letter, purpose, state, message_id, subject FROM messages
            WHERE id = ANY($1)";
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = self.look("find letters", SQL, vec![Arg::texts(ids.iter().map(String::as_str))]).await?;
        let read = rows.iter().map(|row| {
            let mut fields = row.fields();
            let sent = Sent {
                id: fields.text()?,
                customer: fields.text()?,
                to: fields.maybe_text()?,
                rule: fields.text()?,
                map: fields.text()?,
                letter: fields.text()?,
                purpose: fields.text()?,
                state: fields.word(MessageState::parse)?,
                message_id: fields.maybe_text()?,
                subject: fields.maybe_text()?,
            };
            Ok((sent.id.clone(), sent))
        });
        read.collect()
    }

    /// Records what became of letters that had been handed over; gives the ids that it applied to. The first word counts.
    pub async fn return_messages(&mut self, back: &[BackRow]) -> Result<Vec<String>> {
        const MANY: Many = Many {
            what: "record what came back",
            head: "WITH v (v_id, v_at, v_state, v_reason, v_class, v_enhanced, v_reply) AS (VALUES",
            tail: ") UPDATE messages SET state = v_state, changed_at = v_at, reason = v_reason, class = v_class, code = NULL,
                enhanced = v_enhanced, reply = v_reply, next_at = NULL
                FROM v WHERE id = v_id AND state IN ('sent', 'uncertain') RETURNING id",
        };
        let rows = back.iter().map(|row| {
            [
                Arg::text(&row.id),
                Arg::time(row.at),
                Arg::text(row.state.as_str()),
                Arg::text(&row.reason),
                Arg::maybe_text(row.class),
                Arg::maybe_text(row.enhanced.as_deref()),
                Arg::text(&row.reply),
            ]
        });
        let changes = back.iter().map(|row| Change {
            message: &row.id,
            at: row.at,
            state: row.state,
            reason: Some(&row.reason),
            detail: row.detail.clone(),
        });
        self.transit(&MANY, rows.collect(), changes.collect()).await
    }

    /// Puts a word about a letter on record that changes nothing of it.
    pub async fn note_message(&mut self, of: &Sent, at: Timestamp, reason: &str, detail: Value) -> Result<()> {
        self.log(&[Change { message: &of.id, at, state: of.state, reason: Some(reason), detail }]).await
    }
}
