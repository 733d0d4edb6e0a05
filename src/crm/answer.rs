//! The values that pass between a connection and the rest of the house.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::journey::event::Event;
use crate::journey::time::Timestamp;

/// By which way a body came, which says what form it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// Posted to us by the source, in the source's form.
    Hook,
    /// A page of the source's history, in our form (see `retailcrm::document`).
    Poll,
    /// Entities read back, in our form.
    Read,
}

/// One accepted body.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'a> {
    /// The way it came.
    pub channel: Via,
    /// `Content-Type` as sent; may be empty or wrong.
    pub content_type: &'a str,
    /// The query string as sent, without the question mark.
    pub query: &'a str,
    /// The body as sent.
    pub body: &'a [u8],
    /// When it was accepted.
    pub received_at: Timestamp,
}

/// What a body says.
#[derive(Clone, Debug, PartialEq)]
pub enum Parsed {
    /// These things happened, oldest first.
    Events(Vec<Event>),
    /// It only names entities: read them back first.
    Fetch(Vec<Fetch>),
    /// Nothing that concerns a customer, and why.
    Ignored(String),
}

/// How an entity of a source is named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The source's own id.
    Id(String),
    /// The shop's id.
    External(String),
}

/// An entity to read back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fetch {
    /// A customer.
    Customer(By),
    /// An order.
    Order(By),
    /// A customer's cart on one site; without a site, on the site the customer belongs to.
    Cart {
        /// Code of the site.
        site: Option<String>,
        /// Whose cart.
        customer: By,
    },
}

/// The source's directories that parsing needs; kept by the engine between starts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct References {
    /// Group of each order status, by the status's code.
    pub statuses: BTreeMap<String, String>,
}

/// What one poll brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PollPage {
    /// Bodies for [`Via::Poll`], one an entity, so that one that can't be read keeps no other back.
    pub bodies: Vec<Vec<u8>>,
    /// Where to go on; to be stored together with the bodies, never before.
    pub cursors: BTreeMap<String, String>,
    /// Whether there is more at once.
    pub more: bool,
}

/// One finding of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What was looked at.
    pub name: String,
    /// Whether it is as it should be.
    pub ok: bool,
    /// What was found.
    pub note: String,
    /// What to do about it, when it is not.
    pub help: Option<String>,
}
