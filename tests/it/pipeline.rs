//! The whole way on both engines: from what a shop says, through the daemon, to the letter in the mailbox and its record.
//!
//! Every test drives the real daemon ([`crate::support::Daemon`]) on a clock that is moved by hand, over a database of its
//! own, with a relay that is told how to behave. At its end [`books::check`] audits it: every letter that arrived is on
//! record to the byte, and the figures are what a recount of documents and records gives.

mod archive;
mod attachments;
mod batches;
pub mod books;
mod cancel;
mod ceilings;
mod confirm;
mod consents;
mod crm;
mod crm_refusal;
mod cron;
mod deaths;
mod errands;
mod figures;
mod holds;
mod in_force;
mod inbox;
mod lanes;
mod letters;
mod merges;
mod preferences;
mod promo;
mod refusals;
mod relays;
mod segments;
mod simulated;
mod smtputf8;
mod splits;
mod swaps;
mod templates;
mod tracking;
mod writeback;

use axum::body::Body;
use axum::http::Request;
use milepost::rulebook::Book;
use milepost::settings::Settings;
use serde_json::{Value, json};

use crate::store::place::Place;
use crate::support::{Answer, Daemon, at, person};

/// When every test begins: a Tuesday morning.
const START: &str = "2026-03-10T09:00:00Z";

/// A reminder an hour after a cart was filled, unless the customer orders.
const REMINDER: &str = "
rule: reminder
on: {event: cart.updated}
exit_on: [order.created, cart.cleared]
goal: {event: order.created, within: 3d, value: order.total}
reenter: always
steps:
  - wait: 1h
  - send: reminder
";

/// A letter at once to whoever comes.
const WELCOME: &str = "
rule: welcome
on: {event: customer.created}
steps:
  - send: welcome
";

/// A letter about each order, which needs no agreement.
const THANKS: &str = "
rule: thanks
on: {event: order.created}
purpose: transactional
reenter: always
steps:
  - send: thanks
";

/// A daemon over the test's database.
async fn daemon(place: &Place, book: Book) -> Daemon {
    Daemon::start(place.url(), book, at(START)).await
}

/// The same, with settings of its own.
async fn daemon_with(place: &Place, book: Book, change: impl FnOnce(&mut Settings)) -> Daemon {
    Daemon::start_with(place.url(), book, at(START), change).await
}

/// A customer comes to be known.
fn arrives(id: &str) -> Value {
    json!({"id": format!("arrival/{id}"), "kind": "customer.created", "customer": person(id)})
}

/// A customer fills a cart.
fn fills_cart(event: &str, id: &str) -> Value {
    json!({"id": event, "kind": "cart.updated", "customer": person(id),
        "cart": {"items": [{"name": "Feeder", "price": "49.90"}]}})
}

/// A customer orders.
fn orders(event: &str, id: &str, order: &str) -> Value {
    json!({"id": event, "kind": "order.created", "customer": person(id),
        "order": {"id": order, "phase": "open", "total": "49.90"}})
}

/// The secret of the connection `crm`.
const SECRET: &str = "a-secret-of-some-length";
/// The key of its API.
const KEY: &str = "a-key-of-the-tests";

/// Adds a RetailCRM; without an address it only posts hooks.
fn connect(settings: &mut Settings, url: Option<&str>) {
    let mut connection = json!({"kind": "retailcrm", "hook_secret": SECRET, "site": "pets", "time_zone": "UTC",
        "history": "all", "promo_field": "promo", "requests_per_second": 5_000});
    if let Some(url) = url {
        connection["url"] = json!(url);
        connection["api_key"] = json!(KEY);
    }
    let connection = serde_json::from_value(connection).expect("settings of a connection");
    settings.connections.insert("crm".into(), connection);
}

/// Posts a form to the hook of `crm`.
async fn post_hook(daemon: &Daemon, body: impl Into<Body>) -> Answer {
    let request = Request::post(format!("/hooks/crm/{SECRET}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body.into())
        .expect("a request");
    daemon.ask(request).await
}
