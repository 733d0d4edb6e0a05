//! Behaviour of the mail room: letters as bytes, and what comes of handing them over.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod archive;
mod check;
mod compose;
mod dkim;
mod enclosed;
mod fetched;
mod injection;
mod outcomes;
pub mod parse;
mod pool;
mod replies;
pub mod shipped;
mod tls;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use milepost::mail::mailbox::Features;
use milepost::mail::{Address, Mailbox, Outcome, Patience, Relay, Tuning};
use milepost::settings::{RelaySecurity, RelaySettings};

const FREE_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// Long enough that only a fault uses it up.
const PATIENT: Patience = Patience { command: Duration::from_secs(20), letter: Duration::from_secs(20) };
/// For servers that are known to fall silent.
const HASTY: Patience = Patience { command: Duration::from_secs(1), letter: Duration::from_secs(1) };

async fn mailbox() -> Mailbox {
    Mailbox::start(FREE_PORT).await.unwrap()
}

async fn mailbox_with(features: Features) -> Mailbox {
    Mailbox::start_with(FREE_PORT, features).await.unwrap()
}

fn settings(mailbox: &Mailbox) -> RelaySettings {
    RelaySettings {
        host: mailbox.address().ip().to_string(),
        port: Some(mailbox.address().port()),
        security: RelaySecurity::None,
        ..RelaySettings::default()
    }
}

fn relay(mailbox: &Mailbox, patience: Patience) -> Relay {
    build(&settings(mailbox), patience)
}

fn build(settings: &RelaySettings, patience: Patience) -> Relay {
    Relay::tuned("test", settings, "client.example", &Tuning { patience, ..Tuning::of(settings) }).unwrap()
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

fn letter(id: &str) -> Vec<u8> {
    format!("Message-ID: <{id}@shop.example>\r\nSubject: hello\r\n\r\nHello.\r\n.\r\n..two dots\r\n").into_bytes()
}

/// Both halves of a hand-over.
async fn send(relay: &Relay, raw: &[u8]) -> Outcome {
    match relay.open(&address("shop@shop.example"), &address("ann@cats.example")).await {
        Ok(opened) => opened.hand_over(raw).await,
        Err(outcome) => outcome,
    }
}
