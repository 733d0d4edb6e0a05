//! Settings: `config/milepost.toml` overlaid by the environment (`MILEPOST__SECTION__KEY`), validated on load.
//!
//! One file a section. Secrets come from the environment or from files (`<key>_file`) and never show in `Debug`.

pub mod attachments;
pub mod connections;
pub mod dkim;
pub mod ingest;
pub mod load;
pub mod mail;
pub mod providers;
pub mod reference;
pub mod refusals;
pub mod relays;
pub mod returns;
pub mod rules;
pub mod senders;
pub mod server;
pub mod shop;
pub mod tracking;
pub mod webhooks;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

pub use attachments::AttachmentSettings;
pub use connections::ConnectionSettings;
pub use dkim::DkimSettings;
pub use ingest::IngestSettings;
pub use mail::{MailSettings, RelaySecurity, RelaySettings};
pub use providers::{ProviderKind, ProviderSettings};
pub use refusals::{RefusalRow, RefusalStep};
pub use relays::{DomainSettings, RouteSettings};
pub use returns::{ImapSettings, ListenerSettings, ReplySettings, ReturnSettings};
pub use rules::{ApplyRules, RulesSettings};
pub use senders::SenderSettings;
pub use server::{ApiSettings, DatabaseSettings, LogFormat, LogSettings, ServerSettings};
pub use shop::{ConsentSettings, ShopSettings};
pub use tracking::{Track, TrackingSettings, UtmSettings};
pub use webhooks::{ErrandSettings, WebhookSettings};

use crate::journey::book::Shop;
use crate::journey::consents::DoubleOptIn;

/// Everything that can be set.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Maps, rules and letters.
    pub rules: RulesSettings,
    /// The HTTP server.
    pub server: ServerSettings,
    /// Where everything is kept.
    pub database: DatabaseSettings,
    /// The shop.
    pub shop: ShopSettings,
    /// Who may be written to when nothing was said.
    pub consent: ConsentSettings,
    /// How letters leave.
    pub mail: MailSettings,
    /// How hooks and events come in.
    pub ingest: IngestSettings,
    /// Who may use the API.
    pub api: ApiSettings,
    /// CRMs and shops by id.
    pub connections: BTreeMap<String, ConnectionSettings>,
    /// Where webhooks go, by the name that `webhook` steps use.
    pub webhooks: BTreeMap<String, WebhookSettings>,
    /// How webhooks and changes in a CRM are carried out.
    pub errands: ErrandSettings,
    /// Logging.
    pub log: LogSettings,
}

impl Settings {
    /// The shop, as decisions see it.
    pub fn shop_facts(&self) -> Shop {
        Shop {
            zone: self.shop.time_zone.parse().unwrap_or(chrono_tz::Tz::UTC),
            locale: self.shop.locale.clone(),
            currency: self.shop.currency.clone(),
            assumed_purposes: self.consent.assumed.clone(),
            double_opt_in: DoubleOptIn {
                purposes: self.consent.double_opt_in.clone(),
                confirmed_by: self.consent.confirmed_by.clone(),
            },
            senders: self.mail.senders.keys().cloned().collect(),
            webhooks: self.webhooks.keys().cloned().collect(),
            connections: self
                .connections
                .iter()
                .filter(|(_, connection)| connection.url.is_some())
                .map(|(id, _)| id.clone())
                .collect(),
        }
    }
}
