//! `[mail.tracking]`: whether opens and clicks of letters are noted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether opens and clicks of letters are noted. Both are off until switched on.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrackingSettings {
    /// Whether clicks are noted: `off` (default), `on` (but for customers who refused the purpose `tracking`) or `consent` (only
    /// for customers who agreed to it).
    pub clicks: Track,
    /// Whether opens are noted, by a picture that nobody sees: `off` (default), `on` or `consent`, as for clicks.
    pub opens: Track,
    /// Where the short links lead, without a slash at the end: an address of the shop's own domain that reaches this server.
    /// Default: `server.public_url`.
    #[schemars(example = "https://go.shop.example")]
    pub url: Option<String>,
    /// Agents that are programs, besides those that are known: each a part of what they call themselves.
    #[schemars(example = ["ExampleScanner"])]
    pub machines: Vec<String>,
    /// Networks that programs ask from, besides those that are known.
    #[schemars(example = ["192.0.2.0/24"])]
    pub networks: Vec<String>,
    /// Agents that are people, though they are among the known programs.
    #[schemars(example = ["ExampleReader"])]
    pub people: Vec<String>,
    /// What links to the shop's own pages carry for its web analytics.
    pub utm: UtmSettings,
}

/// Whether something is noted, and of whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Track {
    /// Never.
    #[default]
    Off,
    /// Of everyone who did not refuse.
    On,
    /// Of those who agreed.
    Consent,
}

/// What links to the shop's own pages carry for its web analytics. `{map}`, `{rule}`, `{letter}` and `{locale}` are filled in;
/// what a link says already stays.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UtmSettings {
    /// Hosts whose links carry it, with those below them. Without any, none does.
    #[schemars(example = ["shop.example"])]
    pub hosts: Vec<String>,
    /// `utm_source`.
    #[schemars(example = &"milepost")]
    pub source: Option<String>,
    /// `utm_medium`.
    #[schemars(example = &"email")]
    pub medium: Option<String>,
    /// `utm_campaign`.
    #[schemars(example = "{map}-{rule}")]
    pub campaign: Option<String>,
    /// `utm_content`.
    #[schemars(example = "{letter}")]
    pub content: Option<String>,
}
