//! What the targets share: connections, a rulebook in force, and the way of an event through the core.
//!
//! Not here: assertions of one target, seeds (`seed`), how to run (`docs/fuzzing.md`).

use std::path::Path;
use std::sync::LazyLock;

use chrono_tz::Tz;
use milepost::crm::{Connection, Parsed, Raw, References};
use milepost::journey::advance::{Input, advance};
use milepost::journey::book::Shop;
use milepost::journey::customer::Customer;
use milepost::journey::effect::Effect;
use milepost::journey::event::Event;
use milepost::journey::time::{Span, Timestamp};
use milepost::rulebook::{Book, load};
use milepost::settings::ConnectionSettings;

/// A RetailCRM that can be asked and one that only calls.
static CONNECTIONS: LazyLock<[Connection; 2]> = LazyLock::new(|| {
    // A second installation is refused; the first is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let common = "kind = \"retailcrm\"\ntime_zone = \"Europe/Moscow\"\nhook_secret = \"a-secret-of-some-length\"\n";
    ["url = \"https://crm.example\"\napi_key = \"key\"\npromo_field = \"promo\"\n", ""].map(|more| {
        let settings: ConnectionSettings = toml::from_str(&format!("{common}{more}")).expect("settings");
        let http = reqwest::Client::builder().build().expect("a client");
        Connection::build("crm", &settings, Tz::UTC, "RUB", http).expect("a connection")
    })
});

/// Groups of the statuses that the fixtures use.
static REFERENCES: LazyLock<References> = LazyLock::new(|| {
    let groups = [("new", "new"), ("send-to-delivery", "delivery"), ("complete", "complete"), ("cancel-other", "cancel")];
    References { statuses: groups.into_iter().map(|(status, group)| (status.into(), group.into())).collect() }
});

/// The shop's own rules, as shipped.
pub static BOOK: LazyLock<Book> = LazyLock::new(|| {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules");
    let loaded = load(&rules, Shop::default());
    loaded.book.unwrap_or_else(|| panic!("the shipped rules do not load: {:?}", loaded.diagnostics))
});

/// A moment in the life of the fixtures.
pub fn now() -> Timestamp {
    Timestamp::parse_rfc3339("2026-06-01T10:00:00Z").expect("a moment")
}

/// Reads a body in both connections, twice, and takes what it says through the core.
pub fn read_body(raw: &Raw<'_>) {
    for connection in CONNECTIONS.iter() {
        for refs in [&References::default(), &REFERENCES] {
            let first = connection.parse(raw, refs);
            let second = connection.parse(raw, refs);
            assert_eq!(first.as_ref().ok(), second.as_ref().ok(), "reading is repeatable");
            if let Ok(Parsed::Events(events)) = first {
                live(&events);
            }
        }
    }
}

/// What every event must keep, whatever it was made from, and its way through the core.
pub fn live(events: &[Event]) {
    for event in events {
        assert!(!event.keys.is_empty(), "an event names its customer: {event:?}");
        assert!(!event.id.is_empty() && !event.kind.is_empty(), "an event has an id and a kind: {event:?}");
        let text = serde_json::to_string(event).expect("an event is storable");
        let back: Event = serde_json::from_str(&text).expect("a stored event is readable");
        assert_eq!(&back, event, "an event survives being stored");
    }
    let mut customer = Customer::new("0190a1b2-0000-7000-8000-000000000001", now());
    for event in events {
        customer = take(customer, &Input::Event(event), event.received_at);
    }
    customer = take(customer, &Input::Due, now().after(Span::days(400)));
    let text = serde_json::to_string(&customer).expect("a customer is storable");
    let back: Customer = serde_json::from_str(&text).expect("a stored customer is readable");
    assert_eq!(serde_json::to_string(&back).ok(), Some(text), "a customer survives being stored");
}

/// Hands one input in until it is taken, with a code for every wish of one.
fn take(mut customer: Customer, input: &Input<'_>, now: Timestamp) -> Customer {
    let book = &BOOK.rulebook;
    loop {
        let done = advance(book, customer, input, now);
        customer = done.state;
        let mut wishes: Vec<Effect> = done.effects;
        while let Some(effect) = wishes.pop() {
            if let Effect::PromoWanted { enrollment, .. } = effect {
                let answer = Input::Promo { enrollment: &enrollment, code: Some("SPRING") };
                let answered = advance(book, customer, &answer, now);
                customer = answered.state;
                wishes.extend(answered.effects);
            }
        }
        if done.taken {
            return customer;
        }
    }
}
