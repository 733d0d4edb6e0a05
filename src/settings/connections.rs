//! `[connections.<id>]`: one CRM or shop each.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::journey::time::Span;

/// One CRM or shop.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectionSettings {
    /// What it is. `retailcrm` is known today.
    pub kind: ConnectionKind,
    /// Base address of the account, for example `https://demo.retailcrm.ru`. Without it only hooks with whole objects work.
    #[serde(default)]
    #[schemars(example = "https://demo.retailcrm.ru")]
    pub url: Option<String>,
    /// API key: give it as `MILEPOST__CONNECTIONS__<ID>__API_KEY` or in `api_key_file`.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("writeOnly" = true))]
    pub api_key: Option<SecretString>,
    /// The last part of the hook's address, at least 16 characters. Without it hooks of this connection are off.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("writeOnly" = true))]
    pub hook_secret: Option<SecretString>,
    /// Site code, where the key sees several shops.
    #[serde(default)]
    #[schemars(example = &"pets")]
    pub site: Option<String>,
    /// Zone of the account's dates, which carry none. Default: the shop's.
    #[serde(default)]
    #[schemars(example = "Europe/Moscow")]
    pub time_zone: Option<String>,
    /// How often to poll; `0s` turns polling off. Default 5m.
    #[serde(default = "five_minutes")]
    #[schemars(with = "String")]
    pub poll_every: Span,
    /// Most API requests a second; RetailCRM allows 10 a key. Default 10.
    #[serde(default = "ten")]
    pub requests_per_second: std::num::NonZeroU32,
    /// Where the first poll begins: `now` (default) or `all` (the account's whole history; it starts no rules).
    #[serde(default)]
    pub history: HistoryStart,
    /// Whether to read carts of customers who changed. Default true.
    #[serde(default = "yes")]
    pub carts: bool,
    /// Codes of status groups that mean "delivered and closed". Default `complete`.
    #[serde(default = "complete_groups")]
    pub complete_groups: Vec<String>,
    /// Codes of status groups that mean "cancelled". Default `cancel`.
    #[serde(default = "cancel_groups")]
    pub cancel_groups: Vec<String>,
    /// The order's custom field that carries a promo code, if any.
    #[serde(default)]
    #[schemars(example = &"promo_code")]
    pub promo_field: Option<String>,
    /// Purposes of which the CRM is told what its customers agree to and refuse here: `marketing` is its topic
    /// `default_marketing`, others are topics by their own code. Empty: it is told nothing. Default `["marketing"]`.
    #[serde(default = "marketing")]
    pub write_consents: BTreeSet<String>,
}

/// What a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConnectionKind {
    /// RetailCRM / Simla.com, API v5.
    Retailcrm,
}

/// Where the first poll begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HistoryStart {
    /// From the present on.
    #[default]
    Now,
    /// From the account's first row.
    All,
}

fn five_minutes() -> Span {
    Span::seconds(300)
}

fn ten() -> std::num::NonZeroU32 {
    std::num::NonZeroU32::MIN.saturating_add(9)
}

fn yes() -> bool {
    true
}

fn complete_groups() -> Vec<String> {
    vec!["complete".into()]
}

fn marketing() -> BTreeSet<String> {
    BTreeSet::from(["marketing".to_owned()])
}

fn cancel_groups() -> Vec<String> {
    vec!["cancel".into()]
}
