//! `order` and `cart`, and the lines of both.

use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};
use serde_json::Value;

use super::amount::{amount, currency};
use super::fields::{Faults, Fields, TEXT_CHARS, text, word};
use crate::journey::event::{Cart, Item, Order, Phase};
use crate::journey::money::Money;

const MAX_LINES: usize = 500;
const MOST_OF_ONE: f64 = 1e9;

/// Reads an order; `None` if it has no id.
pub fn read_order(mut fields: Fields<'_>, shop_currency: &str) -> Option<Order> {
    let id = fields.needed_id("id");
    let currency = currency(&mut fields, shop_currency);
    let order = Order {
        id: id.clone().unwrap_or_default(),
        number: fields.id("number"),
        status: fields.id("status"),
        phase: phase(&mut fields),
        created_at: fields.moment("created_at"),
        total: amount(&mut fields, "total", &currency),
        paid: fields.flag("paid"),
        items: items(&mut fields, &currency),
        promo_code: fields.id("promo_code"),
    };
    fields.close();
    id.map(|_| order)
}

/// Reads a cart; its total is the sum of its lines where none is said and every line has a price.
pub fn read_cart(mut fields: Fields<'_>, shop_currency: &str) -> Cart {
    let currency = currency(&mut fields, shop_currency);
    let items = items(&mut fields, &currency).unwrap_or_default();
    let said = amount(&mut fields, "total", &currency);
    let total = said.or_else(|| sum(&items, &currency));
    let link = fields.link("link");
    fields.close();
    Cart { items, total, link }
}

fn phase(fields: &mut Fields<'_>) -> Option<Phase> {
    let word = fields.text("phase")?;
    match word.as_str() {
        "open" => Some(Phase::Open),
        "complete" => Some(Phase::Complete),
        "cancelled" => Some(Phase::Cancelled),
        _ => {
            fields.fault("phase", "must be open, complete or cancelled");
            None
        }
    }
}

fn items(fields: &mut Fields<'_>, currency: &str) -> Option<Vec<Item>> {
    let list = fields.list("items", MAX_LINES)?;
    Some(list.into_iter().filter_map(|(path, value)| item(value, path, currency, fields.faults())).collect())
}

fn item(value: Value, path: String, currency: &str, faults: &Faults) -> Option<Item> {
    let mut fields = Fields::open(value, path, faults)?;
    let name = if let Some(said) = fields.value("name") {
        text(said, fields.path("name"), TEXT_CHARS, faults)
    } else {
        fields.fault("name", "is missing");
        None
    };
    let item = Item {
        id: fields.id("id"),
        name: name.unwrap_or_default(),
        quantity: quantity(&mut fields).unwrap_or(1.0),
        price: amount(&mut fields, "price", currency),
        link: fields.link("link"),
        image: fields.link("image"),
    };
    fields.close();
    Some(item)
}

fn quantity(fields: &mut Fields<'_>) -> Option<f64> {
    let said = fields.value("quantity")?;
    let quantity = said.as_f64().filter(|n| *n > 0.0 && *n <= MOST_OF_ONE);
    if quantity.is_none() {
        fields.fault(
            "quantity",
            format!("must be a number above 0 and not above a thousand million, not {}", word(&said)),
        );
    }
    quantity
}

fn sum(items: &[Item], currency: &str) -> Option<Money> {
    if items.is_empty() {
        return None;
    }
    let mut total = Money::new(0, currency);
    for item in items {
        let minor = Decimal::from(item.price.as_ref()?.minor).checked_mul(Decimal::from_f64(item.quantity)?)?.round();
        // Already in minor units: only the width has to be checked.
        total = total.plus(&Money::new(minor.to_i64()?, currency))?;
    }
    Some(total)
}
