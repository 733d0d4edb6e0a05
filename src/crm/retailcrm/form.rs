//! Form fields and query strings as one tree: PHP's brackets are opened, JSON inside a field is read.

use serde_json::{Map, Value};

use crate::crm::ParseError;

/// Most fields that are read.
const MAX_FIELDS: usize = 2_000;
/// Deepest nesting of brackets.
const MAX_DEPTH: usize = 12;

/// Decodes `a[b][]=1&c={"d":2}` into a tree.
pub(super) fn decode(text: &[u8], into: &mut Map<String, Value>) -> Result<(), ParseError> {
    for (count, (name, value)) in form_urlencoded::parse(text).enumerate() {
        if count >= MAX_FIELDS {
            return Err(ParseError::TooComplex);
        }
        // The decoder puts this sign where bytes were no UTF-8; keeping such a name would garble a letter.
        if name.contains(char::REPLACEMENT_CHARACTER) || value.contains(char::REPLACEMENT_CHARACTER) {
            return Err(ParseError::Encoding);
        }
        let (root, path) = split(&name)?;
        if !root.is_empty() {
            put(into, root, &path, leaf(&value));
        }
    }
    Ok(())
}

/// A field's value; RetailCRM puts nested structures into forms as JSON text.
fn leaf(value: &str) -> Value {
    let trimmed = value.trim();
    let tree = if trimmed.starts_with(['{', '[']) { serde_json::from_str(trimmed).ok() } else { None };
    tree.unwrap_or_else(|| Value::from(value))
}

/// `a[b][]` is `a` with the path `b`, ``. A bracket that is not closed belongs to the name.
fn split(name: &str) -> Result<(&str, Vec<&str>), ParseError> {
    let Some(open) = name.find('[').filter(|_| name.ends_with(']')) else { return Ok((name, Vec::new())) };
    let path: Vec<&str> = name[open + 1..name.len() - 1].split("][").collect();
    if path.len() > MAX_DEPTH {
        return Err(ParseError::TooComplex);
    }
    Ok((&name[..open], path))
}

/// Puts a value at its place. Lists are objects with `0`, `1`, … as keys, as in PHP: the readers take both.
fn put(fields: &mut Map<String, Value>, name: &str, path: &[&str], value: Value) {
    let name = if name.is_empty() { fields.len().to_string() } else { name.to_owned() };
    let Some((next, rest)) = path.split_first() else {
        fields.insert(name, value);
        return;
    };
    let entry = fields.entry(name).or_insert_with(|| Value::Object(Map::new()));
    if !entry.is_object() {
        *entry = Value::Object(Map::new());
    }
    if let Value::Object(inner) = entry {
        put(inner, next, rest, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(text: &str, expect: &Value) {
        let mut fields = Map::new();
        decode(text.as_bytes(), &mut fields).expect("is decoded");
        assert_eq!(Value::Object(fields), *expect, "{text}");
    }

    #[test]
    fn brackets_are_opened() {
        check("", &json!({}));
        check("a=1&b=+x%20y", &json!({"a": "1", "b": " x y"}));
        check("o[c][id]=7&o[t][]=x&o[t][]=y", &json!({"o": {"c": {"id": "7"}, "t": {"0": "x", "1": "y"}}}));
        check("a=1&a[b]=2", &json!({"a": {"b": "2"}}));
        check("a[b=1&c]=2&[d]=3", &json!({"a[b": "1", "c]": "2"}));
        check("order=%7B%22id%22%3A5%7D&note={oops", &json!({"order": {"id": 5}, "note": "{oops"}));
    }

    #[test]
    fn what_goes_too_far_is_refused() {
        let decode = |text: &str| decode(text.as_bytes(), &mut Map::new());
        assert!(matches!(decode(&format!("a{}=1", "[b]".repeat(40))), Err(ParseError::TooComplex)));
        assert!(matches!(decode(&"a=1&".repeat(5_000)), Err(ParseError::TooComplex)));
        assert!(matches!(decode("name=%CF%F0"), Err(ParseError::Encoding)));
    }
}
