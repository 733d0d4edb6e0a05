//! Stages that nobody reaches and rules that never run.

use std::collections::BTreeSet;

use super::Written;
use crate::journey::condition::Condition;
use crate::journey::event::kind;
use crate::journey::map::JourneyMap;
use crate::journey::rule::{Action, Reenter, Trigger};
use crate::rulebook::diagnostic::Diagnostic;
use crate::rulebook::forms::{ConditionsForm, MapForm, Text};
use crate::rulebook::source::Source;

fn is(condition: &Condition, word: &str) -> bool {
    condition.text().trim() == word
}

/// Reports stages that nobody can be at, and returns them. A customer is at the last stage whose `enter` holds, so a stage
/// before one that always holds is empty, unless the map's `moves` keep customers back.
pub(in crate::rulebook) fn check_map(
    map: &JourneyMap,
    form: &MapForm,
    source: &Source,
    faults: &mut Vec<Diagnostic>,
) -> BTreeSet<String> {
    let mut empty = BTreeSet::new();
    let free = map.stages.iter().all(|stage| stage.moves.is_none());
    let always = map.stages.iter().rposition(|stage| is(&stage.enter, "true")).filter(|_| free);
    let written = form.stages.0.iter().flat_map(|stages| &stages.value);
    for (index, (stage, form)) in map.stages.iter().zip(written).enumerate() {
        let Some(enter) = &form.enter.0 else { continue };
        if is(&stage.enter, "false") {
            empty.insert(stage.id.clone());
            let message = format!("nobody is ever at the stage `{}`: its condition is false", stage.id);
            faults.push(source.error("unreachable-stage", &enter.place, message));
        } else if let Some(later) = always.filter(|later| index < *later).and_then(|later| map.stages.get(later)) {
            empty.insert(stage.id.clone());
            let message =
                format!("nobody is ever at the stage `{}`: the later stage `{}` always holds", stage.id, later.id);
            let fault = source.error("unreachable-stage", &enter.place, message);
            faults.push(
                fault.help("a customer is at the last stage whose `enter` holds: order the stages from wide to narrow"),
            );
        }
    }
    if let (Some(segment), Some(written)) = (&map.segment, &form.segment)
        && is(segment, "false")
    {
        faults.push(source.error("empty-segment", &written.place, "nobody belongs to this map: its segment is false"));
    }
    empty
}

/// Reports why a rule can never run, or never get anywhere. `empty` are the stages of its map that nobody reaches.
pub(in crate::rulebook) fn check_rule(
    written: &Written<'_>,
    map: Option<&JourneyMap>,
    empty: &BTreeSet<String>,
    faults: &mut Vec<Diagnostic>,
) {
    let Written { source, form, rule, .. } = written;
    let mut never = |place: &std::ops::Range<usize>, why: String| {
        faults.push(source.error("never-runs", place, format!("this rule can never run: {why}")));
    };
    let on = form.on.0.as_ref();
    let on_stage: Option<&Text> = on.and_then(|on| on.enter.as_ref().or(on.leave.as_ref()).or(on.stay.as_ref()));
    for stage in form.stage.iter().chain(on_stage).filter(|stage| empty.contains(&stage.value)) {
        never(&stage.place, format!("nobody is ever at the stage `{}`", stage.value));
    }
    if let (Some(segment), Some(on)) = (map.and_then(|map| map.segment.as_ref()), on)
        && is(segment, "false")
    {
        never(&on.place, format!("nobody belongs to the map `{}`", rule.map));
    }
    for (condition, text) in [(&rule.when, &form.when)] {
        if let (Some(condition), Some(text)) = (condition, text)
            && is(condition, "false")
        {
            never(&text.place, "its `when` is false".into());
        }
    }
    // Of a stage that there is not, that is told, and nothing follows from it.
    let there = |stage: &Text| map.is_some_and(|map| map.stages.iter().any(|known| known.id == stage.value));
    if let (Some(stage), Some(on_stage)) = (form.stage.as_ref().filter(|stage| there(stage)), on_stage)
        && there(on_stage)
    {
        check_stage_of_trigger(&rule.trigger, stage, on_stage, &mut never);
    }
    match (&rule.trigger, on) {
        (Trigger::Becomes { condition }, Some(on)) => {
            for word in ["true", "false"].into_iter().filter(|word| is(condition, word)) {
                let place = on.becomes.as_ref().map_or(&on.place, |text| &text.place);
                never(place, format!("a condition that is always {word} never becomes true"));
            }
        }
        (Trigger::Cron { segment: Some(segment), .. }, Some(on)) if is(segment, "false") => {
            let place = on.segment.as_ref().map_or(&on.place, |text| &text.place);
            never(place, "its segment is false".into());
        }
        _ => {}
    }
    for text in form.exit_when.iter().flat_map(ConditionsForm::all).filter(|text| text.value.trim() == "true") {
        never(&text.place, "it ends as soon as it begins".into());
    }
    check_deleted(written, faults);
    check_yearly(written, faults);
}

/// What comes every year and runs once in a life is hardly meant.
fn check_yearly(written: &Written<'_>, faults: &mut Vec<Diagnostic>) {
    let yearly = matches!(&written.rule.trigger, Trigger::Date(date) if date.yearly);
    if let Some(on) = written.form.on.0.as_ref().filter(|_| yearly && written.rule.reenter == Reenter::Never) {
        let message = "the date comes every year, but a customer runs this rule once in a life";
        let fault = written.source.error("runs-once", &on.place, message).warning();
        faults.push(fault.help("write `reenter: {after: 300d}`, or `always`"));
    }
}

fn check_stage_of_trigger(
    trigger: &Trigger,
    stage: &Text,
    on_stage: &Text,
    never: &mut impl FnMut(&std::ops::Range<usize>, String),
) {
    let (at, by) = (&stage.value, &on_stage.value);
    match trigger {
        Trigger::Enter { .. } | Trigger::Stay { .. } if at != by => {
            never(&stage.place, format!("a customer who is at `{by}` is not at `{at}`"));
        }
        Trigger::Leave { .. } if at == by => {
            never(&stage.place, format!("a customer who has left `{by}` is not at it"));
        }
        _ => {}
    }
}

/// To a customer who is deleted nothing is sent any more.
fn check_deleted(written: &Written<'_>, faults: &mut Vec<Diagnostic>) {
    let Trigger::Event { kind } = &written.rule.trigger else { return };
    let sends = written.rule.steps.iter().any(|step| matches!(step.action, Action::Send { .. }));
    if kind == kind::CUSTOMER_DELETED && sends {
        let place = written.form.on.0.as_ref().map_or(0..0, |on| on.place.clone());
        let message = "nothing is sent to a customer who is deleted, so the letters of this rule are always withheld";
        faults.push(written.source.error("never-sends", &place, message).warning());
    }
}
