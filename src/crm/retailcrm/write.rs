//! Writing to the CRM: a customer's tags and custom fields, and notes.
//!
//! What is written under our own key does not come back by history (`history`), and what a trigger of the CRM makes of it is
//! no news: the core knows it already.

use serde_json::{Map, Value, json};

use super::api::segment;
use super::client::Client;
use crate::crm::ApiError;
use crate::journey::errand::{CrmChange, CrmCustomer};

/// Changes a customer. Doing it twice does no harm: tags are a set, and fields are set.
pub(super) async fn customer(client: &Client, change: &CrmChange, site: Option<&str>) -> Result<(), ApiError> {
    let (by, id) = match &change.customer {
        CrmCustomer::Id(id) => ("id", id),
        CrmCustomer::External(id) => ("externalId", id),
    };
    let mut customer = Map::new();
    for (name, tags) in [("addTags", &change.add_tags), ("removeTags", &change.remove_tags)] {
        if !tags.is_empty() {
            customer.insert(name.to_owned(), json!(tags));
        }
    }
    if !change.fields.is_empty() {
        customer.insert("customFields".to_owned(), json!(change.fields));
    }
    let mut form = vec![("by", by.to_owned()), ("customer", Value::Object(customer).to_string())];
    form.extend(site.map(|site| ("site", site.to_owned())));
    client.post(&format!("/api/v5/customers/{}/edit", segment(id)), &form).await
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
