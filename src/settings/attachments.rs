//! `[mail.attachments]`: from where files that go with letters may be fetched.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::journey::time::Span;

/// From where files that go with letters may be fetched, besides those of the rulebook.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AttachmentSettings {
    /// Addresses below which files may be fetched, each with `https://` and with a slash at its end. Without any, none is.
    #[schemars(example = ["https://cdn.shop.example/", "https://docs.shop.example/invoices/"])]
    pub allow: Vec<String>,
    /// Most megabytes of one file. Default 5; all that goes with a letter may have 10.
    pub max_mb: u32,
    /// How long a server may take to give a file, in seconds. Default 10.
    pub timeout_seconds: u64,
    /// How long a file that was fetched serves further letters before it is fetched anew. Default 10m.
    #[schemars(with = "String")]
    pub fresh_for: Span,
    /// Whether the addresses may lead into a private network: this machine, the shop's own network. Then `http://` may stand
    /// in them, too. Default false.
    pub allow_private: bool,
}

impl Default for AttachmentSettings {
    fn default() -> Self {
        Self { allow: Vec::new(), max_mb: 5, timeout_seconds: 10, fresh_for: Span::seconds(600), allow_private: false }
    }
}
