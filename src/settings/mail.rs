//! `[mail]` and `[mail.relays.<name>]`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::attachments::AttachmentSettings;
use super::dkim::DkimSettings;
use super::providers::ProviderSettings;
use super::refusals::RefusalRow;
use super::relays::{DomainSettings, RouteSettings};
use super::returns::{ReplySettings, ReturnSettings};
use super::senders::SenderSettings;
use super::tracking::TrackingSettings;
use crate::journey::time::Span;

/// How letters leave.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MailSettings {
    /// The `From` of letters, for example `Pet shop <hello@shop.example>`.
    pub from: String,
    /// Where answers go, if elsewhere.
    #[schemars(example = "Pet shop help desk <help@shop.example>")]
    pub reply_to: Option<String>,
    /// The last part of `Feedback-ID` (campaign:customers:purpose:sender), by which mailbox providers tell senders apart. It
    /// should never change. Default: the domain of `from`.
    #[schemars(example = &"petshop")]
    pub feedback_id: Option<String>,
    /// Waits before the second, third, … try of a letter that was refused for now; the last one stands for all further tries.
    /// Default 1m, 5m, 15m, 30m, 1h, 2h, 4h, 8h, 16h, 24h, 24h.
    #[schemars(with = "Vec<String>")]
    pub retry: Vec<Span>,
    /// How long after its first refusal a letter is given up (RFC 5321 §4.5.4.1: four to five days). While no relay can be
    /// reached letters wait, however long that is. Default 5d.
    #[schemars(with = "String")]
    pub give_up_after: Span,
    /// From what size of its HTML, in kilobytes, `check` and `render` tell of a letter: Gmail cuts off what is beyond 102 KB, the
    /// way to unsubscribe with it. Default 102.
    pub flag_over_kb: u32,
    /// From where files that go with letters may be fetched.
    pub attachments: AttachmentSettings,
    /// Whether opens and clicks are noted.
    pub tracking: TrackingSettings,
    /// Others in whose name letters go out, by the name that `sender:` of maps and rules uses.
    pub senders: BTreeMap<String, SenderSettings>,
    /// Relays by name. Letters are divided among them by `weight`; what one can't take now goes by another.
    pub relays: BTreeMap<String, RelaySettings>,
    /// Which letters go by which relays: the first route that fits a letter decides; one that none fits may take every relay.
    pub routes: Vec<RouteSettings>,
    /// How fast letters to some domains leave, by a name that routes may use.
    pub domains: BTreeMap<String, DomainSettings>,
    /// Services that letters go through and that tell by webhook what became of them, by a name that the webhook's address
    /// bears.
    pub providers: BTreeMap<String, ProviderSettings>,
    /// Keys that letters are signed with, by name.
    pub dkim: BTreeMap<String, DkimSettings>,
    /// How what comes back is told apart: bounces, complaints, unsubscriptions by mail.
    pub returns: ReturnSettings,
    /// What becomes of answers.
    pub replies: ReplySettings,
    /// What relays' refusals mean, besides what Milepost knows: the first row that fits decides, and these come before its own.
    pub refusals: Vec<RefusalRow>,
}

impl Default for MailSettings {
    fn default() -> Self {
        const MINUTES: [i64; 11] = [1, 5, 15, 30, 60, 120, 240, 480, 960, 1_440, 1_440];
        Self {
            from: "Milepost <milepost@localhost>".into(),
            reply_to: None,
            feedback_id: None,
            retry: MINUTES.iter().map(|m| Span::seconds(m * 60)).collect(),
            give_up_after: Span::days(5),
            flag_over_kb: 102,
            attachments: AttachmentSettings::default(),
            tracking: TrackingSettings::default(),
            senders: BTreeMap::new(),
            relays: BTreeMap::new(),
            routes: Vec::new(),
            domains: BTreeMap::new(),
            providers: BTreeMap::new(),
            dkim: BTreeMap::new(),
            returns: ReturnSettings::default(),
            replies: ReplySettings::default(),
            refusals: Vec::new(),
        }
    }
}

/// One SMTP relay.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RelaySettings {
    /// Host name or address.
    pub host: String,
    /// Port. Default 587 (465 for `tls`).
    #[schemars(example = 587)]
    pub port: Option<u16>,
    /// `starttls` (default; required, never downgraded), `tls` (from the first byte) or `none` (this machine only).
    pub security: RelaySecurity,
    /// User name, if the relay wants one.
    #[schemars(example = &"milepost")]
    pub username: Option<String>,
    /// Password: give it as `MILEPOST__MAIL__RELAYS__<NAME>__PASSWORD` or in `password_file`.
    #[schemars(with = "Option<String>", extend("writeOnly" = true))]
    pub password: Option<SecretString>,
    /// Certificates in PEM that are trusted besides the system's, of a relay of your own: give them in `authority_file`.
    #[schemars(with = "Option<String>", extend("writeOnly" = true))]
    pub authority: Option<SecretString>,
    /// Most connections at once. Default 8.
    pub connections: u32,
    /// Its share of the letters beside the others' weights; 0 for a spare one, used only while no other can be
    /// reached. Default 1.
    pub weight: u32,
    /// Most letters a second, by all nodes together; no limit if absent.
    #[schemars(example = 20)]
    pub rate_per_second: Option<u32>,
    /// Most letters an hour, by all nodes together; no limit if absent.
    #[schemars(example = 10000)]
    pub rate_per_hour: Option<u32>,
    /// Most letters on the first, second, third, … day (of the shop's time zone) from `warm_up_from` on, by all nodes together. When the list is over there
    /// is no limit any more.
    #[schemars(example = [50, 100, 250, 500, 1000, 2500, 5000])]
    pub warm_up: Vec<u32>,
    /// The first day of the warm-up. Before it the relay takes nothing.
    #[schemars(example = &"2026-11-01")]
    pub warm_up_from: Option<String>,
    /// How long one SMTP command may take, in seconds. Default 60.
    pub timeout_seconds: u64,
}

impl Default for RelaySettings {
    fn default() -> Self {
        Self {
            host: "localhost".into(),
            port: None,
            security: RelaySecurity::default(),
            username: None,
            password: None,
            authority: None,
            connections: 8,
            weight: 1,
            rate_per_second: None,
            rate_per_hour: None,
            warm_up: Vec::new(),
            warm_up_from: None,
            timeout_seconds: 60,
        }
    }
}

/// How a relay's connection is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RelaySecurity {
    /// TLS after `STARTTLS`; refused if the relay doesn't offer it.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// No protection; only for relays on this machine.
    None,
}
