//! A customer's cart as an event: what is in it, or that it is empty.

use serde_json::json;

use super::model::{Cart, Customer};
use super::reader::{Reader, fingerprint, seconds};
use super::{amounts, items};
use crate::crm::ParseError;
use crate::journey::event::{self, Event, kind};
use crate::journey::time::Timestamp;

/// Reads a cart of `customer` on `site` as it is at `as_of`.
///
/// `droppedAt` is the last time the cart was touched, not proof that it was given up: rules wait and look again.
pub(super) fn event(
    reader: &Reader<'_>,
    cart: &Cart,
    customer: &Customer,
    site: &str,
    as_of: Timestamp,
) -> Result<Event, ParseError> {
    let keys = customer.keys(&reader.account.connection);
    let owner = customer.id.clone().or_else(|| customer.external_id.as_ref().map(|id| format!("external:{id}")));
    let owner = owner.or_else(|| customer.email.clone()).filter(|_| !keys.is_empty());
    let owner = owner.ok_or(ParseError::NoCustomer { what: "the cart" })?;
    let dropped = reader.date("droppedAt", cart.dropped_at.as_deref())?;
    let updated = reader.date("updatedAt", cart.updated_at.as_deref())?;
    let created = reader.date("createdAt", cart.created_at.as_deref())?;
    let cleared = reader.date("clearedAt", cart.cleared_at.as_deref())?;
    let touched = updated.max(dropped).or(created);
    let lines = cart.items.as_deref().unwrap_or_default();
    let is_empty = lines.is_empty() || cleared.is_some_and(|at| touched.is_none_or(|touched| at >= touched));
    let id = |content: &serde_json::Value| format!("cart/{site}/{owner}/{}", fingerprint(content));

    if is_empty {
        let said = cleared.or(touched);
        // An empty cart without a date is told once an hour at most; the core ignores what it knows.
        let mark =
            said.map_or_else(|| json!(["empty at", seconds(as_of) / 3_600]), |at| json!(["cleared", at.micros()]));
        let mut event = reader.event(kind::CART_CLEARED, id(&mark), said.unwrap_or(as_of), keys);
        event.cart = Some(event::Cart::default());
        event.touchpoint = Some("site".into());
        return Ok(event);
    }
    let currency = amounts::currency(cart.currency.as_deref(), &reader.account.currency);
    let content = event::Cart {
        items: items::read(lines, &currency)?,
        total: items::total(lines, &currency)?,
        link: cart.link.clone(),
    };
    let mark = json!([content, touched.map(Timestamp::micros)]);
    let mut event = reader.event(kind::CART_UPDATED, id(&mark), touched.unwrap_or(as_of), keys);
    event.cart = Some(content);
    event.touchpoint = Some("site".into());
    Ok(event)
}
