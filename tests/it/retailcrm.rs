//! What RetailCRM says, by hook and by polling, and what becomes of it.

mod api;
mod entities;
mod hooks;
mod real;
mod robust;
mod shop;

use chrono_tz::Tz;
use milepost::crm::{Connection, Parsed, Raw, References, Via};
use milepost::journey::event::Event;
use milepost::journey::time::Timestamp;
use milepost::settings::ConnectionSettings;
use serde_json::Value;

/// The secret of every hook here.
const SECRET: &str = "a-secret-of-some-length";

/// A client that speaks plain HTTP to a mock.
fn http() -> reqwest::Client {
    // A second installation is refused; the first is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().build().expect("a client")
}

/// Settings as a file would give them.
fn settings(url: Option<&str>, more: &str) -> ConnectionSettings {
    let url = url.map(|url| format!("url = \"{url}\"\napi_key = \"key\"\n")).unwrap_or_default();
    let text = format!("kind = \"retailcrm\"\ntime_zone = \"Europe/Moscow\"\nhook_secret = \"{SECRET}\"\n{url}{more}");
    toml::from_str(&text).expect("settings")
}

fn connection(url: Option<&str>, more: &str) -> Connection {
    Connection::build("crm", &settings(url, more), Tz::UTC, "EUR", http()).expect("a connection")
}

fn fixture(name: &str) -> Value {
    let path = format!("{}/tests/fixtures/retailcrm/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).expect("a fixture")).expect("JSON")
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).expect("a moment")
}

fn raw<'a>(channel: Via, content_type: &'a str, query: &'a str, body: &'a [u8]) -> Raw<'a> {
    Raw { channel, content_type, query, body, received_at: at("2026-06-01T10:00:00Z") }
}

fn parse(connection: &Connection, raw: &Raw<'_>) -> Parsed {
    connection.parse(raw, &References::default()).expect("is read")
}

fn events(connection: &Connection, channel: Via, body: &Value) -> Vec<Event> {
    let body = serde_json::to_vec(body).expect("bytes");
    match parse(connection, &raw(channel, "application/json", "", &body)) {
        Parsed::Events(events) => events,
        other => panic!("events expected, found {other:?}"),
    }
}

/// Kind and id of each, for tables.
fn ids(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.id.as_str()).collect()
}
