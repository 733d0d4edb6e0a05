//! Logging: `tracing` to standard error, for people or as JSON.
//!
//! Fields have dotted names with their unit (`customer.id`, `batch.size`, `elapsed.ms`). No field ever holds an address, a
//! body, a token or a key: ids are enough to look the rest up.

use std::io::{self, IsTerminal};

use anyhow::anyhow;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::settings::{LogFormat, LogSettings};

/// Sets logging up for the rest of the process.
pub fn init(settings: &LogSettings) -> anyhow::Result<()> {
    let filter: Targets = match &settings.filter {
        Some(filter) => filter.parse()?,
        // PostgreSQL's notices tell nothing but that the schema is there already.
        None => Targets::new().with_default(LevelFilter::INFO).with_target("sqlx", LevelFilter::WARN),
    };
    let lines = fmt::layer().with_writer(io::stderr);
    let lines = match settings.format {
        LogFormat::Human => lines.with_ansi(io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).boxed(),
    };
    tracing_subscriber::registry().with(lines.with_filter(filter)).try_init().map_err(|error| anyhow!(error))
}
