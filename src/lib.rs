//! Milepost: from CRM events to letters to the journey map.
//!
//! What lives where, and who may know whom (`cli, web -> engine -> {store, crm, mail, insight} -> rulebook -> journey`):
//!
//! - [`journey`]: the pure core. Names nothing outside itself.
//! - [`rulebook`]: files of a shop -> rulebook and letters, with diagnostics.
//! - [`store`]: SQL, SQLite and PostgreSQL.
//! - [`crm`]: what CRMs say, in and out.
//! - [`mail`]: letters and SMTP.
//! - [`insight`]: figures, read from counters.
//! - [`engine`]: the loops between them.
//! - [`web`]: HTTP: hooks, API, public pages, the map.
//! - [`cli`]: one file a subcommand.
//! - [`demo`]: a simulated shop around the real parts.
//! - [`app`]: the composition root; the only place that names concrete parts.

pub mod app;
pub mod cli;
pub mod clock;
pub mod crm;
pub mod demo;
pub mod engine;
mod guard;
pub mod insight;
pub mod journey;
pub mod mail;
pub mod rulebook;
pub mod settings;
pub mod store;
pub mod web;
pub mod webhook;
