//! `rules/attributes.yaml`: the shop's own attributes of customers, readable as `customer.<name>`.

use std::collections::BTreeMap;

use super::diagnostic::Diagnostic;
use super::forms::AttributesForm;
use super::source::Source;
use crate::journey::facts::{FACTS, Type};
use crate::journey::spelling::suggest;

const TYPES: [Type; 6] = [Type::Text, Type::Number, Type::Bool, Type::Time, Type::Date, Type::List];

/// Whether a name can stand in a condition.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.len() <= 64
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// The attributes by name; faults are reported, and what is sound is kept.
pub(super) fn declared(form: &AttributesForm, source: &Source, faults: &mut Vec<Diagnostic>) -> BTreeMap<String, Type> {
    let words: Vec<&str> = TYPES.iter().map(|kind| kind.word()).collect();
    let mut attributes = BTreeMap::new();
    for (key, attribute) in &form.0 {
        let name = key.text.as_str();
        if !is_name(name) {
            let fault = source.error("bad-id", &key.place, format!("`{name}` cannot be the name of an attribute"));
            faults.push(fault.help("use lower-case letters, digits and `_`, beginning with a letter"));
            continue;
        }
        if FACTS.iter().any(|fact| fact.root == "customer" && fact.name == name) {
            let fault = source.error("built-in", &key.place, format!("`customer.{name}` is built in"));
            faults.push(fault.help("remove it here: it can be used without being declared"));
            continue;
        }
        let Some(word) = &attribute.kind.0 else { continue };
        if let Some(kind) = TYPES.iter().find(|kind| kind.word() == word.value) {
            attributes.insert(name.to_owned(), *kind);
        } else {
            let fault = source.error("unknown-type", &word.place, format!("there is no type `{}`", word.value));
            faults.push(fault.help(suggest(&word.value, &words, "types")));
        }
    }
    attributes
}
