//! A customer made up for letters that nobody in particular is to get: one order delivered a month ago, and a full cart.
//!
//! Made by the same folding of events as real customers are, so that every fact is what it would be.

use std::collections::BTreeMap;

use serde_json::json;

use crate::journey::book::Rulebook;
use crate::journey::condition::Facts;
use crate::journey::customer::{Attribute, Customer, Standing};
use crate::journey::event::{Cart, Event, Item, Key, Order, Phase, Profile, kind};
use crate::journey::facts::fold;
use crate::journey::facts::topic::Touched;
use crate::journey::money::{Money, exponent};
use crate::journey::placement;
use crate::journey::time::{Span, Timestamp};
use crate::settings::ShopSettings;

const ID: &str = "00000000-0000-7000-8000-000000000000";
const SOURCE: &str = "sample";

/// The customer, placed on the maps of a rulebook.
pub(super) fn customer(book: &Rulebook, shop: &ShopSettings, now: Timestamp) -> Customer {
    let mut customer = Customer::new(ID, now.before(Span::days(40)));
    let attributes = json!({
        "email": "anna@mail.example",
        "first_name": "Anna",
        "last_name": "Sample",
        "city": "Berlin",
        "time_zone": shop.time_zone,
        "created_at": now.before(Span::days(40)).rfc3339(),
    });
    let profile = Profile {
        attributes: attributes.as_object().cloned().unwrap_or_default(),
        consents: BTreeMap::from([("marketing".to_owned(), true)]),
        ..Profile::default()
    };
    let seen = Event { profile: Some(profile), ..blank(kind::CUSTOMER_CREATED, now.before(Span::days(40))) };
    let delivered = Event { order: Some(order(shop, now)), ..blank(kind::ORDER_COMPLETED, now.before(Span::days(30))) };
    let filled = Event { cart: Some(cart(shop)), ..blank(kind::CART_UPDATED, now.before(Span::days(1))) };
    for event in [seen, delivered, filled] {
        fold::apply(&mut customer, &event);
    }
    customer.now = now;
    let facts = Facts::new(&customer, None, now, book.shop.zone);
    let placed =
        placement::place(book, facts, &Touched::All).into_iter().filter_map(|(map, place)| Some((map, place.stage?)));
    customer.stages = placed.map(|(map, stage)| (map, Standing { stage, since: now })).collect();
    customer
}

/// The same customer under another name and with more or fewer things in the cart.
pub(super) fn vary(customer: &mut Customer, name: &str, things: usize, shop: &ShopSettings, at: Timestamp) {
    customer.attributes.insert("first_name".into(), Attribute { value: json!(name), at });
    let filled = (1..=things).map(|n| Item {
        image: Some(page(&format!("pictures/{n}.jpg"), shop)),
        ..item(&format!("Thing {n} for {name}"), 2.0, 20, shop)
    });
    customer.cart.content.items = filled.collect();
}

/// An event of a kind as it would begin a rule for a customer: about the latest order or the cart, where the kind is.
pub(super) fn event(kind: &str, customer: &Customer, shop: &ShopSettings, now: Timestamp) -> Event {
    let latest = customer.orders.recent.last().map(|known| Order {
        id: known.key.split_once('/').map_or(known.key.as_str(), |(_, id)| id).to_owned(),
        number: known.number.clone(),
        status: known.status.clone(),
        phase: Some(known.phase),
        created_at: Some(known.created_at),
        total: known.total.clone(),
        paid: Some(known.paid),
        items: Some(known.items.clone()),
        promo_code: known.promo_code.clone(),
    });
    let about = kind.split('.').next();
    Event {
        order: (about == Some("order")).then(|| latest.unwrap_or_else(|| order(shop, now))),
        cart: (about == Some("cart")).then(|| customer.cart.content.clone()),
        ..blank(kind, now)
    }
}

fn blank(kind: &str, at: Timestamp) -> Event {
    Event {
        source: SOURCE.into(),
        id: kind.into(),
        kind: kind.into(),
        occurred_at: at,
        received_at: at,
        keys: vec![Key::source(SOURCE, 1)],
        merged: Vec::new(),
        touchpoint: Some("site".into()),
        profile: None,
        order: None,
        cart: None,
        data: serde_json::Map::default(),
    }
}

fn order(shop: &ShopSettings, now: Timestamp) -> Order {
    let items = vec![item("First thing", 1.0, 49, shop)];
    Order {
        id: "1001".into(),
        number: Some("1001".into()),
        status: Some("complete".into()),
        phase: Some(Phase::Complete),
        created_at: Some(now.before(Span::days(33))),
        total: Some(money(49, shop)),
        paid: Some(true),
        items: Some(items),
        promo_code: None,
    }
}

fn cart(shop: &ShopSettings) -> Cart {
    let items = vec![item("Something nice", 1.0, 89, shop), item("Something small", 2.0, 15, shop)];
    Cart { items, total: Some(money(119, shop)), link: Some(page("cart", shop)) }
}

fn item(name: &str, quantity: f64, price: i64, shop: &ShopSettings) -> Item {
    let link = page(&name.to_lowercase().replace(' ', "-"), shop);
    Item { name: name.into(), quantity, price: Some(money(price, shop)), link: Some(link), ..Item::default() }
}

fn page(name: &str, shop: &ShopSettings) -> String {
    format!("{}/{name}", shop.url.trim_end_matches('/'))
}

fn money(major: i64, shop: &ShopSettings) -> Money {
    Money::new(major * 10_i64.pow(exponent(&shop.currency)), shop.currency.clone())
}
