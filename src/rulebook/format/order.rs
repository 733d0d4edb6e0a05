//! The order of keys: that of the forms, which is that of the documentation. Keys that no form knows come last, as they were.

use super::tree::{Group, Item, Value};
use crate::journey::map::Persona;
use crate::rulebook::forms::{
    CartForm, EventForm, GivenForm, GoalForm, ItemForm, LetterDetails, MapForm, OrderForm, RuleForm, ScenarioForm,
    StageForm,
};
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

const EXPECT: [&str; 9] =
    ["at", "after", "nothing_sent_until", "stage", "stages", "letters", "withheld", "held", "attributes"];

/// Puts the keys of a file into order: of a map, a rule, or a list of scenarios.
pub(super) fn sort(root: &mut Item) {
    if let Value::List(list) = &mut root.value {
        for item in &mut list.items {
            match &mut item.value {
                Value::Map(items) if items.items.iter().any(|item| named(item, "scenario")) => scenario(items),
                _ => {}
            }
        }
    }
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

fn scenario(items: &mut Group) {
    arrange(items, ScenarioForm::KEYS);
    if let Some(given) = mapping(items, "given") {
        arrange(given, GivenForm::KEYS);
        happening(given);
        mappings(given, "orders").for_each(order);
        mappings(given, "history").for_each(event);
    }
    mappings(items, "events").for_each(event);
    for expect in mappings(items, "expect") {
        arrange(expect, &EXPECT);
        mappings(expect, "letters").for_each(|letter| arrange(letter, LetterDetails::KEYS));
    }
}

fn event(items: &mut Group) {
    arrange(items, EventForm::KEYS);
    happening(items);
}

/// What an event, or what was before the start, says of an order and a cart.
fn happening(items: &mut Group) {
    if let Some(told) = mapping(items, "order") {
        order(told);
    }
    if let Some(cart) = mapping(items, "cart") {
        arrange(cart, CartForm::KEYS);
        mappings(cart, "items").for_each(|item| arrange(item, ItemForm::KEYS));
    }
}

fn order(items: &mut Group) {
    arrange(items, OrderForm::KEYS);
    mappings(items, "items").for_each(|item| arrange(item, ItemForm::KEYS));
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
