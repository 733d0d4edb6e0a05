//! Settings: `config/milepost.toml` overlaid by the environment (`MILEPOST__SECTION__KEY`), validated on load.
//!
//! One file a section. Secrets come from the environment or from files (`<key>_file`) and never show in `Debug`.

pub mod connections;
pub mod ingest;
pub mod load;
pub mod mail;
pub mod reference;
pub mod server;
pub mod shop;
pub mod webhooks;

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

pub use connections::ConnectionSettings;
pub use ingest::IngestSettings;
pub use mail::{MailSettings, RelaySecurity, RelaySettings};
pub use server::{ApiSettings, DatabaseSettings, LogFormat, LogSettings, ServerSettings};
pub use shop::{ConsentSettings, ShopSettings};
pub use webhooks::{ErrandSettings, WebhookSettings};

/// Everything that can be set.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Folder with maps, rules and letters, relative to the folder that holds `config/`. Default `rules`.
    #[schemars(example = &"rules")]
    pub rules: Option<PathBuf>,
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
