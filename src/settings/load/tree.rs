//! The settings as plain values, each with the place it was written at.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::{Map, Value};

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Byte offsets in the file.
    File(Range<usize>),
    /// A variable of the environment.
    Env(String),
}

/// Values by dotted path.
#[derive(Debug, Default)]
pub struct Tree {
    /// The values.
    pub value: Map<String, Value>,
    places: BTreeMap<String, Place>,
}

impl Tree {
    /// Remembers where a path was written.
    pub fn mark(&mut self, path: impl Into<String>, place: Place) {
        self.places.insert(path.into(), place);
    }

    /// Where a path was written; else the section it is missing from.
    pub fn place(&self, path: &str) -> Option<&Place> {
        let mut path = path;
        loop {
            if let Some(place) = self.places.get(path) {
                return Some(place);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }

    /// Puts a value at a path, making the sections on the way.
    pub fn set(&mut self, path: &[String], value: Value, place: Place) {
        let Some((last, sections)) = path.split_last() else { return };
        let mut table = &mut self.value;
        for section in sections {
            let slot = table.entry(section.clone()).or_insert_with(|| Value::Object(Map::new()));
            if !slot.is_object() {
                *slot = Value::Object(Map::new());
            }
            let Value::Object(next) = slot else { return };
            table = next;
        }
        table.insert(last.clone(), value);
        self.mark(path.join("."), place);
    }

    /// Takes the value at a path out, or the nearest thing above it that can be left out. Whether anything was removed.
    pub fn remove(&mut self, path: &str) -> bool {
        let parts: Vec<&str> = path.split('.').map(|part| part.split('[').next().unwrap_or(part)).collect();
        remove(&mut self.value, &parts)
    }
}

fn remove(table: &mut Map<String, Value>, path: &[&str]) -> bool {
    let Some((first, rest)) = path.split_first() else { return false };
    if rest.is_empty() {
        return table.remove(*first).is_some();
    }
    let inner = table.get_mut(*first).and_then(Value::as_object_mut).is_some_and(|next| remove(next, rest));
    inner || table.remove(*first).is_some()
}
