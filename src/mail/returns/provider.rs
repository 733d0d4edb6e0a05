//! Webhooks by which providers tell what became of letters: checking that they come from there, and reading them.
//!
//! Invariants: nothing is kept that was not checked; what is kept is told apart by what the provider's signature covers, so
//! that nothing that was heard can be said again with other words.
//!
//! Not here: HTTP (`web`), fetching Amazon's certificates (`engine`).

mod mailgun;
mod postmark;
mod sendgrid;
mod ses;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use super::address::{Duty, ReturnAddresses, To};
use super::{Action, Reading, Report, What};
use crate::journey::time::{Span, Timestamp};
use crate::mail::refusal::tidy;
use crate::settings::{ProviderKind, ProviderSettings};

pub use sendgrid::is_key as is_sendgrid_key;
pub use ses::{Certificate, Notice, Sns, is_amazon};

/// How old a signature may be: providers try again for a day at most.
const OLDEST: Span = Span::days(2);
/// How far a provider's clock may be ahead.
const AHEAD: Span = Span::seconds(600);

/// A provider of the settings.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Its name there.
    pub name: String,
    /// What it is.
    pub kind: ProviderKind,
    secret: SecretString,
    key: Option<SecretString>,
    topics: Vec<String>,
    basic: Option<(String, SecretString)>,
}

/// What a webhook said, and how to tell it from everything else that was ever heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The bytes to keep.
    pub bytes: Vec<u8>,
    /// The same value means the same message.
    pub once: String,
}

/// Why a webhook is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Disbelieved(pub &'static str);

impl Provider {
    /// A provider as the settings describe it; `None` without a secret, which the settings' check refuses.
    pub fn of(name: &str, settings: &ProviderSettings) -> Option<Self> {
        Some(Self {
            name: name.to_owned(),
            kind: settings.kind,
            secret: settings.secret.clone()?,
            key: settings.signing_key.clone(),
            topics: settings.topics.clone(),
            basic: settings.username.clone().zip(settings.password.clone()),
        })
    }

    /// Whether the last part of the address is its own; the time it takes tells nothing.
    pub fn verify_secret(&self, given: &str) -> bool {
        self.secret.expose_secret().as_bytes().ct_eq(given.as_bytes()).into()
    }

    fn admits(&self, authorization: Option<&str>) -> Result<(), Disbelieved> {
        match &self.basic {
            Some(basic) if !is_basic(authorization, basic) => {
                Err(Disbelieved("the user name or the password is wrong"))
            }
            _ => Ok(()),
        }
    }

    /// Checks a webhook of SendGrid, Mailgun or Postmark. `header` gives a header of the request.
    pub fn hear<'h>(
        &self,
        body: &[u8],
        header: impl Fn(&str) -> Option<&'h str>,
        now: Timestamp,
    ) -> Result<Heard, Disbelieved> {
        let key = self.key.as_ref().map_or("", ExposeSecret::expose_secret);
        self.admits(header("authorization"))?;
        match self.kind {
            ProviderKind::Sendgrid => sendgrid::hear(body, header, key, now),
            ProviderKind::Mailgun => mailgun::hear(body, key, now),
            ProviderKind::Postmark => Ok(Heard { bytes: body.to_vec(), once: digest(body) }),
            ProviderKind::Ses => Err(Disbelieved("SNS is checked by its certificate")),
        }
    }

    /// Reads a message of SNS that is still to be checked by its certificate.
    pub fn read_sns(&self, body: &[u8], authorization: Option<&str>) -> Result<Sns, Disbelieved> {
        self.admits(authorization)?;
        let sns = Sns::read(body)?;
        if self.topics.iter().any(|topic| topic == sns.topic()) {
            Ok(sns)
        } else {
            Err(Disbelieved("it is of a topic that is not listened to"))
        }
    }
}

/// Reads what was kept of a provider's webhook. Bytes that are not understood say nothing.
pub fn read(kind: ProviderKind, bytes: &[u8], ours: &ReturnAddresses) -> Vec<Reading> {
    let Ok(said) = serde_json::from_slice::<Value>(bytes) else {
        return vec![Reading { what: What::Unknown("it is not JSON"), to: None, quoted: Vec::new() }];
    };
    match kind {
        ProviderKind::Ses => ses::read(&said, ours),
        ProviderKind::Sendgrid => said.as_array().into_iter().flatten().filter_map(sendgrid::read).collect(),
        ProviderKind::Mailgun => mailgun::read(&said).into_iter().collect(),
        ProviderKind::Postmark => postmark::read(&said).into_iter().collect(),
    }
}

/// The header by which Postmark, which gives letters Message-IDs of its own, says in its webhooks which letter it means.
pub const POSTMARK_HEADER: &str = "X-PM-Metadata-milepost-message";

fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// What is said of one recipient.
fn report(recipient: &str, action: Action, status: &str, diagnostic: &str, remote: &str) -> Report {
    Report {
        recipient: Some(recipient.trim().to_lowercase()).filter(|recipient| recipient.contains('@')),
        action,
        status: tidy(status),
        diagnostic: tidy(diagnostic),
        remote: tidy(remote),
    }
}

fn of_report(report: Report) -> What {
    match report.action {
        Action::Failed => What::Bounce(vec![report]),
        Action::Delayed => What::Delayed(vec![report]),
        Action::Delivered => What::Delivered(vec![report]),
    }
}

/// A reading of a message that is told by its Message-ID.
fn by_id(what: What, message_id: &str) -> Reading {
    let id = message_id.trim().trim_matches(['<', '>']);
    let quoted = if id.contains('@') && id.len() <= 300 { vec![id.to_owned()] } else { Vec::new() };
    Reading { what, to: None, quoted }
}

/// The letter that a provider names by its id, which only our own header told it.
fn by_letter(what: What, id: &str) -> Reading {
    let id = Uuid::parse_str(id).ok().filter(|uuid| uuid.hyphenated().to_string() == id).map(|uuid| uuid.to_string());
    let to = id.map(|message| To { duty: Duty::Bounce, message: Some(message) });
    Reading { what, to, quoted: Vec::new() }
}

/// Whether a signature was made at a time at which it may have been.
fn is_fresh(seconds: &str, now: Timestamp) -> bool {
    let Ok(seconds) = seconds.parse::<u32>() else { return false };
    let at = Timestamp::from_micros(i64::from(seconds) * crate::journey::time::MICROS_PER_SECOND);
    at > now.before(OLDEST) && at < now.after(AHEAD)
}

fn is_basic(given: Option<&str>, (user, password): &(String, SecretString)) -> bool {
    let wanted = format!("{user}:{}", password.expose_secret());
    let given =
        given.and_then(|given| given.strip_prefix("Basic ")).and_then(|given| STANDARD.decode(given.trim()).ok());
    given.is_some_and(|given| given.ct_eq(wanted.as_bytes()).into())
}

fn digest(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    hex::encode(sha2::Sha256::digest(bytes))
}
