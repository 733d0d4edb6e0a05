//! `[webhooks.<name>]` and `[errands]`.

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;

use crate::journey::time::Span;

/// Where a `webhook` step posts to.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WebhookSettings {
    /// The whole address, with `https://`.
    #[schemars(example = "https://hooks.shop.example/milepost")]
    pub url: String,
    /// The secret of its signature (Standard Webhooks): `whsec_` and 24 to 64 bytes in base64. Two with a space between
    /// while the receiver changes from one to the other. Make one with `echo whsec_$(openssl rand -base64 32)`; give it as
    /// `MILEPOST__WEBHOOKS__<NAME>__SECRET` or in `secret_file`.
    #[schemars(with = "Option<String>", extend("writeOnly" = true))]
    pub secret: Option<SecretString>,
    /// Whether the address may lead into a private network: this machine, the shop's own network. Then `http://` may stand in
    /// it, too. Default false.
    pub allow_private: bool,
}

/// How webhooks and changes in a CRM are carried out.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ErrandSettings {
    /// Waits before the second, third, … try of an errand that was not taken; after the last it is dead, and can be tried
    /// again by `milepost errands retry`. Default 5s, 5m, 30m, 2h, 5h, 10h, 14h, 20h, 24h.
    #[schemars(with = "Vec<String>")]
    pub retry: Vec<Span>,
    /// How long a webhook's receiver may take to answer, in seconds. Default 20.
    pub timeout_seconds: u64,
    /// How long errands are kept after they were carried out. Default 90d.
    #[schemars(with = "String")]
    pub keep: Span,
}

impl Default for ErrandSettings {
    fn default() -> Self {
        const SECONDS: [i64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
        Self {
            retry: SECONDS.iter().map(|seconds| Span::seconds(*seconds)).collect(),
            timeout_seconds: 20,
            keep: Span::days(90),
        }
    }
}
