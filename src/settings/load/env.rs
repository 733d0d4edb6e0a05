//! The environment: `MILEPOST__SECTION__KEY`, laid over the file.
//!
//! Names are folded to lower case. Where a section's keys are names that the shop chose, a name of the file is matched with
//! its dashes read as underscores: `MILEPOST__CONNECTIONS__MY_SHOP__API_KEY` means `connections.my-shop.api_key`.

use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::fault::Collector;
use super::file::{fits, spelling};
use super::schema::{Kind, Node, Schema};
use super::tree::{Place, Tree};

/// What every variable begins with.
pub const PREFIX: &str = "MILEPOST__";

/// Lays the variables over the tree; what is wrong is noted and left out.
pub fn overlay(tree: &mut Tree, variables: &[(String, String)], schema: &Schema, faults: &mut Collector<'_>) {
    let mut ours: Vec<_> = variables.iter().filter(|(name, _)| name.starts_with(PREFIX)).collect();
    ours.sort();
    for (name, text) in ours {
        let place = Place::Env(name.clone());
        match resolve(name, tree, schema) {
            Ok((path, node)) => {
                let dotted = path.join(".");
                match read(text, &dotted, &node.kind()) {
                    Ok(value) => tree.set(&path, value, place),
                    Err(message) => faults.add(Some(&place), message, None),
                }
            }
            Err(Unknown { path, help }) => {
                faults.add(Some(&place), format!("there is no setting `{path}`"), Some(help));
            }
        }
    }
}

struct Unknown {
    path: String,
    help: String,
}

fn resolve<'a>(name: &str, tree: &Tree, schema: &'a Schema) -> Result<(Vec<String>, Node<'a>), Unknown> {
    let mut node = schema.root();
    let mut path: Vec<String> = Vec::new();
    let mut present = Some(&tree.value);
    for part in name[PREFIX.len()..].split("__") {
        let lower = part.to_lowercase();
        let chosen = (node.kind() == Kind::Map)
            .then(|| present?.keys().find(|key| key.to_lowercase().replace('-', "_") == lower).cloned())
            .flatten();
        let key = chosen.unwrap_or(lower);
        let child = node.child(&key).filter(|_| !key.is_empty());
        path.push(key.clone());
        let Some(child) = child else {
            let help = if matches!(node.kind(), Kind::Table) {
                spelling(&key, node)
            } else {
                "two underscores stand between the parts of a name".to_owned()
            };
            return Err(Unknown { path: path.join("."), help });
        };
        present = present.and_then(|table| table.get(&key)).and_then(Value::as_object);
        node = child;
    }
    Ok((path, node))
}

/// A variable's text as a value of the setting's kind. Lists are written as in TOML, or with commas.
fn read(text: &str, path: &str, kind: &Kind<'_>) -> Result<Value, String> {
    let trimmed = text.trim();
    let value = match kind {
        Kind::Table | Kind::Map => {
            return Err(format!("`{path}` is a section: name one of its keys"));
        }
        Kind::Text | Kind::Choice(_) => Value::String(text.to_owned()),
        Kind::Flag => match trimmed {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => return Err(format!("`{path}` takes true or false")),
        },
        Kind::Whole(..) => match trimmed.parse::<i64>() {
            Ok(number) => Value::Number(number.into()),
            Err(_) => return Err(format!("`{path}` takes a whole number")),
        },
        Kind::List(_) if trimmed.starts_with('[') => {
            list(trimmed).ok_or_else(|| format!("`{path}` takes a list, for example [\"a\", \"b\"] or a,b"))?
        }
        Kind::List(_) => {
            let parts = trimmed.split(',').map(str::trim).filter(|part| !part.is_empty());
            Value::Array(parts.map(|part| Value::String(part.to_owned())).collect())
        }
    };
    fits(path, kind, value)
}

fn list(text: &str) -> Option<Value> {
    let whole = format!("list = {text}");
    let table = DeTable::parse(&whole).ok()?;
    let (_, value) = table.get_ref().iter().next()?;
    let DeValue::Array(items) = value.get_ref() else { return None };
    items
        .iter()
        .map(|item| item.get_ref().as_str().map(|s| Value::String(s.to_owned())))
        .collect::<Option<_>>()
        .map(Value::Array)
}
