//! The order of keys: that of the forms, which is that of the documentation. Keys that no form knows come last, as they were.

use super::tree::{Group, Item, Value};
use crate::journey::map::Persona;
use crate::rulebook::forms::{GoalForm, MapForm, RuleForm, StageForm};
use crate::rulebook::read::Keys;

const ON: [&str; 15] = [
    "event", "enter", "leave", "stay", "for", "becomes", "join", "quit", "date", "yearly", "call", "cron", "segment",
    "at", "tz",
];
const WAIT: [&str; 14] = [
    "event",
    "condition",
    "when",
    "best_time",
    "within",
    "for",
    "until",
    "cron",
    "weekday",
    "at",
    "tz",
    "up_to",
    "then",
    "timeout",
];
const ARM: [&str; 5] = ["if", "share", "name", "then", "else"];
const SIDE: [&str; 5] = ["goals", "actions", "questions", "emotion", "owner"];

/// Puts the keys of a map's or a rule's file into order.
pub(super) fn sort(root: &mut Item) {
    let Value::Map(items) = &mut root.value else { return };
    let has = |name: &str| items.items.iter().any(|item| named(item, name));
    if has("rule") {
        rule(items);
    } else if has("map") && has("stages") {
        map(items);
    }
}

fn named(item: &Item, name: &str) -> bool {
    item.key.as_ref().is_some_and(|key| key.text == name)
}

fn arrange(items: &mut Group, keys: &[&str]) {
    let place = |item: &Item| {
        let key = item.key.as_ref().map(|key| key.text.as_str());
        keys.iter().position(|known| Some(*known) == key).unwrap_or(keys.len())
    };
    items.items.sort_by_key(place);
}

/// What stands under a key, if it is a mapping.
fn mapping<'a>(items: &'a mut Group, name: &str) -> Option<&'a mut Group> {
    let item = items.items.iter_mut().find(|item| named(item, name))?;
    if let Value::Map(items) = &mut item.value { Some(items) } else { None }
}

/// The mappings of the list under a key.
fn mappings<'a>(items: &'a mut Group, name: &str) -> impl Iterator<Item = &'a mut Group> {
    let item = items.items.iter_mut().find(|item| named(item, name));
    let list = item.and_then(|item| if let Value::List(items) = &mut item.value { Some(items) } else { None });
    list.into_iter().flat_map(|list| &mut list.items).filter_map(|item| match &mut item.value {
        Value::Map(items) => Some(items),
        _ => None,
    })
}

fn map(items: &mut Group) {
    arrange(items, MapForm::KEYS);
    if let Some(persona) = mapping(items, "persona") {
        arrange(persona, Persona::KEYS);
    }
    for stage in mappings(items, "stages") {
        arrange(stage, StageForm::KEYS);
        for side in ["customer", "company"] {
            if let Some(side) = mapping(stage, side) {
                arrange(side, &SIDE);
            }
        }
    }
}

fn rule(items: &mut Group) {
    arrange(items, RuleForm::KEYS);
    if let Some(on) = mapping(items, "on") {
        arrange(on, &ON);
    }
    if let Some(goal) = mapping(items, "goal") {
        arrange(goal, GoalForm::KEYS);
    }
    steps(items, "steps");
}

fn steps(items: &mut Group, name: &str) {
    for step in mappings(items, name) {
        if let Some(wait) = mapping(step, "wait") {
            arrange(wait, &WAIT);
            steps(wait, "then");
            steps(wait, "timeout");
        }
        arms(step, "branch");
        arms(step, "split");
        if let Some(split) = mapping(step, "split") {
            arrange(split, &["pick_winner", "arms"]);
            arms(split, "arms");
        }
    }
}

fn arms(items: &mut Group, name: &str) {
    for arm in mappings(items, name) {
        arrange(arm, &ARM);
        steps(arm, "then");
        steps(arm, "else");
    }
}
