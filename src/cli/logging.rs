//! Logging: `tracing` to standard error, for people or as JSON.
//!
//! Fields have dotted names with their unit (`customer.id`, `batch.size`, `elapsed.ms`). No field ever holds an address, a
//! body, a token or a key: ids are enough to look the rest up.

use std::io::{self, IsTerminal};

use anyhow::anyhow;
use tracing_subscriber::EnvFilter;

use crate::settings::{LogFormat, LogSettings};

/// Sets logging up for the rest of the process.
pub fn init(settings: &LogSettings) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(settings.filter.as_deref().unwrap_or("info"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match settings.format {
        LogFormat::Human => builder.with_ansi(io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).try_init(),
    }
    .map_err(|error| anyhow!(error))
}
