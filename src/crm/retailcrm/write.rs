//! Writing to the CRM: a customer's tags, custom fields and subscriptions, and notes.
//!
//! What is written under our own key does not come back by history (`history`), and what a trigger of the CRM makes of it is
//! no news: the core knows it already.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::api::segment;
use super::client::Client;
use super::consent::{CHANNEL, topic_of};
use crate::crm::ApiError;
use crate::journey::errand::{CrmChange, CrmCustomer};

/// Changes a customer. Doing it twice does no harm: tags are a set, fields and subscriptions are set.
pub(super) async fn customer(client: &Client, change: &CrmChange, site: Option<&str>) -> Result<(), ApiError> {
    let (by, id) = match &change.customer {
        CrmCustomer::Id(id) => ("id", id),
        CrmCustomer::External(id) => ("externalId", id),
    };
    if !change.subscriptions.is_empty() {
        subscribe(client, (by, id), &change.subscriptions, site).await?;
    }
    let mut customer = Map::new();
    for (name, tags) in [("addTags", &change.add_tags), ("removeTags", &change.remove_tags)] {
        if !tags.is_empty() {
            customer.insert(name.to_owned(), json!(tags));
        }
    }
    if !change.fields.is_empty() {
        customer.insert("customFields".to_owned(), json!(change.fields));
    }
    if customer.is_empty() {
        return Ok(());
    }
    let mut form = vec![("by", by.to_owned()), ("customer", Value::Object(customer).to_string())];
    form.extend(site.map(|site| ("site", site.to_owned())));
    client.post(&format!("/api/v5/customers/{}/edit", segment(id)), &form).await
}

/// Says what a customer agreed to and refused, by e-mail.
async fn subscribe(
    client: &Client,
    (by, id): (&str, &str),
    said: &BTreeMap<String, bool>,
    site: Option<&str>,
) -> Result<(), ApiError> {
    let topics: Vec<Value> = said
        .iter()
        .map(|(purpose, active)| json!({"channel": CHANNEL, "subscription": topic_of(purpose), "active": active}))
        .collect();
    let mut form = vec![("by", by.to_owned()), ("subscriptions", Value::Array(topics).to_string())];
    form.extend(site.map(|site| ("site", site.to_owned())));
    client.post(&format!("/api/v5/customers/{}/subscriptions", segment(id)), &form).await
}

/// Writes a note about a customer. Doing it twice leaves two notes.
pub(super) async fn note(
    client: &Client,
    customer: &CrmCustomer,
    text: &str,
    site: Option<&str>,
) -> Result<(), ApiError> {
    let known = match customer {
        CrmCustomer::Id(id) => match id.parse::<u64>() {
            Ok(number) => json!({"id": number}),
            Err(_) => json!({"id": id}),
        },
        CrmCustomer::External(id) => json!({"externalId": id}),
    };
    let mut form = vec![("note", json!({"customer": known, "text": text}).to_string())];
    form.extend(site.map(|site| ("site", site.to_owned())));
    client.post("/api/v5/customers/notes/create", &form).await
}
