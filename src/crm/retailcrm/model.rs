//! RetailCRM's entities as far as they are read. Unknown fields are ignored; absent, `null` and empty mean "not said".

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::loose::{amount, fields, flag, list, object, text};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Customer {
    #[serde(rename = "type", deserialize_with = "text")]
    pub kind: Option<String>,
    #[serde(deserialize_with = "text")]
    pub id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub external_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub created_at: Option<String>,
    #[serde(deserialize_with = "text")]
    pub site: Option<String>,
    #[serde(deserialize_with = "text")]
    pub email: Option<String>,
    #[serde(deserialize_with = "text")]
    pub phone: Option<String>,
    #[serde(deserialize_with = "list")]
    pub phones: Option<Vec<Value>>,
    #[serde(deserialize_with = "text")]
    pub first_name: Option<String>,
    #[serde(deserialize_with = "text")]
    pub last_name: Option<String>,
    #[serde(deserialize_with = "text")]
    pub birthday: Option<String>,
    #[serde(deserialize_with = "flag")]
    pub vip: Option<bool>,
    #[serde(deserialize_with = "flag")]
    pub bad: Option<bool>,
    #[serde(deserialize_with = "list")]
    pub tags: Option<Vec<Value>>,
    #[serde(deserialize_with = "list")]
    pub segments: Option<Vec<Value>>,
    #[serde(deserialize_with = "object")]
    pub address: Option<Address>,
    #[serde(deserialize_with = "fields")]
    pub custom_fields: Map<String, Value>,
    #[serde(deserialize_with = "text")]
    pub email_marketing_unsubscribed_at: Option<String>,
    #[serde(rename = "customerSubscriptions", deserialize_with = "list")]
    pub subscriptions: Option<Vec<CustomerSubscription>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Address {
    #[serde(deserialize_with = "text")]
    pub city: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct CustomerSubscription {
    #[serde(deserialize_with = "object")]
    pub subscription: Option<Subscription>,
    #[serde(deserialize_with = "flag")]
    pub subscribed: Option<bool>,
    #[serde(deserialize_with = "text")]
    pub changed_at: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Subscription {
    #[serde(deserialize_with = "text")]
    pub channel: Option<String>,
    #[serde(deserialize_with = "text")]
    pub code: Option<String>,
    #[serde(deserialize_with = "flag")]
    pub active: Option<bool>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Order {
    #[serde(deserialize_with = "text")]
    pub id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub external_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub number: Option<String>,
    #[serde(deserialize_with = "text")]
    pub created_at: Option<String>,
    #[serde(deserialize_with = "text")]
    pub status: Option<String>,
    #[serde(deserialize_with = "text")]
    pub status_updated_at: Option<String>,
    #[serde(deserialize_with = "text")]
    pub currency: Option<String>,
    #[serde(deserialize_with = "amount")]
    pub summ: Option<Decimal>,
    #[serde(deserialize_with = "amount")]
    pub total_summ: Option<Decimal>,
    #[serde(deserialize_with = "amount")]
    pub prepay_sum: Option<Decimal>,
    #[serde(deserialize_with = "text")]
    pub full_paid_at: Option<String>,
    #[serde(deserialize_with = "list")]
    pub payments: Option<Vec<Payment>>,
    #[serde(deserialize_with = "list")]
    pub items: Option<Vec<Item>>,
    #[serde(deserialize_with = "text")]
    pub email: Option<String>,
    #[serde(deserialize_with = "text")]
    pub phone: Option<String>,
    #[serde(deserialize_with = "text")]
    pub first_name: Option<String>,
    #[serde(deserialize_with = "text")]
    pub last_name: Option<String>,
    #[serde(rename = "orderMethod", deserialize_with = "text")]
    pub method: Option<String>,
    #[serde(deserialize_with = "object")]
    pub customer: Option<Customer>,
    #[serde(deserialize_with = "object")]
    pub contact: Option<Customer>,
    #[serde(deserialize_with = "fields")]
    pub custom_fields: Map<String, Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Payment {
    #[serde(deserialize_with = "text")]
    pub status: Option<String>,
    #[serde(deserialize_with = "text")]
    pub paid_at: Option<String>,
    #[serde(deserialize_with = "amount")]
    pub amount: Option<Decimal>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Item {
    #[serde(deserialize_with = "text")]
    pub id: Option<String>,
    #[serde(deserialize_with = "object")]
    pub offer: Option<Offer>,
    #[serde(deserialize_with = "text")]
    pub product_name: Option<String>,
    #[serde(deserialize_with = "amount")]
    pub quantity: Option<Decimal>,
    #[serde(deserialize_with = "amount")]
    pub price: Option<Decimal>,
    #[serde(deserialize_with = "list")]
    pub prices: Option<Vec<Price>>,
    #[serde(deserialize_with = "amount")]
    pub initial_price: Option<Decimal>,
    #[serde(deserialize_with = "amount")]
    pub discount_total: Option<Decimal>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Price {
    #[serde(deserialize_with = "amount")]
    pub price: Option<Decimal>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Offer {
    #[serde(deserialize_with = "text")]
    pub id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub external_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub name: Option<String>,
    #[serde(deserialize_with = "text")]
    pub display_name: Option<String>,
    #[serde(deserialize_with = "text")]
    pub url: Option<String>,
    #[serde(deserialize_with = "text")]
    pub image_url: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Cart {
    #[serde(deserialize_with = "text")]
    pub created_at: Option<String>,
    #[serde(deserialize_with = "text")]
    pub updated_at: Option<String>,
    #[serde(deserialize_with = "text")]
    pub dropped_at: Option<String>,
    #[serde(deserialize_with = "text")]
    pub cleared_at: Option<String>,
    #[serde(deserialize_with = "text")]
    pub link: Option<String>,
    #[serde(deserialize_with = "text")]
    pub currency: Option<String>,
    #[serde(deserialize_with = "list")]
    pub items: Option<Vec<Item>>,
    #[serde(deserialize_with = "object")]
    pub customer: Option<Customer>,
}

/// One row of a history.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Row {
    #[serde(deserialize_with = "text")]
    pub created_at: Option<String>,
    #[serde(deserialize_with = "flag")]
    pub created: Option<bool>,
    #[serde(deserialize_with = "flag")]
    pub deleted: Option<bool>,
    #[serde(deserialize_with = "text")]
    pub field: Option<String>,
    pub new_value: Value,
    #[serde(deserialize_with = "object")]
    pub api_key: Option<ApiKey>,
    #[serde(deserialize_with = "object")]
    pub customer: Option<Customer>,
    #[serde(deserialize_with = "object")]
    pub order: Option<Order>,
    #[serde(deserialize_with = "object")]
    pub combined_to: Option<Customer>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ApiKey {
    #[serde(deserialize_with = "flag")]
    pub current: Option<bool>,
}

impl Row {
    /// Whether our own key did it: our write-backs must not come back to us as news.
    pub(super) fn is_ours(&self) -> bool {
        self.api_key.as_ref().is_some_and(|key| key.current == Some(true))
    }

    /// The code that a status-like field has now.
    pub(super) fn new_code(&self) -> Option<&str> {
        self.new_value.get("code").unwrap_or(&self.new_value).as_str().filter(|code| !code.is_empty())
    }
}
