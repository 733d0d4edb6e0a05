//! What comes back of letters, as facts of the customer: bounces, complaints, answers.
//!
//! Invariant: a letter that came back was not received: it counts for no cap and no goal any more.
//!
//! Not here: whether an address may still be written to (the suppression list, which the engine asks at sending), what a
//! customer who complains has refused (the event's own `profile` says that).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::advance::handed_back;
use super::customer::Customer;
use super::event::{Event, kind};
use super::time::Timestamp;

/// What came back so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Returns {
    /// How many letters bounced.
    pub bounced: u64,
    /// When the last one did.
    pub bounced_at: Option<Timestamp>,
    /// When the customer last called a letter spam.
    pub complained_at: Option<Timestamp>,
    /// When the customer last answered a letter.
    pub replied_at: Option<Timestamp>,
}

impl Returns {
    /// Whether nothing ever came back.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The facts of two customers who turn out to be one.
    pub(super) fn merge(&mut self, other: &Self) {
        self.bounced += other.bounced;
        self.bounced_at = self.bounced_at.max(other.bounced_at);
        self.complained_at = self.complained_at.max(other.complained_at);
        self.replied_at = self.replied_at.max(other.replied_at);
    }
}

/// Takes over what an event says of letters that came back; tells whether it said anything.
pub(super) fn take(customer: &mut Customer, event: &Event) -> bool {
    let at = Some(event.occurred_at);
    match event.kind.as_str() {
        kind::BOUNCED => {
            if let Some(message) = event.data.get("message").and_then(Value::as_str) {
                handed_back(customer, message, "", false);
            }
            customer.returns.bounced += 1;
            customer.returns.bounced_at = customer.returns.bounced_at.max(at);
        }
        kind::COMPLAINED => customer.returns.complained_at = customer.returns.complained_at.max(at),
        kind::REPLIED => customer.returns.replied_at = customer.returns.replied_at.max(at),
        _ => return false,
    }
    true
}
