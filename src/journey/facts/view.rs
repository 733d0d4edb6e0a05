//! The facts of a customer as values: what conditions and letters read.
//!
//! Moments are RFC 3339 text with microseconds (so that text order is time order); money is in major units.

use serde_json::{Map, Value, json};

use super::{FACTS, Type};
use crate::journey::customer::{Customer, KnownOrder};
use crate::journey::event::{Cart, Event, Item, Order, Phase};
use crate::journey::money::Money;
use crate::journey::time::Timestamp;

/// `customer`, `orders`, `cart`, `messages`, `stage`, `consent` and, if given, `event`, as one document: those of them that
/// are `wanted`. Every name of [`FACTS`] under them is there, `null` where nothing was said.
pub fn document(customer: &Customer, event: Option<&Value>, wanted: impl Fn(&str) -> bool) -> Map<String, Value> {
    let mut roots: Map<String, Value> = Map::new();
    for fact in FACTS.iter().filter(|fact| fact.root != "event" && wanted(fact.root)) {
        let value = fact_value(customer, fact.root, fact.name).unwrap_or_else(|| empty(fact.kind));
        let root = roots.entry(fact.root).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(fields) = root {
            fields.insert(fact.name.to_owned(), value);
        }
    }
    if let Some(Value::Object(fields)) = roots.get_mut("customer") {
        for (name, attribute) in &customer.attributes {
            fields.insert(name.clone(), attribute.value.clone());
        }
    }
    if wanted("stage") {
        let stages = customer.stages.iter().map(|(map, at)| (map.clone(), json!(at.stage))).collect();
        roots.insert("stage".into(), Value::Object(stages));
    }
    if wanted("consent") {
        let consents = customer.consents.iter().map(|(name, c)| (name.clone(), json!(c.granted))).collect();
        roots.insert("consent".into(), Value::Object(consents));
    }
    if wanted("event") {
        roots.insert("event".into(), event.cloned().unwrap_or_else(|| Value::Object(Map::new())));
    }
    roots
}

/// The value of a dotted name such as `orders.count`; `None` if it names nothing that this module knows.
pub fn value(customer: &Customer, event: Option<&Value>, path: &str) -> Option<Value> {
    let (root, rest) = path.split_once('.')?;
    if root == "event" {
        return Some(inside(event?, rest));
    }
    if rest.contains('.') {
        return None;
    }
    match root {
        "stage" => Some(customer.stages.get(rest).map_or(Value::Null, |at| json!(at.stage))),
        "consent" => Some(customer.consents.get(rest).map_or(Value::Null, |c| json!(c.granted))),
        _ => fact_value(customer, root, rest).or_else(|| {
            // Looked up last: what is said is said far more often than not.
            match FACTS.iter().find(|fact| fact.root == root && fact.name == rest) {
                Some(fact) => Some(empty(fact.kind)),
                None => (root == "customer").then_some(Value::Null),
            }
        }),
    }
}

/// What stands under a dotted name inside a value; null where nothing does.
pub fn inside(value: &Value, path: &str) -> Value {
    of_event(value, path).cloned().unwrap_or(Value::Null)
}

/// The value of a dotted name inside an event: `order.id` of `event.order.id`.
pub fn of_event<'a>(event: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(event, |at, name| at.get(name))
}

/// An event as conditions and letters read it.
pub fn event(event: &Event) -> Value {
    let mut fields = event.data.clone();
    fields.insert("kind".into(), json!(event.kind));
    fields.insert("at".into(), moment(event.occurred_at));
    fields.insert("touchpoint".into(), json!(event.touchpoint));
    fields.insert("order".into(), event.order.as_ref().map_or(Value::Null, order));
    fields.insert("cart".into(), event.cart.as_ref().map_or(Value::Null, cart));
    Value::Object(fields)
}

fn empty(kind: Type) -> Value {
    if kind == Type::List { json!([]) } else { Value::Null }
}

fn moment(at: Timestamp) -> Value {
    Value::String(at.rfc3339())
}

fn when(at: Option<Timestamp>) -> Option<Value> {
    at.map(moment)
}

fn fact_value(customer: &Customer, root: &str, name: &str) -> Option<Value> {
    match root {
        "customer" => match name {
            "id" => Some(json!(customer.id)),
            _ => customer.attribute(name).cloned(),
        },
        "orders" => order_fact(customer, name),
        "cart" => cart_fact(customer, name),
        "messages" => match name {
            "count" => Some(json!(customer.message_count)),
            "last_at" => when(customer.handed_over.last().map(|m| m.at)),
            "opened" => Some(json!(customer.reads.opened)),
            "clicked" => Some(json!(customer.reads.clicked)),
            "last_opened_at" => when(customer.reads.last_opened_at),
            "last_clicked_at" => when(customer.reads.last_clicked_at),
            "bounced" => Some(json!(customer.returns.bounced)),
            "bounced_at" => when(customer.returns.bounced_at),
            "complained_at" => when(customer.returns.complained_at),
            "replied_at" => when(customer.returns.replied_at),
            _ => None,
        },
        _ => None,
    }
}

fn order_fact(customer: &Customer, name: &str) -> Option<Value> {
    let orders = &customer.orders;
    let last: Option<&KnownOrder> = orders.recent.last();
    match name {
        "count" => Some(json!(orders.count)),
        "total" => single_total(customer).map(|sum| json!(sum.major())),
        "average" if orders.count > 0 => single_total(customer).map(|sum| json!(sum.major() / orders.count as f64)),
        "currency" => single_total(customer).map(|sum| json!(sum.currency)),
        "paid_count" => Some(json!(orders.paid_count)),
        "completed_count" => Some(json!(orders.completed_count)),
        "cancelled_count" => Some(json!(orders.cancelled_count)),
        "open_count" => Some(json!(orders.recent.iter().filter(|o| o.phase == Phase::Open).count())),
        "first_at" => when(orders.first_at),
        "last_at" => when(orders.last_at),
        "last_completed_at" => when(orders.last_completed_at),
        "last_id" => last.and_then(|o| o.key.split_once('/')).map(|(_, id)| json!(id)),
        "last_number" => last.and_then(|o| o.number.as_ref()).map(|n| json!(n)),
        "last_status" => last.and_then(|o| o.status.as_ref()).map(|s| json!(s)),
        "last_total" => last.and_then(|o| o.total.as_ref()).map(|t| json!(t.major())),
        "last_items" => last.map(|o| items(&o.items)),
        _ => None,
    }
}

fn cart_fact(customer: &Customer, name: &str) -> Option<Value> {
    let content = &customer.cart.content;
    match name {
        "items" => Some(items(&content.items)),
        "total" => content.total.as_ref().map(|t| json!(t.major())),
        "currency" => content.total.as_ref().map(|t| json!(t.currency)),
        "link" => content.link.as_ref().map(|l| json!(l)),
        "updated_at" => when(customer.cart.updated_at),
        _ => None,
    }
}

/// The sum of all orders if they are in one currency; sums across currencies are refused.
fn single_total(customer: &Customer) -> Option<Money> {
    let mut totals = customer.orders.totals.iter().filter(|(_, minor)| **minor != 0);
    let (currency, minor) = totals.next()?;
    totals.next().is_none().then(|| Money::new(*minor, currency.clone()))
}

fn items(items: &[Item]) -> Value {
    Value::Array(
        items
            .iter()
            .map(|item| {
                json!({
                    "id": item.id,
                    "name": item.name,
                    "quantity": item.quantity,
                    "price": item.price.as_ref().map(Money::major),
                    "currency": item.price.as_ref().map(|p| p.currency.clone()),
                    "link": item.link,
                    "image": item.image,
                })
            })
            .collect(),
    )
}

fn order(order: &Order) -> Value {
    json!({
        "id": order.id,
        "number": order.number,
        "status": order.status,
        "phase": order.phase,
        "created_at": order.created_at.map(moment),
        "total": order.total.as_ref().map(Money::major),
        "currency": order.total.as_ref().map(|t| t.currency.clone()),
        "paid": order.paid,
        "promo_code": order.promo_code,
        "items": order.items.as_deref().map(items),
    })
}

fn cart(cart: &Cart) -> Value {
    json!({
        "items": items(&cart.items),
        "total": cart.total.as_ref().map(Money::major),
        "currency": cart.total.as_ref().map(|t| t.currency.clone()),
        "link": cart.link,
    })
}
