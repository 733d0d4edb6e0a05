//! What runs ask of others, decided by plain values.

use std::collections::BTreeSet;

use milepost::journey::advance::{Input, advance};
use milepost::journey::book::{Rulebook, Shop};
use milepost::journey::customer::Customer;
use milepost::journey::effect::Effect;
use milepost::journey::errand::Errand;
use milepost::journey::event::{Event, Key};
use milepost::journey::holdout::held_out;
use serde_json::json;

use crate::support::{arrival, at, book_in, event};

fn book(rule: &str) -> Rulebook {
    let shop = Shop {
        webhooks: ["stock".to_owned()].into(),
        connections: ["shop".to_owned(), "other".to_owned()].into(),
        ..Shop::default()
    };
    book_in(shop, &[("shop/rule.yaml", rule)]).rulebook
}

/// The errands that a customer's events lead to, and the customer afterwards. Whether anything was asked is always told.
fn errands(book: &Rulebook, id: &str, events: &[Event]) -> (Customer, Vec<Errand>) {
    let mut told = 0;
    let mut customer = Customer::new(id, at("2026-03-01T08:00:00Z"));
    let mut asked = Vec::new();
    for event in events {
        let done = advance(book, customer, &Input::Event(event), event.received_at);
        customer = done.state;
        for effect in done.effects {
            match effect {
                Effect::Errand(errand) => asked.push(*errand),
                Effect::Decided(decision) => {
                    told += usize::from(["asked", "written"].contains(&decision.outcome.as_str()));
                }
                _ => {}
            }
        }
    }
    assert_eq!(told, asked.len(), "explain tells of each");
    (customer, asked)
}

#[test]
fn the_same_step_asks_for_the_same_errand() {
    let book = book("{rule: call, on: {event: customer.created}, steps: [{webhook: stock}, {webhook: stock}]}");
    let (_, first) = errands(&book, "c1", &[arrival(at("2026-03-01T08:00:00Z"))]);
    let (_, again) = errands(&book, "c1", &[arrival(at("2026-03-01T08:00:00Z"))]);
    assert_eq!(first, again);
    assert_eq!(first.len(), 2);
    assert_ne!(first[0].id, first[1].id, "two steps are two errands");
    let (_, other) = errands(&book, "c2", &[arrival(at("2026-03-01T08:00:00Z"))]);
    assert!(!first.iter().any(|errand| errand.id == other[0].id));
}

#[test]
fn who_is_held_out_is_not_told_of() {
    let book = book("{rule: call, on: {event: customer.created}, holdout: 50%, steps: [{webhook: stock}]}");
    let mut kinds = BTreeSet::new();
    for n in 0..40 {
        let id = format!("c{n}");
        let (_, asked) = errands(&book, &id, &[arrival(at("2026-03-01T08:00:00Z"))]);
        let held = held_out(&book, &book.rules["call"], &id).is_some();
        assert_eq!(asked.is_empty(), held, "{id}");
        kinds.insert(held);
    }
    assert_eq!(kinds.len(), 2, "some are held out, and some are not");
}

#[test]
fn a_change_names_the_customer_as_that_crm_does() {
    let rule = |connection: &str| {
        book(&format!(
            "{{rule: tag, on: {{event: quiz.done}}, steps: [{{crm: {{tags: {{add: [a, b]}}, connection: {connection}}}}}]}}"
        ))
    };
    let keys = |keys: Vec<Key>| Event { keys, ..event("quiz.done", at("2026-03-01T09:00:00Z")) };
    let shop = Key::source("shop", 7);
    for (connection, known, expected) in [
        ("shop", vec![shop.clone(), Key::external("x")], Some(json!({"id": "7"}))),
        ("other", vec![shop.clone(), Key::external("x")], Some(json!({"external": "x"}))),
        ("other", vec![shop], None),
    ] {
        let (customer, asked) = errands(&rule(connection), "c1", &[keys(known)]);
        assert_eq!(asked.first().map(|errand| errand.body["customer"].clone()), expected, "{connection}");
        let tags = expected.map(|_| json!(["a", "b"]));
        assert_eq!(customer.attribute("tags"), tags.as_ref(), "what is written is known at once");
    }
}
