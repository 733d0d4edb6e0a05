//! The names that a template may read, and the faults of those that cannot exist.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::scan::{Path, Scan};
use crate::journey::facts::{Scope, Type};
use crate::journey::spelling::suggest;
use crate::rulebook::diagnostic::Diagnostic;
use crate::rulebook::source::Source;

/// Names of a letter that are no facts.
const SHOP: [&str; 3] = ["name", "url", "address"];
const PROMO: [&str; 3] = ["code", "pool", "expires_at"];
const PLAIN: [&str; 7] =
    ["unsubscribe_url", "preferences_url", "confirm_url", "message_id", "locale", "subject", "preheader"];
const ITEM: [&str; 7] = ["id", "name", "quantity", "price", "currency", "link", "image"];
const EVENT: [&str; 5] = ["kind", "at", "touchpoint", "order", "cart"];
const EVENT_ORDER: [&str; 10] =
    ["id", "number", "status", "phase", "created_at", "total", "currency", "paid", "promo_code", "items"];
const EVENT_CART: [&str; 4] = ["items", "total", "currency", "link"];

/// What stands under a name.
enum Under {
    /// These names.
    Names(BTreeMap<String, Type>),
    /// Nothing: it is a single value.
    Nothing,
    /// Anything: the shop's own data.
    Anything,
}

/// Every built-in name with `null` under it (lists are empty), for rendering.
pub(super) fn blank(scope: &Scope) -> Map<String, Value> {
    let mut blank = Map::new();
    for root in scope.roots() {
        let names = scope.names(root).unwrap_or_default();
        let empty = |kind| if kind == Type::List { Value::Array(Vec::new()) } else { Value::Null };
        blank.insert(root.to_owned(), names.into_iter().map(|(name, kind)| (name, empty(kind))).collect());
    }
    blank.insert("shop".into(), SHOP.iter().map(|name| ((*name).to_owned(), Value::Null)).collect());
    blank.insert("promo".into(), PROMO.iter().map(|name| ((*name).to_owned(), Value::Null)).collect());
    for name in PLAIN {
        blank.insert(name.to_owned(), Value::Null);
    }
    blank
}

/// Puts `null` where a letter may look and the data has nothing, inside lines, orders and carts; whole numbers lose their
/// `.0`, so that two bowls are `2`.
pub(super) fn complete(context: &mut Map<String, Value>) {
    for value in context.values_mut() {
        whole_numbers(value);
    }
    for (root, list) in [("cart", "items"), ("orders", "last_items")] {
        if let Some(Value::Object(root)) = context.get_mut(root) {
            complete_items(root.get_mut(list));
        }
    }
    let Some(Value::Object(event)) = context.get_mut("event") else { return };
    for (part, known) in [("order", EVENT_ORDER.as_slice()), ("cart", EVENT_CART.as_slice())] {
        if let Some(Value::Object(part)) = event.get_mut(part) {
            add_missing(part, known);
            complete_items(part.get_mut("items"));
        }
    }
}

fn complete_items(items: Option<&mut Value>) {
    for item in items.and_then(Value::as_array_mut).into_iter().flatten() {
        if let Value::Object(item) = item {
            add_missing(item, &ITEM);
        }
    }
}

fn add_missing(object: &mut Map<String, Value>, known: &[&str]) {
    for name in known.iter().filter(|name| !object.contains_key(**name)).collect::<Vec<_>>() {
        let empty = if *name == "items" { Value::Array(Vec::new()) } else { Value::Null };
        object.insert((*name).to_owned(), empty);
    }
}

fn whole_numbers(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(entries) => entries.values_mut().for_each(whole_numbers),
        Value::Number(number) if number.is_f64() => {
            let float = number.as_f64().unwrap_or_default();
            // Beyond this a double no longer tells whole numbers apart.
            if float.fract() == 0.0 && float.abs() < 9e15 {
                #[expect(clippy::cast_possible_truncation, reason = "whole and in range, as was just asked")]
                let whole = float as i64;
                *value = Value::from(whole);
            }
        }
        _ => {}
    }
}

/// Reports the paths of a template that cannot exist. `locals` are names that other templates may hand to this one.
pub(super) fn check(
    scan: &Scan,
    scope: &Scope,
    locals: &BTreeSet<String>,
    source: &Source,
    faults: &mut Vec<Diagnostic>,
) {
    for path in &scan.paths {
        let Some((root, _)) = path.parts.first() else { continue };
        if scan.sets.contains(root) || locals.contains(root) {
            continue;
        }
        check_path(path, scope, source, faults);
    }
    for (written, place) in &scan.bare_money {
        let amount = written.rsplit('.').next().unwrap_or_default();
        if !matches!(amount, "total" | "average" | "last_total" | "price") {
            continue;
        }
        let owner = written.rsplit_once('.').map_or(written.as_str(), |(owner, _)| owner);
        let fault = source.error("money-currency", place, format!("`money` does not know the currency of `{written}`"));
        faults.push(fault.help(format!("write `{written} | money(currency={owner}.currency)`")));
    }
}

fn check_path(path: &Path, scope: &Scope, source: &Source, faults: &mut Vec<Diagnostic>) {
    let mut walked: Vec<&str> = Vec::new();
    for (name, place) in &path.parts {
        let under = match walked.as_slice() {
            [] => Under::Names(roots(scope)),
            walked => under(walked, scope),
        };
        let whole =
            |name: &str| walked.iter().copied().chain([name]).collect::<Vec<_>>().join(".").replace(".*", "[…]");
        match under {
            // The event's own fields are whatever the shop sends; the built-in ones are known.
            Under::Anything if walked == ["event"] && EVENT.contains(&name.as_str()) => {}
            Under::Anything => return,
            Under::Names(names) if names.contains_key(name) => {}
            Under::Names(names) => {
                let known: Vec<&str> = names.keys().map(String::as_str).collect();
                let (message, help) = if known == ["*"] {
                    let list = walked.join(".");
                    let help =
                        format!("go through it: `{{% for item in {list} %}}{{{{ item.{name} }}}}{{% endfor %}}`");
                    (format!("`{list}` is a list and has no `{name}`"), help)
                } else {
                    let message = format!("there is no `{}`", whole(name));
                    (message, suggest(name, &known, "names that exist here"))
                };
                faults.push(source.error("unknown-variable", place, message).help(help));
                return;
            }
            Under::Nothing => {
                let message =
                    format!("`{}` is a single value and has no `{name}`", walked.join(".").replace(".*", "[…]"));
                faults.push(source.error("unknown-variable", place, message));
                return;
            }
        }
        walked.push(name);
    }
}

fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> Under {
    Under::Names(names.into_iter().map(|name| (name.to_owned(), Type::Any)).collect())
}

fn roots(scope: &Scope) -> BTreeMap<String, Type> {
    let all = scope.roots().into_iter().chain(["shop", "promo"]).chain(PLAIN);
    all.map(|name| (name.to_owned(), Type::Any)).collect()
}

fn under(path: &[&str], scope: &Scope) -> Under {
    match path {
        ["shop"] => return names(SHOP),
        ["promo"] => return names(PROMO),
        [root] if PLAIN.contains(root) => return Under::Nothing,
        ["event"] => return Under::Anything,
        [root] => return scope.names(root).map_or(Under::Nothing, Under::Names),
        _ => {}
    }
    match path {
        ["event", "order"] => names(EVENT_ORDER),
        ["event", "cart"] => names(EVENT_CART),
        ["cart", "items"] | ["orders", "last_items"] | ["event", "order" | "cart", "items"] => names(["*"]),
        ["cart", "items", "*"] | ["orders", "last_items", "*"] | ["event", "order" | "cart", "items", "*"] => {
            names(ITEM)
        }
        ["event", name, ..] if !EVENT.contains(name) => Under::Anything,
        [root, name] => match scope.names(root).and_then(|names| names.get(*name).copied()) {
            Some(Type::List) => names(["*"]),
            Some(Type::Any) => Under::Anything,
            _ => Under::Nothing,
        },
        _ => Under::Nothing,
    }
}
