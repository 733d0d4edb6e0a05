//! Reading back what hooks only named.

use std::collections::BTreeSet;

use serde_json::Value;

use super::api::Kind;
use super::client::Client;
use super::document::Document;
use super::loose::names;
use crate::crm::{ApiError, By, Fetch};

/// Reads everything that is wanted into one document; what is not there is noted in it.
pub(super) async fn fetch(client: &Client, wanted: &[Fetch], site: Option<&str>) -> Result<Vec<u8>, ApiError> {
    let mut customers = BTreeSet::new();
    let mut orders = BTreeSet::new();
    let mut owners = BTreeSet::new();
    for fetch in wanted {
        match fetch {
            Fetch::Customer(by) => customers.insert(by.clone()),
            Fetch::Order(by) => orders.insert(by.clone()),
            Fetch::Cart { site: None, customer } if site.is_none() => owners.insert(customer.clone()),
            Fetch::Cart { .. } => false,
        };
    }
    let mut document = Document {
        customers: client.entities(Kind::Customer, &customers).await?,
        orders: client.entities(Kind::Order, &orders).await?,
        ..Document::default()
    };
    // The site of a cart that names none is its owner's.
    owners.retain(|by| !customers.contains(by));
    let owners = client.entities(Kind::Customer, &owners).await?;
    for fetch in wanted {
        let Fetch::Cart { site: named, customer } = fetch else { continue };
        let owner = document.customers.iter().chain(&owners).find(|entity| is(entity, customer));
        let of_owner = owner.and_then(|entity| entity.get("site")).and_then(Value::as_str);
        let read = match named.as_deref().or(site).or(of_owner) {
            Some(site) => client.cart(site, customer).await?,
            None => None,
        };
        match read {
            Some(cart) => document.carts.push(cart),
            None => document.missing.push(format!("cart of {}", described(customer))),
        }
    }
    for (what, wanted, found) in [("customer", customers, &document.customers), ("order", orders, &document.orders)] {
        let gone = wanted.iter().filter(|by| !found.iter().any(|entity| is(entity, by)));
        document.missing.extend(gone.map(|by| format!("{what} {}", described(by))));
    }
    Ok(serde_json::to_vec(&document).unwrap_or_default())
}

fn is(entity: &Value, by: &By) -> bool {
    let (field, id) = match by {
        By::Id(id) => ("id", id),
        By::External(id) => ("externalId", id),
    };
    entity.get(field).is_some_and(|value| names(std::slice::from_ref(value), "code").first() == Some(id))
}

fn described(by: &By) -> String {
    match by {
        By::Id(id) => id.clone(),
        By::External(id) => format!("external {id}"),
    }
}
