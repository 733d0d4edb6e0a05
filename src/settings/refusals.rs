//! `[[mail.refusals]]`: a shop's own rows of the table of refusals.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::mail::refusal::Class;

/// A row of the table that says what a relay's refusals mean (docs/deliverability.md).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RefusalRow {
    /// Which step of the conversation was refused: `session` (greeting, TLS), `login`, `sender`, `recipient` (or the letter to
    /// that one recipient; reports of delivery go here) or `any`. Default `any`.
    pub step: RefusalStep,
    /// What the reply code begins with: `4`, `55`, `550`. Any code if left out.
    #[schemars(example = &"550")]
    pub code: String,
    /// The enhanced code, or its beginning with a `.` at the end: `5.2.2`, `5.2.`; `none` fits replies without one. Any if left
    /// out.
    #[schemars(example = &"5.7.")]
    pub enhanced: String,
    /// The reply holds any of these, capitals or not. Any text if left out.
    #[schemars(example = ["come back tomorrow"])]
    pub text: Vec<String>,
    /// What kind of refusal it is.
    #[schemars(example = &"greylisted")]
    pub class: Class,
}

impl Default for RefusalRow {
    fn default() -> Self {
        Self {
            step: RefusalStep::Any,
            code: String::new(),
            enhanced: String::new(),
            text: Vec::new(),
            class: Class::Refused,
        }
    }
}

impl RefusalRow {
    /// What is wrong with the row: the key and why.
    pub fn fault(&self) -> Option<(&'static str, &'static str)> {
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if !digits(&self.code) || self.code.len() > 3 || !self.code.is_empty() && !self.code.starts_with(['4', '5']) {
            return Some(("code", "a refusal's code begins with 4 or 5 and has at most three digits"));
        }
        let shape = self.enhanced.strip_suffix('.').unwrap_or(&self.enhanced);
        let code = shape.split('.').all(|part| (1..=3).contains(&part.len()) && digits(part));
        if !(self.enhanced.is_empty() || self.enhanced == "none" || code && shape.split('.').count() <= 3) {
            return Some((
                "enhanced",
                "this is neither an enhanced code such as `5.2.2`, nor its beginning, nor `none`",
            ));
        }
        self.text.iter().any(|text| text.trim().is_empty()).then_some(("text", "an empty text fits every reply"))
    }
}

/// Which step of a conversation a row is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RefusalStep {
    /// All of them.
    #[default]
    Any,
    /// Greeting and TLS.
    Session,
    /// The log-in.
    Login,
    /// `MAIL FROM`.
    Sender,
    /// `RCPT TO`, or the letter to that one recipient.
    Recipient,
}
