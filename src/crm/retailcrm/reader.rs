//! What every reader of an entity needs to know, and the parts of events that all of them make alike.

use std::collections::BTreeSet;

use chrono_tz::Tz;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::dates;
use crate::crm::{ParseError, References};
use crate::journey::event::{Event, Key, Phase};
use crate::journey::time::{MICROS_PER_SECOND, Timestamp};

/// The settings of an account that reading depends on.
#[derive(Clone, Debug)]
pub(super) struct Account {
    /// The connection's id.
    pub connection: String,
    /// Zone of dates that carry none.
    pub zone: Tz,
    /// Currency of amounts that carry none.
    pub currency: String,
    /// Site to use where an entity names none.
    pub site: Option<String>,
    /// Groups of statuses that mean "delivered and closed".
    pub complete_groups: Vec<String>,
    /// Groups of statuses that mean "cancelled".
    pub cancel_groups: Vec<String>,
    /// Custom field of an order that carries a promo code.
    pub promo_field: Option<String>,
}

/// Reads entities of one body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    pub account: &'a Account,
    pub refs: &'a References,
    pub received_at: Timestamp,
}

impl Reader<'_> {
    /// An event with nothing but its head.
    pub(super) fn event(&self, kind: &str, id: String, occurred_at: Timestamp, keys: Vec<Key>) -> Event {
        Event {
            source: self.account.connection.clone(),
            id,
            kind: kind.to_owned(),
            occurred_at,
            received_at: self.received_at,
            keys,
            merged: Vec::new(),
            touchpoint: None,
            profile: None,
            order: None,
            cart: None,
            data: serde_json::Map::new(),
        }
    }

    /// A date that may be missing.
    pub(super) fn date(&self, field: &'static str, text: Option<&str>) -> Result<Option<Timestamp>, ParseError> {
        dates::read_optional(field, text, self.account.zone)
    }

    /// What a status means, by its group. Without the account's directory RetailCRM's own statuses are known.
    pub(super) fn phase(&self, status: &str) -> Option<Phase> {
        let group = self.refs.statuses.get(status).map(String::as_str).or_else(|| built_in_group(status))?;
        let among = |groups: &[String]| groups.iter().any(|known| known == group);
        Some(if among(&self.account.complete_groups) {
            Phase::Complete
        } else if among(&self.account.cancel_groups) {
            Phase::Cancelled
        } else {
            Phase::Open
        })
    }
}

/// The statuses that every new account has.
fn built_in_group(status: &str) -> Option<&'static str> {
    Some(match status {
        "new" => "new",
        "availability-confirmed" | "offer-analog" | "client-confirmed" | "prepayed" => "approval",
        "send-to-assembling" | "assembling" | "assembling-complete" => "assembling",
        "send-to-delivery" | "delivering" | "redirect" => "delivery",
        "complete" => "complete",
        "no-call"
        | "no-product"
        | "already-buyed"
        | "delyvery-did-not-suit"
        | "prices-did-not-suit"
        | "cancel-other" => "cancel",
        _ => return None,
    })
}

/// Turns a JSON value into an entity; the error says where it does not fit.
pub(super) fn entity<T: DeserializeOwned>(what: &'static str, value: &Value) -> Result<T, ParseError> {
    // To keep track of the place takes as long again, so that is done only for what has a fault.
    T::deserialize(value).or_else(|_| {
        serde_path_to_error::deserialize(value).map_err(|fault| ParseError::Json {
            what,
            path: fault.path().to_string(),
            source: fault.into_inner(),
        })
    })
}

/// Sorts events by time and leaves one of each id.
pub(super) fn in_order(mut events: Vec<Event>) -> Vec<Event> {
    let mut seen = BTreeSet::new();
    events.retain(|event| seen.insert(event.id.clone()));
    events.sort_by_key(|event| event.occurred_at);
    events
}

/// Whole seconds, as ids carry them.
pub(super) fn seconds(at: Timestamp) -> i64 {
    at.micros().div_euclid(MICROS_PER_SECOND)
}

/// A short name of a content: the same for the same content, whatever the order of its fields and whether empty ones are
/// written out.
pub(super) fn fingerprint(content: &Value) -> String {
    let mut hasher = Sha256::new();
    feed(&mut hasher, content);
    hex::encode(&hasher.finalize()[..12])
}

fn feed(hasher: &mut Sha256, value: &Value) {
    match value {
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().filter(|(_, value)| !is_empty(value)).collect();
            sorted.sort_by_key(|(name, _)| *name);
            hasher.update(b"{");
            for (name, value) in sorted {
                hasher.update((name.len() as u64).to_le_bytes());
                hasher.update(name.as_bytes());
                feed(hasher, value);
            }
            hasher.update(b"}");
        }
        Value::Array(list) => {
            hasher.update(b"[");
            for value in list {
                feed(hasher, value);
            }
            hasher.update(b"]");
        }
        scalar => {
            let text = scalar.to_string();
            hasher.update((text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_fingerprint_depends_on_what_is_said_only() {
        let one = fingerprint(&json!({"a": 1, "b": {"c": [1, 2]}, "d": null}));
        assert_eq!(one, fingerprint(&json!({"b": {"c": [1, 2], "x": []}, "a": 1})));
        assert_ne!(one, fingerprint(&json!({"a": 1, "b": {"c": [2, 1]}})));
        assert_ne!(fingerprint(&json!({"ab": "c"})), fingerprint(&json!({"a": "bc"})));
    }
}
