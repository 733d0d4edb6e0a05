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
    /// The program's own SMTP listener for what comes back.
    pub listener: ListenerSettings,
    /// Addresses that complaints come to, which the listener takes mail for besides its own.
    #[schemars(example = ["abuse@shop.example"])]
    pub complaints: Vec<String>,
    /// How long mail and reports that came back are kept after they were applied. What nobody could match is kept until
    /// somebody has looked at it. Default 90d.
    #[schemars(with = "String")]
    pub keep: Span,
}

impl Default for ReturnSettings {
    fn default() -> Self {
        Self {
            address: None,
            unsubscribe: None,
            maildir: None,
            imap: ImapSettings::default(),
            listener: ListenerSettings::default(),
            complaints: Vec::new(),
            keep: Span::days(90),
        }
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
    /// Certificates in PEM that are trusted besides the system's, of a server of your own: give them in `authority_file`.
    #[schemars(with = "Option<String>", extend("writeOnly" = true))]
    pub authority: Option<SecretString>,
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
            authority: None,
            folder: "INBOX".into(),
            move_to: None,
        }
    }
}

/// The program's own SMTP listener for what comes back: it takes mail for addresses that name a letter and for those of
/// `complaints`, and relays nothing.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListenerSettings {
    /// Address and port, for example `0.0.0.0:25`. Without it nothing listens.
    #[schemars(example = "0.0.0.0:25")]
    pub listen: Option<String>,
    /// Its name in greetings: the host that the domain's MX record names. Default: the domain of `mail.returns.address`.
    #[schemars(example = "mx.returns.shop.example")]
    pub hostname: Option<String>,
    /// Largest mail, in bytes. Default 10485760 (10 MiB).
    pub max_bytes: u32,
    /// Most connections at once. Default 50.
    pub connections: u32,
    /// Most connections a minute from one address. Default 60.
    pub per_minute: std::num::NonZeroU32,
    /// The certificate chain in PEM for STARTTLS, best named by `certificate_file`; without it STARTTLS is not offered.
    #[schemars(with = "Option<String>", extend("writeOnly" = true))]
    pub certificate: Option<SecretString>,
    /// The certificate's key in PEM, best named by `key_file`.
    #[schemars(with = "Option<String>", extend("writeOnly" = true))]
    pub key: Option<SecretString>,
}

impl Default for ListenerSettings {
    fn default() -> Self {
        Self {
            listen: None,
            hostname: None,
            max_bytes: 10 * 1024 * 1024,
            connections: 50,
            per_minute: std::num::NonZeroU32::MIN.saturating_add(59),
            certificate: None,
            key: None,
        }
    }
}

/// What becomes of answers that people write to letters.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReplySettings {
    /// Where answers go: `Reply-To` of every letter becomes `reply+TOKEN@returns.shop.example`, which names the letter that is
    /// answered. Its mail must be read as that of `[mail.returns]` is. Without it, `mail.reply_to` stands.
    #[schemars(example = "reply@returns.shop.example")]
    pub address: Option<String>,
    /// A mailbox that answers are forwarded to, with the writer in `Reply-To`.
    #[schemars(example = "help@shop.example")]
    pub forward: Option<String>,
    /// A connection whose CRM gets the answer as a note about the customer.
    #[schemars(example = &"shop")]
    pub crm: Option<String>,
}
