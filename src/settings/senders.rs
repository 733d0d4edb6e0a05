//! `[mail.senders.<name>]`: others than `mail.from` in whose name letters go out.

use schemars::JsonSchema;
use serde::Deserialize;

/// Somebody in whose name letters go out: `sender: <name>` of a map or a rule.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SenderSettings {
    /// The `From` of the letters. Their Message-ID is of its domain, too.
    #[schemars(example = "Pet shop news <news@news.shop.example>")]
    pub from: String,
    /// Where answers go, if elsewhere.
    #[schemars(example = "Pet shop help desk <help@shop.example>")]
    pub reply_to: Option<String>,
    /// The last part of `Feedback-ID`, by which mailbox providers tell senders apart. It should never change. Default: the domain
    /// of `from`.
    #[schemars(example = "petshop-news")]
    pub feedback_id: Option<String>,
}
