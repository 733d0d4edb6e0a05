//! Steps that ask something of others: `webhook` and `crm`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Unit;
use crate::journey::condition::Condition;
use crate::journey::errand::{CrmStep, Datum};
use crate::journey::facts::{FACTS, Type};
use crate::journey::spelling::suggest;
use crate::rulebook::forms::{CrmForm, Named, Text, WebhookForm};

/// What a run knows of its promo code.
const PROMO: [&str; 3] = ["code", "pool", "expires_at"];
/// Longest tag or code of a field.
const MAX_NAME: usize = 255;

/// The webhook and what it says; `None` after a fault that leaves nothing to post to.
pub(super) fn compile_webhook(
    form: &WebhookForm,
    event: bool,
    unit: &mut Unit<'_>,
) -> Option<(String, Vec<(String, Datum)>)> {
    let mut data = Vec::new();
    for (key, value) in &form.data.0 {
        let datum = match &value.value.0 {
            Value::String(text) => compile_name(&Text { value: text.clone(), place: value.place.clone() }, event, unit),
            other => Some(Datum::Fixed(other.clone())),
        };
        data.extend(datum.map(|datum| (key.text.clone(), datum)));
    }
    let to = form.to.0.as_ref()?;
    let known: Vec<&str> = unit.shop.webhooks.iter().map(String::as_str).collect();
    if !known.contains(&to.value.as_str()) {
        let help = if known.is_empty() {
            format!("add [webhooks.{}] with `url` and `secret` to the settings", to.value)
        } else {
            suggest(&to.value, &known, "webhooks of the settings")
        };
        unit.fault_help("unknown-webhook", &to.place, format!("the settings have no webhook `{}`", to.value), help);
    }
    Some((to.value.clone(), data))
}

/// A name of a fact, or text in quotes.
fn compile_name(text: &Text, event: bool, unit: &mut Unit<'_>) -> Option<Datum> {
    let written = text.value.trim();
    if let Some(fixed) = written.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return Some(Datum::Fixed(fixed.into()));
    }
    if let Some(part) = written.strip_prefix("promo.") {
        if PROMO.contains(&part) {
            return Some(Datum::Promo(part.to_owned()));
        }
        let message = format!("there is no `promo.{part}`");
        unit.fault_help("unknown-fact", &text.place, message, suggest(part, &PROMO, "what is known of a promo code"));
        return None;
    }
    let plain =
        written.split('.').all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
    if !plain || !written.contains('.') {
        let help = "write a fact such as `customer.email`, a number, `true`, or text in quotes of its own: \"'gold'\"";
        unit.fault_help("unknown-fact", &text.place, format!("`{written}` is not the name of a fact"), help);
        return None;
    }
    // Whether there is such a fact is asked where conditions are.
    if let Err(faults) = Condition::compile(&format!("{written} == null"), &unit.world.scope(event)) {
        for fault in faults {
            let found = unit.source.error("unknown-fact", &text.place, fault.message).help_maybe(fault.help);
            unit.faults.push(found);
        }
        return None;
    }
    Some(Datum::Fact(written.to_owned()))
}

/// What a `crm` step writes; `None` after a fault that leaves nothing to write to.
pub(super) fn compile_crm(form: &CrmForm, unit: &mut Unit<'_>) -> Option<CrmStep> {
    let (mut add, mut remove) = (Vec::new(), Vec::new());
    if let Some(tags) = &form.tags {
        add = compile_tags(&tags.add, unit);
        remove = compile_tags(&tags.remove, unit);
        for tag in tags.remove.iter().filter(|tag| add.contains(&tag.value)) {
            unit.fault("contradiction", &tag.place, format!("the tag `{}` is added and removed at once", tag.value));
        }
    }
    let fields = compile_fields(&form.fields, unit);
    if form.tags.as_ref().is_none_or(|tags| tags.add.is_empty() && tags.remove.is_empty()) && form.fields.0.is_empty() {
        let help = "write `tags: {add: [...]}`, `tags: {remove: [...]}` or `fields: {...}`";
        unit.fault_help("empty-steps", &form.place, "this step changes nothing in the CRM", help);
    }
    Some(CrmStep { connection: connection(form, unit)?, add, remove, fields })
}

fn compile_tags(tags: &[Text], unit: &mut Unit<'_>) -> Vec<String> {
    for tag in tags {
        let sound =
            !tag.value.trim().is_empty() && tag.value.len() <= MAX_NAME && !tag.value.chars().any(char::is_control);
        if !sound {
            unit.fault("bad-tag", &tag.place, format!("a tag is text of at most {MAX_NAME} bytes"));
        }
    }
    tags.iter().map(|tag| tag.value.clone()).collect()
}

fn compile_fields(fields: &Named, unit: &mut Unit<'_>) -> BTreeMap<String, Value> {
    let mut out = BTreeMap::new();
    for (key, value) in &fields.0 {
        let name = key.text.to_lowercase();
        if FACTS.iter().any(|fact| fact.root == "customer" && fact.name == name) {
            let message = format!("`{}` is no custom field: it is the CRM's own", key.text);
            let help =
                if name == "tags" { "write `tags:` beside `fields:`" } else { "custom fields only can be written" };
            unit.fault_help("built-in", &key.place, message, help);
            continue;
        }
        if let Some(kind) = unit.world.attributes.get(&name)
            && !fits(*kind, &value.value.0)
        {
            unit.fault("wrong-type", &value.place, format!("`{name}` is of the type {}, and this is not", kind.word()));
        }
        out.insert(key.text.clone(), value.value.0.clone());
    }
    out
}

fn fits(kind: Type, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(_) => matches!(kind, Type::Bool | Type::Any),
        Value::Number(_) => matches!(kind, Type::Number | Type::Any | Type::Text),
        Value::Array(_) => matches!(kind, Type::List | Type::Any),
        _ => !matches!(kind, Type::Bool | Type::Number | Type::List),
    }
}

fn connection(form: &CrmForm, unit: &mut Unit<'_>) -> Option<String> {
    let known: Vec<String> = unit.shop.connections.iter().cloned().collect();
    let names: Vec<&str> = known.iter().map(String::as_str).collect();
    match (&form.connection, names.as_slice()) {
        (Some(named), names) => {
            if !names.contains(&named.value.as_str()) {
                let message = format!("the settings have no connection `{}` that can be written to", named.value);
                let help = if names.is_empty() {
                    format!("[connections.{}] needs `url` and an API key", named.value)
                } else {
                    suggest(&named.value, names, "connections that can be written to")
                };
                unit.fault_help("unknown-connection", &named.place, message, help);
            }
            Some(named.value.clone())
        }
        (None, [only]) => Some((*only).to_owned()),
        (None, []) => {
            let help = "add [connections.<id>] with `url` and an API key to the settings";
            unit.fault_help("unknown-connection", &form.place, "the settings have no CRM that can be written to", help);
            None
        }
        (None, several) => {
            let help = format!("write `connection:` with one of {}", several.join(", "));
            unit.fault_help(
                "unknown-connection",
                &form.place,
                "there are several CRMs that this could be written to",
                help,
            );
            None
        }
    }
}
