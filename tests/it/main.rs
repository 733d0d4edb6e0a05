//! Every behaviour that crosses a real edge: databases, HTTP, SMTP, files, the daemon itself. One file a behaviour.

mod cli;
mod crash;
mod docs;
mod journey;
mod mail;
mod mail_facts;
mod peers;
mod pipeline;
mod retailcrm;
mod returns;
mod rulebook;
mod servers;
mod settings;
mod store;
mod support;
mod web;
