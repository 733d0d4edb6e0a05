//! What a trigger of RetailCRM posts: whole objects, or ids that must be read back. The operator writes the parameters by
//! hand, so names and forms vary. Understood are:
//!
//! - `order`, `customer` or `cart` as an object (JSON, JSON in a form field, or brackets), or the object itself;
//! - `order_id`, `customer_id` (or `orderId`, `order[id]`, …) and `order_external_id`, `customer_external_id`;
//! - `entity=order&id=5`; `deleted=1` beside a customer; `cart=1` beside a customer to have the cart read.

use serde_json::{Map, Value};

use super::cart;
use super::customer::{self, Extent};
use super::form;
use super::loose::names;
use super::model::{Cart, Customer, Order};
use super::order::Seen;
use super::reader::{Reader, entity, in_order};
use crate::crm::{By, Fetch, ParseError, Parsed, Raw};
use crate::journey::event::Event;

/// Most objects in one list.
const MAX_OBJECTS: usize = 1_000;

/// Reads a hook. `can_read` tells whether what only has an id could be read back.
pub(super) fn parse(reader: &Reader<'_>, raw: &Raw<'_>, can_read: bool) -> Result<Parsed, ParseError> {
    let mut events = Vec::new();
    let mut wanted = Vec::new();
    let trees = decode(raw)?;
    if trees.iter().all(Map::is_empty) {
        return Ok(Parsed::Ignored("a call without parameters".into()));
    }
    if trees.iter().all(|tree| tree.contains_key("clientId") && tree.contains_key("activity")) {
        return Ok(Parsed::Ignored("an integration module's activity".into()));
    }
    for tree in trees {
        Subject::of(tree)?.tell(reader, can_read, &mut events, &mut wanted)?;
    }
    if wanted.is_empty() {
        return Ok(Parsed::Events(in_order(events)));
    }
    if !can_read {
        return Err(ParseError::NeedsApi { what: "an entity" });
    }
    wanted.sort();
    wanted.dedup();
    // What was said in full is read back as well: one body has one answer, and the API's is the newer.
    Ok(Parsed::Fetch(wanted))
}

/// The parameters: one tree, or one for each member of a JSON list. A field of the body covers one of the query.
fn decode(raw: &Raw<'_>) -> Result<Vec<Map<String, Value>>, ParseError> {
    let mut query = Map::new();
    form::decode(raw.query.as_bytes(), &mut query)?;
    let body = raw.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw.body).trim_ascii();
    let is_json = raw.content_type.to_ascii_lowercase().contains("json") || matches!(body.first(), Some(b'{' | b'['));
    if body.is_empty() {
        return Ok(vec![query]);
    }
    if !is_json {
        form::decode(body, &mut query)?;
        return Ok(vec![query]);
    }
    let tree: Value = serde_json::from_slice(body).map_err(|source| ParseError::Json {
        what: "the body",
        path: format!("line {} column {}", source.line(), source.column()),
        source,
    })?;
    match tree {
        Value::Object(fields) => {
            query.extend(fields);
            Ok(vec![query])
        }
        Value::Array(list) if list.len() <= MAX_OBJECTS => list
            .into_iter()
            .map(|member| match member {
                Value::Object(fields) => Ok(fields),
                other => Err(ParseError::Unknown { fields: kind_of(&other).into() }),
            })
            .collect(),
        Value::Array(_) => Err(ParseError::TooComplex),
        other => Err(ParseError::Unknown { fields: kind_of(&other).into() }),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// What one hook is about.
#[derive(Debug, Default)]
struct Subject {
    customer: Option<Customer>,
    order: Option<Order>,
    cart: Option<Cart>,
    wants_cart: bool,
    deleted: bool,
    site: Option<String>,
}

impl Subject {
    fn of(mut tree: Map<String, Value>) -> Result<Self, ParseError> {
        let named = fields_of(&tree);
        let text = |tree: &Map<String, Value>, keys: &[&str]| {
            keys.iter().find_map(|key| names(std::slice::from_ref(tree.get(*key)?), "code").into_iter().next())
        };
        let deleted = text(&tree, &["deleted", "is_deleted", "isDeleted"])
            .is_some_and(|flag| flag == "1" || flag == "true")
            || text(&tree, &["event"]).is_some_and(|event| event.ends_with(".deleted"));
        let mut subject = Self { deleted, site: text(&tree, &["site", "site_code", "siteCode"]), ..Self::default() };

        // The object itself, without a name around it.
        let nested = |tree: &Map<String, Value>, key: &str| tree.get(key).is_some_and(Value::is_object);
        if !nested(&tree, "order") && !nested(&tree, "cart") && tree.contains_key("id") {
            let kind = text(&tree, &["entity", "type", "object"]).unwrap_or_default();
            let looks_ordered =
                tree.contains_key("status") || tree.contains_key("totalSumm") || tree.contains_key("orderMethod");
            let whole = Value::Object(tree.clone());
            match kind.as_str() {
                "order" => subject.order = Some(entity("the order", &whole)?),
                "customer" => subject.customer = Some(entity("the customer", &whole)?),
                _ if looks_ordered => subject.order = Some(entity("the order", &whole)?),
                _ if tree.contains_key("firstName")
                    || tree.contains_key("customerSubscriptions")
                    || tree.contains_key("email") =>
                {
                    subject.customer = Some(entity("the customer", &whole)?);
                }
                _ => {}
            }
            if subject.order.is_some() || subject.customer.is_some() {
                return Ok(subject);
            }
        }

        for (key, ids, externals) in [
            ("order", ["order_id", "orderId"], ["order_external_id", "orderExternalId"]),
            ("customer", ["customer_id", "customerId"], ["customer_external_id", "customerExternalId"]),
        ] {
            if tree.get(key).is_some_and(|value| !value.is_object() && !value.is_array()) {
                // `order=5` is an id like `order_id=5`.
                if let Some(id) = text(&tree, &[key]) {
                    tree.insert(key.to_owned(), serde_json::json!({ "id": id }));
                }
            }
            let (id, external) = (text(&tree, &ids), text(&tree, &externals));
            if let Some(Value::Object(fields)) = tree.get_mut(key) {
                put_missing(fields, "id", id);
                put_missing(fields, "externalId", external);
            } else if id.is_some() || external.is_some() {
                let mut fields = Map::new();
                put_missing(&mut fields, "id", id);
                put_missing(&mut fields, "externalId", external);
                tree.insert(key.to_owned(), Value::Object(fields));
            }
        }
        if let Some(order) = tree.get("order").filter(|value| is_filled(value)) {
            subject.order = Some(entity("the order", order)?);
        }
        if let Some(customer) = tree.get("customer").filter(|value| is_filled(value)) {
            subject.customer = Some(entity("the customer", customer)?);
        }
        match tree.get("cart") {
            Some(cart @ Value::Object(_)) => subject.cart = Some(entity("the cart", cart)?),
            Some(Value::Null | Value::Bool(false)) | None => {}
            Some(Value::String(text)) if text.is_empty() || text == "0" => {}
            Some(_) => subject.wants_cart = true,
        }
        if subject.order.is_none() && subject.customer.is_none() && subject.cart.is_none() {
            return Err(ParseError::Unknown { fields: named });
        }
        Ok(subject)
    }

    fn tell(
        self,
        reader: &Reader<'_>,
        can_read: bool,
        events: &mut Vec<Event>,
        wanted: &mut Vec<Fetch>,
    ) -> Result<(), ParseError> {
        let connection = &reader.account.connection;
        let site = self.site.clone().or_else(|| reader.account.site.clone());
        if let Some(found) = &self.cart {
            let owner = found.customer.clone().or_else(|| self.customer.clone()).unwrap_or_default();
            let site = owner.site.clone().or(site.clone()).unwrap_or_default();
            events.push(cart::event(reader, found, &owner, &site, reader.received_at)?);
        }
        if let Some(mut order) = self.order {
            if order.customer.is_none() {
                order.customer.clone_from(&self.customer);
            }
            match reference(order.id.as_ref(), order.external_id.as_ref()) {
                Some(by) if !self.deleted && can_read && !order.is_whole(connection) => wanted.push(Fetch::Order(by)),
                _ if self.deleted => events.push(Seen::new(reader, &order)?.deleted(reader.received_at)),
                _ if order.status.is_none() && order.created_at.is_none() => {
                    return Err(ParseError::NeedsApi { what: "an order" });
                }
                _ => events.extend(Seen::new(reader, &order)?.all(reader.received_at)?),
            }
            return Ok(());
        }
        let Some(found) = self.customer else { return Ok(()) };
        let by = reference(found.id.as_ref(), found.external_id.as_ref());
        match by {
            _ if self.deleted => events.push(customer::deleted(reader, &found, reader.received_at)?),
            Some(by) if self.wants_cart => {
                wanted.push(Fetch::Cart { site: found.site.clone().or(site), customer: by.clone() });
                wanted.push(Fetch::Customer(by));
            }
            // Beside a cart a customer's id is only the cart's owner.
            Some(_) if self.cart.is_some() && !found.has_content() => {}
            // Without its date of creation it is a part, which says little of consents; the API knows all.
            Some(by) if !found.has_content() || (can_read && found.created_at.is_none()) => {
                wanted.push(Fetch::Customer(by));
            }
            _ => events.extend(customer::events(reader, &found, Extent::Part, reader.received_at)?),
        }
        Ok(())
    }
}

fn reference(id: Option<&String>, external: Option<&String>) -> Option<By> {
    id.cloned().map(By::Id).or_else(|| external.cloned().map(By::External))
}

fn put_missing(fields: &mut Map<String, Value>, name: &str, value: Option<String>) {
    if let Some(value) = value {
        fields.entry(name).or_insert_with(|| Value::from(value));
    }
}

fn is_filled(value: &Value) -> bool {
    value.as_object().is_some_and(|fields| !fields.is_empty())
}

fn fields_of(tree: &Map<String, Value>) -> String {
    let list: Vec<&str> = tree.keys().map(String::as_str).take(12).collect();
    list.join(", ").chars().take(200).collect()
}
