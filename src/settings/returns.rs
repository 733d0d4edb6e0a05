//! `[mail.returns]`: what comes back.

use std::path::PathBuf;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;

use super::mail::RelaySecurity;
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
    /// A mailbox read by IMAP whose mail is what comes back.
    pub imap: ImapSettings,
    /// How long mail and reports that came back are kept after they were applied. What nobody could match is kept until
    /// somebody has looked at it. Default 90d.
    #[schemars(with = "String")]
    pub keep: Span,
}

impl Default for ReturnSettings {
    fn default() -> Self {
        Self { address: None, unsubscribe: None, maildir: None, imap: ImapSettings::default(), keep: Span::days(90) }
    }
}

/// A mailbox read by IMAP whose mail is what comes back.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ImapSettings {
    /// Host name. Without it no mailbox is read.
    #[schemars(example = "imap.shop.example")]
    pub host: Option<String>,
    /// Port. Default 993 (143 for `starttls` and `none`).
    #[schemars(example = 993)]
    pub port: Option<u16>,
    /// `tls` (default; from the first byte), `starttls` (required, never downgraded) or `none` (this machine only).
    pub security: RelaySecurity,
    /// User name.
    #[schemars(example = &"returns")]
    pub username: Option<String>,
    /// Password: give it as `MILEPOST__MAIL__RETURNS__IMAP__PASSWORD` or in `password_file`.
    #[schemars(with = "Option<String>", extend("writeOnly" = true))]
    pub password: Option<SecretString>,
    /// The folder. Default `INBOX`.
    pub folder: String,
    /// Where mail is moved that was read; without it, it stays and is marked as read.
    #[schemars(example = &"Read")]
    pub move_to: Option<String>,
}

impl Default for ImapSettings {
    fn default() -> Self {
        Self {
            host: None,
            port: None,
            security: RelaySecurity::Tls,
            username: None,
            password: None,
            folder: "INBOX".into(),
            move_to: None,
        }
    }
}
