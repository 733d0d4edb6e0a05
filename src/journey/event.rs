//! What happened to one customer at a time, in the words of no CRM in particular.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::money::Money;
use super::preferences::Wishes;
use super::time::Timestamp;

/// The kinds that facts know. Any other lower-case dotted name is a shop's own kind.
pub mod kind {
    /// A customer came to be known.
    pub const CUSTOMER_CREATED: &str = "customer.created";
    /// Attributes or consents of a customer changed.
    pub const CUSTOMER_UPDATED: &str = "customer.updated";
    /// The customer was deleted in the source: nothing may be sent any more.
    pub const CUSTOMER_DELETED: &str = "customer.deleted";
    /// Two customers turned out to be one: `Event::keys` names the survivor, `Event::merged` the one that is gone.
    pub const CUSTOMER_MERGED: &str = "customer.merged";
    /// An order was placed.
    pub const ORDER_CREATED: &str = "order.created";
    /// Something about an order changed other than its status or payment.
    pub const ORDER_UPDATED: &str = "order.updated";
    /// An order's status changed.
    pub const ORDER_STATUS: &str = "order.status";
    /// An order was paid in full.
    pub const ORDER_PAID: &str = "order.paid";
    /// An order was cancelled (derived: its status entered a cancelling group).
    pub const ORDER_CANCELLED: &str = "order.cancelled";
    /// An order was delivered and closed (derived: its status entered a completing group).
    pub const ORDER_COMPLETED: &str = "order.completed";
    /// The customer's cart has items in it, as they now are.
    pub const CART_UPDATED: &str = "cart.updated";
    /// The customer's cart is empty.
    pub const CART_CLEARED: &str = "cart.cleared";
    /// The customer refused a purpose by a link of a letter.
    pub const UNSUBSCRIBED: &str = "message.unsubscribed";
    /// A letter came back: it was not delivered.
    pub const BOUNCED: &str = "message.bounced";
    /// The customer called a letter spam.
    pub const COMPLAINED: &str = "message.complained";
    /// The customer answered a letter.
    pub const REPLIED: &str = "message.replied";
    /// The customer opened a letter.
    pub const OPENED: &str = "message.opened";
    /// The customer followed a link of a letter.
    pub const CLICKED: &str = "message.clicked";

    /// The customer is said to have agreed, and has yet to confirm it.
    pub const CONSENT_REQUESTED: &str = "consent.requested";
    /// The customer confirmed to have agreed.
    pub const CONSENT_CONFIRMED: &str = "consent.confirmed";

    /// A rule was started by a call of the API; `Event::data` names it as `rule`.
    pub const RULE_CALLED: &str = "rule.called";

    /// Every kind above, for checkers and docs.
    pub const KNOWN: [&str; 21] = [
        CUSTOMER_CREATED,
        CUSTOMER_UPDATED,
        CUSTOMER_DELETED,
        CUSTOMER_MERGED,
        ORDER_CREATED,
        ORDER_UPDATED,
        ORDER_STATUS,
        ORDER_PAID,
        ORDER_CANCELLED,
        ORDER_COMPLETED,
        CART_UPDATED,
        CART_CLEARED,
        UNSUBSCRIBED,
        BOUNCED,
        COMPLAINED,
        REPLIED,
        OPENED,
        CLICKED,
        CONSENT_REQUESTED,
        CONSENT_CONFIRMED,
        RULE_CALLED,
    ];
}

/// One way to name a customer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// `id:<connection>` (the CRM's own id), `external` (the shop's id), `email` or `phone`.
    pub kind: String,
    /// The value; e-mail addresses in lower case.
    pub value: String,
}

impl Key {
    /// The customer's id inside one connection.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "ids come as numbers and as text; `&` before each would say nothing"
    )]
    pub fn source(connection: &str, id: impl ToString) -> Self {
        Self { kind: format!("id:{connection}"), value: id.to_string() }
    }

    /// The shop's own id of the customer.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "ids come as numbers and as text; `&` before each would say nothing"
    )]
    pub fn external(id: impl ToString) -> Self {
        Self { kind: "external".into(), value: id.to_string() }
    }

    /// An e-mail address (folded to lower case).
    pub fn email(address: &str) -> Self {
        Self { kind: "email".into(), value: address.trim().to_lowercase() }
    }

    /// A key as people write it: an address, a number that begins with `+`, `external=ID` or `CONNECTION=ID`; `None` for
    /// anything else, which may be Milepost's own id.
    pub fn named(text: &str) -> Option<Self> {
        if let Some((kind, value)) = text.split_once('=') {
            return Some(if kind == "external" { Self::external(value) } else { Self::source(kind, value) });
        }
        if text.contains('@') {
            return Some(Self::email(text));
        }
        text.starts_with('+').then(|| Self::phone(text))
    }

    /// The key as people write it, so that [`Key::named`] reads it.
    pub fn written(&self) -> String {
        match self.kind.strip_prefix("id:") {
            Some(connection) => format!("{connection}={}", self.value),
            None if self.kind == "external" => format!("external={}", self.value),
            None => self.value.clone(),
        }
    }

    /// A telephone number (digits and a leading plus only).
    pub fn phone(number: &str) -> Self {
        let value = number.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
        Self { kind: "phone".into(), value }
    }
}

/// What an event says of the customer's profile. Absent means "not said", `null` means "now empty".
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Attributes by name: `email`, `first_name`, `last_name`, `phone`, `locale`, `time_zone`, `site`, `city`, `created_at`
    /// (RFC 3339 text), `tags` and `segments` (lists of text), and the shop's declared ones.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
    /// What the customer agreed to (`true`) or refused (`false`), by purpose.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub consents: BTreeMap<String, bool>,
    /// What the customer wishes of letters: a pause, fewer of them, none of a map.
    #[serde(default, skip_serializing_if = "Wishes::is_empty")]
    pub preferences: Wishes,
}

impl Profile {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.attributes.is_empty() && self.consents.is_empty() && self.preferences.is_empty()
    }
}

/// Where an order stands, whatever the shop calls its statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Being worked on.
    Open,
    /// Delivered and closed.
    Complete,
    /// Cancelled or returned.
    Cancelled,
}

/// One line of an order or a cart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// The shop's id of the offer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Name as shown to customers.
    pub name: String,
    /// How many; may be a fraction (kilograms).
    pub quantity: f64,
    /// Price of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    /// Page of the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Picture of the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

/// An order as a source shows it at one moment. Fields that the source did not say are `None`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// The source's id.
    pub id: String,
    /// The number that the customer knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The shop's code of the status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// What that status means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// When it was placed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// What the customer pays in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Money>,
    /// Whether it is paid in full.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid: Option<bool>,
    /// Its lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<Item>>,
    /// The promo code it carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promo_code: Option<String>,
}

/// A cart as it is at one moment; no items means it is empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cart {
    /// Its lines.
    pub items: Vec<Item>,
    /// Sum of the lines; `None` when prices are unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Money>,
    /// Address where the customer finds the cart again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// Something that happened to one customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The connection it came by (`api` for the events API, `milepost` for our own).
    pub source: String,
    /// The idempotency key inside the source: the same happening has the same id by webhook and by polling.
    pub id: String,
    /// A kind of [`kind`] or the shop's own.
    pub kind: String,
    /// When it happened, by the source's word.
    pub occurred_at: Timestamp,
    /// When it was accepted here; the logical time of every decision that follows from it.
    pub received_at: Timestamp,
    /// Whom it happened to; never empty.
    pub keys: Vec<Key>,
    /// Keys of the customer that was merged into this one (`customer.merged` only).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merged: Vec<Key>,
    /// Where customer and company met (`site`, `email`, `call`, …).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub touchpoint: Option<String>,
    /// What it says of the profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// The order it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// The cart it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cart: Option<Cart>,
    /// Anything else, readable in conditions and letters as `event.<name>`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub data: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_can_be_named_in_many_ways() {
        assert_eq!(Key::named("Anna@Shop.example"), Some(Key::email("anna@shop.example")));
        assert_eq!(Key::named("+7 900 000-00-00"), Some(Key::phone("+79000000000")));
        assert_eq!(Key::named("external=77"), Some(Key::external("77")));
        assert_eq!(Key::named("shop=982"), Some(Key::source("shop", 982)));
        assert_eq!(Key::named("0198c0de-0000-7000-8000-000000000000"), None);
    }
}
