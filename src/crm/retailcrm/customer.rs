//! A customer's entity as events: known, changed, deleted, merged.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::consent;
use super::loose::names;
use super::model::Customer;
use super::reader::{Reader, fingerprint, seconds};
use crate::crm::ParseError;
use crate::journey::date::parse_day;
use crate::journey::event::{Event, Key, Profile, kind};
use crate::journey::time::Timestamp;

/// How much an entity says by what it leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// All there is: a field that is missing is empty.
    Whole,
    /// A part: a field that is missing is not spoken of.
    Part,
}

/// Most characters of a text attribute that are kept.
const MAX_TEXT: usize = 1_000;

/// Attributes that a custom field of the same name must not overwrite.
const OWN_ATTRIBUTES: [&str; 13] = [
    "id",
    "email",
    "phone",
    "first_name",
    "last_name",
    "site",
    "city",
    "created_at",
    "tags",
    "segments",
    "vip",
    "bad",
    "birthday",
];

impl Customer {
    /// The keys that name this customer. A telephone number counts only where nothing better is known: families share one.
    pub(super) fn keys(&self, connection: &str) -> Vec<Key> {
        let mut keys = Vec::new();
        keys.extend(self.id.as_ref().map(|id| Key::source(connection, id)));
        keys.extend(self.external_id.as_ref().map(Key::external));
        keys.extend(self.email().map(Key::email));
        if keys.is_empty() {
            keys.extend(self.phone().map(|number| Key::phone(&number)).filter(|key| key.value.len() >= 5));
        }
        keys
    }

    fn email(&self) -> Option<&str> {
        self.email.as_deref().filter(|address| address.contains('@'))
    }

    fn phone(&self) -> Option<String> {
        self.phones.as_ref().and_then(|list| names(list, "number").into_iter().next()).or_else(|| self.phone.clone())
    }

    /// Whether it says anything besides whom it is about.
    pub(super) fn has_content(&self) -> bool {
        self.email.is_some()
            || self.created_at.is_some()
            || self.first_name.is_some()
            || self.subscriptions.is_some()
            || self.email_marketing_unsubscribed_at.is_some()
            || self.tags.is_some()
            || self.phones.is_some()
            || self.phone.is_some()
            || !self.custom_fields.is_empty()
    }
}

/// The attributes that an entity speaks of.
pub(super) fn attributes(
    reader: &Reader<'_>,
    customer: &Customer,
    extent: Extent,
) -> Result<Map<String, Value>, ParseError> {
    let mut attributes = Map::new();
    let mut say = |name: &str, value: Option<Value>| {
        let value = if extent == Extent::Whole { Some(value.unwrap_or(Value::Null)) } else { value };
        if let Some(value) = value {
            attributes.insert(name.to_owned(), value);
        }
    };
    let text = |text: Option<&str>| text.map(|text| Value::from(shorten(text)));
    say("email", text(customer.email()));
    say("phone", text(customer.phone().as_deref()));
    say("first_name", text(customer.first_name.as_deref()));
    say("last_name", text(customer.last_name.as_deref()));
    say("city", text(customer.address.as_ref().and_then(|address| address.city.as_deref())));
    let created = reader.date("createdAt", customer.created_at.as_deref())?;
    let rest = [
        ("site", text(customer.site.as_deref())),
        // What is no day of the calendar could only mislead whoever waits for it.
        ("birthday", text(customer.birthday.as_deref().filter(|day| parse_day(day).is_some()))),
        ("created_at", created.map(|at| Value::from(at.rfc3339()))),
        ("vip", customer.vip.map(Value::from)),
        ("bad", customer.bad.map(Value::from)),
        ("tags", customer.tags.as_ref().map(|tags| json!(names(tags, "name")))),
        ("segments", customer.segments.as_ref().map(|segments| json!(names(segments, "code")))),
    ];
    attributes.extend(rest.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    for (code, value) in &customer.custom_fields {
        let name = code.to_lowercase();
        if !OWN_ATTRIBUTES.contains(&name.as_str()) && !value.is_object() {
            let value = if let Value::String(text) = value { Value::from(shorten(text)) } else { value.clone() };
            attributes.insert(name, value);
        }
    }
    Ok(attributes)
}

/// The events that an entity stands for: that it came to be, what was agreed to when, and what it is at `as_of`.
pub(super) fn events(
    reader: &Reader<'_>,
    customer: &Customer,
    extent: Extent,
    as_of: Timestamp,
) -> Result<Vec<Event>, ParseError> {
    let keys = customer.keys(&reader.account.connection);
    if keys.is_empty() {
        return Err(ParseError::NoCustomer { what: "the customer" });
    }
    let name = name_of(customer);
    let attributes = attributes(reader, customer, extent)?;
    let mut events: Vec<Event> = created(reader, customer, extent)?.into_iter().collect();
    let first = events.first().map_or(Timestamp::MIN, |event| event.occurred_at);
    let mut undated_refusals = BTreeMap::new();
    for (purpose, said) in consent::read(customer, reader.account.zone) {
        let (answer, at) = match (said.granted, said.at) {
            (false, None) => {
                undated_refusals.insert(purpose, false);
                continue;
            }
            (true, at) => ("granted", at.unwrap_or(first)),
            (false, Some(at)) => ("refused", at),
        };
        let when = said.at.map_or_else(|| "undated".to_owned(), |at| seconds(at).to_string());
        let id = format!("customer/{name}/consent/{purpose}/{answer}/{when}");
        let mut event = reader.event(kind::CUSTOMER_UPDATED, id, at, keys.clone());
        event.profile = Some(Profile { consents: [(purpose, said.granted)].into(), ..Profile::default() });
        events.push(event);
    }
    let content = json!([attributes, undated_refusals]);
    // With the moment: what changes and changes back is two changes. The core ignores a sight that changes nothing.
    let id = format!("customer/{name}/updated/{}/{}", fingerprint(&content), seconds(as_of));
    let mut updated = reader.event(kind::CUSTOMER_UPDATED, id, as_of, keys);
    updated.profile = Some(Profile { attributes, consents: undated_refusals, ..Profile::default() });
    events.push(updated);
    Ok(events)
}

/// The event of a customer's coming to be, if the entity says when, with what had been agreed to by then.
pub(super) fn created(reader: &Reader<'_>, customer: &Customer, extent: Extent) -> Result<Option<Event>, ParseError> {
    let Some(at) = reader.date("createdAt", customer.created_at.as_deref())? else { return Ok(None) };
    let consents = consent::read(customer, reader.account.zone)
        .into_iter()
        .filter(|(_, said)| said.at.is_none_or(|said_at| said_at <= at))
        .map(|(purpose, said)| (purpose, said.granted))
        .collect();
    let id = format!("customer/{}/created", name_of(customer));
    let mut event = reader.event(kind::CUSTOMER_CREATED, id, at, customer.keys(&reader.account.connection));
    event.profile = Some(Profile { attributes: attributes(reader, customer, extent)?, consents, ..Profile::default() });
    Ok(Some(event))
}

/// The event of a customer's deletion.
pub(super) fn deleted(reader: &Reader<'_>, customer: &Customer, at: Timestamp) -> Result<Event, ParseError> {
    let keys = certain_keys(reader, customer);
    if keys.is_empty() {
        return Err(ParseError::NoCustomer { what: "the deletion" });
    }
    Ok(reader.event(kind::CUSTOMER_DELETED, format!("customer/{}/deleted", name_of(customer)), at, keys))
}

/// The event of one customer's becoming part of another.
pub(super) fn merged(
    reader: &Reader<'_>,
    gone: &Customer,
    survivor: &Customer,
    at: Timestamp,
) -> Result<Event, ParseError> {
    let (keys, merged) = (certain_keys(reader, survivor), certain_keys(reader, gone));
    if keys.is_empty() || merged.is_empty() {
        return Err(ParseError::NoCustomer { what: "the merge" });
    }
    let id = format!("customer/{}/merged/{}", name_of(gone), name_of(survivor));
    let mut event = reader.event(kind::CUSTOMER_MERGED, id, at, keys);
    event.merged = merged;
    Ok(event)
}

/// The keys that belong to this very record: an e-mail address may by now be another customer's.
fn certain_keys(reader: &Reader<'_>, customer: &Customer) -> Vec<Key> {
    let mut keys = Vec::new();
    keys.extend(customer.id.as_ref().map(|id| Key::source(&reader.account.connection, id)));
    keys.extend(customer.external_id.as_ref().map(Key::external));
    keys
}

fn name_of(customer: &Customer) -> String {
    customer
        .id
        .clone()
        .or_else(|| customer.external_id.as_ref().map(|id| format!("external:{id}")))
        .or_else(|| customer.email.as_ref().map(|email| format!("email:{}", email.to_lowercase())))
        .or_else(|| customer.phone().map(|number| format!("phone:{number}")))
        .unwrap_or_default()
}

fn shorten(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}
