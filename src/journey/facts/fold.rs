//! How events change the facts.
//!
//! Invariants: a fact is replaced only by one said later (at the same moment: the one applied later; for consents, the
//! refusal); an order counts once however often it is seen; folding tells what really changed, so that a repeated sight
//! triggers nothing.

use std::collections::BTreeSet;

use super::topic::Topic;
use crate::journey::consents::{self, DoubleOptIn, Turned, can_confirm};
use crate::journey::customer::{Attribute, CartState, Consent, Customer, KnownOrder, RECENT_ORDERS};
use crate::journey::event::{Event, Key, Order, Phase, Profile, kind};
use crate::journey::time::Timestamp;

/// Most lines of an order or cart that are kept.
const MAX_ITEMS: usize = 20;
/// Most keys of one customer that are kept.
const MAX_KEYS: usize = 30;
/// Most attributes of one customer that are kept.
const MAX_ATTRIBUTES: usize = 200;

/// Something that happened as rules see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Happening {
    /// Kind of event.
    pub kind: String,
    /// When it happened.
    pub at: Timestamp,
}

/// What came of folding an event in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Folded {
    /// What really happened.
    pub happened: Vec<Happening>,
    /// What it is about: facts of other topics are as they were.
    pub topics: BTreeSet<Topic>,
    /// The purposes of which the answer changed.
    pub consents: Vec<Turned>,
}

/// Applies an event to the facts and tells what really happened; every agreement counts as it is said.
pub fn apply(customer: &mut Customer, event: &Event) -> Folded {
    apply_asking(customer, event, &DoubleOptIn::default())
}

/// The same where some agreements must be confirmed.
pub fn apply_asking(customer: &mut Customer, event: &Event, opt_in: &DoubleOptIn) -> Folded {
    remember_keys(customer, &event.keys);
    let mut consents = Vec::new();
    let said = event.profile.as_ref().map(|profile| apply_profile(customer, profile, (event, opt_in), &mut consents));
    let mut topics = said.unwrap_or_default();
    let learnt = !topics.is_empty();
    topics.extend(event.order.is_some().then_some(Topic::Orders));
    let at = event.occurred_at;
    let is = |name: &str| event.kind == name;
    if is(kind::CUSTOMER_DELETED) {
        customer.deleted_at.get_or_insert(at);
    }
    let mut happened = Vec::new();
    let mut told = |kind: &str, at: Timestamp| happened.push(Happening { kind: kind.to_owned(), at });
    match (&event.order, &event.cart) {
        (Some(order), _) => {
            let change = apply_order(customer, event, order);
            if change.created {
                told(kind::ORDER_CREATED, order.created_at.unwrap_or(at));
            }
            if change.status {
                told(kind::ORDER_STATUS, at);
            }
            match change.phase {
                Some(Phase::Complete) => told(kind::ORDER_COMPLETED, at),
                Some(Phase::Cancelled) => told(kind::ORDER_CANCELLED, at),
                _ => {}
            }
            if change.paid {
                told(kind::ORDER_PAID, at);
            }
            let derived = [
                kind::ORDER_CREATED,
                kind::ORDER_STATUS,
                kind::ORDER_PAID,
                kind::ORDER_COMPLETED,
                kind::ORDER_CANCELLED,
            ];
            // A second sight of the same order is no news.
            if !derived.contains(&event.kind.as_str()) && (change.content || event.kind != kind::ORDER_UPDATED) {
                told(&event.kind, at);
            }
        }
        (None, Some(_)) if is(kind::CART_UPDATED) || is(kind::CART_CLEARED) => {
            if let Some(name) = apply_cart(customer, event) {
                told(name, at);
            }
        }
        (None, None) if is(kind::CART_CLEARED) => {
            if let Some(name) = apply_cart(customer, event) {
                told(name, at);
            }
        }
        // A second sight of the same profile is no news, and neither is a confirmation of what waits for none.
        _ if (is(kind::CUSTOMER_UPDATED) || is(kind::CONSENT_CONFIRMED)) && !learnt => {}
        _ => told(&event.kind, at),
    }
    if consents.iter().any(|turned| turned.asked) {
        happened.push(Happening { kind: kind::CONSENT_REQUESTED.into(), at });
    }
    topics.extend((event.cart.is_some() || is(kind::CART_CLEARED)).then_some(Topic::Cart));
    Folded { happened, topics, consents }
}

/// What happened, in the order in which it happened.
pub fn in_order(happened: &[Happening]) -> Vec<&Happening> {
    let mut ordered: Vec<&Happening> = happened.iter().collect();
    ordered.sort_by_key(|happening| happening.at);
    ordered
}

fn remember_keys(customer: &mut Customer, keys: &[Key]) {
    for key in keys {
        if !customer.keys.contains(key) && customer.keys.len() < MAX_KEYS {
            customer.keys.push(key.clone());
        }
    }
}

/// Takes over what is said of the profile; tells what changed.
fn apply_profile(
    customer: &mut Customer,
    profile: &Profile,
    (event, opt_in): (&Event, &DoubleOptIn),
    turned_consents: &mut Vec<Turned>,
) -> BTreeSet<Topic> {
    let at = event.occurred_at;
    let mut changed = BTreeSet::new();
    for (name, value) in &profile.attributes {
        if let Some(known) = customer.attributes.get_mut(name).filter(|known| known.value == *value) {
            known.at = known.at.max(at);
        } else if set_attribute(customer, name, value.clone(), at) {
            changed.insert(Topic::Attribute(name.clone()));
        }
    }
    if changed.contains(&Topic::Attribute("email".into())) {
        // What was asked of another address can't be confirmed by this one.
        let address = customer.email().map(str::to_lowercase);
        customer.asked.retain(|_, asked| asked.address == address);
    }
    let confirms = event.kind == kind::CONSENT_CONFIRMED;
    let address = event.data.get("address").and_then(serde_json::Value::as_str);
    let confirmed: BTreeSet<String> =
        if confirms { can_confirm(customer, address).map(str::to_owned).collect() } else { BTreeSet::new() };
    for (purpose, granted) in &profile.consents {
        let was = customer.consents.get(purpose).map(|known| known.granted);
        let turned = |asked| Turned { purpose: purpose.clone(), was, asked };
        if confirms && !confirmed.contains(purpose) {
            continue;
        }
        if *granted && !confirms && was != Some(true) && opt_in.asks(event, purpose, customer) {
            if consents::ask(customer, purpose, event) {
                turned_consents.push(turned(true));
            }
            continue;
        }
        let consent = Consent { granted: *granted, at, source: event.source.clone() };
        if set_consent(customer, purpose, consent) {
            turned_consents.push(turned(false));
            changed.insert(Topic::Consents);
        }
    }
    if customer.preferences.take(&profile.preferences, at) {
        changed.insert(Topic::Preferences);
    }
    changed
}

/// Takes a saying of a purpose over unless a later one is known; at the same moment the refusal counts. Tells whether the answer
/// changed.
pub fn set_consent(customer: &mut Customer, purpose: &str, consent: Consent) -> bool {
    if customer.asked.get(purpose).is_some_and(|asked| asked.at <= consent.at) {
        customer.asked.remove(purpose);
    }
    match customer.consents.get_mut(purpose) {
        Some(known) if consent.at < known.at || (consent.at == known.at && consent.granted) => false,
        Some(known) => {
            let changed = known.granted != consent.granted;
            *known = consent;
            changed
        }
        None => {
            customer.consents.insert(purpose.to_owned(), consent);
            true
        }
    }
}

/// Sets an attribute unless a later saying of it is known. Tells whether its value changed.
pub fn set_attribute(customer: &mut Customer, name: &str, value: serde_json::Value, at: Timestamp) -> bool {
    let full = customer.attributes.len() >= MAX_ATTRIBUTES;
    match customer.attributes.get_mut(name) {
        Some(known) if at < known.at => false,
        Some(known) => {
            let changed = known.value != value;
            *known = Attribute { value, at };
            changed
        }
        None if full => false,
        None => {
            let said = !value.is_null();
            customer.attributes.insert(name.to_owned(), Attribute { value, at });
            said
        }
    }
}

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that may have happened, and several may at once")]
struct OrderChange {
    created: bool,
    status: bool,
    phase: Option<Phase>,
    paid: bool,
    /// Total, lines, number or promo code.
    content: bool,
}

fn apply_order(customer: &mut Customer, event: &Event, order: &Order) -> OrderChange {
    let at = event.occurred_at;
    let key = format!("{}/{}", event.source, order.id);
    let created_at = order.created_at.unwrap_or(at);
    let orders = &mut customer.orders;
    if let Some(place) = orders.recent.iter().position(|known| known.key == key) {
        let mut known = orders.recent.remove(place);
        uncount(customer, &known);
        let change = update(&mut known, order, at);
        count(customer, &known, change.phase, at);
        insert(customer, known);
        return change;
    }
    let full = orders.recent.len() >= RECENT_ORDERS;
    if full && orders.recent.first().is_some_and(|oldest| created_at < oldest.created_at) {
        // Older than all that are kept: it was counted when it was new, and its details are gone.
        return OrderChange::default();
    }
    let mut known = KnownOrder {
        key,
        number: None,
        status: None,
        phase: Phase::Open,
        status_at: Timestamp::MIN,
        created_at,
        content_at: Timestamp::MIN,
        total: None,
        paid: false,
        items: Vec::new(),
        promo_code: None,
    };
    let seen = update(&mut known, order, at);
    // The first sight of an order says what it is, not that it changed, unless the event itself is the change.
    let change = OrderChange {
        created: true,
        status: event.kind == kind::ORDER_STATUS && known.status.is_some(),
        phase: seen.phase.filter(|_| {
            event.kind == kind::ORDER_STATUS
                || event.kind == kind::ORDER_COMPLETED
                || event.kind == kind::ORDER_CANCELLED
        }),
        paid: seen.paid && event.kind == kind::ORDER_PAID,
        content: true,
    };
    count(customer, &known, seen.phase, at);
    insert(customer, known);
    change
}

fn update(known: &mut KnownOrder, order: &Order, at: Timestamp) -> OrderChange {
    let mut change = OrderChange::default();
    if let Some(created) = order.created_at {
        known.created_at = created;
    }
    if at >= known.status_at && (order.status.is_some() || order.phase.is_some()) {
        if order.status.is_some() {
            change.status = known.status != order.status;
            known.status.clone_from(&order.status);
        }
        if let Some(phase) = order.phase {
            change.phase = (phase != known.phase).then_some(phase);
            known.phase = phase;
        }
        known.status_at = at;
    }
    if at >= known.content_at {
        let before = (known.total.clone(), known.items.clone(), known.number.clone(), known.promo_code.clone());
        if order.total.is_some() {
            known.total.clone_from(&order.total);
        }
        if let Some(items) = &order.items {
            known.items = items.iter().take(MAX_ITEMS).cloned().collect();
        }
        if order.number.is_some() {
            known.number.clone_from(&order.number);
        }
        if order.promo_code.is_some() {
            known.promo_code.clone_from(&order.promo_code);
        }
        if order.total.is_some() || order.items.is_some() {
            known.content_at = at;
        }
        change.content =
            before != (known.total.clone(), known.items.clone(), known.number.clone(), known.promo_code.clone());
    }
    if order.paid == Some(true) && !known.paid {
        known.paid = true;
        change.paid = true;
    }
    change
}

fn insert(customer: &mut Customer, order: KnownOrder) {
    let recent = &mut customer.orders.recent;
    let place = recent.partition_point(|known| (known.created_at, &known.key) < (order.created_at, &order.key));
    recent.insert(place, order);
    if recent.len() > RECENT_ORDERS {
        recent.remove(0);
    }
}

fn uncount(customer: &mut Customer, order: &KnownOrder) {
    tally(customer, order, -1);
}

fn count(customer: &mut Customer, order: &KnownOrder, turned: Option<Phase>, at: Timestamp) {
    tally(customer, order, 1);
    let orders = &mut customer.orders;
    orders.first_at = Some(orders.first_at.map_or(order.created_at, |known| known.min(order.created_at)));
    orders.last_at = Some(orders.last_at.map_or(order.created_at, |known| known.max(order.created_at)));
    if turned == Some(Phase::Complete) {
        orders.last_completed_at = Some(orders.last_completed_at.map_or(at, |known| known.max(at)));
    }
}

fn tally(customer: &mut Customer, order: &KnownOrder, by: i64) {
    let orders = &mut customer.orders;
    if order.phase == Phase::Cancelled {
        orders.cancelled_count += by;
        return;
    }
    orders.count += by;
    if order.phase == Phase::Complete {
        orders.completed_count += by;
    }
    if order.paid {
        orders.paid_count += by;
    }
    if let Some(total) = &order.total {
        let sum = orders.totals.entry(total.currency.clone()).or_insert(0);
        *sum = sum.saturating_add(total.minor.saturating_mul(by));
        if *sum == 0 {
            orders.totals.remove(&total.currency);
        }
    }
}

fn apply_cart(customer: &mut Customer, event: &Event) -> Option<&'static str> {
    let at = event.occurred_at;
    if customer.cart.said_at.is_some_and(|known| at < known) {
        return None;
    }
    let mut content = event.cart.clone().filter(|_| event.kind == kind::CART_UPDATED).unwrap_or_default();
    content.items.truncate(MAX_ITEMS);
    let before = &customer.cart.content;
    let same = before.items == content.items && before.total == content.total;
    let was_empty = before.items.is_empty();
    let is_empty = content.items.is_empty();
    // A second reading of the same cart is no change, and must not make it younger.
    let updated_at = if same && customer.cart.updated_at.is_some() { customer.cart.updated_at } else { Some(at) };
    customer.cart = CartState { content, updated_at, said_at: Some(at) };
    match (same, was_empty, is_empty) {
        (true, ..) | (_, true, true) => None,
        (false, false, true) => Some(kind::CART_CLEARED),
        (false, _, false) => Some(kind::CART_UPDATED),
    }
}
