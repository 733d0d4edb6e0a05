//! Lines of orders and carts.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::amounts::money;
use super::model::Item;
use crate::crm::ParseError;
use crate::journey::event;
use crate::journey::money::Money;

/// Most lines that are kept.
const MAX_LINES: usize = 200;

/// Reads lines; those beyond a sensible number are left out.
pub(super) fn read(items: &[Item], currency: &str) -> Result<Vec<event::Item>, ParseError> {
    items.iter().take(MAX_LINES).map(|item| line(item, currency)).collect()
}

fn line(item: &Item, currency: &str) -> Result<event::Item, ParseError> {
    let offer = item.offer.as_ref();
    let name = offer
        .and_then(|offer| offer.display_name.clone().or_else(|| offer.name.clone()))
        .or_else(|| item.product_name.clone())
        .unwrap_or_default();
    let id = offer.and_then(|offer| offer.external_id.clone().or_else(|| offer.id.clone())).or_else(|| item.id.clone());
    Ok(event::Item {
        id,
        name,
        quantity: item.quantity.unwrap_or(Decimal::ONE).to_f64().unwrap_or(1.0),
        price: price(item).map(|price| money("price", price, currency)).transpose()?,
        link: offer.and_then(|offer| offer.url.clone()),
        image: offer.and_then(|offer| offer.image_url.clone()),
    })
}

fn price(item: &Item) -> Option<Decimal> {
    item.price.or_else(|| item.prices.as_ref()?.first()?.price).or_else(|| {
        let discount = item.discount_total.unwrap_or_default();
        item.initial_price.map(|initial| initial.checked_sub(discount).unwrap_or(initial))
    })
}

/// The sum of the lines; `None` as soon as one has no price.
pub(super) fn total(items: &[Item], currency: &str) -> Result<Option<Money>, ParseError> {
    let mut sum = Decimal::ZERO;
    for item in items {
        let line = price(item).and_then(|price| price.checked_mul(item.quantity.unwrap_or(Decimal::ONE)));
        let Some(with_line) = line.and_then(|line| sum.checked_add(line)) else { return Ok(None) };
        sum = with_line;
    }
    money("total", sum, currency).map(Some)
}
