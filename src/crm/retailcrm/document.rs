//! The form of our own bodies: raw rows of a history and raw entities, as they were read from the API.
//!
//! Everything that reading needs lies in the document, so that parsing it stays pure and can be repeated.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::model::{Cart, Customer, Order};
use super::reader::{Reader, entity, in_order};
use super::{cart, customer, history, order};
use crate::crm::{By, ParseError, Parsed};

/// One body of `Via::Poll` or `Via::Read`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Document {
    /// Rows of the customers' history.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub customer_rows: Vec<Value>,
    /// Rows of the orders' history.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub order_rows: Vec<Value>,
    /// Customers as they were when read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub customers: Vec<Value>,
    /// Orders as they were when read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub orders: Vec<Value>,
    /// Carts as they were when read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub carts: Vec<CartRead>,
    /// What was asked for and is not there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// A cart with its owner, whom the API's answer does not name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct CartRead {
    pub site: String,
    pub customer: By,
    pub cart: Value,
}

/// Reads a document.
pub(super) fn parse(reader: &Reader<'_>, body: &[u8]) -> Result<Parsed, ParseError> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let document: Document = serde_path_to_error::deserialize(&mut deserializer).map_err(|fault| ParseError::Json {
        what: "the stored reading",
        path: fault.path().to_string(),
        source: fault.into_inner(),
    })?;
    let mut events = Vec::new();
    let orders: Vec<Order> =
        document.orders.iter().map(|value| entity("the order", value)).collect::<Result<_, _>>()?;
    let customers: Vec<Customer> =
        document.customers.iter().map(|value| entity("the customer", value)).collect::<Result<_, _>>()?;

    if !document.customer_rows.is_empty() {
        events.extend(history::customer_events(reader, &document.customer_rows, &customers)?);
    }
    for found in &customers {
        events.extend(customer::events(reader, found, customer::Extent::Whole, reader.received_at)?);
    }
    if document.order_rows.is_empty() {
        for found in &orders {
            events.extend(order::Seen::new(reader, found)?.all(reader.received_at)?);
        }
    } else {
        events.extend(history::order_events(reader, &document.order_rows, &orders)?);
    }
    for read in &document.carts {
        let found: Cart = entity("the cart", &read.cart)?;
        let owner = match &read.customer {
            By::Id(id) => Customer { id: Some(id.clone()), ..Customer::default() },
            By::External(id) => Customer { external_id: Some(id.clone()), ..Customer::default() },
        };
        events.push(cart::event(reader, &found, &owner, &read.site, reader.received_at)?);
    }
    if events.is_empty() {
        let reason = if document.missing.is_empty() {
            "nothing in it concerns a customer".to_owned()
        } else {
            format!("not in the CRM: {}", document.missing.join(", "))
        };
        return Ok(Parsed::Ignored(reason));
    }
    Ok(Parsed::Events(in_order(events)))
}
