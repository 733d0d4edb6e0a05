//! What a backtest costs: 100,000 events of 20,000 customers, told to the starter's rulebook and to one with two changes.
//!
//! The figures and how to read them stand in docs/benchmarks.md. Run without `--bench` (as `cargo test --all-targets` does) it
//! does nothing.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench has nobody to recover for, and figures to print"
)]

use std::collections::{BTreeMap, HashSet};
use std::thread;
use std::time::Instant;

use milepost::journey::backtest::{Side, Window, compare};
use milepost::journey::book::Shop;
use milepost::journey::event::{Cart, Event, Item, Key, Order, Phase, Profile, kind};
use milepost::journey::money::Money;
use milepost::journey::simulate::Pools;
use milepost::journey::time::{Span, Timestamp};
use milepost::rulebook::{Book, Files, load_files, starters};
use serde_json::json;

const EVENTS: u32 = 100_000;
const CUSTOMERS: u32 = 20_000;
/// The time over which the events are spread.
const DAYS: i64 = 60;
/// The last days of it, whose letters count.
const WATCHED: i64 = 30;

fn main() {
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let (present, candidate) = (book(&[]), book(&[("- wait: 1h", "- wait: 3h"), ("- send: welcome-calm\n", "")]));
    let events: Vec<(String, Event)> = (0..EVENTS).map(event).collect();
    let (from, until) = (start().after(Span::days(DAYS - WATCHED)), start().after(Span::days(DAYS)));
    for (name, known_until) in [("half of the events old news", from), ("all of the events in play", start())] {
        let window = Window { known_until, from, until };
        let began = Instant::now();
        // Each in a thread of its own, as the daemon's program does it.
        let found = thread::scope(|scope| {
            let one = scope.spawn(|| tell(&present, window, &events));
            let other = tell(&candidate, window, &events);
            compare(&one.join().expect("a side"), &other)
        });
        let took = began.elapsed();
        let letters =
            |of: fn(&milepost::journey::backtest::RuleLetters) -> u64| found.rules.iter().map(of).sum::<u64>();
        println!(
            "{name}: {:.2} s, {:.0} events/s; {} customers, letters {} and {}, {} get more, {} fewer, {} others",
            took.as_secs_f64(),
            f64::from(EVENTS) / took.as_secs_f64(),
            found.customers,
            letters(|rule| rule.present),
            letters(|rule| rule.candidate),
            found.more,
            found.fewer,
            found.other,
        );
    }
}

fn tell<'b>(book: &'b Book, window: Window, events: &[(String, Event)]) -> Side<'b> {
    let mut side = Side::new(&book.rulebook, window, Pools::new(book.pools.clone()), HashSet::new());
    for (customer, event) in events {
        side.hear(customer, event);
    }
    side.finish();
    side
}

/// The starter, with texts of its rules replaced.
fn book(changes: &[(&str, &str)]) -> Book {
    let mut files: Files =
        starters()[0].files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    for bytes in files.values_mut() {
        let text = String::from_utf8(bytes.clone()).expect("text");
        *bytes = changes.iter().fold(text, |text, (from, to)| text.replace(from, to)).into_bytes();
    }
    let loaded = load_files(&files, Shop::default());
    loaded.book.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))
}

/// The nth event: the first of a customer is their arrival, the others are carts and orders.
fn event(n: u32) -> (String, Event) {
    let number = n % CUSTOMERS;
    let customer = format!("0197aaaa-0000-7000-8000-{number:012}");
    // Spread evenly, and over the hours of the day.
    let at = start().after(Span::from_micros(i64::from(n) * DAYS * 86_400 * 1_000_000 / i64::from(EVENTS)));
    let price = Money::new(i64::from(n % 97) * 250 + 500, "EUR");
    let items = vec![Item { name: "Feeder".into(), quantity: 1.0, price: Some(price.clone()), ..Item::default() }];
    let mut event = Event {
        source: "shop".into(),
        id: n.to_string(),
        kind: kind::CUSTOMER_CREATED.into(),
        occurred_at: at,
        received_at: at,
        keys: vec![Key::source("shop", number)],
        merged: Vec::new(),
        touchpoint: None,
        profile: None,
        order: None,
        cart: None,
        data: serde_json::Map::new(),
    };
    match n / CUSTOMERS {
        0 => {
            let attributes = json!({"email": format!("c{number}@mail.example"), "first_name": "Ann", "locale": "en"});
            event.profile = Some(Profile {
                attributes: attributes.as_object().cloned().unwrap_or_default(),
                consents: BTreeMap::from([("marketing".to_owned(), !number.is_multiple_of(10))]),
                ..Profile::default()
            });
        }
        round if (round + n).is_multiple_of(3) => {
            event.kind = kind::ORDER_CREATED.into();
            event.order = Some(Order {
                id: n.to_string(),
                number: None,
                status: None,
                phase: Some(Phase::Open),
                created_at: Some(at),
                total: Some(price),
                paid: None,
                items: Some(items),
                promo_code: None,
            });
        }
        _ => {
            event.kind = kind::CART_UPDATED.into();
            event.cart = Some(Cart { items, total: Some(price), link: None });
        }
    }
    (customer, event)
}

/// 2026-01-01T00:00:00Z.
fn start() -> Timestamp {
    Timestamp::from_micros(1_767_225_600_000_000)
}
