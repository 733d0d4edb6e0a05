//! Writing to the CRM: a customer's tags and custom fields.
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
