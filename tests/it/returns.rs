//! What comes back: return paths that name their letter, and what is made of the mail that comes there.

mod paths;
mod reading;

use milepost::journey::time::Timestamp;
use milepost::rulebook::Book;
use milepost::settings::Settings;
use serde_json::{Value, json};

use crate::store::place::Place;
use crate::support::{Daemon, at, person};

/// When every test begins: a Tuesday morning.
const START: &str = "2026-03-10T09:00:00Z";

/// A letter at once to whoever comes.
const WELCOME: &str = "
rule: welcome
on: {event: customer.created}
steps:
  - send: welcome
";

/// Settings of a shop that reads what comes back.
fn returns(settings: &mut Settings) {
    settings.mail.returns.address = Some("bounce@returns.shop.example".into());
}

/// A daemon over the test's database that reads what comes back.
async fn daemon(place: &Place, book: Book) -> Daemon {
    Daemon::start_with(place.url(), book, start(), returns).await
}

fn start() -> Timestamp {
    at(START)
}

/// A customer comes to be known.
fn arrives(id: &str) -> Value {
    json!({"id": format!("arrival/{id}"), "kind": "customer.created", "customer": person(id)})
}
