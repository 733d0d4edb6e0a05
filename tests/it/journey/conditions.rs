//! Conditions: what they come to, when they flip, and what is wrong with bad ones.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use milepost::journey::condition::{Condition, Facts};
use milepost::journey::customer::Customer;
use milepost::journey::event::{Cart, Event, Item, Key, Order, Phase, Profile};
use milepost::journey::facts::{Scope, Type, fold};
use milepost::journey::money::Money;
use milepost::journey::time::Timestamp;
use serde_json::json;

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).expect("a moment")
}

fn scope() -> Scope {
    Scope {
        attributes: BTreeMap::from([("feeding".to_owned(), Type::Text), ("pets".to_owned(), Type::Number)]),
        maps: vec!["pets".into()],
        purposes: vec!["marketing".into(), "shop-news".into()],
        segments: Some(BTreeMap::new()),
        event: true,
        ..Scope::default()
    }
}

fn event(kind: &str, when: &str) -> Event {
    Event {
        source: "shop".into(),
        id: format!("{kind}@{when}"),
        kind: kind.into(),
        occurred_at: at(when),
        received_at: at(when),
        keys: vec![Key::source("shop", 7)],
        merged: vec![],
        touchpoint: Some("site".into()),
        profile: None,
        order: None,
        cart: None,
        data: serde_json::Map::default(),
    }
}

fn customer() -> Customer {
    let mut customer = Customer::new("c1", at("2026-01-01T00:00:00Z"));
    let mut profile = event("customer.created", "2026-01-01T00:00:00Z");
    let attributes = json!({"email": "anna@mail.example", "city": "Riga", "tags": ["cat"], "pets": 2, "vip": null});
    profile.profile = Some(Profile {
        attributes: attributes.as_object().cloned().unwrap_or_default(),
        consents: BTreeMap::from([("marketing".to_owned(), true)]),
        ..Profile::default()
    });
    fold::apply(&mut customer, &profile);
    let mut ordered = event("order.created", "2026-01-10T00:00:00Z");
    ordered.order = Some(Order {
        id: "31".into(),
        number: None,
        status: Some("new".into()),
        phase: Some(Phase::Open),
        created_at: Some(at("2026-01-10T00:00:00Z")),
        total: Some(Money::new(10_000, "EUR")),
        paid: None,
        items: None,
        promo_code: None,
    });
    fold::apply(&mut customer, &ordered);
    let mut cart = event("cart.updated", "2026-01-11T00:00:00Z");
    cart.cart = Some(Cart {
        items: vec![Item {
            name: "Feeder".into(),
            quantity: 1.0,
            price: Some(Money::new(2_499, "EUR")),
            ..Item::default()
        }],
        total: Some(Money::new(2_499, "EUR")),
        link: None,
    });
    fold::apply(&mut customer, &cart);
    customer
}

fn check(text: &str, expected: bool) {
    let condition = Condition::compile(text, &scope()).unwrap_or_else(|faults| panic!("{text}: {faults:?}"));
    let customer = customer();
    let event = json!({"kind": "page.viewed", "page": "feeder", "order": null});
    let answer = condition.evaluate(Facts::new(&customer, Some(&event), at("2026-01-20T00:00:00Z"), Tz::UTC));
    assert_eq!(
        answer.holds,
        expected,
        "{text}: {:#?}",
        condition.trace(Facts::new(&customer, Some(&event), at("2026-01-20T00:00:00Z"), Tz::UTC))
    );
}

#[test]
fn conditions_come_to_what_they_say() {
    for (text, expected) in [
        ("true", true),
        ("false", false),
        ("orders.count == 1", true),
        ("orders.count > 0 && cart.items.size() > 0", true),
        ("size(cart.items) >= 1", true),
        ("cart.total >= 24", true),
        ("cart.total >= 24.99", true),
        ("cart.total >= 25", false),
        ("orders.total == 100", true),
        ("orders.total > 99.5", true),
        ("orders.average == 100", true),
        ("customer.city == 'Riga'", true),
        ("customer.city != 'Riga'", false),
        ("customer.city.startsWith('Ri')", true),
        ("'cat' in customer.tags", true),
        ("'dog' in customer.segments", false),
        ("customer.pets > 1", true),
        ("customer.feeding == 'dry'", false),
        ("customer.feeding == null", true),
        ("customer.first_name != null", false),
        ("customer.vip", false),
        ("!customer.vip", true),
        ("orders.last_completed_at == null", true),
        ("consent.marketing", true),
        ("stage.pets == 'purchase'", false),
        ("stage['pets'] != 'purchase'", true),
        ("consent['marketing']", true),
        ("consent['shop-news'] == null", true),
        ("event['order']['total'] > 3 || customer['city'] == 'Riga'", true),
        ("older_than(orders['last_at'], '9d')", true),
        ("cart['items'].exists(i, i['name'] == 'Feeder')", true),
        ("event.page == 'feeder'", true),
        ("event.nothing == 'feeder'", false),
        ("event.order.total > 3", false),
        ("cart.items.exists(i, i.name == 'Feeder' && i.price > 20)", true),
        ("cart.items.all(i, i.quantity > 1)", false),
        ("event.page != null", true),
        ("older_than(orders.last_at, '9d')", true),
        ("older_than(orders.last_at, '10d')", true),
        ("older_than(orders.last_at, '11d')", false),
        ("within(orders.last_at, '11d')", true),
        ("within(orders.last_at, '10d')", false),
        ("older_than(orders.last_completed_at, '1d')", false),
        ("!within(orders.last_completed_at, '1d')", true),
        ("orders.last_at > '2026-01-01T00:00:00Z'", true),
        ("orders.count == 1 ? customer.pets == 2 : false", true),
    ] {
        check(text, expected);
    }
}

#[test]
fn time_turns_an_answer_at_one_exact_moment() {
    let condition =
        Condition::compile("orders.count > 0 && older_than(orders.last_at, '90d')", &scope()).expect("compiles");
    let customer = customer();
    let flip = at("2026-04-10T00:00:00Z");
    let ask = |now: Timestamp| condition.evaluate(Facts::new(&customer, None, now, Tz::UTC));
    let before = ask(at("2026-01-20T00:00:00Z"));
    assert!(!before.holds);
    assert_eq!(before.flips_at, Some(flip));
    assert!(!ask(Timestamp::from_micros(flip.micros() - 1)).holds);
    let then = ask(flip);
    assert!(then.holds);
    assert_eq!(then.flips_at, None);
}

#[test]
fn the_trace_names_each_part_with_its_value() {
    let condition = Condition::compile(
        "orders.count > 3 || (!(customer.city == 'Oslo') && within(cart.updated_at, '1d'))",
        &scope(),
    )
    .expect("compiles");
    let customer = customer();
    let parts = condition.trace(Facts::new(&customer, None, at("2026-01-20T00:00:00Z"), Tz::UTC));
    let shown: Vec<(String, String, Vec<String>)> = parts.into_iter().map(|p| (p.text, p.result, p.facts)).collect();
    assert_eq!(
        shown,
        vec![
            ("orders.count > 3".into(), "false".into(), vec!["orders.count = 1".into()]),
            ("!(customer.city == 'Oslo')".into(), "true".into(), vec!["customer.city = \"Riga\"".into()]),
            (
                "within(cart.updated_at, '1d')".into(),
                "false".into(),
                vec!["cart.updated_at = \"2026-01-11T00:00:00.000000Z\"".into()]
            ),
        ]
    );
}

fn faults(text: &str) -> Vec<(String, Option<String>, String)> {
    match Condition::compile(text, &scope()) {
        Ok(_) => vec![],
        Err(faults) => faults.into_iter().map(|f| (f.message, f.help, text[f.start..f.end].to_owned())).collect(),
    }
}

#[test]
fn faults_point_at_the_place_and_help() {
    for (text, message, help, place) in [
        ("orders.cont > 1", "there is no fact `orders.cont`", "did you mean `orders.count`?", "orders.cont"),
        ("order.count > 1", "there is nothing called `order`", "did you mean `orders`?", "order.count"),
        (
            "customer.feedng == 'dry'",
            "there is no fact `customer.feedng`",
            "did you mean `customer.feeding`?",
            "customer.feedng",
        ),
        (
            "consent.shop-news == null",
            "there is no fact `consent.shop`",
            "did you mean `consent['shop-news']`?",
            "consent.shop",
        ),
        (
            "consent['shop-new'] == null",
            "there is no fact `consent.shop-new`",
            "did you mean `consent['shop-news']`?",
            "consent['shop-new']",
        ),
        ("stage.pet == 'x'", "there is no fact `stage.pet`", "did you mean `stage.pets`?", "stage.pet"),
        (
            "older_then(orders.last_at, '9d')",
            "there is no function `older_then`",
            "did you mean `older_than`?",
            "older_then(orders.last_at, '9d')",
        ),
        (
            "older_than(orders.count, '9d')",
            "`older_than` needs a moment here",
            "a fact such as `orders.last_at` or `event.at`",
            "orders.count",
        ),
        (
            "orders",
            "`orders` is a group of facts, not a fact",
            "name one: `orders.average`, `orders.cancelled_count`, `orders.completed_count`",
            "orders",
        ),
    ] {
        let found = faults(text);
        assert!(
            found.iter().any(|(m, h, p)| m == message && h.as_deref() == Some(help) && p == place),
            "{text}: {found:#?}"
        );
    }
    for text in [
        "orders.count == 'three'",
        "orders.count",
        "older_than(orders.last_at, 'soon')",
        "older_than(orders.last_at, '0s')",
        "(older_than(orders.last_at, '1d')) == true",
        "now() > 3",
        "orders.count >",
        "has(event.page)",
        "customer.tags.contains('x')",
        "{'a': 1}.a == 1",
        "",
    ] {
        assert!(!faults(text).is_empty(), "{text} should be refused");
    }
    assert_eq!(faults("orders.cont > 1 && customer.cty == 'x'").len(), 2, "every fault in one run");
}

#[test]
fn hostile_conditions_do_not_panic() {
    let deep = format!("{}true{}", "(".repeat(2_000), ")".repeat(2_000));
    for text in [
        deep.as_str(),
        "é.é",
        "'\u{0}'",
        "orders.count > 99999999999999999999",
        "🐱 == 1",
        "\"",
        "a[b",
        "(((",
        "!!!!",
        "x.",
        ".y",
        "1/0 > 1",
    ] {
        let _ = Condition::compile(text, &scope());
    }
}

#[test]
fn loops_nest_in_bounds() {
    let nested = |depth: usize| {
        let open = (0..depth).map(|n| format!("customer.tags.all(t{n}, ")).collect::<Vec<_>>().concat();
        format!("{open}true{}", ")".repeat(depth))
    };
    assert_eq!(faults(&nested(2)), vec![], "a list may be held against another");
    for (depth, expected) in [(3, "loops over lists"), (20, "a condition may nest")] {
        let found = faults(&nested(depth));
        assert!(found.iter().any(|(message, ..)| message.starts_with(expected)), "{found:#?}");
    }
}

#[test]
fn no_condition_exhausts_the_stack() {
    let customer = customer();
    let event = json!({"kind": "page.viewed", "a": {"a": 1}});
    let facts = Facts::new(&customer, Some(&event), at("2026-01-20T00:00:00Z"), Tz::UTC);
    // Each by what it begins with, what is repeated, and what closes each repetition.
    for (start, open, close) in [
        ("", "(", ")"),
        ("", "[", "]"),
        ("", "{1: ", "}"),
        ("", "size(", ")"),
        ("", "customer.tags[", "]"),
        ("", "customer.tags.all(t, ", ")"),
        ("", "[1].map(t, true, ", ")"),
        ("", "!", ""),
        ("", "-", ""),
        ("", "true ? true : ", ""),
        ("event.a", ".a", ""),
        ("event.a", "[0]", ""),
        ("event.a", ".map(x,x)", ""),
        ("event.a", ".size()", ""),
        ("1", "+1", ""),
        ("true", "==true", ""),
        ("true", " in event.a", ""),
        ("true", "&&true", ""),
        ("true", "||true", ""),
    ] {
        for count in [8, 20, 50, 150, 500, 900, 2_000] {
            let end = if start.is_empty() { "true" } else { "" };
            let text = format!("{start}{}{end}{}", open.repeat(count), close.repeat(count));
            if let Ok(condition) = Condition::compile(&text, &scope()) {
                condition.evaluate(facts);
                condition.trace(facts);
            }
        }
    }
}
