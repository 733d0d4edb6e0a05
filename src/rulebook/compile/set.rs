//! What a step sets: names, types, tags.

use serde_json::Value;

use super::Unit;
use crate::journey::date::parse_day;
use crate::journey::facts::Type;
use crate::journey::rule::TagChange;
use crate::journey::spelling::suggest;
use crate::journey::time::Timestamp;
use crate::rulebook::forms::{SetForm, Single, TagsForm, Text};
use crate::rulebook::read::At;
use crate::rulebook::yaml::Key;

/// What a step sets.
pub(super) struct Compiled {
    pub(super) attributes: Vec<(String, Value)>,
    pub(super) tags: TagChange,
    pub(super) refuse: Vec<String>,
}

/// Compiles `set`: attributes with their values, changes of tags, and purposes that count as refused.
pub(super) fn compile_set(form: &At<SetForm>, unit: &mut Unit<'_>) -> Compiled {
    let SetForm { attributes, tags, consent } = &form.value;
    let refuse = consent.iter().flatten();
    let nothing = attributes.is_empty() && tags.is_none() && consent.as_ref().is_none_or(Vec::is_empty);
    if nothing {
        unit.fault("empty-steps", &form.place, "`set` sets nothing");
    }
    Compiled {
        tags: tags.as_ref().map(|tags| compile_tags(tags, unit)).unwrap_or_default(),
        attributes: compile_attributes(attributes, "attributes that can be set", unit),
        refuse: refuse.filter_map(|(purpose, answer)| compile_refusal(purpose, answer, unit)).collect(),
    }
}

fn compile_refusal(purpose: &Key, answer: &At<bool>, unit: &mut Unit<'_>) -> Option<String> {
    if answer.value {
        let message = format!("a rule cannot agree to `{}` for a customer", purpose.text);
        let help =
            "consent comes from the customer, by the CRM or the events API; a rule can only take it back: `false`";
        unit.fault_help("consent-by-rule", &answer.place, message, help);
        return None;
    }
    if !unit.world.purposes.contains(&purpose.text) {
        let names: Vec<&str> = unit.world.purposes.iter().map(String::as_str).collect();
        let help = suggest(&purpose.text, &names, "purposes of your rules");
        unit.fault_help("unknown-purpose", &purpose.place, format!("no rule has the purpose `{}`", purpose.text), help);
        return None;
    }
    Some(purpose.text.clone())
}

/// Attributes and their values as the core stores them; `what` names them in help.
pub(super) fn compile_attributes(
    entries: &[(Key, At<Single>)],
    what: &str,
    unit: &mut Unit<'_>,
) -> Vec<(String, Value)> {
    let mut settable = unit.world.scope(false).names("customer").unwrap_or_default();
    settable.remove("id");
    let names: Vec<&str> = settable.keys().map(String::as_str).collect();
    let mut out = Vec::new();
    for (key, value) in entries {
        let Some(kind) = settable.get(&key.text) else {
            let help = suggest(&key.text, &names, &format!("{what} (your own go into attributes.yaml)"));
            unit.fault_help("unknown-attribute", &key.place, format!("there is no attribute `{}`", key.text), help);
            continue;
        };
        if let Some(value) = of_type(&value.value.0, *kind) {
            out.push((key.text.clone(), value));
        } else {
            let message = format!("`{}` is of the type {}, and this is not", key.text, kind.word());
            unit.fault("wrong-type", &value.place, message);
        }
    }
    out
}

fn compile_tags(form: &At<TagsForm>, unit: &mut Unit<'_>) -> TagChange {
    let TagsForm { add, remove } = &form.value;
    if add.is_empty() && remove.is_empty() {
        unit.fault_help("empty-steps", &form.place, "no tag is added or removed", "write `tags: {add: [gold]}`");
    }
    for text in add.iter().chain(remove).filter(|text| text.value.trim().is_empty()) {
        unit.fault("empty-steps", &text.place, "a tag cannot be empty");
    }
    for text in remove.iter().filter(|text| add.iter().any(|added| added.value == text.value)) {
        let message = format!("the tag `{}` is added and removed in one step", text.value);
        unit.fault_help("duplicate-key", &text.place, message, "leave one of the two out");
    }
    let values = |texts: &[Text]| texts.iter().map(|text| text.value.clone()).collect();
    TagChange { add: values(add), remove: values(remove) }
}

/// A moment as facts hold it: text whose order is the order of time.
fn moment(at: Timestamp) -> Value {
    Value::String(at.utc().format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string())
}

/// The value as its type stores it; `None` if it is of another type. `null` empties any attribute.
pub(super) fn of_type(value: &Value, kind: Type) -> Option<Value> {
    match (kind, value) {
        (_, Value::Null)
        | (Type::Any, _)
        | (Type::Text, Value::String(_))
        | (Type::Number, Value::Number(_))
        | (Type::Bool, Value::Bool(_))
        | (Type::List, Value::Array(_)) => Some(value.clone()),
        (Type::Text, Value::Number(number)) => Some(Value::String(number.to_string())),
        (Type::Date, Value::String(text)) => parse_day(text).map(|_| value.clone()),
        (Type::Time, Value::String(text)) => Timestamp::parse_rfc3339(text).map(moment),
        _ => None,
    }
}
