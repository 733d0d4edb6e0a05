//! What is read of events, against what begins the rule: on some way into it there may be no event, or one that says nothing of
//! the kind.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::Written;
use super::conditions::place_of;
use crate::journey::condition::Condition;
use crate::journey::errand::Datum;
use crate::journey::event::kind;
use crate::journey::rule::{Action, GoalValue, Rule, Trigger};
use crate::journey::wait::Awaited;
use crate::rulebook::diagnostic::Diagnostic;
use crate::rulebook::forms::{ExitForm, ReenterForm};
use crate::rulebook::letters::LetterFacts;

/// What happens when a rule begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Begins<'a> {
    /// Time starts it: there is no event.
    Time,
    /// A move or a condition starts it, by whatever event, or by time.
    Move,
    /// An event of this kind.
    Event(&'a str),
}

/// A way into a rule: what begins it, and the rule that enrolls in it.
type Origin<'a> = (Begins<'a>, Option<&'a str>);

/// Warns of events that are read and may not be there, or not say so much.
pub(in crate::rulebook) fn check_events(
    rules: &[Written<'_>],
    letters: &BTreeMap<String, BTreeMap<String, LetterFacts<'_>>>,
    faults: &mut Vec<Diagnostic>,
) {
    for written in rules {
        let rule = &written.rule;
        let of_map = letters.get(&rule.map);
        let mut warn = |place: &Range<usize>, message: String, help: &str| {
            faults.push(written.source.error("no-event", place, message).help(help).warning());
        };
        check_awaited(written, &mut warn);
        if asks_for_the_kind(rule) {
            continue;
        }
        let mut ways = BTreeSet::new();
        origins(rule, None, rules, &mut BTreeSet::new(), &mut ways);
        check_conditions(written, &ways, &mut warn);
        for (step, place) in rule.steps.iter().zip(&written.steps) {
            let Action::Send { letter, .. } = &step.action else { continue };
            let Some(facts) = of_map.and_then(|letters| letters.get(letter)) else { continue };
            let missing = facts.event.iter().find_map(|path| Some((path, reason(&ways, path, true)?)));
            if let Some((path, why)) = missing {
                let help = "what it reads there is empty; ask with `{% if event.… %}` or use other facts";
                warn(place, format!("the letter `{letter}` reads `{path}`, and {why}"), help);
            }
        }
    }
}

/// Conditions of the rule's own event, what webhooks say of it, and the key of its runs.
fn check_conditions(
    written: &Written<'_>,
    ways: &BTreeSet<Origin<'_>>,
    warn: &mut impl FnMut(&Range<usize>, String, &str),
) {
    const HELP: &str = "a part that cannot be told counts as false; read a fact of the customer instead";
    let Written { rule, form, .. } = written;
    let mut condition = |condition: &Condition, place: &Range<usize>| {
        if let Some((path, why)) = missing(condition.paths(), ways) {
            warn(place, format!("this condition reads `{path}`, and {why}"), HELP);
        }
    };
    for (asked, text) in [(&rule.when, &form.when), (&rule.still, &form.still)] {
        if let (Some(asked), Some(text)) = (asked, text) {
            condition(asked, &text.place);
        }
    }
    for (step, place) in rule.steps.iter().zip(&written.steps) {
        match &step.action {
            Action::Send { still: Some(still), .. } => condition(still, &place_of(written, place, still.text())),
            Action::Branch { arms, .. } => {
                for arm in arms.iter().filter_map(|(arm, _)| arm.as_ref()) {
                    condition(arm, &place_of(written, place, arm.text()));
                }
            }
            _ => {}
        }
    }
    for (step, place) in rule.steps.iter().zip(&written.steps) {
        let Action::Webhook { data, .. } = &step.action else { continue };
        let facts =
            data.iter().filter_map(|(_, datum)| if let Datum::Fact(path) = datum { Some(path.as_str()) } else { None });
        if let Some((path, why)) = missing(facts.collect(), ways) {
            warn(
                place,
                format!("this webhook tells `{path}`, and {why}"),
                "it is null then; tell a fact of the customer instead",
            );
        }
    }
    if let (Some(key), Some(ReenterForm::More { key: Some(text), .. })) = (rule.reenter.key(), &form.reenter)
        // Where time itself starts the rule, that was an error already.
        && !ways.contains(&(Begins::Time, None))
        && let Some((path, why)) = missing(vec![&format!("event.{key}")], ways)
    {
        warn(
            &text.place,
            format!("runs are told apart by `{path}`, and {why}"),
            "such an event starts nothing: take a field that it has",
        );
    }
}

/// Conditions of events that are waited for, end a run or reach the goal: the kind of each is known.
fn check_awaited(written: &Written<'_>, warn: &mut impl FnMut(&Range<usize>, String, &str)) {
    const HELP: &str = "a part that cannot be told counts as false, so this never holds";
    let Written { rule, form, .. } = written;
    let mut check = |kind: &str, when: &Option<Condition>, place: &Range<usize>| {
        let of = BTreeSet::from([(Begins::Event(kind), None)]);
        if let Some((path, why)) = when.as_ref().and_then(|when| missing(when.paths(), &of)) {
            warn(place, format!("this condition reads `{path}`, and {why}"), HELP);
        }
    };
    for (step, place) in rule.steps.iter().zip(&written.steps) {
        if let Action::Await(wait) = &step.action
            && let Awaited::Event { kind, when: Some(when) } = &wait.what
        {
            check(kind, &Some(when.clone()), &place_of(written, place, when.text()));
        }
    }
    for (exit, text) in rule.exit_on.iter().zip(form.exit_on.iter().flatten()) {
        if let ExitForm::When { when: Some(text), .. } = text {
            check(&exit.event, &exit.when, &text.place);
        }
    }
    let (Some(goal), Some(text)) = (&rule.goal, &form.goal) else { return };
    if let Some(when) = &text.when {
        check(&goal.event, &goal.when, &when.place);
    }
    if let (Some(GoalValue::OrderTotal), Some(value)) = (&goal.value, &text.value)
        && let Some(why) = lacks(Begins::Event(&goal.event), "event.order", false)
    {
        warn(
            &value.place,
            format!("the goal is worth the order's total, and {why}"),
            "take an event about an order, or a number of this one: `value: event.amount`",
        );
    }
}

/// Every way into a rule: its own trigger, and those of the rules that enroll in it.
fn origins<'a>(
    rule: &'a Rule,
    by: Option<&'a str>,
    rules: &'a [Written<'_>],
    seen: &mut BTreeSet<&'a str>,
    ways: &mut BTreeSet<Origin<'a>>,
) {
    if !seen.insert(&rule.id) {
        return;
    }
    let begins = match &rule.trigger {
        Trigger::Event { kind } => Begins::Event(kind),
        Trigger::Call => Begins::Event(kind::RULE_CALLED),
        Trigger::Stay { .. } | Trigger::Date(_) | Trigger::Cron { .. } => Begins::Time,
        Trigger::Enter { .. }
        | Trigger::Leave { .. }
        | Trigger::Join { .. }
        | Trigger::Quit { .. }
        | Trigger::Becomes { .. } => Begins::Move,
    };
    ways.insert((begins, by));
    let enrolls = |other: &Rule| {
        other.steps.iter().any(|step| matches!(&step.action, Action::Enroll { rule: id } if *id == rule.id))
    };
    for other in rules.iter().map(|written| &written.rule).filter(|other| enrolls(other)) {
        origins(other, Some(by.unwrap_or(&other.id)), rules, seen, ways);
    }
}

/// Whether a rule's conditions tell kinds of events apart: then it knows what it reads.
fn asks_for_the_kind(rule: &Rule) -> bool {
    let arms = rule.steps.iter().flat_map(|step| match &step.action {
        Action::Branch { arms, .. } => arms.iter().filter_map(|(arm, _)| arm.as_ref()).collect(),
        _ => Vec::new(),
    });
    let mut conditions = rule.when.iter().chain(arms);
    conditions.any(|condition| condition.paths().into_iter().any(|path| path == "event.kind" || path == "event"))
}

/// The first of these names that some way into the rule lacks for certain, and why.
fn missing<'p>(paths: Vec<&'p str>, ways: &BTreeSet<Origin<'_>>) -> Option<(&'p str, String)> {
    paths.into_iter().find_map(|path| Some((path, reason(ways, path, false)?)))
}

fn reason(ways: &BTreeSet<Origin<'_>>, path: &str, doubtful: bool) -> Option<String> {
    ways.iter().find_map(|(begins, by)| {
        let why = lacks(*begins, path, doubtful)?;
        Some(match by {
            Some(by) => format!("where `{by}` enrolls in this rule, {why}"),
            None => why,
        })
    })
}

/// Why a name of the event is not there when a rule begins like this; with `doubtful`, also where it only may not be.
fn lacks(begins: Begins<'_>, path: &str, doubtful: bool) -> Option<String> {
    let mut parts = path.split('.');
    if parts.next() != Some("event") {
        return None;
    }
    let kind = match begins {
        Begins::Time => return Some("time starts this rule: there is no event".to_owned()),
        Begins::Move => {
            let why = "any event may bring what starts this rule, or time alone";
            return doubtful.then(|| why.to_owned());
        }
        Begins::Event(kind) => kind,
    };
    let family = kind.split('.').next().unwrap_or_default();
    let (about, has) = match parts.next() {
        Some("order") => ("an order", family == "order"),
        Some("cart") => ("a cart", family == "cart"),
        _ => return None,
    };
    // Of kinds of the shop's own nobody knows what they bring along.
    (kind::KNOWN.contains(&kind) && !has).then(|| format!("`{kind}` is not about {about}"))
}
