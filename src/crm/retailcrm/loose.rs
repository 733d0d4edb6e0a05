//! Tolerant readers for RetailCRM's JSON: `[]` where an object was promised, ids as text or number, booleans as `1`.
//!
//! Each is meant for `#[serde(default, deserialize_with = "…")]`: absent, `null` and empty are all "not said". They go
//! through `Value` because a field's form is only known when it is seen.

use std::str::FromStr;

use rust_decimal::Decimal;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// Text from text, number or boolean; `{"code": …}` gives the code.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    text_of(Value::deserialize(deserializer)?).map_err(D::Error::custom)
}

fn text_of(value: Value) -> Result<Option<String>, &'static str> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Array(list) if list.is_empty() => return Ok(None),
        Value::Object(mut fields) => {
            return fields.remove("code").map_or(Err("an object where text was promised"), text_of);
        }
        Value::Array(_) => return Err("a list where text was promised"),
    };
    let trimmed = text.trim();
    Ok((!trimmed.is_empty()).then(|| trimmed.to_owned()))
}

/// A decimal number from a number or its text.
pub(super) fn amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
    let text = match Value::deserialize(deserializer)? {
        Value::Null => return Ok(None),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.trim().is_empty() => return Ok(None),
        Value::String(text) => text.trim().to_owned(),
        Value::Array(list) if list.is_empty() => return Ok(None),
        _ => return Err(D::Error::custom("neither a number nor its text")),
    };
    Decimal::from_str(&text)
        .or_else(|_| Decimal::from_scientific(&text))
        .map(Some)
        .map_err(|_| D::Error::custom("a number that is too large, too fine or none"))
}

/// A boolean from a boolean, `0`/`1` or their text.
pub(super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Bool(flag) => Ok(Some(flag)),
        Value::Number(number) => Ok(number.as_f64().map(|n| n != 0.0)),
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "" => Ok(None),
            "1" | "true" | "yes" | "on" => Ok(Some(true)),
            "0" | "false" | "no" | "off" => Ok(Some(false)),
            _ => Err(D::Error::custom("neither true nor false")),
        },
        Value::Null => Ok(None),
        Value::Array(_) | Value::Object(_) => Err(D::Error::custom("neither true nor false")),
    }
}

/// An object; `[]` and `""` mean none.
pub(super) fn object<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::Array(list) if list.is_empty() => Ok(None),
        Value::String(text) if text.is_empty() => Ok(None),
        other => T::deserialize(other).map(Some).map_err(D::Error::custom),
    }
}

/// A list, or the values of an object keyed by id or position.
pub(super) fn list<'de, D, T>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let values = match Value::deserialize(deserializer)? {
        Value::Null => return Ok(None),
        Value::Array(list) => list,
        Value::Object(keyed) => keyed.into_iter().map(|(_, value)| value).collect(),
        Value::String(text) if text.is_empty() => return Ok(None),
        _ => return Err(D::Error::custom("neither a list nor an object")),
    };
    values.into_iter().map(T::deserialize).collect::<Result<_, _>>().map(Some).map_err(D::Error::custom)
}

/// Fields by name; `[]` means none.
pub(super) fn fields<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Map<String, Value>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Object(fields) => Ok(fields),
        Value::Array(_) | Value::Null => Ok(Map::new()),
        Value::String(text) if text.is_empty() => Ok(Map::new()),
        _ => Err(D::Error::custom("not an object")),
    }
}

/// The names in a list of texts or of objects that have one under `key`.
pub(super) fn names(values: &[Value], key: &str) -> Vec<String> {
    values
        .iter()
        .filter_map(|value| match value {
            Value::Object(fields) => fields.get(key).cloned(),
            other => Some(other.clone()),
        })
        .filter_map(|value| text_of(value).ok().flatten())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Sample {
        #[serde(deserialize_with = "text")]
        id: Option<String>,
        #[serde(deserialize_with = "amount")]
        sum: Option<Decimal>,
        #[serde(deserialize_with = "flag")]
        vip: Option<bool>,
        #[serde(deserialize_with = "list")]
        payments: Option<Vec<Value>>,
        #[serde(deserialize_with = "fields")]
        custom: Map<String, Value>,
        #[serde(deserialize_with = "object")]
        inner: Option<Box<Sample>>,
    }

    #[test]
    fn every_known_trap_is_read() {
        let read = |value: Value| serde_json::from_value::<Sample>(value).expect("is read");
        assert_eq!(read(json!({"id": 5})).id, read(json!({"id": " 5 "})).id);
        assert_eq!(read(json!({"id": {"code": "new"}})).id.as_deref(), Some("new"));
        assert_eq!(
            read(json!({"id": "", "sum": "", "vip": "", "payments": null, "custom": [], "inner": []})),
            Sample::default()
        );
        assert_eq!(read(json!({"sum": 1395.16})).sum, read(json!({"sum": "1395.16"})).sum);
        assert_eq!(read(json!({"sum": 1e3})).sum, Some(Decimal::from(1000)));
        assert_eq!(read(json!({"vip": 1})).vip, Some(true));
        assert_eq!(read(json!({"payments": {"7": {"id": 7}}})).payments, Some(vec![json!({"id": 7})]));
        assert_eq!(read(json!({"inner": {"id": 1}})).inner.and_then(|inner| inner.id).as_deref(), Some("1"));
    }

    #[test]
    fn what_makes_no_sense_is_an_error() {
        for value in [
            json!({"id": [1]}),
            json!({"sum": "much"}),
            json!({"sum": 1e300}),
            json!({"vip": "perhaps"}),
            json!({"inner": 5}),
        ] {
            assert!(serde_json::from_value::<Sample>(value.clone()).is_err(), "{value}");
        }
    }
}
