//! Steps of a file flattened into a program with stable ids.
//!
//! Invariants: an id that is written stays whatever changes around it; an id that is made depends on the step's kind and
//! argument and on how many of the same come before it, so adding other steps moves nobody.

use std::collections::BTreeSet;
use std::ops::Range;

use super::Unit;
use super::errand::{compile_crm, compile_webhook};
use super::promo::compile_promo;
use super::set::{Compiled, compile_set};
use super::split::{compile_pick, compile_shares};
use super::wait::{Ends, compile_wait, name};
use crate::journey::rule::{Action, SplitArm, Step};
use crate::journey::spelling::suggest;
use crate::journey::time::Span;
use crate::journey::wait::Await;
use crate::rulebook::forms::{ActionForm, ArmForm, SplitForm, StepForm, Text, WaitForm};
use crate::rulebook::read::At;

/// The longest note.
const MAX_NOTE: usize = 1_000;

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

/// Arms side by side in the program.
struct Fan {
    /// Where each begins.
    starts: Vec<usize>,
    /// Where they end.
    end: usize,
    /// Whether none of them goes on behind.
    every_arm_ends: bool,
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
            for steps in form.action.nested() {
                self.reserve(steps, unit);
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
            ActionForm::Send(send) => {
                let still = send.still.as_ref().and_then(|still| unit.still(still, self.event));
                let Some(letter) = &send.letter.0 else { return Flow::GoesOn };
                known(letter, &unit.outline.letters.clone(), "unknown-letter", "letter", "letters of this map", unit);
                let action = Action::Send { letter: letter.value.clone(), still };
                self.push(written, &format!("send-{}", letter.value), action, form);
            }
            ActionForm::Promo(pool) => {
                if let Some((pool, when_empty)) = compile_promo(pool, unit) {
                    self.push(written, &format!("promo-{pool}"), Action::Promo { pool, when_empty }, form);
                }
            }
            ActionForm::Wait(wait) => return self.wait(written, wait, form, unit),
            ActionForm::Set(set) => {
                let Compiled { attributes, tags, refuse } = compile_set(set, unit);
                let names = attributes.iter().map(|(key, _)| key.as_str());
                let names = names.chain((!tags.is_empty()).then_some("tags"));
                let names = names.chain((!refuse.is_empty()).then_some("consent"));
                let name = names.fold("set".to_owned(), |name, key| format!("{name}-{key}"));
                self.push(written, &name, Action::Set { attributes, tags, refuse }, form);
            }
            ActionForm::Enroll(rule) => {
                unit.other_rule(rule, "a run of this rule is under way already", "leave the step out");
                self.push(
                    written,
                    &format!("enroll-{}", rule.value),
                    Action::Enroll { rule: rule.value.clone() },
                    form,
                );
            }
            ActionForm::Leave(rule) => {
                unit.other_rule(rule, "a rule leaves itself by `exit`", "write `exit`");
                self.push(written, &format!("leave-{}", rule.value), Action::Leave { rule: rule.value.clone() }, form);
            }
            ActionForm::Note(text) => {
                check_note(text, unit);
                self.push(written, "note", Action::Note { text: text.value.clone() }, form);
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
            ActionForm::Split(split) => return self.split(written, split, form, unit),
            ActionForm::Broken => {}
        }
        Flow::GoesOn
    }

    fn branch(&mut self, id: Option<&str>, arms: &At<Vec<ArmForm>>, form: &StepForm, unit: &mut Unit<'_>) -> Flow {
        check_arms(arms, unit);
        let head = self.push(id, "branch", Action::Branch { arms: Vec::new(), otherwise: 0 }, form);
        let conditions: Vec<_> =
            arms.value.iter().map(|arm| arm.condition.as_ref().map(|text| unit.condition(text, self.event))).collect();
        let blocks: Vec<&[StepForm]> = arms.value.iter().map(|arm| arm.steps.as_slice()).collect();
        let fan = self.fan(&blocks, form, unit);
        // An arm whose condition is at fault is left out.
        let targets = conditions.into_iter().zip(fan.starts).filter_map(|(condition, start)| match condition {
            None => Some((None, start)),
            Some(condition) => condition.map(|condition| (Some(condition), start)),
        });
        self.steps[head].action = Action::Branch { arms: targets.collect(), otherwise: fan.end };
        let total = arms.value.iter().any(|arm| arm.condition.is_none());
        if total && fan.every_arm_ends { Flow::Ends } else { Flow::GoesOn }
    }

    fn split(&mut self, id: Option<&str>, split: &SplitForm, form: &StepForm, unit: &mut Unit<'_>) -> Flow {
        let shares = compile_shares(split, unit);
        let pick = split.pick_winner.as_ref().and_then(|pick| compile_pick(pick, unit));
        let head = self.push(id, "split", Action::Split { arms: Vec::new(), pick }, form);
        let blocks: Vec<&[StepForm]> = split.arms.iter().map(|arm| arm.steps.as_slice()).collect();
        let fan = self.fan(&blocks, form, unit);
        let arms = shares.into_iter().zip(fan.starts).filter_map(|(arm, to)| {
            let (name, share) = arm?;
            Some(SplitArm { name, share, to })
        });
        self.steps[head].action = Action::Split { arms: arms.collect(), pick };
        if !blocks.is_empty() && fan.every_arm_ends { Flow::Ends } else { Flow::GoesOn }
    }

    fn wait(&mut self, id: Option<&str>, wait: &WaitForm, form: &StepForm, unit: &mut Unit<'_>) -> Flow {
        let compiled = compile_wait(wait, self.event, unit);
        let made = compiled.as_ref().map(name).unwrap_or_default();
        let head = self.steps.len();
        let (what, up_to) = match compiled {
            Some(Ends::At(wait)) => {
                self.push(id, &made, Action::Wait(wait), form);
                return Flow::GoesOn;
            }
            Some(Ends::When(what, up_to)) => {
                self.push(id, &made, Action::Jump { to: head + 1 }, form);
                (Some(what), up_to)
            }
            None => (None, Span::ZERO),
        };
        // The steps of a wait that is at fault are looked at all the same.
        let written: Vec<&[StepForm]> =
            [&wait.then, &wait.timeout].into_iter().flatten().map(|steps| steps.value.as_slice()).collect();
        let fan = self.fan(&written, form, unit);
        if let Some(what) = what {
            let then = fan.starts.first().copied().filter(|_| wait.then.is_some()).unwrap_or(fan.end);
            let timeout = fan.starts.last().copied().filter(|_| wait.timeout.is_some()).unwrap_or(fan.end);
            self.steps[head].action = Action::Await(Box::new(Await { what, up_to, then, timeout }));
        }
        if written.len() == 2 && fan.every_arm_ends { Flow::Ends } else { Flow::GoesOn }
    }

    /// Flattens arms that lie side by side: whichever is taken goes on behind the last.
    fn fan(&mut self, arms: &[&[StepForm]], form: &StepForm, unit: &mut Unit<'_>) -> Fan {
        let mut fan = Fan { starts: Vec::new(), end: 0, every_arm_ends: true };
        let mut jumps = Vec::new();
        for (index, steps) in arms.iter().enumerate() {
            fan.starts.push(self.steps.len());
            let flow = self.block(steps, unit);
            fan.every_arm_ends &= flow == Flow::Ends;
            if flow == Flow::GoesOn && index + 1 < arms.len() {
                jumps.push(self.push(None, "jump", Action::Jump { to: 0 }, form));
            }
        }
        fan.end = self.steps.len();
        for jump in jumps {
            self.steps[jump].action = Action::Jump { to: fan.end };
        }
        fan
    }

    fn push(&mut self, written: Option<&str>, made: &str, action: Action, form: &StepForm) -> usize {
        let id = match written {
            Some(id) => id.to_owned(),
            None => self.free(made),
        };
        self.steps.push(Step { id, made: written.is_none().then(|| made.to_owned()), action });
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

fn check_note(text: &Text, unit: &mut Unit<'_>) {
    if text.value.trim().is_empty() {
        unit.fault_help("empty-steps", &text.place, "the note says nothing", "leave it out");
    } else if text.value.len() > MAX_NOTE {
        unit.fault("out-of-range", &text.place, format!("a note may be {MAX_NOTE} bytes long at most"));
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
