//! `<key>_file`: secrets that lie in files of their own, as container platforms and systemd hand them over.

use std::path::Path;

use serde_json::{Map, Value};

use super::fault::Collector;
use super::schema::{Kind, Node, Schema};
use super::tree::Tree;

/// Puts the content of every `<key>_file` in the place of `<key>`. Paths are relative to `root`.
pub fn resolve(tree: &mut Tree, root: &Path, schema: &Schema, faults: &mut Collector<'_>) {
    let mut value = std::mem::take(&mut tree.value);
    section(&mut value, schema.root(), "", root, tree, faults);
    tree.value = value;
}

fn section(
    table: &mut Map<String, Value>,
    node: Node<'_>,
    path: &str,
    root: &Path,
    tree: &mut Tree,
    faults: &mut Collector<'_>,
) {
    let names: Vec<String> = table.keys().cloned().collect();
    for name in names {
        let Some(child) = node.child(&name) else { continue };
        let full = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        if matches!(child.kind(), Kind::Table | Kind::Map) {
            if let Some(Value::Object(inner)) = table.get_mut(&name) {
                section(inner, child, &full, root, tree, faults);
            }
            continue;
        }
        let Some(stem) = name.strip_suffix("_file").filter(|_| child.file) else { continue };
        let Some(Value::String(file)) = table.remove(&name) else { continue };
        if table.contains_key(stem) {
            let message = format!("both `{stem}` and `{name}` are given");
            faults.add(tree.place(&full), message, Some("keep one of them".into()));
            continue;
        }
        match std::fs::read_to_string(root.join(&file)) {
            Ok(text) if text.trim().is_empty() => {
                faults.add(tree.place(&full), format!("the file of `{full}` is empty: {file}"), None);
            }
            Ok(text) => {
                let place = tree.place(&full).cloned();
                table.insert(stem.to_owned(), Value::String(text.trim_end_matches(['\r', '\n']).to_owned()));
                if let Some(place) = place {
                    let secret = full.strip_suffix("_file").unwrap_or(&full).to_owned();
                    tree.mark(secret, place);
                }
            }
            Err(error) => {
                let help = "the path is relative to the folder that holds config/".to_owned();
                faults.add(
                    tree.place(&full),
                    format!("the file of `{full}` can't be read: {file}: {error}"),
                    Some(help),
                );
            }
        }
    }
}
