//! Events that Milepost says itself, as bodies of the inbox: they take the way of every other event.

use serde_json::{Map, Value, json};

use super::identity::OWN;
use crate::journey::event::{Event, Key, Profile, kind};
use crate::journey::time::{MICROS_PER_SECOND, Timestamp};
use crate::store::{Channel, NewBody};

/// What happened to a customer, as a body; one with the same `id` is a duplicate.
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

/// A customer refuses a purpose by a letter: `by` a link, one click, or mail.
pub fn unsubscribed(customer: &str, purpose: &str, message: &str, by: &str, now: Timestamp) -> NewBody {
    // Mail clients repeat a one-click request; within a minute it is the same refusal, later it is a new one (the customer
    // may have agreed again in between).
    let minute = now.micros() / (60 * MICROS_PER_SECOND);
    let id = format!("unsubscribe/{message}/{purpose}/{minute}");
    let mut data = Map::new();
    data.insert("purpose".into(), json!(purpose));
    data.insert("message".into(), json!(message));
    data.insert("by".into(), json!(by));
    let profile = Profile { consents: [(purpose.to_owned(), false)].into(), ..Profile::default() };
    event(kind::UNSUBSCRIBED, id, customer, (Some(profile), data), now)
}
