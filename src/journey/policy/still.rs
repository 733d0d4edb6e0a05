//! What must still hold when a letter is planned and when it leaves: the rule's `still`, and the letter's own.

use super::{Letter, Verdict};
use crate::journey::book::Rulebook;
use crate::journey::condition::{Condition, Facts, Part};
use crate::journey::customer::Customer;
use crate::journey::effect::WithheldReason;
use crate::journey::rule::{Action, Rule};
use crate::journey::time::Timestamp;

/// Asks what must still hold: of every letter of the rule, and of this one.
pub(super) fn ask_still(
    verdict: &mut Verdict,
    book: &Rulebook,
    customer: &Customer,
    rule: &Rule,
    letter: &Letter<'_>,
    now: Timestamp,
) {
    let facts = still_facts(book, customer, letter, now);
    let mut asked = still_conditions(rule, letter).peekable();
    if asked.peek().is_none() {
        return;
    }
    let failed = asked.find(|condition| !condition.evaluate(facts).holds);
    let note = failed.map_or_else(
        || "what must still hold holds".to_owned(),
        |condition| {
            let parts = condition.trace(facts);
            let said = parts.iter().map(|part| format!("{} is {} ({})", part.text, part.result, part.facts.join(", ")));
            format!("does not hold any more: {}", said.collect::<Vec<_>>().join("; "))
        },
    );
    verdict.ask("still", note, failed.map(|_| WithheldReason::Stale));
}

/// The parts of what must still hold, for people.
pub(in crate::journey) fn still_parts(
    book: &Rulebook,
    customer: &Customer,
    rule: &Rule,
    letter: &Letter<'_>,
    now: Timestamp,
) -> Vec<Part> {
    let facts = still_facts(book, customer, letter, now);
    still_conditions(rule, letter).flat_map(|condition| condition.trace(facts)).collect()
}

fn still_conditions<'a>(rule: &'a Rule, letter: &Letter<'_>) -> impl Iterator<Item = &'a Condition> {
    let step = rule.position(letter.step).and_then(|at| rule.steps.get(at));
    let own = step.and_then(|step| if let Action::Send { still, .. } = &step.action { still.as_ref() } else { None });
    rule.still.iter().chain(own)
}

fn still_facts<'a>(book: &Rulebook, customer: &'a Customer, letter: &Letter<'a>, now: Timestamp) -> Facts<'a> {
    let event = letter.inputs.get("event").filter(|event| !event.is_null());
    let facts = Facts::new(customer, event, now, book.shop.zone);
    letter.inputs.as_object().map_or(facts, |captured| facts.beside(captured))
}
