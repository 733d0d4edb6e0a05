//! `customer`: the keys that name one, attributes, consents.

use std::collections::BTreeMap;

use email_address::EmailAddress;
use serde_json::{Map, Value};

use super::SOURCE;
use super::fields::{Fields, ID_CHARS, TEXT_CHARS, text, word};
use crate::journey::date::parse_day;
use crate::journey::event::{Key, Profile};
use crate::journey::preferences::{MOST, Wishes};

const TEXTS: [&str; 5] = ["first_name", "last_name", "locale", "site", "city"];
const LISTS: [&str; 2] = ["tags", "segments"];
const FLAGS: [&str; 2] = ["vip", "bad"];

/// Reads a customer: its keys, and what is said of the profile.
pub fn read(mut fields: Fields<'_>) -> (Vec<Key>, Option<Profile>) {
    let mut keys = Vec::new();
    let mut profile = Profile::default();
    keys.extend(fields.id("id").map(|id| Key::source(SOURCE, id)));
    keys.extend(fields.id("external_id").map(Key::external));
    if let Some(said) = fields.raw("email") {
        keys.extend(email(&fields, said, &mut profile.attributes));
    }
    if let Some(said) = fields.raw("phone") {
        keys.extend(phone(&fields, said, &mut profile.attributes));
    }
    known_attributes(&mut fields, &mut profile.attributes);
    if let Some(mut own) = fields.object("attributes") {
        known_attributes(&mut own, &mut profile.attributes);
        own_attributes(own, &mut profile.attributes);
    }
    if let Some(consents) = fields.object("consent") {
        profile.consents = flags(consents, "is not a purpose");
    }
    if let Some(wishes) = fields.object("preferences") {
        profile.preferences = preferences(wishes);
    }
    if keys.is_empty() && fields.faults().is_empty() {
        fields.fault("id", "is missing: name the customer by id, external_id, email or phone");
    }
    fields.close();
    (keys, Some(profile).filter(|profile| !profile.is_empty()))
}

fn email(fields: &Fields<'_>, said: Value, attributes: &mut Map<String, Value>) -> Option<Key> {
    if said.is_null() {
        attributes.insert("email".into(), Value::Null);
        return None;
    }
    let address = text(said, fields.path("email"), 254, fields.faults())?;
    let address = address.trim();
    if !EmailAddress::is_valid(address) {
        fields.fault("email", "is not an e-mail address");
        return None;
    }
    attributes.insert("email".into(), address.into());
    Some(Key::email(address))
}

fn phone(fields: &Fields<'_>, said: Value, attributes: &mut Map<String, Value>) -> Option<Key> {
    if said.is_null() {
        attributes.insert("phone".into(), Value::Null);
        return None;
    }
    let number = text(said, fields.path("phone"), 50, fields.faults())?;
    let digits = number.chars().filter(char::is_ascii_digit).count();
    if !(5..=20).contains(&digits) {
        fields.fault("phone", "is not a telephone number");
        return None;
    }
    let key = Key::phone(&number);
    attributes.insert("phone".into(), number.trim().into());
    Some(key)
}

/// The attributes that Milepost knows. `null` is kept: it says that there is none any more.
fn known_attributes(fields: &mut Fields<'_>, attributes: &mut Map<String, Value>) {
    for name in TEXTS {
        let Some(said) = fields.raw(name) else { continue };
        let said = if said.is_null() {
            Some(said)
        } else {
            text(said, fields.path(name), TEXT_CHARS, fields.faults()).map(Value::from)
        };
        attributes.extend(said.map(|value| (name.to_owned(), value)));
    }
    for name in FLAGS {
        attributes.extend(fields.flag(name).map(|flag| (name.to_owned(), Value::from(flag))));
    }
    for name in LISTS {
        let Some(list) = fields.list(name, 200) else { continue };
        let texts: Vec<Value> = list
            .into_iter()
            .filter_map(|(path, v)| text(v, path, ID_CHARS, fields.faults()))
            .map(Value::from)
            .collect();
        attributes.insert(name.into(), texts.into());
    }
    if let Some(zone) = fields.text("time_zone") {
        if zone.parse::<chrono_tz::Tz>().is_ok() {
            attributes.insert("time_zone".into(), zone.into());
        } else {
            fields.fault("time_zone", "is not an IANA time zone, for example Europe/Moscow");
        }
    }
    if let Some(said) = fields.raw("birthday") {
        match said.as_str() {
            Some(day) if parse_day(day).is_some() => attributes.extend([("birthday".to_owned(), day.into())]),
            None if said.is_null() => attributes.extend([("birthday".to_owned(), said)]),
            _ => fields.fault("birthday", "is not a day, for example 1990-05-01"),
        }
    }
    attributes.extend(fields.moment("created_at").map(|at| ("created_at".to_owned(), at.rfc3339().into())));
}

/// The shop's own attributes: names are free, values are plain.
fn own_attributes(fields: Fields<'_>, attributes: &mut Map<String, Value>) {
    let faults = fields.faults();
    let prefix = fields.path("");
    for (name, value) in fields.rest() {
        let path = format!("{prefix}{name}");
        if !is_name(&name) {
            faults.add(path, "is not a name: use lower-case letters, digits and `_`, beginning with a letter");
            continue;
        }
        let plain = match &value {
            Value::Array(list) => list.len() <= 200 && list.iter().all(is_plain),
            other => is_plain(other),
        };
        if !plain {
            let what = word(&value);
            faults.add(
                path,
                format!("must be short text, a number, true, false or a list of those, not {what} like this"),
            );
            continue;
        }
        attributes.insert(name, value);
    }
}

/// Names that are agreed to or refused.
fn flags(fields: Fields<'_>, no_name: &str) -> BTreeMap<String, bool> {
    let faults = fields.faults();
    let prefix = fields.path("");
    let mut flags = BTreeMap::new();
    for (name, said) in fields.rest() {
        match said.as_bool() {
            Some(said) if is_name(&name) => {
                flags.insert(name, said);
            }
            Some(_) => faults.add(format!("{prefix}{name}"), no_name),
            None => faults.add(format!("{prefix}{name}"), format!("must be true or false, not {}", word(&said))),
        }
    }
    flags
}

/// What the customer wishes of letters. `null` says that there is no such wish any more.
fn preferences(mut fields: Fields<'_>) -> Wishes {
    let mut wishes = Wishes::default();
    let no_pause = fields.is_null("paused_until").then_some(None);
    wishes.paused_until = fields.moment("paused_until").map(Some).or(no_pause);
    if let Some(said) = fields.raw("most_a_week") {
        let most = said.as_u64().and_then(|most| u32::try_from(most).ok()).filter(|most| (1..=MOST).contains(most));
        match most {
            None if said.is_null() => wishes.most_a_week = Some(None),
            None => fields.fault("most_a_week", format!("must be a whole number from 1 to {MOST}, or null")),
            most => wishes.most_a_week = Some(most),
        }
    }
    if let Some(maps) = fields.object("maps") {
        wishes.maps = flags(maps, "is not the id of a map");
    }
    fields.close();
    wishes
}

fn is_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
}

fn is_plain(value: &Value) -> bool {
    match value {
        Value::String(text) => text.chars().count() <= TEXT_CHARS && !text.chars().any(char::is_control),
        Value::Array(_) | Value::Object(_) => false,
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}
