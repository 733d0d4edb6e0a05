//! Conditions that leave nothing open: arms that are never taken, rules whose own condition shuts out whom they are for.

use std::ops::Range;

use super::Written;
use crate::journey::book::Shop;
use crate::journey::condition::{Condition, possible};
use crate::journey::facts::Scope;
use crate::journey::map::JourneyMap;
use crate::journey::rule::{Action, Trigger};
use crate::rulebook::diagnostic::Diagnostic;

/// Most arms of a branch that are held against one another.
const MOST_ARMS: usize = 20;

/// Warns of what a rule's conditions make impossible together.
pub(in crate::rulebook) fn check_conditions(
    written: &Written<'_>,
    map: Option<&JourneyMap>,
    shop: &Shop,
    faults: &mut Vec<Diagnostic>,
) {
    check_arms(written, faults);
    let mut needed = at_start(written, map);
    if needed.iter().any(|(condition, _)| condition.always() == Some(false)) {
        // That is told where it is written.
        return;
    }
    let place = whole(written);
    let when = written.form.when.as_ref().map_or(place.clone(), |when| when.place.clone());
    if !possible(&needed) {
        let message = "this rule can never run: its `when` and where it belongs never hold together";
        let fault = written.source.error("never-runs", &when, message).warning();
        faults.push(fault.help("look at the conditions of its stage and at the segment of its map"));
        return;
    }
    check_consent(written, shop, &mut needed, &when, faults);
}

/// What must hold when the rule starts.
fn at_start<'a>(written: &'a Written<'_>, map: Option<&'a JourneyMap>) -> Vec<(&'a Condition, bool)> {
    let rule = &written.rule;
    let mut needed: Vec<(&Condition, bool)> = rule.when.iter().map(|when| (when, true)).collect();
    let left = matches!(rule.trigger, Trigger::Leave { .. });
    let Some(map) = map.filter(|_| !left) else { return needed };
    needed.extend(map.segment.iter().map(|segment| (segment, true)));
    if let Trigger::Cron { segment: Some(segment), .. } = &rule.trigger {
        needed.push((segment, true));
    }
    // Where a map limits its moves, customers stay where a stage's own condition no longer holds.
    let free = map.stages.iter().all(|stage| stage.moves.is_none());
    let stage = rule.stage.as_ref().filter(|_| free).and_then(|id| map.stages.iter().find(|stage| stage.id == *id));
    needed.extend(stage.map(|stage| (&stage.enter, true)));
    needed
}

/// A rule whose condition leaves only those who may not be written to.
fn check_consent(
    written: &Written<'_>,
    shop: &Shop,
    needed: &mut Vec<(&Condition, bool)>,
    place: &Range<usize>,
    faults: &mut Vec<Diagnostic>,
) {
    let purpose = &written.rule.purpose;
    if !written.rule.steps.iter().any(|step| matches!(step.action, Action::Send { .. })) {
        return;
    }
    let scope = Scope { purposes: vec![purpose.clone()], ..Scope::default() };
    let fact = format!("consent.{purpose}");
    let (text, wanted) = if shop.assumed_purposes.contains(purpose) {
        (format!("{fact} == false"), false)
    } else {
        (format!("{fact} == true"), true)
    };
    let Ok(consent) = Condition::compile(&text, &scope) else { return };
    let mut needed: Vec<(&Condition, bool)> = std::mem::take(needed);
    needed.push((&consent, wanted));
    if !possible(&needed) {
        let message =
            format!("every letter of this rule is withheld: its conditions leave nobody who agreed to `{purpose}`");
        let fault = written.source.error("no-consent", place, message).warning();
        faults.push(fault.help("drop that part of the condition, or give the rule another `purpose`"));
    }
}

/// Arms that are never taken, because one before them always is, or because their condition rules itself out.
fn check_arms(written: &Written<'_>, faults: &mut Vec<Diagnostic>) {
    for (step, place) in written.rule.steps.iter().zip(&written.steps) {
        let Action::Branch { arms, .. } = &step.action else { continue };
        if arms.len() > MOST_ARMS {
            continue;
        }
        let mut before: Vec<(&Condition, bool)> = Vec::new();
        for (condition, _) in arms {
            let mut wanted = before.clone();
            wanted.extend(condition.iter().map(|condition| (condition, true)));
            // An arm that never holds by itself is told where its condition is written.
            let by_itself = condition.as_ref().is_some_and(|condition| condition.always() == Some(false));
            if !by_itself && !possible(&wanted) {
                let (message, at) = match condition {
                    Some(condition) => (
                        format!("this arm is never taken: an arm before it is, whenever `{}` holds", condition.text()),
                        place_of(written, place, condition.text()),
                    ),
                    None => ("the `else` is never taken: the arms before it leave nobody".to_owned(), place.clone()),
                };
                let fault = written.source.error("unreachable-arm", &at, message).warning();
                faults.push(fault.help("arms are asked in order: put the narrower one first, or remove this one"));
            }
            before.extend(condition.iter().map(|condition| (condition, false)));
        }
    }
}

/// Where a condition stands inside a step, as far as its text is written there as it is.
pub(super) fn place_of(written: &Written<'_>, step: &Range<usize>, condition: &str) -> Range<usize> {
    let inside = written.source.text.get(step.clone()).unwrap_or_default();
    inside.rfind(condition).map_or(step.clone(), |at| step.start + at..step.start + at + condition.len())
}

fn whole(written: &Written<'_>) -> Range<usize> {
    written.form.rule.0.as_ref().map_or(0..0, |id| id.place.clone())
}
