//! Parts of a YAML file: whether two say the same, and what one says, in one line.

use crate::rulebook::forms::{nested, plain};
use crate::rulebook::yaml::{Node, Yaml};

/// Whether values under a key may be of any type, so that `7` and `"7"` are not the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Values {
    /// Quotes mean nothing.
    Text,
    /// They do.
    Any,
}

/// Whether two parts say the same.
pub(super) fn same(a: &Node, b: &Node, values: Values) -> bool {
    match (&a.value, &b.value) {
        (Yaml::Scalar { text: one, .. }, Yaml::Scalar { text: other, .. }) => {
            a.is_null() == b.is_null()
                && (a.is_null() || one == other)
                && (values == Values::Text || nested(a) == nested(b))
        }
        (Yaml::List(a), Yaml::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b, values)),
        (Yaml::Map(a), Yaml::Map(b)) => {
            let in_b = |key: &str| b.iter().find(|(known, _)| known.text == key);
            a.len() == b.len() && a.iter().all(|(key, a)| in_b(&key.text).is_some_and(|(_, b)| same(a, b, values)))
        }
        _ => false,
    }
}

/// What a part says.
pub(super) fn said(node: &Node, values: Values) -> String {
    match &node.value {
        _ if node.is_null() => "nothing".to_owned(),
        Yaml::List(items) if items.is_empty() => "nothing".to_owned(),
        Yaml::Map(entries) if entries.is_empty() => "nothing".to_owned(),
        Yaml::Scalar { text, plain: quoted } => {
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            if values == Values::Any && !*quoted && !plain(&text).is_string() { format!("\"{text}\"") } else { text }
        }
        Yaml::List(items) => items.iter().map(|item| inside(item, values)).collect::<Vec<_>>().join(", "),
        Yaml::Map(entries) => {
            let entry = |(key, node): &(crate::rulebook::yaml::Key, Node)| match &node.value {
                Yaml::Scalar { text, .. } if text == "true" => key.text.clone(),
                Yaml::List(items) if items.len() != 1 => format!("{} [{}]", key.text, said(node, values)),
                _ => format!("{} {}", key.text, inside(node, values)),
            };
            entries.iter().map(entry).collect::<Vec<_>>().join(", ")
        }
    }
}

/// What a part says inside another.
fn inside(node: &Node, values: Values) -> String {
    match &node.value {
        Yaml::Map(entries) if entries.len() > 1 => format!("{{{}}}", said(node, values)),
        _ => said(node, values),
    }
}

/// What stands under a key.
pub(super) fn under<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    match &node.value {
        Yaml::Map(entries) => entries.iter().find(|(known, _)| known.text == key).map(|(_, node)| node),
        _ => None,
    }
}

/// The items of a list.
pub(super) fn list(node: &Node) -> &[Node] {
    if let Yaml::List(items) = &node.value { items } else { &[] }
}
