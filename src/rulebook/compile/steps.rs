//! Steps of a file flattened into a program with stable ids.
//!
//! Invariants: an id that is written stays whatever changes around it; an id that is made depends on the step's kind and
//! argument and on how many of the same come before it, so adding other steps moves nobody.

use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::Value;

use super::Unit;
use super::errand::{compile_crm, compile_webhook};
use super::promo::compile_promo;
use super::wait::compile_wait;
use crate::journey::facts::Type;
use crate::journey::rule::{Action, Step, Wait, WaitZone};
use crate::journey::spelling::suggest;
use crate::journey::time::Timestamp;
use crate::rulebook::forms::{ActionForm, ArmForm, Single, StepForm, Text};
use crate::rulebook::read::At;
use crate::rulebook::yaml::Key;

/// Flattens steps; the second list holds the place in the file of each step of the first.
pub(super) fn flatten(forms: &[StepForm], event: bool, unit: &mut Unit<'_>) -> (Vec<Step>, Vec<Range<usize>>) {
    let mut program = Program { steps: Vec::new(), places: Vec::new(), taken: BTreeSet::new(), event };
    program.reserve(forms, unit);
    program.block(forms, unit);
    (program.steps, program.places)
}

struct Program {
    steps: Vec<Step>,
    places: Vec<Range<usize>>,
    taken: BTreeSet<String>,
    event: bool,
}

/// Whether a block of steps always ends the run, so that nothing after it is reached.
#[derive(Clone, Copy, PartialEq)]
enum Flow {
    GoesOn,
    Ends,
}

impl Program {
    /// Takes the written ids first, so that no made one collides with them.
    fn reserve(&mut self, forms: &[StepForm], unit: &mut Unit<'_>) {
        for form in forms {
            if let Some(id) = &form.id
                && unit.sound_id(id)
                && !self.taken.insert(id.value.clone())
            {
                unit.fault("duplicate-step", &id.place, format!("the step `{}` is there already", id.value));
            }
            if let ActionForm::Branch(arms) = &form.action {
                for arm in &arms.value {
                    self.reserve(&arm.steps, unit);
                }
            }
        }
    }

    fn block(&mut self, forms: &[StepForm], unit: &mut Unit<'_>) -> Flow {
        let mut flow = Flow::GoesOn;
        let mut told = false;
        for form in forms {
            if flow == Flow::Ends && !told {
                let message = "this step is never reached: the run has ended before it";
                unit.fault_help("unreachable-step", &form.place, message, "remove it, or the `exit` above it");
                told = true;
            }
            if self.step(form, unit) == Flow::Ends {
                flow = Flow::Ends;
            }
        }
        flow
    }

    fn step(&mut self, form: &StepForm, unit: &mut Unit<'_>) -> Flow {
        let written = form.id.as_ref().map(|id| id.value.as_str());
        match &form.action {
            ActionForm::Send(letter) => {
                known(letter, &unit.outline.letters.clone(), "unknown-letter", "letter", "letters of this map", unit);
                let action = Action::Send { letter: letter.value.clone() };
                self.push(written, &format!("send-{}", letter.value), action, form);
            }
            ActionForm::Promo(pool) => {
                if let Some((pool, when_empty)) = compile_promo(pool, unit) {
                    self.push(written, &format!("promo-{pool}"), Action::Promo { pool, when_empty }, form);
                }
            }
            ActionForm::Wait(wait) => {
                if let Some(wait) = compile_wait(wait, unit) {
                    self.push(written, &wait_name(&wait), Action::Wait(wait), form);
                }
            }
            ActionForm::Set(entries) => {
                let attributes = compile_set(entries, unit);
                let name = attributes.iter().fold("set".to_owned(), |name, (key, _)| format!("{name}-{key}"));
                self.push(written, &name, Action::Set { attributes }, form);
            }
            ActionForm::Webhook(webhook) => {
                if let Some((to, data)) = compile_webhook(webhook, self.event, unit) {
                    self.push(written, &format!("webhook-{to}"), Action::Webhook { to, data }, form);
                }
            }
            ActionForm::Crm(change) => {
                if let Some(change) = compile_crm(change, unit) {
                    self.push(written, &format!("crm-{}", change.connection), Action::Crm(change), form);
                }
            }
            ActionForm::Exit => {
                self.push(written, "exit", Action::Exit, form);
                return Flow::Ends;
            }
            ActionForm::Branch(arms) => return self.branch(written, arms, form, unit),
            ActionForm::Broken => {}
        }
        Flow::GoesOn
    }

    fn branch(&mut self, id: Option<&str>, arms: &At<Vec<ArmForm>>, form: &StepForm, unit: &mut Unit<'_>) -> Flow {
        check_arms(arms, unit);
        let head = self.push(id, "branch", Action::Branch { arms: Vec::new(), otherwise: 0 }, form);
        let mut targets = Vec::new();
        let mut jumps = Vec::new();
        let mut every_arm_ends = true;
        for (index, arm) in arms.value.iter().enumerate() {
            let condition = arm.condition.as_ref().map(|text| unit.condition(text, self.event));
            let start = self.steps.len();
            let flow = self.block(&arm.steps, unit);
            every_arm_ends &= flow == Flow::Ends;
            if flow == Flow::GoesOn && index + 1 < arms.value.len() {
                jumps.push(self.push(None, "jump", Action::Jump { to: 0 }, form));
            }
            match condition {
                None => targets.push((None, start)),
                Some(Some(condition)) => targets.push((Some(condition), start)),
                Some(None) => {}
            }
        }
        let end = self.steps.len();
        for jump in jumps {
            self.steps[jump].action = Action::Jump { to: end };
        }
        self.steps[head].action = Action::Branch { arms: targets, otherwise: end };
        let total = arms.value.iter().any(|arm| arm.condition.is_none());
        if total && every_arm_ends { Flow::Ends } else { Flow::GoesOn }
    }

    fn push(&mut self, written: Option<&str>, made: &str, action: Action, form: &StepForm) -> usize {
        let id = match written {
            Some(id) => id.to_owned(),
            None => self.free(made),
        };
        self.steps.push(Step { id, action });
        self.places.push(form.place.clone());
        self.steps.len() - 1
    }

    /// `wait-1h`, then `wait-1h-2`, `wait-1h-3`, …
    fn free(&mut self, made: &str) -> String {
        let mut id = made.to_owned();
        let mut number = 1;
        while !self.taken.insert(id.clone()) {
            number += 1;
            id = format!("{made}-{number}");
        }
        id
    }
}

pub(super) fn known(
    name: &Text,
    known: &BTreeSet<String>,
    code: &'static str,
    what: &str,
    all: &str,
    unit: &mut Unit<'_>,
) {
    if !known.contains(&name.value) {
        let names: Vec<&str> = known.iter().map(String::as_str).collect();
        let message = format!("the map `{}` has no {what} `{}`", unit.map, name.value);
        unit.fault_help(code, &name.place, message, suggest(&name.value, &names, all));
    }
}

fn check_arms(arms: &At<Vec<ArmForm>>, unit: &mut Unit<'_>) {
    if arms.value.is_empty() {
        unit.fault("empty-steps", &arms.place, "a branch needs at least one arm");
    }
    let last = arms.value.len().saturating_sub(1);
    for (index, arm) in arms.value.iter().enumerate() {
        if arm.condition.is_none() && index < last {
            unit.fault_help(
                "unreachable-step",
                &arm.place,
                "the arms after an `else` are never reached",
                "put it last",
            );
        }
        if arm.steps.is_empty() && arm.condition.is_none() {
            unit.warn("empty-steps", &arm.place, "this `else` does nothing", "leave it out");
        }
    }
}

fn wait_name(wait: &Wait) -> String {
    let mut name = "wait".to_owned();
    if !wait.span.is_zero() {
        name = format!("{name}-{}", wait.span.to_string().replace(' ', "-"));
    }
    if let Some(day) = wait.weekday {
        name = format!("{name}-{}", day.to_string().to_lowercase());
    }
    if let Some(at) = wait.at {
        name = format!("{name}-{}", at.format("%H%M"));
    }
    if wait.zone == WaitZone::Customer { format!("{name}-customer") } else { name }
}

fn compile_set(entries: &At<Vec<(Key, At<Single>)>>, unit: &mut Unit<'_>) -> Vec<(String, Value)> {
    if entries.value.is_empty() {
        unit.fault("empty-steps", &entries.place, "`set` sets nothing");
    }
    let mut settable = unit.world.scope(false).names("customer").unwrap_or_default();
    settable.remove("id");
    let names: Vec<&str> = settable.keys().map(String::as_str).collect();
    let mut out = Vec::new();
    for (key, value) in &entries.value {
        let Some(kind) = settable.get(&key.text) else {
            let help = suggest(&key.text, &names, "attributes that can be set (your own go into attributes.yaml)");
            unit.fault_help("unknown-attribute", &key.place, format!("there is no attribute `{}`", key.text), help);
            continue;
        };
        if let Some(value) = of_type(&value.value.0, *kind) {
            out.push((key.text.clone(), value));
        } else {
            let message = format!("`{}` is of the type {}, and this is not", key.text, kind.word());
            unit.fault("wrong-type", &value.place, message);
        }
    }
    out
}

/// A moment as facts hold it: text whose order is the order of time.
fn moment(at: Timestamp) -> Value {
    Value::String(at.utc().format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string())
}

/// The value as its type stores it; `None` if it is of another type. `null` empties any attribute.
pub(super) fn of_type(value: &Value, kind: Type) -> Option<Value> {
    match (kind, value) {
        (_, Value::Null)
        | (Type::Any, _)
        | (Type::Text, Value::String(_))
        | (Type::Number, Value::Number(_))
        | (Type::Bool, Value::Bool(_))
        | (Type::List, Value::Array(_)) => Some(value.clone()),
        (Type::Text, Value::Number(number)) => Some(Value::String(number.to_string())),
        (Type::Time, Value::String(text)) => Timestamp::parse_rfc3339(text).map(moment),
        _ => None,
    }
}
