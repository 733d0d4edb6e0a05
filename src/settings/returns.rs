//! `[mail.returns]`: what comes back.

use schemars::JsonSchema;
use serde::Deserialize;

/// How what comes back is told apart: bounces, complaints, unsubscriptions by mail.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReturnSettings {
    /// Where bounces go: the sender of every letter's envelope becomes `bounce+TOKEN@returns.shop.example`, which names the
    /// letter that came back. Its mail must reach a mailbox that Milepost reads. Without it the envelope's sender is the
    /// address of `mail.from`.
    #[schemars(example = "bounce@returns.shop.example")]
    pub address: Option<String>,
    /// Where people unsubscribe by mail: the second way of `List-Unsubscribe`. Default: `unsubscribe` at the domain of
    /// `address`.
    #[schemars(example = "unsubscribe@returns.shop.example")]
    pub unsubscribe: Option<String>,
}
