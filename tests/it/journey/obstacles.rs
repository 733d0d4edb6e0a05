//! What explaining says of a rule is what happens: told and tried side by side.

use milepost::journey::advance::{Input, advance};
use milepost::journey::book::Rulebook;
use milepost::journey::customer::Customer;
use milepost::journey::effect::Effect;
use milepost::journey::explain::explain;

use crate::support::{arrival, at, cart, event, rulebook};

const NOW: &str = "2026-03-10T09:00:00Z";

/// A rule of its own group is under way, and the rule that is looked at has run if its trigger is `cart.updated`.
fn anna(book: &Rulebook) -> Customer {
    let mut state = Customer::new("anna", at("2026-03-01T00:00:00Z"));
    for event in [
        arrival(at("2026-03-01T00:00:00Z")),
        event("quiz.begun", at("2026-03-02T00:00:00Z")),
        cart(at("2026-03-05T00:00:00Z"), 12_000),
    ] {
        state = advance(book, state, &Input::Event(&event), event.received_at).state;
    }
    state
}

#[test]
fn what_stands_in_the_way_is_what_a_refusal_says() {
    let quiz = "rule: quiz\non: {event: quiz.begun}\ngroup: talk\npriority: 2\nsteps: [{wait: 30d}, {send: hello}]\n";
    for (keys, expected) in [
        ("", None),
        ("when: cart.total > 100", None),
        ("when: cart.total > 500", Some("condition_false")),
        ("stage: buyer", Some("not_at_stage")),
        ("group: talk", Some("group_taken")),
        ("group: talk\npriority: 2", Some("group_taken")),
        ("group: talk\npriority: 3", None),
        ("reenter: never", Some("never_again")),
        ("reenter: {after: 30d}", Some("not_again_yet")),
        ("reenter: {after: 2d}", None),
    ] {
        let again = if keys.contains("reenter") { "" } else { "reenter: always\n" };
        let rule = format!("rule: r\non: {{event: cart.updated}}\n{again}{keys}\nsteps: [{{send: hello}}]\n");
        let book = rulebook(&[quiz, &rule]);
        let state = anna(&book);
        let told = explain(&book, &book.rules["r"], &state, false, at(NOW));
        let done = advance(&book, state, &Input::Event(&cart(at(NOW), 13_000)), at(NOW));
        let decided = done.effects.into_iter().find_map(|effect| match effect {
            Effect::Decided(decision) if decision.rule == "r" && decision.about == "trigger" => Some(decision),
            _ => None,
        });
        let decided = decided.unwrap_or_else(|| panic!("{keys}: nothing was decided"));
        match (&told.could_start, expected) {
            (Ok(()), None) => assert_eq!(decided.outcome, "enrolled", "{keys}"),
            (Err(obstacles), Some(code)) => {
                assert_eq!(decided.outcome, code, "{keys}");
                assert_eq!(obstacles[0], decided.note, "{keys}");
            }
            (could, _) => panic!("{keys}: {could:?}, and it came to {}", decided.outcome),
        }
    }
}

#[test]
fn whoever_leaves_a_stage_need_not_be_there() {
    let rule = "rule: r\non: {leave: cart}\nsteps: [{send: hello}]\n";
    let book = rulebook(&[rule]);
    let told = explain(&book, &book.rules["r"], &anna(&book), false, at(NOW));
    assert_eq!(told.could_start, Ok(()));
}

#[test]
fn a_group_that_is_taken_is_told_with_what_would_free_it() {
    let quiz = "rule: quiz\non: {event: quiz.begun}\ngroup: talk\nsteps: [{wait: 30d}, {send: hello}]\n";
    let book = rulebook(&[quiz, "rule: r\non: {event: quiz.done}\ngroup: talk\nsteps: [{send: hello}]\n"]);
    let told = explain(&book, &book.rules["r"], &anna(&book), false, at(NOW));
    assert_eq!(told.would_start_if, ["the event quiz.done comes", "the run of the rule quiz is over"]);
}
