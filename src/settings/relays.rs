//! `[[mail.routes]]` and `[mail.domains.<name>]`: which relay takes which letters, and how fast to whom.

use schemars::JsonSchema;
use serde::Deserialize;

/// Which relays take letters of a kind. The first route that fits a letter decides; a letter that none fits may take every
/// relay.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RouteSettings {
    /// Letters of this purpose only.
    #[schemars(example = &"transactional")]
    pub purpose: Option<String>,
    /// Letters of this map only.
    #[schemars(example = &"newsletter")]
    pub map: Option<String>,
    /// Letters of this sender only: a name of `[mail.senders]`.
    #[schemars(example = &"news")]
    pub sender: Option<String>,
    /// Letters to this domain only, or to a group of `[mail.domains]`.
    #[schemars(example = &"google")]
    pub domain: Option<String>,
    /// Names of the relays. Letters are divided among them by `weight`; what one can't take now goes by the next.
    #[schemars(example = ["main"])]
    pub relays: Vec<String>,
}

/// How fast letters to some domains leave, by each relay for itself.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DomainSettings {
    /// The recipients' domains that share these limits.
    #[schemars(example = ["gmail.com", "googlemail.com"])]
    pub domains: Vec<String>,
    /// Most letters on their way at once; no limit but the relay's if absent.
    #[schemars(example = 4)]
    pub connections: Option<u32>,
    /// Most letters a second; no limit if absent.
    #[schemars(example = 10)]
    pub rate_per_second: Option<u32>,
    /// Most letters an hour; no limit if absent.
    #[schemars(example = 5000)]
    pub rate_per_hour: Option<u32>,
}
