//! `[server]`, `[database]`, `[api]` and `[log]`.

use std::net::SocketAddr;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// The HTTP server.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ServerSettings {
    /// Address and port to listen on. Default `127.0.0.1:8080`.
    #[schemars(with = "String")]
    #[serde(deserialize_with = "address_and_port")]
    pub listen: SocketAddr,
    /// The address under which customers and CRMs reach this server, without a slash at the end. Links in letters begin
    /// with it. Default `http://` + `listen`.
    #[schemars(example = "https://letters.shop.example")]
    pub public_url: Option<String>,
    /// The header in which a reverse proxy tells who asked, where there is one; the last address in it counts. By it programs
    /// that follow links are known. Default: nobody's word is taken but the connection's.
    #[schemars(example = "X-Forwarded-For")]
    pub address_header: Option<String>,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8080)), public_url: None, address_header: None }
    }
}

impl ServerSettings {
    /// The public address without a slash at the end.
    pub fn public_url(&self) -> String {
        self.public_url
            .as_deref()
            .map_or_else(|| format!("http://{}", self.listen), |url| url.trim_end_matches('/').to_owned())
    }
}

/// Where everything is kept.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseSettings {
    /// `sqlite:data/milepost.db` (the default; relative to the folder that holds `config/`) or `postgres://…`.
    #[schemars(with = "String", extend("writeOnly" = true), example = "sqlite:data/milepost.db")]
    pub url: SecretString,
}

impl Default for DatabaseSettings {
    fn default() -> Self {
        Self { url: "sqlite:data/milepost.db".into() }
    }
}

/// Who may use the API.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ApiSettings {
    /// Bearer tokens by name, for `POST /api/v1/events` and for what is asked of customers. A token is at least 16 characters.
    #[schemars(with = "std::collections::BTreeMap<String, String>", extend("writeOnly" = true))]
    pub tokens: std::collections::BTreeMap<String, SecretString>,
}

/// Logging.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    /// `human` (default) or `json`.
    pub format: LogFormat,
    /// Filter in the form of `tracing`, for example `info,milepost::engine=debug`. Default `info`.
    #[schemars(example = "info,milepost::engine=debug")]
    pub filter: Option<String>,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

fn address_and_port<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| {
        D::Error::custom(
            "not an address and a port: write \"127.0.0.1:8080\", or \"0.0.0.0:8080\" for all networks (names such as \
             localhost are not looked up)",
        )
    })
}
