//! Scenarios of a file as stories that can be run. Names that the rulebook does not have are faults, as in rules.

mod happening;
mod moments;

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value;

use super::Unit;
use super::set;
use crate::journey::attention::LimitKind;
use crate::journey::effect::WithheldReason;
use crate::journey::spelling::suggest;
use crate::journey::time::Timestamp;
use crate::rulebook::forms::{
    Entries, ExpectForm, HeldForm, LetterForm, MaybeStage, OneOrMany, ScenarioForm, Single, Text, WithheldForm,
};
use crate::rulebook::read::At;
use crate::rulebook::scenario::{Expectation, ExpectedHeld, ExpectedLetter, ExpectedWithheld, Place, Scenario};
use moments::Clock;

/// Compiles one scenario; `None` when something it needs is missing or wrong.
pub(in crate::rulebook) fn compile_scenario(form: &ScenarioForm, unit: &mut Unit<'_>) -> Option<Scenario> {
    let from = form.clock.0.as_ref().and_then(|text| moments::moment(text, unit));
    // Faults of what follows are told though the clock is wrong.
    let clock = Clock { from: from.unwrap_or_default() };
    let given = form.given.as_ref().map(|given| happening::given(given, &clock, unit)).unwrap_or_default();
    let mut events: Vec<_> = form
        .events
        .iter()
        .enumerate()
        .filter_map(|(number, event)| happening::event(event, &format!("event-{}", number + 1), &clock, unit))
        .collect();
    events.sort_by_key(|event| event.received_at);
    let suppressed = form.suppressed.as_ref().is_some_and(|said| flag(said, unit));
    let held_out = form.held_out.as_ref().is_some_and(|said| flag(said, unit));
    let takes = form.takes.as_ref().map(|takes| compile_takes(takes, unit)).unwrap_or_default();
    let pools = form.pools.as_ref().map(|pools| compile_pools(pools, unit)).unwrap_or_default();
    let expect = form.expect.0.as_ref().map(|expect| compile_expectations(expect, &clock, unit));
    let never = form
        .never
        .iter()
        .map(|letter| {
            known_letter(letter, unit);
            (letter.value.clone(), place(&letter.place, unit))
        })
        .collect();
    let name = form.scenario.0.as_ref()?;
    Some(Scenario {
        name: name.value.clone(),
        place: place(&name.place, unit),
        map: unit.map.to_owned(),
        from: from?,
        given,
        suppressed,
        held_out,
        takes,
        pools,
        events,
        expect: expect?,
        never,
    })
}

fn place(range: &Range<usize>, unit: &Unit<'_>) -> Place {
    let (line, column) = unit.source.position(range.start);
    Place { file: unit.source.path.clone(), line, column }
}

fn compile_takes(takes: &Entries, unit: &mut Unit<'_>) -> BTreeMap<String, String> {
    let mut compiled = BTreeMap::new();
    for (rule, arm) in &takes.0 {
        let Value::String(name) = &arm.value.0 else {
            unit.fault_help("wrong-type", &arm.place, "an arm is named", "write `{rule: arm}`");
            continue;
        };
        if let Some(arms) = unit.known_rule(&rule.text, &rule.place).filter(|arms| !arms.contains(name)) {
            let names: Vec<&str> = arms.iter().map(String::as_str).collect();
            let (message, help) = match names.as_slice() {
                [] => (format!("the rule `{}` has no split", rule.text), "leave it out".to_owned()),
                _ => (
                    format!("no split of the rule `{}` has an arm `{name}`", rule.text),
                    suggest(name, &names, "arms of its splits"),
                ),
            };
            unit.fault_help("unknown-arm", &arm.place, message, help);
        }
        compiled.insert(rule.text.clone(), name.clone());
    }
    compiled
}

/// Warns of a name that another scenario of the map has: whoever reads of a failure would not know which one failed.
pub(in crate::rulebook) fn own_name(form: &ScenarioForm, taken: &mut BTreeMap<String, String>, unit: &mut Unit<'_>) {
    let Some(name) = &form.scenario.0 else { return };
    let (line, _) = unit.source.position(name.place.start);
    match taken.get(&name.value) {
        Some(other) => {
            let message = format!("another scenario of this map has this name: {other}");
            unit.warn("duplicate-scenario", &name.place, message, "say what this one shows that the other does not");
        }
        None => drop(taken.insert(name.value.clone(), format!("{}:{line}", unit.source.path.display()))),
    }
}

fn compile_pools(pools: &Entries, unit: &mut Unit<'_>) -> BTreeMap<String, Vec<String>> {
    let mut compiled = BTreeMap::new();
    for (name, codes) in &pools.0 {
        let known = unit.outline.pools.clone();
        if !known.contains(&name.text) {
            let names: Vec<&str> = known.iter().map(String::as_str).collect();
            let message = format!("the map `{}` has no promo pool `{}`", unit.map, name.text);
            unit.fault_help("unknown-pool", &name.place, message, suggest(&name.text, &names, "pools of this map"));
            continue;
        }
        match &codes.value.0 {
            Value::Array(list) => {
                let text = |code: &Value| code.as_str().map_or_else(|| code.to_string(), str::to_owned);
                compiled.insert(name.text.clone(), list.iter().map(text).collect());
            }
            _ => unit.fault_help(
                "wrong-type",
                &codes.place,
                "a pool is a list of codes",
                "write `[CODE-1, CODE-2]`, or `[]` for a pool that is empty",
            ),
        }
    }
    compiled
}

fn compile_expectations(forms: &At<Vec<ExpectForm>>, clock: &Clock, unit: &mut Unit<'_>) -> Vec<Expectation> {
    if forms.value.is_empty() {
        unit.fault_help(
            "empty-expect",
            &forms.place,
            "the scenario expects nothing",
            "say what must be so: `- after: 1h` with `stage`, `letters`, `withheld` or `attributes`",
        );
    }
    let mut before = Timestamp::MIN;
    let mut compiled = Vec::new();
    for form in &forms.value {
        let Some(expectation) = compile_expectation(form, clock, unit) else { continue };
        if expectation.at < before {
            unit.fault_help(
                "not-in-order",
                &form.place,
                "this moment lies before that of the expectation above",
                "expectations stand in the order of time: `letters` are those since the one before",
            );
        }
        before = before.max(expectation.at);
        compiled.push(expectation);
    }
    compiled
}

fn compile_expectation(form: &ExpectForm, clock: &Clock, unit: &mut Unit<'_>) -> Option<Expectation> {
    let at = if let Some(text) = &form.nothing_sent_until {
        if form.at.is_some() || form.after.is_some() || form.letters.is_some() {
            let message = "`nothing_sent_until` stands instead of `at`, `after` and `letters`";
            unit.fault_help("two-moments", &text.place, message, "begin a new `-` for what is so at the moment itself");
        }
        clock.moment_or_span(text, unit)
    } else {
        clock.at(form.at.as_ref(), form.after.as_ref(), unit)
    };
    let here = match &form.stage {
        MaybeStage::NotSaid => None,
        MaybeStage::Outside(range) => Some((unit.map.to_owned(), None, place(range, unit))),
        MaybeStage::At(stage) => {
            unit.known_stage(stage);
            Some((unit.map.to_owned(), Some(stage.value.clone()), place(&stage.place, unit)))
        }
    };
    let mut stages: Vec<_> = here.into_iter().collect();
    stages.extend(form.stages.iter().flat_map(|stages| elsewhere(stages, unit)));
    let letters = form.letters.as_ref().map(|letters| {
        let compiled = letters.value.iter().filter_map(|letter| compile_letter(letter, clock, unit)).collect();
        (compiled, place(&letters.place, unit))
    });
    let withheld = form.withheld.as_ref().map(|letters| {
        let compiled = letters.value.iter().filter_map(|letter| compile_withheld(letter, unit)).collect();
        (compiled, place(&letters.place, unit))
    });
    let held = form.held.as_ref().map(|letters| {
        let compiled = letters.value.iter().filter_map(|letter| compile_held(letter, clock, unit)).collect();
        (compiled, place(&letters.place, unit))
    });
    let attributes = form.attributes.iter().flat_map(|attributes| compile_attributes(attributes, unit)).collect();
    Some(Expectation {
        place: place(&form.place, unit),
        at: at?,
        nothing_before: form.nothing_sent_until.is_some(),
        stages,
        letters,
        withheld,
        held,
        attributes,
    })
}

/// Stages of other maps.
fn elsewhere(stages: &Entries, unit: &mut Unit<'_>) -> Vec<(String, Option<String>, Place)> {
    let mut compiled = Vec::new();
    for (map, stage) in &stages.0 {
        let world = unit.world;
        let Some(outline) = world.maps.get(&map.text) else {
            let names: Vec<&str> = world.maps.keys().map(String::as_str).collect();
            let help = suggest(&map.text, &names, "maps");
            unit.fault_help("unknown-map", &map.place, format!("there is no map `{}`", map.text), help);
            continue;
        };
        let known = outline.stages.as_deref();
        match &stage.value.0 {
            Value::Null => compiled.push((map.text.clone(), None, place(&stage.place, unit))),
            Value::String(name) if known.is_none_or(|known| known.contains(name)) => {
                compiled.push((map.text.clone(), Some(name.clone()), place(&stage.place, unit)));
            }
            other => {
                let name = other.as_str().map_or_else(|| other.to_string(), str::to_owned);
                let names: Vec<&str> = known.unwrap_or_default().iter().map(String::as_str).collect();
                let message = format!("the map `{}` has no stage `{name}`", map.text);
                unit.fault_help("unknown-stage", &stage.place, message, suggest(&name, &names, "stages of that map"));
            }
        }
    }
    compiled
}

fn compile_letter(form: &LetterForm, clock: &Clock, unit: &mut Unit<'_>) -> Option<ExpectedLetter> {
    let texts = |form: &Option<OneOrMany>| form.iter().flat_map(|f| &f.0).map(|text| text.value.clone()).collect();
    match form {
        LetterForm::Name(letter) => {
            known_letter(letter, unit);
            Some(ExpectedLetter {
                letter: letter.value.clone(),
                place: place(&letter.place, unit),
                at: None,
                subject: Vec::new(),
                text: Vec::new(),
                html: Vec::new(),
                to: None,
                locale: None,
            })
        }
        LetterForm::More(more) => {
            let said = more.at.is_some() || more.after.is_some();
            let at = if said { clock.at(more.at.as_ref(), more.after.as_ref(), unit) } else { None };
            let letter = more.letter.0.as_ref()?;
            known_letter(letter, unit);
            Some(ExpectedLetter {
                letter: letter.value.clone(),
                place: place(&letter.place, unit),
                at,
                subject: texts(&more.subject),
                text: texts(&more.text),
                html: texts(&more.html),
                to: more.to.as_ref().map(|to| to.value.clone()),
                locale: more.locale.as_ref().map(|locale| locale.value.clone()),
            })
        }
    }
}

fn compile_withheld(form: &WithheldForm, unit: &mut Unit<'_>) -> Option<ExpectedWithheld> {
    let (letter, reason) = match form {
        WithheldForm::Name(letter) => (letter, None),
        WithheldForm::More(more) => (more.letter.0.as_ref()?, more.reason.as_ref()),
    };
    known_letter(letter, unit);
    if let Some(reason) = reason {
        known_word(reason, &WithheldReason::codes(), "reasons", "a letter is never withheld for the reason", unit);
    }
    Some(ExpectedWithheld { letter: letter.value.clone(), reason: reason.map(|reason| reason.value.clone()) })
}

fn compile_held(form: &HeldForm, clock: &Clock, unit: &mut Unit<'_>) -> Option<ExpectedHeld> {
    let (letter, until, by) = match form {
        HeldForm::Name(letter) => (letter, None, None),
        HeldForm::More(more) => (more.letter.0.as_ref()?, more.until.as_ref(), more.by.as_ref()),
    };
    known_letter(letter, unit);
    if let Some(by) = by {
        known_word(by, &LimitKind::ALL.map(LimitKind::code), "limits", "a letter never waits for a limit", unit);
    }
    Some(ExpectedHeld {
        letter: letter.value.clone(),
        until: until.and_then(|until| clock.moment_or_span(until, unit)),
        by: by.map(|by| by.value.clone()),
    })
}

fn compile_attributes(entries: &Entries, unit: &mut Unit<'_>) -> Vec<(String, Value, Place)> {
    let values = set::compile_attributes(&entries.0, "attributes", unit);
    let places: BTreeMap<&str, Place> =
        entries.0.iter().map(|(key, _)| (key.text.as_str(), place(&key.place, unit))).collect();
    values
        .into_iter()
        .filter_map(|(name, value)| Some((name.clone(), value, places.get(name.as_str())?.clone())))
        .collect()
}

fn flag(said: &At<Single>, unit: &mut Unit<'_>) -> bool {
    if let Value::Bool(flag) = said.value.0 {
        return flag;
    }
    unit.fault("wrong-type", &said.place, "expected `true` or `false`");
    false
}

/// Reports a short code that there is not.
fn known_word(word: &Text, known: &[&str], what: &str, never: &str, unit: &mut Unit<'_>) {
    if !known.contains(&word.value.as_str()) {
        // Half of a code's name is a slip as well: `gap` is `minimum_gap`.
        let part = known.iter().find(|code| code.split('_').any(|part| part == word.value));
        let help = part.map_or_else(|| suggest(&word.value, known, what), |code| format!("did you mean `{code}`?"));
        unit.fault_help("unknown-word", &word.place, format!("{never} `{}`", word.value), help);
    }
}

/// A letter of the scenario's map is known by its name, one of another map as `map/letter`.
fn known_letter(letter: &Text, unit: &mut Unit<'_>) {
    let (map, name) = letter.value.split_once('/').unwrap_or((unit.map, &letter.value));
    let world = unit.world;
    let Some(outline) = world.maps.get(map) else {
        let names: Vec<&str> = world.maps.keys().map(String::as_str).collect();
        let help = suggest(map, &names, "maps");
        return unit.fault_help("unknown-map", &letter.place, format!("there is no map `{map}`"), help);
    };
    if !outline.letters.contains(name) {
        let names: Vec<&str> = outline.letters.iter().map(String::as_str).collect();
        let message = format!("the map `{map}` has no letter `{name}`");
        let whose = if map == unit.map { "letters of this map" } else { "letters of that map" };
        let elsewhere = world.maps.iter().find(|(_, other)| other.letters.contains(name));
        let help = match elsewhere {
            Some((other, _)) => format!("the map `{other}` has one: write `{other}/{name}`"),
            None => suggest(name, &names, whose),
        };
        unit.fault_help("unknown-letter", &letter.place, message, help);
    }
}
