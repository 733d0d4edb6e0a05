//! Customers, orders and carts as events.

use milepost::crm::Via;
use milepost::journey::event::{Key, Phase};
use milepost::journey::money::Money;
use serde_json::{Value, json};

use super::{at, connection, events, fixture, ids};

#[test]
fn a_customer_is_known_by_keys_and_attributes() {
    let found = events(&connection(None, ""), Via::Read, &json!({"customers": [fixture("customer")["customer"]]}));
    let created = &found[0];
    assert_eq!((created.kind.as_str(), created.id.as_str()), ("customer.created", "customer/501/created"));
    assert_eq!(created.occurred_at, at("2026-03-02T07:15:30Z"));
    assert_eq!(created.keys, [Key::source("crm", 501), Key::external("u-77"), Key::email("anna.whisker@mail.example")]);
    let updated = found.last().expect("an update");
    assert_eq!((updated.kind.as_str(), updated.occurred_at), ("customer.updated", at("2026-06-01T10:00:00Z")));
    let attributes = &updated.profile.as_ref().expect("a profile").attributes;
    for (name, value) in [
        ("email", json!("Anna.Whisker@Mail.example")),
        ("first_name", json!("Анна")),
        ("phone", json!("+7 (900) 000-00-01")),
        ("city", json!("Тверь")),
        ("site", json!("pets")),
        ("locale", json!("ru")),
        ("feeding", json!("twice a day")),
        ("indoor", json!(true)),
        ("tags", json!(["cats"])),
        ("segments", json!(["repeat"])),
        ("created_at", json!("2026-03-02T07:15:30.000000Z")),
    ] {
        assert_eq!(attributes.get(name), Some(&value), "{name}");
    }
}

#[test]
fn what_a_whole_customer_leaves_out_is_empty_and_a_part_says_nothing() {
    let mut customer = fixture("customer")["customer"].clone();
    customer.as_object_mut().expect("fields").remove("lastName");
    let connection = connection(None, "");
    let whole = events(&connection, Via::Read, &json!({"customers": [customer]}));
    let part = events(&connection, Via::Hook, &json!({"customer": customer}));
    let last_name = |found: &[milepost::journey::event::Event]| {
        found
            .last()
            .and_then(|event| event.profile.as_ref())
            .and_then(|profile| profile.attributes.get("last_name").cloned())
    };
    assert_eq!(last_name(&whole), Some(Value::Null));
    assert_eq!(last_name(&part), None);
    assert_eq!(ids(&whole), ids(&part), "the same customer by two ways is the same happening");
}

#[test]
fn a_refusal_is_dated_as_the_crm_dates_it() {
    let found = events(&connection(None, ""), Via::Read, &json!({"customers": [fixture("customer")["customer"]]}));
    let refusals: Vec<_> = found
        .iter()
        .filter(|event| event.profile.as_ref().is_some_and(|p| p.consents.get("marketing") == Some(&false)))
        .collect();
    assert_eq!(refusals.len(), 1);
    assert_eq!(refusals[0].occurred_at, at("2026-04-01T09:00:00Z"));
    assert!(
        found.iter().all(|event| event.profile.as_ref().is_none_or(|p| p.consents.get("marketing") != Some(&true)))
    );
}

#[test]
fn an_agreement_never_counts_from_the_reading() {
    let customers = fixture("customers")["customers"][1].clone();
    let found = events(&connection(None, ""), Via::Read, &json!({"customers": [customers]}));
    let granted: Vec<_> = found
        .iter()
        .filter(|event| event.profile.as_ref().is_some_and(|p| p.consents.get("marketing") == Some(&true)))
        .map(|event| event.occurred_at)
        .collect();
    assert_eq!(granted, [at("2026-03-05T15:00:00Z"); 2], "on creation, and again for who knew the customer before");
}

#[test]
fn an_order_tells_its_placing_status_payment_and_content() {
    let connection = connection(None, "promo_field = \"promo\"");
    let found = events(&connection, Via::Read, &json!({"orders": [fixture("order")["order"]]}));
    let times: Vec<_> = found.iter().map(|event| (event.kind.as_str(), event.occurred_at)).collect();
    assert_eq!(
        times,
        [
            ("order.created", at("2026-04-10T06:30:00Z")),
            ("order.paid", at("2026-04-10T06:31:00Z")),
            ("order.status", at("2026-04-12T12:00:00Z")),
            ("order.updated", at("2026-06-01T10:00:00Z")),
        ]
    );
    let created = found[0].order.as_ref().expect("an order");
    assert_eq!((created.status.as_deref(), created.paid), (None, None), "what it became later is told later");
    assert_eq!(created.total, Some(Money::new(139_516, "RUB")));
    assert_eq!(created.promo_code.as_deref(), Some("SPRING-1"));
    assert_eq!(created.number.as_deref(), Some("8001A"));
    let items = created.items.as_ref().expect("lines");
    assert_eq!((items[0].name.as_str(), &items[0].price), ("Автокормушка «Мурка»", &Some(Money::new(139_516, "RUB"))));
    assert_eq!(found[2].id, "order/8001/status/delivering/1775995200");
    assert_eq!(found[2].order.as_ref().and_then(|order| order.phase), Some(Phase::Open));
    assert!(found.iter().all(|event| event.keys[0] == Key::source("crm", 501)));
    assert_eq!(found[0].touchpoint.as_deref(), Some("site"));
}

#[test]
fn a_part_payment_is_no_payment() {
    let mut order = fixture("order")["order"].clone();
    order["payments"]["4326"]["amount"] = json!(100);
    let found = events(&connection(None, ""), Via::Read, &json!({"orders": [order]}));
    assert!(found.iter().all(|event| event.kind != "order.paid"));
}

#[test]
fn a_guests_order_names_the_guest() {
    let mut order = fixture("order")["order"].clone();
    for field in ["customer", "contact"] {
        order[field] = json!([]);
    }
    let found = events(&connection(None, ""), Via::Read, &json!({"orders": [order]}));
    assert_eq!(found[0].keys, [Key::email("anna.whisker@mail.example")]);
    assert_eq!(found[0].profile.as_ref().expect("a profile").attributes["first_name"], json!("Анна"));
}

#[test]
fn a_cart_is_filled_or_empty() {
    let connection = connection(None, "");
    let filled = fixture("cart")["cart"].clone();
    let read = |cart: &Value| {
        events(&connection, Via::Read, &json!({"carts": [{"site": "pets", "customer": {"id": "501"}, "cart": cart}]}))
    };
    let found = read(&filled);
    assert_eq!((found[0].kind.as_str(), found[0].occurred_at), ("cart.updated", at("2026-05-08T20:10:30Z")));
    let cart = found[0].cart.as_ref().expect("a cart");
    assert_eq!(cart.total, Some(Money::new(4_998, "EUR")));
    assert_eq!(cart.items[0].id.as_deref(), Some("bowl-11"));
    assert_eq!(found[0].keys, [Key::source("crm", 501)]);
    assert_eq!(read(&filled)[0].id, found[0].id);

    let mut cleared = filled.clone();
    cleared["clearedAt"] = json!("2026-05-08 15:12:00-05:00");
    let found = read(&cleared);
    assert_eq!((found[0].kind.as_str(), found[0].occurred_at), ("cart.cleared", at("2026-05-08T20:12:00Z")));
    let mut refilled = cleared.clone();
    refilled["droppedAt"] = json!("2026-05-08 15:13:00-05:00");
    assert_eq!(read(&refilled)[0].kind, "cart.updated");
}
