//! A call that starts a rule: from JSON to the core's [`Event`], or every fault of it.

use serde_json::Value;

use super::SOURCE;
use super::event::{happened_at, who};
use super::fields::{Fault, Faults, Fields, ID_CHARS, text};
use crate::journey::event::{Event, kind};
use crate::journey::time::Timestamp;

/// The field of the event that names the rule.
const RULE: &str = "rule";

/// Reads a call of a rule that was accepted at `now`. The key that makes it repeatable comes from the header or the body.
pub fn read(value: Value, rule: &str, key: Option<String>, now: Timestamp) -> Result<Event, Vec<Fault>> {
    let faults = Faults::default();
    match read_fields(value, rule, key, now, &faults) {
        Some(event) if faults.is_empty() => Ok(event),
        _ => Err(faults.into_vec()),
    }
}

fn read_fields(value: Value, rule: &str, key: Option<String>, now: Timestamp, faults: &Faults) -> Option<Event> {
    let mut fields = Fields::open(value, "", faults)?;
    let key = match (key, fields.id("id")) {
        (Some(_), Some(_)) => {
            fields.fault("id", "says the same as the header Idempotency-Key: send one of them");
            None
        }
        (header, body) => header.or(body),
    };
    if key.is_none() && faults.is_empty() {
        fields.fault(
            "id",
            "is missing: send it, or the header Idempotency-Key, so that a repeated call starts nothing twice",
        );
    }
    if key.as_ref().is_some_and(|key| key.chars().count() > ID_CHARS) {
        fields.fault("id", format!("is longer than {ID_CHARS} characters"));
    }
    let occurred_at = happened_at(&mut fields, now);
    let (keys, profile) = who(&mut fields);
    let touchpoint = fields.value("touchpoint").and_then(|v| text(v, "touchpoint".into(), ID_CHARS, faults));
    let mut data = fields.object("data").map(Fields::rest).unwrap_or_default();
    if data.insert(RULE.into(), rule.into()).is_some() {
        fields.fault("data.rule", "is taken: it names the rule");
    }
    fields.close();
    Some(Event {
        source: SOURCE.into(),
        id: format!("{}/{rule}/{}", kind::RULE_CALLED, key.unwrap_or_default()),
        kind: kind::RULE_CALLED.into(),
        occurred_at,
        received_at: now,
        keys,
        merged: Vec::new(),
        touchpoint,
        profile,
        order: None,
        cart: None,
        data,
    })
}
