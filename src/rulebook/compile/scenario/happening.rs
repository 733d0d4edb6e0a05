//! What is known and what happens, as events of the core.

use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive as _, ToPrimitive as _};
use serde_json::Map;

use super::flag;
use super::moments::Clock;
use crate::journey::event::{Cart, Event, Item, Key, Order, Phase, Profile, kind};
use crate::journey::money::Money;
use crate::journey::preferences::{MOST, Wishes};
use crate::journey::spelling::suggest;
use crate::journey::time::{Span, Timestamp};
use crate::rulebook::compile::Unit;
use crate::rulebook::compile::set::compile_attributes;
use crate::rulebook::forms::{
    Amount, CartForm, Entries, EventForm, GivenForm, ItemForm, OrderForm, PreferencesForm, Text,
};

/// The source of a scenario's events.
const SOURCE: &str = "scenario";
/// How long before the start something is that is given without its age.
const JUST_BEFORE: Span = Span::seconds(1);

/// What is known at the start, as old news.
pub(super) fn given(form: &GivenForm, clock: &Clock, unit: &mut Unit<'_>) -> Vec<Event> {
    let just_before = clock.from.before(JUST_BEFORE);
    let wishes = wishes(form.preferences.as_ref(), just_before, unit);
    let profile = profile(form.customer.as_ref(), form.consent.as_ref(), wishes, unit);
    let mut events = vec![Event { profile, ..bare("given", kind::CUSTOMER_UPDATED, just_before) }];
    for (number, order) in form.orders.iter().enumerate() {
        let at = order.ago.as_ref().map_or(just_before, |ago| clock.from.before(ago.value.0));
        let name = format!("given-order-{}", number + 1);
        let order = compile_order(Some(order), &(number + 1).to_string(), kind::ORDER_CREATED, at, unit);
        events.push(Event { order: Some(order), ..bare(&name, kind::ORDER_CREATED, at) });
    }
    if let Some(cart) = &form.cart {
        let at = cart.ago.as_ref().map_or(just_before, |ago| clock.from.before(ago.value.0));
        events.push(Event { cart: Some(compile_cart(cart, unit)), ..bare("given-cart", kind::CART_UPDATED, at) });
    }
    for (number, past) in form.history.iter().enumerate() {
        if let Some(moment) = past.at.as_ref().map(|at| &at.place).or(past.after.as_ref().map(|after| &after.place)) {
            unit.fault_help("two-moments", moment, "history lies before the start", "write `ago: 3d`");
        }
        events.extend(event(past, &format!("given-{}", number + 1), clock, unit));
    }
    events.sort_by_key(|event| event.occurred_at);
    events
}

/// Something that happens.
pub(super) fn event(form: &EventForm, name: &str, clock: &Clock, unit: &mut Unit<'_>) -> Option<Event> {
    let received_at = clock.at(form.at.as_ref(), form.after.as_ref(), unit);
    let text = form.event.0.as_ref();
    if let Some(kind) = text {
        check_kind(kind, unit);
    }
    let kind = text.map_or("", |text| text.value.as_str());
    let received_at = received_at?;
    let occurred_at = form.ago.as_ref().map_or(received_at, |ago| received_at.before(ago.value.0));
    let about_order = form.order.is_some() || kind.starts_with("order.");
    let order = about_order.then(|| compile_order(form.order.as_ref(), "1", kind, occurred_at, unit));
    let cart = form.cart.as_ref().map(|cart| compile_cart(cart, unit));
    if kind == kind::CART_UPDATED
        && cart.as_ref().is_none_or(|cart| cart.items.is_empty())
        && let Some(text) = text
    {
        let help = "write `cart: {items: [{name: Feeder, price: 49.90}]}`; an empty cart is said by cart.cleared";
        unit.fault_help("no-cart", &text.place, "cart.updated is about a cart with something in it", help);
    }
    if kind == kind::UNSUBSCRIBED
        && form.consent.is_none()
        && let Some(text) = text
    {
        let message = "message.unsubscribed says what the customer does not want any more, and nothing is said here";
        unit.fault_help("no-refusal", &text.place, message, "write `consent: {marketing: false}` beside it");
    }
    let wishes = wishes(form.preferences.as_ref(), occurred_at, unit);
    Some(Event {
        received_at,
        touchpoint: form.touchpoint.clone(),
        profile: profile(form.customer.as_ref(), form.consent.as_ref(), wishes, unit),
        order,
        cart,
        data: form.data.as_ref().map(|data| data.0.clone()).unwrap_or_default(),
        ..bare(name, kind, occurred_at)
    })
}

fn bare(name: &str, kind: &str, at: Timestamp) -> Event {
    Event {
        source: SOURCE.into(),
        id: name.into(),
        kind: kind.into(),
        occurred_at: at,
        received_at: at,
        keys: vec![Key::source(SOURCE, 1)],
        merged: Vec::new(),
        touchpoint: None,
        profile: None,
        order: None,
        cart: None,
        data: Map::new(),
    }
}

fn check_kind(text: &Text, unit: &mut Unit<'_>) {
    if text.value == kind::CUSTOMER_MERGED {
        let message = "a scenario is about one customer, who cannot be merged with another";
        unit.fault("bad-event", &text.place, message);
        return;
    }
    unit.event_kind(text);
}

fn profile(
    customer: Option<&Entries>,
    consent: Option<&Entries>,
    preferences: Wishes,
    unit: &mut Unit<'_>,
) -> Option<Profile> {
    let mut profile = Profile { preferences, ..Profile::default() };
    for (name, value) in customer.map(|entries| compile_attributes(&entries.0, "attributes", unit)).unwrap_or_default()
    {
        profile.attributes.insert(name, value);
    }
    let purposes: Vec<String> = unit.world.purposes.iter().cloned().collect();
    for (purpose, said) in consent.into_iter().flat_map(|entries| &entries.0) {
        if !purposes.contains(&purpose.text) {
            let names: Vec<&str> = purposes.iter().map(String::as_str).collect();
            let message = format!("no rule asks for the purpose `{}`", purpose.text);
            unit.fault_help("unknown-purpose", &purpose.place, message, suggest(&purpose.text, &names, "purposes"));
        }
        profile.consents.insert(purpose.text.clone(), flag(said, unit));
    }
    Some(profile).filter(|profile| !profile.is_empty())
}

/// What is wished at a moment.
fn wishes(form: Option<&PreferencesForm>, at: Timestamp, unit: &mut Unit<'_>) -> Wishes {
    let mut wishes = Wishes::default();
    let Some(form) = form else { return wishes };
    wishes.paused_until = form.paused_for.as_ref().map(|span| Some(at.after(span.value.0)));
    if let Some(Amount(text)) = &form.most_a_week {
        let most = text.value.parse().ok().filter(|most| (1..=MOST).contains(most));
        if most.is_none() {
            unit.fault("out-of-range", &text.place, format!("expected a whole number from 1 to {MOST}"));
        }
        wishes.most_a_week = most.map(Some);
    }
    for (map, said) in form.maps.iter().flat_map(|entries| &entries.0) {
        if !unit.world.maps.contains_key(&map.text) {
            let names: Vec<&str> = unit.world.maps.keys().map(String::as_str).collect();
            let message = format!("there is no map `{}`", map.text);
            unit.fault_help("unknown-map", &map.place, message, suggest(&map.text, &names, "maps"));
        }
        let wanted = flag(said, unit);
        wishes.maps.insert(map.text.clone(), wanted);
    }
    wishes
}

fn compile_order(form: Option<&OrderForm>, id: &str, of: &str, at: Timestamp, unit: &mut Unit<'_>) -> Order {
    let said = match of {
        kind::ORDER_CREATED => Some(Phase::Open),
        kind::ORDER_COMPLETED => Some(Phase::Complete),
        kind::ORDER_CANCELLED => Some(Phase::Cancelled),
        _ => None,
    };
    let created_at = (of == kind::ORDER_CREATED).then_some(at);
    let paid = (of == kind::ORDER_PAID).then_some(true);
    let Some(form) = form else {
        return Order {
            id: id.to_owned(),
            number: None,
            status: None,
            phase: said,
            created_at,
            total: None,
            paid,
            items: None,
            promo_code: None,
        };
    };
    let currency = currency(form.currency.as_ref(), unit);
    let phase = form.phase.as_ref().and_then(|word| phase(word, unit)).or(said);
    Order {
        id: form.id.as_ref().map_or(id, |id| id.0.value.as_str()).to_owned(),
        number: form.number.as_ref().map(|number| number.0.value.clone()),
        status: form.status.as_ref().map(|status| status.value.clone()),
        phase,
        created_at,
        total: form.total.as_ref().and_then(|total| amount(total, &currency, unit)),
        paid: form.paid.as_ref().map(|paid| flag(paid, unit)).or(paid),
        items: form.items.as_ref().map(|items| lines(items, &currency, unit)),
        promo_code: form.promo_code.clone(),
    }
}

fn compile_cart(form: &CartForm, unit: &mut Unit<'_>) -> Cart {
    let currency = currency(form.currency.as_ref(), unit);
    let items = lines(&form.items, &currency, unit);
    let said = form.total.as_ref().and_then(|total| amount(total, &currency, unit));
    let total = if form.total.is_some() { said } else { sum(&items, &currency) };
    Cart { items, total, link: form.link.clone() }
}

fn lines(forms: &[ItemForm], currency: &str, unit: &mut Unit<'_>) -> Vec<Item> {
    let mut items = Vec::new();
    for form in forms {
        let price = form.price.as_ref().and_then(|price| amount(price, currency, unit));
        items.push(Item {
            id: form.id.as_ref().map(|id| id.0.value.clone()),
            name: form.name.0.as_ref().map(|name| name.value.clone()).unwrap_or_default(),
            quantity: form.quantity.unwrap_or(1.0),
            price,
            link: form.link.clone(),
            image: form.image.clone(),
        });
    }
    items
}

/// What lines cost in all; `None` if the price of one is not known, or there is none.
fn sum(items: &[Item], currency: &str) -> Option<Money> {
    if items.is_empty() {
        return None;
    }
    let line = |item: &Item| Decimal::from(item.price.as_ref()?.minor).checked_mul(Decimal::from_f64(item.quantity)?);
    let total = items.iter().try_fold(Decimal::ZERO, |sum, item| sum.checked_add(line(item)?.round()))?;
    Some(Money::new(total.to_i64()?, currency))
}

fn phase(word: &Text, unit: &mut Unit<'_>) -> Option<Phase> {
    match word.value.as_str() {
        "open" => Some(Phase::Open),
        "complete" => Some(Phase::Complete),
        "cancelled" => Some(Phase::Cancelled),
        other => {
            let help = suggest(other, &["open", "complete", "cancelled"], "phases");
            unit.fault_help("unknown-word", &word.place, format!("an order has no phase `{other}`"), help);
            None
        }
    }
}

fn currency(text: Option<&Text>, unit: &mut Unit<'_>) -> String {
    let Some(text) = text else { return unit.shop.currency.clone() };
    let code = text.value.trim().to_uppercase();
    if code.len() != 3 || !code.bytes().all(|b| b.is_ascii_uppercase()) {
        unit.fault("bad-amount", &text.place, "a currency is a code of three letters, for example EUR");
    }
    code
}

fn amount(form: &Amount, currency: &str, unit: &mut Unit<'_>) -> Option<Money> {
    let text = &form.0;
    let money = Money::from_major(&text.value, currency);
    if money.is_none() {
        let message = format!("`{}` is not an amount in {currency}", text.value);
        unit.fault_help("bad-amount", &text.place, message, "write digits and a point, for example 49.90");
    }
    money
}
