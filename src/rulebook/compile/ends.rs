//! How runs of a rule end and whether others follow: exits, the goal, re-entry, the longest life.

use super::Unit;
use super::wait::LONGEST;
use crate::journey::rule::{ExitEvent, Goal, GoalValue, Reenter, Trigger};
use crate::journey::spelling::suggest;
use crate::journey::time::Span;
use crate::rulebook::forms::{ExitForm, GoalForm, ReenterForm, SpanText, Text};
use crate::rulebook::read::At;

/// The longest time that a goal may take.
pub(super) const MAX_GOAL_WINDOW: Span = Span::days(366);

/// Compiles an event that ends a run.
pub(super) fn compile_exit(form: &ExitForm, unit: &mut Unit<'_>) -> Option<ExitEvent> {
    let (event, when) = match form {
        ExitForm::Kind(kind) => (Some(kind), None),
        ExitForm::When { event, when } => (event.0.as_ref(), when.as_ref()),
    };
    let condition = unit.condition_maybe(when, true);
    let event = event?;
    unit.event_kind(event);
    // Without its condition it would end more runs than it is meant to.
    (condition.is_some() == when.is_some()).then(|| ExitEvent { event: event.value.clone(), when: condition })
}

/// Compiles a goal.
pub(super) fn compile_goal(form: &GoalForm, unit: &mut Unit<'_>) -> Option<Goal> {
    let when = unit.condition_maybe(form.when.as_ref(), true);
    if let Some(event) = &form.event.0 {
        unit.event_kind(event);
    }
    let value = form.value.as_ref().and_then(|value| compile_value(value, unit));
    let within = form.within.0.as_ref()?;
    if within.value.0.is_zero() || within.value.0 > MAX_GOAL_WINDOW {
        unit.fault("out-of-range", &within.place, "a goal's window is longer than nothing and at most 366 days");
    }
    Some(Goal { event: form.event.0.as_ref()?.value.clone(), when, within: within.value.0, value })
}

fn compile_value(value: &Text, unit: &mut Unit<'_>) -> Option<GoalValue> {
    if value.value == "order.total" {
        return Some(GoalValue::OrderTotal);
    }
    if let Some(path) = path_in_event(&value.value) {
        return Some(GoalValue::Number { path });
    }
    let message = format!("a goal cannot be worth `{}`", value.value);
    let help = "write `value: order.total`, a number of the event such as `value: event.amount`, or leave it out";
    unit.fault_help("unknown-word", &value.place, message, help);
    None
}

/// `order.id` of `event.order.id`.
fn path_in_event(text: &str) -> Option<String> {
    let path = text.strip_prefix("event.").filter(|path| path.len() <= 128)?;
    let name = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
    };
    path.split('.').all(name).then(|| path.to_owned())
}

/// Compiles the longest life of a run.
pub(super) fn compile_life(life: &At<SpanText>, unit: &mut Unit<'_>) -> Option<Span> {
    if life.value.0.is_zero() {
        unit.fault("out-of-range", &life.place, "with a `max_life` of zero a run ends as soon as it begins");
        return None;
    }
    if life.value.0 > LONGEST {
        let help = "leave it out: without it a run lasts until its steps are taken";
        unit.fault_help("out-of-range", &life.place, format!("a life longer than {LONGEST} ends nothing"), help);
        return None;
    }
    Some(life.value.0)
}

/// Compiles `reenter`.
pub(super) fn compile_reenter(form: &ReenterForm, trigger: Option<&Trigger>, unit: &mut Unit<'_>) -> Option<Reenter> {
    match form {
        ReenterForm::More { after, key: Some(key), .. } => {
            let path = compile_key(key, trigger, unit)?;
            Some(Reenter::Key { path, after: after.as_ref().map(|after| after.value.0) })
        }
        ReenterForm::More { after: Some(after), .. } => Some(Reenter::After(after.value.0)),
        // What stands there is faulty, which was told.
        ReenterForm::More { .. } => None,
        ReenterForm::Word(word) => match word.value.as_str() {
            "never" => Some(Reenter::Never),
            "always" => Some(Reenter::Always),
            other => {
                let help = match other.parse::<Span>() {
                    Ok(_) => format!("write `reenter: {{after: {other}}}`"),
                    Err(_) => suggest(
                        other,
                        &["never", "always"],
                        "words that can stand here, besides `{after: 7d}` and `{key: event.order.id}`",
                    ),
                };
                unit.fault_help("unknown-word", &word.place, format!("`reenter` knows no `{other}`"), help);
                None
            }
        },
    }
}

fn compile_key(key: &Text, trigger: Option<&Trigger>, unit: &mut Unit<'_>) -> Option<String> {
    let Some(path) = path_in_event(&key.value) else {
        let message = format!("runs cannot be told apart by `{}`", key.value);
        unit.fault_help("bad-key", &key.place, message, "write a field of the event, such as `event.order.id`");
        return None;
    };
    if matches!(trigger, Some(Trigger::Stay { .. } | Trigger::Date(_) | Trigger::Cron { .. })) {
        let message = "time starts this rule: there is no event by which its runs could be told apart";
        unit.fault_help("no-event", &key.place, message, "write `reenter: always` or `{after: …}`");
    }
    Some(path)
}
