//! `[ingest]`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::journey::time::Span;

/// How hooks and events come in.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IngestSettings {
    /// Largest body of a hook or an API call, in bytes; a larger one gets 413. Default 1 MiB.
    pub max_body_bytes: usize,
    /// How many accepted bodies may wait for the disk before new ones get 503. Default 8192.
    pub queue: usize,
    /// How long raw bodies are kept after they were applied. Default 30d.
    #[schemars(with = "String")]
    pub keep_raw: Span,
}

impl Default for IngestSettings {
    fn default() -> Self {
        Self { max_body_bytes: 1024 * 1024, queue: 8192, keep_raw: Span::days(30) }
    }
}
