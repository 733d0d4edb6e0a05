//! A map's segments: each is compiled after those that it names, so that it holds their conditions.

use std::collections::{BTreeMap, BTreeSet};

use super::Unit;
use crate::journey::condition::{Condition, named_segments};
use crate::journey::facts::Scope;
use crate::journey::segment::Segment;
use crate::journey::spelling::suggest;
use crate::rulebook::attributes::is_name;
use crate::rulebook::forms::{SegmentForm, SegmentsForm, Text};
use crate::rulebook::yaml::Key;

/// Most segments of one map.
const MAX_SEGMENTS: usize = 500;

/// One segment that is not compiled yet.
struct Waiting<'f> {
    key: &'f Key,
    form: &'f SegmentForm,
    condition: &'f Text,
    /// Segments of this file that it names.
    names: BTreeSet<String>,
}

/// Compiles the segments of a map: those that are sound, and under every name that is taken a condition to go on with.
pub(in crate::rulebook) fn compile_segments(
    form: &SegmentsForm,
    unit: &mut Unit<'_>,
) -> (Vec<Segment>, BTreeMap<String, Condition>) {
    let declared: BTreeSet<&str> = form.0.iter().take(MAX_SEGMENTS).map(|(key, _)| key.text.as_str()).collect();
    let mut scope = Scope { segments: Some(BTreeMap::new()), ..unit.world.scope(false) };
    // A segment with a fault must not make every condition that names it faulty too.
    let stand_in = Condition::compile("false", &scope).ok();
    let mut segments = Vec::new();
    let mut waiting = Vec::new();
    if let Some((key, _)) = form.0.get(MAX_SEGMENTS) {
        unit.fault("too-many-segments", &key.place, format!("a map has {MAX_SEGMENTS} segments at most"));
    }
    for (key, form) in form.0.iter().take(MAX_SEGMENTS) {
        if !is_name(&key.text) {
            let message = format!("`{}` cannot be the name of a segment", key.text);
            let help = "use lower-case letters, digits and `_`, beginning with a letter";
            unit.fault_help("bad-id", &key.place, message, help);
        }
        match &form.condition.0 {
            Some(condition) => {
                let mut names = named_segments(&condition.value);
                names.retain(|name| declared.contains(name.as_str()));
                waiting.push(Waiting { key, form, condition, names });
            }
            None => add(&mut scope, &key.text, stand_in.clone()),
        }
    }
    // What it names must be known when it is compiled, and everything else by then, so that a slip of the keys is told.
    loop {
        let ready = |one: &Waiting<'_>| one.names.iter().all(|name| known(&scope, name));
        let (now, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(ready);
        waiting = later;
        if now.is_empty() {
            break;
        }
        for one in now {
            let condition = unit.condition_in(one.condition, &scope);
            if let Some(condition) = condition.clone() {
                segments.push(Segment {
                    map: unit.map.to_owned(),
                    name: one.key.text.clone(),
                    description: one.form.description.clone(),
                    condition,
                });
            }
            add(&mut scope, &one.key.text, condition.or_else(|| stand_in.clone()));
        }
    }
    for one in &waiting {
        if let Some(circle) = circle(&one.key.text, &waiting) {
            let message = format!("the segment `{}` is made of itself: {}", one.key.text, circle.join(" → "));
            unit.fault_help("segment-circle", &one.condition.place, message, "write one of them without the others");
        }
        add(&mut scope, &one.key.text, stand_in.clone());
    }
    (segments, scope.segments.unwrap_or_default())
}

fn known(scope: &Scope, name: &str) -> bool {
    scope.segments.as_ref().is_some_and(|segments| segments.contains_key(name))
}

fn add(scope: &mut Scope, name: &str, condition: Option<Condition>) {
    if let (Some(segments), Some(condition)) = (&mut scope.segments, condition) {
        segments.insert(name.to_owned(), condition);
    }
}

/// The way from a segment back to itself, if there is one.
fn circle(from: &str, waiting: &[Waiting<'_>]) -> Option<Vec<String>> {
    let names = |name: &str| waiting.iter().find(|one| one.key.text == name).map(|one| &one.names);
    let mut before: BTreeMap<&str, &str> = BTreeMap::new();
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        for next in names(at).into_iter().flatten() {
            if next == from {
                let back = std::iter::successors(Some(at), |name| before.get(name).copied());
                let mut way: Vec<String> = back.map(|name| format!("`{name}`")).collect();
                way.reverse();
                way.push(format!("`{from}`"));
                return Some(way);
            }
            if !before.contains_key(next.as_str()) {
                before.insert(next, at);
                open.push(next);
            }
        }
    }
    None
}

impl Unit<'_> {
    /// Reports a segment, under the key `way`, that the rule's map does not have. Silent when their file could not be read.
    pub(super) fn known_segment(&mut self, way: &str, segment: &Text) {
        let Some(segments) = &self.outline.segments else { return };
        if segments.contains_key(&segment.value) {
            return;
        }
        let known: Vec<&str> = segments.keys().map(String::as_str).collect();
        let help = match segment.value.strip_prefix("segment.").filter(|name| segments.contains_key(*name)) {
            Some(name) => format!("write `{way}: {name}`: `segment.` stands in conditions only"),
            None => suggest(&segment.value, &known, "segments of this map (they stand in its segments.yaml)"),
        };
        let message = format!("the map `{}` has no segment `{}`", self.map, segment.value);
        self.fault_help("unknown-segment", &segment.place, message, help);
    }
}
