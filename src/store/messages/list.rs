//! Looking at letters.

use serde::Serialize;
use serde_json::Value;

use super::super::db::{Arg, Row};
use super::super::{Result, Store};
use super::MessageState;
use crate::journey::effect::PolicyVerdict;
use crate::journey::time::Timestamp;

/// Which letters to list; the last planned first.
#[derive(Clone, Debug, Default)]
pub struct MessageFilter {
    /// To this customer, or to one that was merged into it.
    pub customer: Option<String>,
    /// Of this rule.
    pub rule: Option<String>,
    /// Of this map.
    pub map: Option<String>,
    /// Planned at this stage.
    pub stage: Option<String>,
    /// In this state.
    pub state: Option<MessageState>,
    /// Planned at or after this moment.
    pub from: Option<Timestamp>,
    /// Planned before this moment.
    pub to: Option<Timestamp>,
    /// At most so many.
    pub limit: usize,
    /// Go on after the row with this `seq`.
    pub after: Option<i64>,
}

/// A letter with all that is known of it but its bytes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MessageRow {
    /// Its place in the order of planning.
    pub seq: i64,
    /// Message id.
    pub id: String,
    /// To whom.
    pub customer: String,
    /// Enrollment.
    pub enrollment: String,
    /// Step of the rule.
    pub step: String,
    /// Which pass over the step.
    pub pass: i64,
    /// Rule.
    pub rule: String,
    /// Map.
    pub map: String,
    /// Stage of that map the customer was at.
    pub stage: Option<String>,
    /// Letter's name.
    pub letter: String,
    /// Purpose.
    pub purpose: String,
    /// Locale.
    pub locale: String,
    /// Address.
    pub to: Option<String>,
    /// The rulebook that planned it.
    pub rulebook: String,
    /// When it was planned.
    pub planned_at: Timestamp,
    /// When it fell due.
    pub due_at: Timestamp,
    /// What the letter may read besides the customer.
    pub inputs: Value,
    /// What each policy said last.
    pub verdicts: Vec<PolicyVerdict>,
    /// How far it has come.
    pub state: MessageState,
    /// Why.
    pub reason: Option<String>,
    /// Since when it is in that state.
    pub changed_at: Timestamp,
    /// When it is tried next.
    pub next_at: Option<Timestamp>,
    /// How often a hand-over was tried.
    pub attempts: i64,
    /// Whether it goes or went out again after an uncertain hand-over.
    pub resend: bool,
    /// Subject.
    pub subject: Option<String>,
    /// Message-ID.
    pub message_id: Option<String>,
    /// When the relay said 250.
    pub sent_at: Option<Timestamp>,
    /// Relay.
    pub relay: Option<String>,
    /// SMTP reply code.
    pub code: Option<i64>,
    /// Enhanced status code.
    pub enhanced: Option<String>,
    /// The relay's reply, or the error.
    pub reply: Option<String>,
    /// What kind of refusal it was.
    pub class: Option<String>,
}

impl Store {
    /// Letters that pass the filter, the last planned first.
    pub async fn messages(&self, filter: &MessageFilter) -> Result<Vec<MessageRow>> {
        const SQL: &str = "SELECT seq, id, customer, enrollment, step, pass, rule, map, stage, letter, purpose, locale, address,
                rulebook, planned_at, due_at, inputs, verdicts, state, reason, changed_at, next_at, attempts, resend, subject,
                message_id, sent_at, relay, code, enhanced, reply, class
            FROM messages WHERE ($1 IS NULL OR rule = $1) AND ($2 IS NULL OR map = $2) AND ($3 IS NULL OR stage = $3)
                AND ($4 IS NULL OR state = $4) AND ($5 IS NULL OR planned_at >= $5) AND ($6 IS NULL OR planned_at < $6)
                AND ($7 IS NULL OR seq < $7) ORDER BY seq DESC LIMIT $8";
        const OF_CUSTOMER: &str = "SELECT seq, id, customer, enrollment, step, pass, rule, map, stage, letter, purpose, locale,
                address, rulebook, planned_at, due_at, inputs, verdicts, state, reason, changed_at, next_at, attempts, resend,
                subject, message_id, sent_at, relay, code, enhanced, reply, class
            FROM messages WHERE ($1 IS NULL OR rule = $1) AND ($2 IS NULL OR map = $2) AND ($3 IS NULL OR stage = $3)
                AND ($4 IS NULL OR state = $4) AND ($5 IS NULL OR planned_at >= $5) AND ($6 IS NULL OR planned_at < $6)
                AND ($7 IS NULL OR seq < $7) AND customer = ANY($9) ORDER BY seq DESC LIMIT $8";
        let family = match &filter.customer {
            Some(customer) => self.family(customer).await?,
            None => vec![],
        };
        let mut args = vec![
            Arg::maybe_text(filter.rule.as_deref()),
            Arg::maybe_text(filter.map.as_deref()),
            Arg::maybe_text(filter.stage.as_deref()),
            Arg::maybe_text(filter.state.map(MessageState::as_str)),
            Arg::maybe_time(filter.from),
            Arg::maybe_time(filter.to),
            Arg::Int(filter.after),
            Arg::count(filter.limit),
        ];
        let sql = if filter.customer.is_some() {
            args.push(Arg::texts(family.iter().map(String::as_str)));
            OF_CUSTOMER
        } else {
            SQL
        };
        self.read("list messages", sql, args).await?.iter().map(message).collect()
    }

    /// One letter.
    pub async fn message(&self, id: &str) -> Result<Option<MessageRow>> {
        const SQL: &str = "SELECT seq, id, customer, enrollment, step, pass, rule, map, stage, letter, purpose, locale, address,
                rulebook, planned_at, due_at, inputs, verdicts, state, reason, changed_at, next_at, attempts, resend, subject,
                message_id, sent_at, relay, code, enhanced, reply, class
            FROM messages WHERE id = $1";
        self.read("read a message", SQL, vec![Arg::text(id)]).await?.first().map(message).transpose()
    }

    /// The exact bytes of a letter as they were last handed over.
    pub async fn raw(&self, id: &str) -> Result<Option<Vec<u8>>> {
        const SQL: &str = "SELECT message, bytes FROM message_bytes WHERE message = $1";
        let rows = self.read("read a message's bytes", SQL, vec![Arg::text(id)]).await?;
        Ok(self.opened(&rows).await?.remove(id))
    }
}

fn message(row: &Row) -> Result<MessageRow> {
    let mut fields = row.fields();
    Ok(MessageRow {
        seq: fields.int()?,
        id: fields.text()?,
        customer: fields.text()?,
        enrollment: fields.text()?,
        step: fields.text()?,
        pass: fields.int()?,
        rule: fields.text()?,
        map: fields.text()?,
        stage: fields.maybe_text()?,
        letter: fields.text()?,
        purpose: fields.text()?,
        locale: fields.text()?,
        to: fields.maybe_text()?,
        rulebook: fields.text()?,
        planned_at: fields.time()?,
        due_at: fields.time()?,
        inputs: fields.json()?,
        verdicts: fields.json()?,
        state: fields.word(MessageState::parse)?,
        reason: fields.maybe_text()?,
        changed_at: fields.time()?,
        next_at: fields.maybe_time()?,
        attempts: fields.int()?,
        resend: fields.flag()?,
        subject: fields.maybe_text()?,
        message_id: fields.maybe_text()?,
        sent_at: fields.maybe_time()?,
        relay: fields.maybe_text()?,
        code: fields.maybe_int()?,
        enhanced: fields.maybe_text()?,
        reply: fields.maybe_text()?,
        class: fields.maybe_text()?,
    })
}
