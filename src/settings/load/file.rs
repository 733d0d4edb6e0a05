//! The file: TOML to values with places, checked key by key against the schema.

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::Collector;
use super::schema::{Kind, Node, Schema};
use super::tree::{Place, Tree};
use crate::journey::spelling::nearest;

/// Reads the whole text; what is wrong is noted and left out.
pub fn read(text: &str, schema: &Schema, faults: &mut Collector<'_>) -> Tree {
    let mut tree = Tree::default();
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let place = error.span().map(Place::File);
        faults.add(place.as_ref(), format!("this is not TOML: {}", error.message()), None);
    }
    tree.value = section(table.get_ref(), schema.root(), "", &mut tree, faults);
    tree
}

fn section(
    table: &DeTable<'_>,
    node: Node<'_>,
    path: &str,
    tree: &mut Tree,
    faults: &mut Collector<'_>,
) -> Map<String, Value> {
    let mut values = Map::new();
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        let full = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let Some(child) = node.child(name) else {
            let place = Place::File(key.span());
            faults.add(Some(&place), format!("there is no setting `{full}`"), Some(spelling(name, node)));
            continue;
        };
        let is_section = matches!(child.kind(), Kind::Table | Kind::Map);
        tree.mark(full.clone(), Place::File(if is_section { key.span() } else { value.span() }));
        if let Some(value) = one(value, child, &full, tree, faults) {
            values.insert(name.to_owned(), value);
        }
    }
    values
}

fn one(
    value: &Spanned<DeValue<'_>>,
    node: Node<'_>,
    path: &str,
    tree: &mut Tree,
    faults: &mut Collector<'_>,
) -> Option<Value> {
    let kind = node.kind();
    if let (Kind::Table | Kind::Map, DeValue::Table(table)) = (&kind, value.get_ref()) {
        return Some(Value::Object(section(table, node, path, tree, faults)));
    }
    if let (Some(item), DeValue::Array(items)) = (node.item(), value.get_ref()) {
        let sections = items.iter().enumerate().filter_map(|(index, section)| {
            let path = format!("{path}[{index}]");
            tree.mark(path.clone(), Place::File(section.span()));
            one(section, item, &path, tree, faults)
        });
        return Some(Value::Array(sections.collect()));
    }
    if let (Kind::List(_), DeValue::Array(items)) = (&kind, value.get_ref()) {
        for (index, item) in items.iter().enumerate() {
            tree.mark(format!("{path}[{index}]"), Place::File(item.span()));
        }
    }
    let plain = plain(value.get_ref()).ok_or_else(|| wrong_kind(path, &kind, value.get_ref().type_str()));
    match plain.and_then(|value| fits(path, &kind, value)) {
        Ok(value) => Some(value),
        Err(message) => {
            faults.add(Some(&Place::File(value.span())), message, None);
            None
        }
    }
}

/// What to say of an unknown key.
pub fn spelling(given: &str, node: Node<'_>) -> String {
    let keys = node.keys();
    match nearest(given, keys.iter().map(String::as_str)) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("known here: {}", keys.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ")),
    }
}

/// The value if it is of this kind, else what is wrong; the value itself is never part of the message.
pub fn fits(path: &str, kind: &Kind<'_>, value: Value) -> Result<Value, String> {
    let fine = match (kind, &value) {
        (Kind::Text, Value::String(_)) | (Kind::Flag, Value::Bool(_)) => true,
        (Kind::Whole(least, most), Value::Number(number)) => match number.as_i64() {
            Some(n) if (*least..=*most).contains(&n) => true,
            _ if *most == i64::MAX => return Err(format!("`{path}` takes a whole number from {least} up")),
            _ => return Err(format!("`{path}` takes a whole number from {least} to {most}")),
        },
        (Kind::Choice(words), Value::String(word)) => {
            if !words.contains(&word.as_str()) {
                return Err(format!("`{path}` takes {}", kind.words()));
            }
            true
        }
        (Kind::List(item), Value::Array(values)) => {
            for (index, value) in values.iter().enumerate() {
                fits(&format!("{path}[{index}]"), item, value.clone())?;
            }
            true
        }
        _ => false,
    };
    if fine { Ok(value) } else { Err(wrong_kind(path, kind, name_of(&value))) }
}

fn wrong_kind(path: &str, kind: &Kind<'_>, found: &str) -> String {
    let article = if found.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("`{path}` takes {}, not {article} {found}", kind.words())
}

fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "section",
    }
}

/// TOML to JSON values; `None` for what no setting takes (dates, sections inside lists, numbers that don't fit).
fn plain(value: &DeValue<'_>) -> Option<Value> {
    match value {
        DeValue::String(text) => Some(Value::String(text.to_string())),
        DeValue::Integer(number) => {
            let digits = number.as_str().replace('_', "");
            i64::from_str_radix(&digits, number.radix()).ok().map(|n| Value::Number(n.into()))
        }
        DeValue::Float(number) => {
            number.as_str().replace('_', "").parse().ok().and_then(Number::from_f64).map(Value::Number)
        }
        DeValue::Boolean(flag) => Some(Value::Bool(*flag)),
        DeValue::Array(items) => {
            items.iter().map(|item| plain(item.get_ref())).collect::<Option<_>>().map(Value::Array)
        }
        DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}
