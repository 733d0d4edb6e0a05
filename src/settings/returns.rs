//! `[mail.returns]`: what comes back.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::journey::time::Span;

/// How what comes back is told apart: bounces, complaints, unsubscriptions by mail.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReturnSettings {
    /// Where bounces go: the sender of every letter's envelope becomes `bounce+TOKEN@returns.shop.example`, which names the
    /// letter that came back. Its mail must reach a mailbox that Milepost reads. Without it the envelope's sender is the
    /// address of `mail.from`.
    #[schemars(example = "bounce@returns.shop.example")]
    pub address: Option<String>,
    /// Where people unsubscribe by mail: the second way of `List-Unsubscribe`. Default: `unsubscribe` at the domain of
    /// `address`.
    #[schemars(example = "unsubscribe@returns.shop.example")]
    pub unsubscribe: Option<String>,
    /// A Maildir folder whose mail is what comes back: what is in its `new` is read and moved to `cur`.
    #[schemars(example = "/var/mail/returns/Maildir")]
    pub maildir: Option<PathBuf>,
    /// How long mail and reports that came back are kept after they were applied. What nobody could match is kept until
    /// somebody has looked at it. Default 90d.
    #[schemars(with = "String")]
    pub keep: Span,
}

impl Default for ReturnSettings {
    fn default() -> Self {
        Self { address: None, unsubscribe: None, maildir: None, keep: Span::days(90) }
    }
}
