//! Events that Milepost says itself: what a customer did on one of its pages.

use serde_json::{Map, Value, json};

use crate::journey::event::{Event, Key, Profile};
use crate::journey::time::Timestamp;
use crate::store::{Channel, NewBody};

/// The source of these events, and the kind of the key that names a customer by Milepost's own id.
pub const OWN: &str = "milepost";

/// What happened to a customer, as a body of the inbox; one with the same `id` is a duplicate.
pub fn event(
    kind: &str,
    id: String,
    customer: &str,
    (profile, data): (Option<Profile>, Map<String, Value>),
    now: Timestamp,
) -> NewBody {
    let event = Event {
        source: OWN.into(),
        id: id.clone(),
        kind: kind.into(),
        occurred_at: now,
        received_at: now,
        keys: vec![Key { kind: OWN.into(), value: customer.to_owned() }],
        merged: Vec::new(),
        touchpoint: Some("email".into()),
        profile,
        order: None,
        cart: None,
        data,
    };
    NewBody {
        connection: OWN.into(),
        channel: Channel::Own,
        content_type: "application/json".into(),
        query: String::new(),
        body: json!([event]).to_string().into_bytes(),
        received_at: now,
        dedupe: Some(id),
    }
}
