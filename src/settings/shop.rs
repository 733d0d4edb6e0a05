//! `[shop]` and `[consent]`.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::journey::rule::TRANSACTIONAL;

/// The shop.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ShopSettings {
    /// Name, readable in letters as `shop.name`.
    pub name: String,
    /// Address of the shop's site, `shop.url` in letters.
    pub url: String,
    /// IANA time zone, for example `Europe/Moscow`. Default `UTC`.
    pub time_zone: String,
    /// ISO 4217 currency used where a source names none. Default `EUR`.
    pub currency: String,
    /// Locale of letters for customers who have none. Default `en`.
    pub locale: String,
    /// Postal address, shown at the foot of marketing letters (`shop.address`).
    #[schemars(example = "Milk & Whiskers, 1 Bowl Street, 10115 Berlin")]
    pub address: Option<String>,
}

impl Default for ShopSettings {
    fn default() -> Self {
        Self {
            name: "My shop".into(),
            url: "https://shop.example".into(),
            time_zone: "UTC".into(),
            currency: "EUR".into(),
            locale: "en".into(),
            address: None,
        }
    }
}

/// Who may be written to when nothing was said.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConsentSettings {
    /// Purposes that need no explicit agreement (a refusal always wins). Default `["transactional"]`.
    pub assumed: BTreeSet<String>,
    /// Purposes of which an agreement counts only once the customer confirmed it by the link of a letter (double opt-in). A rule
    /// with `on: {event: consent.requested}` sends that letter. Default: none.
    #[schemars(example = ["marketing"])]
    pub double_opt_in: BTreeSet<String>,
    /// Sources whose agreements need no confirmation, because they ask by themselves: a connection, or `api`. Default: none.
    #[schemars(example = ["shop"])]
    pub confirmed_by: BTreeSet<String>,
}

impl Default for ConsentSettings {
    fn default() -> Self {
        Self {
            assumed: BTreeSet::from([TRANSACTIONAL.to_owned()]),
            double_opt_in: BTreeSet::new(),
            confirmed_by: BTreeSet::new(),
        }
    }
}
