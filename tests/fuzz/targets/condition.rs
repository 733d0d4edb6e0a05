//! Conditions: compiled, evaluated over a customer who has everything and one who has nothing.
//!
//! Input: the condition, a zero byte, an event as JSON.
#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use milepost::journey::book::Shop;
use milepost::journey::condition::{Condition, Facts};
use milepost::journey::customer::Customer;
use milepost::journey::event::Event;
use milepost::journey::facts::{Scope, Type, fold};
use milepost::journey::time::Timestamp;
use milepost_fuzz::now;
use serde_json::{Value, json};

static SCOPE: LazyLock<Scope> = LazyLock::new(|| Scope {
    attributes: BTreeMap::from([("feeding".to_owned(), Type::Text), ("pets".to_owned(), Type::Number)]),
    maps: vec!["pets".into()],
    purposes: vec!["marketing".into()],
    segments: Some(BTreeMap::new()),
    event: true,
    by_time: false,
    captured: Vec::new(),
});

static CUSTOMERS: LazyLock<[Customer; 2]> = LazyLock::new(|| {
    let events = json!([
        {"id": "1", "kind": "customer.created", "occurred_at": "2026-01-01T00:00:00Z", "customer": {
            "id": "c", "email": "ann@cats.example", "city": "Riga", "time_zone": "Europe/Riga",
            "consent": {"marketing": true}, "attributes": {"feeding": "auto", "pets": 2}}},
        {"id": "2", "kind": "order.created", "occurred_at": "2026-02-01T00:00:00Z", "customer": {"id": "c"},
            "order": {"id": "o", "phase": "open", "total": "24.90", "items": [{"name": "Feeder", "price": "24.90"}]}},
        {"id": "3", "kind": "cart.updated", "occurred_at": "2026-05-01T00:00:00Z", "customer": {"id": "c"},
            "cart": {"items": [{"name": "Bowl", "price": "5"}, {"name": "Food", "price": "7.5", "quantity": 2}]}},
    ]);
    let readings = milepost::web::events::read(events.to_string().as_bytes(), "EUR", now()).expect("a batch");
    let events: Vec<Event> = readings.into_iter().map(|reading| reading.event.expect("an event")).collect();
    let mut full = Customer::new("c1", now());
    for event in &events {
        fold::apply(&mut full, event);
    }
    [Customer::new("c2", now()), full]
});

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(2, |b| *b == 0);
    let Ok(text) = std::str::from_utf8(parts.next().unwrap_or_default()) else { return };
    let event: Option<Value> = parts.next().and_then(|json| serde_json::from_slice(json).ok());
    match Condition::compile(text, &SCOPE) {
        Ok(condition) => evaluate(&condition, event.as_ref()),
        Err(faults) => {
            assert!(!faults.is_empty(), "who refuses says why");
            for fault in faults {
                assert!(text.get(fault.start..fault.end).is_some(), "{text:?}: a fault stands in the text: {fault:?}");
            }
        }
    }
});

fn evaluate(condition: &Condition, event: Option<&Value>) {
    condition.paths();
    for customer in CUSTOMERS.iter() {
        let facts = |now: Timestamp| Facts::new(customer, event, now, Shop::default().zone);
        let answer = condition.evaluate(facts(now()));
        condition.trace(facts(now()));
        if let Some(flip) = answer.flips_at {
            assert!(flip > now() && condition.depends_on_time());
            let before = condition.evaluate(facts(Timestamp::from_micros(flip.micros() - 1)));
            assert_eq!(before.holds, answer.holds, "{}: no change before the flip", condition.text());
        }
    }
}
