//! A letter as the command line and the API show it: one form for lists, exports and JSON.

use serde::Serialize;

use crate::store::MessageRow;

/// One letter.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LetterRow {
    /// Its place in the order of planning.
    pub seq: i64,
    /// Message id.
    pub id: String,
    /// `queued`, `held`, `sending`, `sent`, `withheld`, `refused`, `uncertain`, `bounced`, `complained` or
    /// `failed`.
    pub state: &'static str,
    /// Why, where there is a reason.
    pub reason: String,
    /// Customer's id.
    pub customer: String,
    /// Address.
    pub to: String,
    /// Subject as sent.
    pub subject: String,
    /// Map.
    pub map: String,
    /// Stage the customer was at.
    pub stage: String,
    /// Rule.
    pub rule: String,
    /// Step.
    pub step: String,
    /// Which pass over the step.
    pub pass: i64,
    /// Letter's name.
    pub letter: String,
    /// Purpose.
    pub purpose: String,
    /// Locale.
    pub locale: String,
    /// When it was planned.
    pub planned_at: String,
    /// When it fell due.
    pub due_at: String,
    /// When the relay took it.
    pub sent_at: String,
    /// Next try.
    pub next_at: String,
    /// How often it was tried.
    pub attempts: i64,
    /// Whether it goes or went out again after an uncertain hand-over.
    pub resend: bool,
    /// The relay.
    pub relay: String,
    /// SMTP reply code.
    pub code: String,
    /// Enhanced status code.
    pub enhanced: String,
    /// What the relay said, or the error.
    pub reply: String,
    /// What kind of refusal it was.
    pub class: String,
    /// Message-ID.
    pub message_id: String,
    /// Hash of the rulebook it was planned under.
    pub rulebook: String,
    /// Enrollment.
    pub enrollment: String,
}

impl LetterRow {
    /// The letter's row.
    pub fn of(row: &MessageRow) -> Self {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let at = |value: Option<crate::journey::time::Timestamp>| value.map(|at| at.to_string()).unwrap_or_default();
        Self {
            seq: row.seq,
            id: row.id.clone(),
            state: row.state.as_str(),
            reason: text(&row.reason),
            customer: row.customer.clone(),
            to: text(&row.to),
            subject: text(&row.subject),
            map: row.map.clone(),
            stage: text(&row.stage),
            rule: row.rule.clone(),
            step: row.step.clone(),
            pass: row.pass,
            letter: row.letter.clone(),
            purpose: row.purpose.clone(),
            locale: row.locale.clone(),
            planned_at: row.planned_at.to_string(),
            due_at: row.due_at.to_string(),
            sent_at: at(row.sent_at),
            next_at: at(row.next_at),
            attempts: row.attempts,
            resend: row.resend,
            relay: text(&row.relay),
            code: row.code.map(|code| code.to_string()).unwrap_or_default(),
            enhanced: text(&row.enhanced),
            reply: text(&row.reply),
            class: text(&row.class),
            message_id: text(&row.message_id),
            rulebook: row.rulebook.clone(),
            enrollment: row.enrollment.clone(),
        }
    }
}
