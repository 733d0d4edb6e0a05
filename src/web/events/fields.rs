//! Reading a JSON object strictly: every fault with its path, unknown fields with the nearest spelling.
//!
//! A reader takes fields out of the object; what is left at [`Fields::close`] is unknown. Faults gather in one place, so that
//! one answer names all of them.

use std::cell::RefCell;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::journey::spelling::nearest;
use crate::journey::time::Timestamp;

/// Longest id or code.
pub const ID_CHARS: usize = 200;
/// Longest name or other text.
pub const TEXT_CHARS: usize = 2_000;
const MAX_FAULTS: usize = 20;

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Where, as `order.items[2].price`; empty for the event itself.
    pub path: String,
    /// What is wrong, and what to do.
    pub reason: String,
}

/// Faults as they are found.
#[derive(Debug, Default)]
pub struct Faults(RefCell<Vec<Fault>>);

impl Faults {
    /// Notes a fault; beyond the twentieth nobody reads on.
    pub fn add(&self, path: impl Into<String>, reason: impl Into<String>) {
        let mut faults = self.0.borrow_mut();
        if faults.len() < MAX_FAULTS {
            faults.push(Fault { path: path.into(), reason: reason.into() });
        }
    }

    /// All of them.
    pub fn into_vec(self) -> Vec<Fault> {
        self.0.into_inner()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }
}

/// An object being read.
pub struct Fields<'f> {
    object: Map<String, Value>,
    path: String,
    known: Vec<&'static str>,
    faults: &'f Faults,
}

impl<'f> Fields<'f> {
    /// Opens an object; anything else is a fault.
    pub fn open(value: Value, path: impl Into<String>, faults: &'f Faults) -> Option<Self> {
        let path = path.into();
        if let Value::Object(object) = value {
            return Some(Self { object, path, known: Vec::new(), faults });
        }
        faults.add(path, format!("must be an object, not {}", word(&value)));
        None
    }

    /// The path of a field.
    pub fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Notes a fault of a field.
    pub fn fault(&self, name: &str, reason: impl Into<String>) {
        self.faults.add(self.path(name), reason);
    }

    /// Where faults go.
    pub fn faults(&self) -> &'f Faults {
        self.faults
    }

    /// Takes a field as it is; `null` counts as said.
    pub fn raw(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.object.remove(name)
    }

    /// Whether a field is there and says `null`.
    pub fn is_null(&self, name: &str) -> bool {
        self.object.get(name).is_some_and(Value::is_null)
    }

    /// Takes a field; `null` counts as absent.
    pub fn value(&mut self, name: &'static str) -> Option<Value> {
        self.raw(name).filter(|v| !v.is_null())
    }

    /// Takes an id: text or a whole number.
    pub fn id(&mut self, name: &'static str) -> Option<String> {
        let value = self.value(name)?;
        let text = match &value {
            Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
            _ => return text(value, self.path(name), ID_CHARS, self.faults).filter(|t| !self.blank(name, t)),
        };
        Some(text)
    }

    /// Takes an id that must be there.
    pub fn needed_id(&mut self, name: &'static str) -> Option<String> {
        if self.object.get(name).is_none_or(Value::is_null) {
            self.known.push(name);
            self.fault(name, "is missing");
            self.object.remove(name);
            return None;
        }
        self.id(name)
    }

    /// Takes text.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        let value = self.value(name)?;
        text(value, self.path(name), TEXT_CHARS, self.faults)
    }

    /// Takes the address of a page or picture.
    pub fn link(&mut self, name: &'static str) -> Option<String> {
        let link = self.text(name)?;
        if link.starts_with("https://") || link.starts_with("http://") {
            return Some(link);
        }
        self.fault(name, "must be an address that begins with https:// or http://");
        None
    }

    /// Takes true or false.
    pub fn flag(&mut self, name: &'static str) -> Option<bool> {
        let value = self.value(name)?;
        if value.as_bool().is_none() {
            self.fault(name, format!("must be true or false, not {}", word(&value)));
        }
        value.as_bool()
    }

    /// Takes a moment in RFC 3339.
    pub fn moment(&mut self, name: &'static str) -> Option<Timestamp> {
        let value = self.value(name)?;
        let moment = value.as_str().and_then(Timestamp::parse_rfc3339);
        if moment.is_none() {
            self.fault(
                name,
                "must be a moment in RFC 3339 between the years 1900 and 9999, for example 2026-11-22T10:00:00Z",
            );
        }
        moment
    }

    /// Takes an object.
    pub fn object(&mut self, name: &'static str) -> Option<Self> {
        let value = self.value(name)?;
        Self::open(value, self.path(name), self.faults)
    }

    /// Takes a list, each element with its path.
    pub fn list(&mut self, name: &'static str, most: usize) -> Option<Vec<(String, Value)>> {
        let path = self.path(name);
        match self.value(name)? {
            Value::Array(list) if list.len() > most => {
                self.fault(name, format!("has {} elements, {most} are the most", list.len()));
                None
            }
            Value::Array(list) => {
                Some(list.into_iter().enumerate().map(|(index, v)| (format!("{path}[{index}]"), v)).collect())
            }
            other => {
                self.fault(name, format!("must be a list, not {}", word(&other)));
                None
            }
        }
    }

    /// Everything that was not taken, with free names.
    pub fn rest(self) -> Map<String, Value> {
        self.object
    }

    /// Refuses what was not taken.
    pub fn close(self) {
        for name in self.object.keys() {
            let reason = match nearest(name, self.known.iter().copied()) {
                Some(known) => format!("is not a field here; did you mean `{known}`?"),
                None => format!("is not a field here; there are {}", self.known.join(", ")),
            };
            self.fault(name, reason);
        }
    }

    fn blank(&self, name: &str, text: &str) -> bool {
        let blank = text.trim().is_empty();
        if blank {
            self.fault(name, "is empty");
        }
        blank
    }
}

/// Text without control characters, of bounded length.
pub fn text(value: Value, path: String, most: usize, faults: &Faults) -> Option<String> {
    let Value::String(text) = value else {
        faults.add(path, format!("must be text, not {}", word(&value)));
        return None;
    };
    if text.chars().any(char::is_control) {
        faults.add(path, "holds control characters");
        return None;
    }
    if text.chars().count() > most {
        faults.add(path, format!("is longer than {most} characters"));
        return None;
    }
    Some(text)
}

/// What a value is, for messages.
pub fn word(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
