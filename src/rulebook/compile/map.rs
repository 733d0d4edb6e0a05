//! A map's file as a journey map.

use std::collections::BTreeSet;

use super::Unit;
use super::limits::attention;
use crate::journey::map::{JourneyMap, Stage};
use crate::journey::spelling::suggest;
use crate::rulebook::forms::{MapForm, StageForm, Text};

/// Compiles a map; `None` when something it needs is missing or wrong.
pub(in crate::rulebook) fn compile_map(form: &MapForm, unit: &mut Unit<'_>) -> Option<JourneyMap> {
    let folder = unit.map;
    if let Some(id) = &form.map.0 {
        if id.value == folder {
            unit.sound_id(id);
        } else {
            let message = format!("the map is called `{}` but its folder `{folder}`", id.value);
            unit.fault_help("map-name", &id.place, message, format!("write `map: {folder}` or rename the folder"));
        }
    }
    let segment = unit.condition_maybe(form.segment.as_ref(), false);
    let attention = attention(form.limits.as_ref(), form.holdout.as_ref(), None, unit);
    let sender = form.sender.as_ref().map(|sender| unit.known_sender(sender));
    let stages = form.stages.0.as_ref()?;
    if stages.value.is_empty() {
        unit.fault("no-stages", &stages.place, "a map needs at least one stage");
    }
    let ids: Vec<String> = stages.value.iter().filter_map(|s| s.id.0.as_ref()).map(|id| id.value.clone()).collect();
    let mut seen = BTreeSet::new();
    let wanted = stages.value.len();
    let stages: Vec<Stage> =
        stages.value.iter().filter_map(|stage| compile_stage(stage, &ids, &mut seen, unit)).collect();
    (stages.len() == wanted).then(|| JourneyMap {
        id: folder.to_owned(),
        title: form.title.clone().unwrap_or_else(|| folder.to_owned()),
        purpose: form.purpose.clone(),
        persona: form.persona.clone(),
        segment,
        review_every: form.review_every.as_ref().map(|span| span.0),
        sender,
        track: form.track,
        attention,
        stages,
    })
}

fn compile_stage(form: &StageForm, ids: &[String], seen: &mut BTreeSet<String>, unit: &mut Unit<'_>) -> Option<Stage> {
    let enter = form.enter.0.as_ref().and_then(|enter| unit.condition(enter, false));
    if let Some(moves) = &form.moves {
        check_moves(moves, ids, unit);
    }
    if let Some(customer) = form.customer.as_ref().filter(|c| !(-2..=2).contains(&c.value.emotion)) {
        let message = format!("an emotion goes from -2 to 2, not {}", customer.value.emotion);
        unit.fault("out-of-range", &customer.place, message);
    }
    if let Some(targets) = &form.targets
        && targets.value.conversion.is_some_and(|share| !(0.0..=1.0).contains(&share))
    {
        let help = "write a share: a quarter of the customers is `0.25`";
        unit.fault_help("out-of-range", &targets.place, "a conversion goes from 0 to 1", help);
    }
    let id = form.id.0.as_ref()?;
    unit.sound_id(id);
    if !seen.insert(id.value.clone()) {
        unit.fault("duplicate-stage", &id.place, format!("the stage `{}` is there already", id.value));
    }
    Some(Stage {
        title: form.title.as_ref().unwrap_or(&id.value).clone(),
        id: id.value.clone(),
        enter: enter?,
        moves: form.moves.as_ref().map(|moves| moves.iter().map(|stage| stage.value.clone()).collect()),
        customer: form.customer.as_ref().map(|c| c.value.clone()).unwrap_or_default(),
        company: form.company.clone().unwrap_or_default(),
        touchpoints: form.touchpoints.clone(),
        barriers: form.barriers.clone(),
        targets: form.targets.as_ref().map(|t| t.value.clone()).unwrap_or_default(),
    })
}

fn check_moves(moves: &[Text], ids: &[String], unit: &mut Unit<'_>) {
    let known: Vec<&str> = ids.iter().map(String::as_str).collect();
    for stage in moves.iter().filter(|stage| !ids.contains(&stage.value)) {
        let help = suggest(&stage.value, &known, "stages of this map");
        unit.fault_help("unknown-stage", &stage.place, format!("there is no stage `{}`", stage.value), help);
    }
}
