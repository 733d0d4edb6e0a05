//! What becomes of customers in the middle of a rule when the rules change. The table is that of docs/changing-rules.md.

use std::sync::Arc;

use milepost::journey::advance::{Input, advance, handed_over};
use milepost::journey::book::{Rulebook, Shop};
use milepost::journey::customer::Customer;
use milepost::journey::effect::Effect;
use milepost::journey::event::Phase;
use milepost::journey::policy;
use milepost::journey::time::Timestamp;

use crate::support::{arrival, at, book_with, event, order, rulebook};

/// What letters of rules without `still` bring along.
const NOTHING: policy::Letter<'_> = policy::Letter { step: "", inputs: &serde_json::Value::Null };

/// A run of it waits at `wait-1d` when the rules change.
const SLOW: &str = "{rule: slow, on: {event: customer.created}, exit_on: [a.done],
    goal: {event: order.created, within: 3d}, steps: [{send: first}, {wait: 1d}, {send: second}]}";
const OTHER: &str = "{rule: other, on: {event: a.b}, steps: [{send: other}]}";

/// A rulebook that comes into force after others.
fn after(rules: &[&str], earlier: &[&Rulebook]) -> Rulebook {
    let mut book = rulebook(rules);
    for before in earlier {
        book.earlier.insert(before.hash.clone(), Arc::new((*before).clone()));
    }
    book
}

struct Story {
    customer: Customer,
    told: Vec<String>,
}

impl Story {
    /// Anna comes, and her run waits.
    fn begin(book: &Rulebook) -> Self {
        let mut story = Self { customer: Customer::new("c1", at("2026-03-10T08:00:00Z")), told: Vec::new() };
        story.take(book, &Input::Event(&arrival(at("2026-03-10T09:00:00Z"))), at("2026-03-10T09:00:00Z"));
        assert_eq!(std::mem::take(&mut story.told), ["first"]);
        story
    }

    fn take(&mut self, book: &Rulebook, input: &Input<'_>, now: Timestamp) {
        let done = advance(book, std::mem::take(&mut self.customer), input, now);
        self.customer = done.state;
        self.told.extend(done.effects.iter().filter_map(|effect| match effect {
            Effect::MessagePlanned(planned) => Some(planned.letter.clone()),
            Effect::Enrolled { rule, .. } if rule != "slow" => Some(format!("{rule} begins")),
            Effect::Ended { reason, .. } => Some(reason.code().to_owned()),
            Effect::Converted { .. } => Some("converted".into()),
            Effect::MessageCancelled { .. } => Some("cancelled".into()),
            _ => None,
        }));
    }

    fn change(&mut self, book: &Rulebook) {
        self.take(book, &Input::Rulebook, at("2026-03-10T12:00:00Z"));
    }

    fn wait(&mut self, book: &Rulebook, until: &str) -> Vec<String> {
        self.take(book, &Input::Due, at(until));
        std::mem::take(&mut self.told)
    }
}

/// What a run does from the change on, with `on_change: exit` and with `on_change: finish`.
#[test]
fn every_change_of_a_rule_under_people() {
    let steps = "[{send: first}, {wait: 1d}, {send: second}]";
    for (change, rules, on_exit, on_finish) in
        [
            ("another rule comes", vec![SLOW.to_owned(), OTHER.to_owned()], "second finished", "second finished"),
            (
                "a step is added behind them",
                vec![SLOW.replace("{send: first}", "{send: zero}, {send: first}")],
                "second finished",
                "second finished",
            ),
            (
                "a step is added before them",
                vec![SLOW.replace("{send: second}", "{send: second}, {send: third}")],
                "second third finished",
                "second third finished",
            ),
            (
                "a step before them is changed",
                vec![SLOW.replace("{send: second}", "{send: other}")],
                "other finished",
                "other finished",
            ),
            (
                "the step they wait at is removed",
                vec![SLOW.replace(steps, "[{send: first}, {send: second}]")],
                "rule_gone cancelled",
                "second finished",
            ),
            (
                "the step they wait at is changed",
                vec![SLOW.replace("{wait: 1d}", "{wait: 2d}")],
                "rule_gone cancelled",
                "second finished",
            ),
            (
                "the step they wait at keeps its id and is changed",
                vec![SLOW.replace("{wait: 1d}", "{id: wait-1d, wait: 2d}")],
                "second finished",
                "second finished",
            ),
            (
                "the step they wait at is renamed",
                vec![SLOW.replace("{wait: 1d}", "{id: pause, wait: 1d}")],
                "rule_gone cancelled",
                "second finished",
            ),
            (
                "the rule is renamed",
                vec![SLOW.replace("rule: slow", "rule: slower")],
                "rule_gone cancelled",
                "second finished",
            ),
            (
                "the same step is added behind and before them",
                vec![SLOW.replace(
                    steps,
                    "[{wait: 1d}, {send: first}, {wait: 1d}, {send: second}, {wait: 1d}, {send: third}]",
                )],
                "second third finished",
                "second third finished",
            ),
            ("the rule is deleted", vec![OTHER.to_owned()], "rule_gone cancelled", "second finished"),
        ]
    {
        for (word, expected) in [("exit", on_exit), ("finish", on_finish)] {
            let says = |rule: &str| rule.replace("{rule: slow", &format!("{{on_change: {word}, rule: slow"));
            let before = rulebook(&[&says(SLOW)]);
            let rules: Vec<String> = rules.iter().map(|rule| says(rule)).collect();
            let now = after(&rules.iter().map(String::as_str).collect::<Vec<_>>(), &[&before]);
            let mut story = Story::begin(&before);
            story.change(&now);
            // The customer was made to stand under the new one, whatever became of the run.
            assert_eq!(story.customer.rulebook, now.hash);
            let told = story.wait(&now, "2026-03-15T09:00:00Z").join(" ");
            assert_eq!(told, expected, "{change}, on_change: {word}");
            assert_eq!(story.customer.enrollments, []);
        }
    }
}

/// Ids that are made shift where the same step comes before; nobody takes a step again because of it.
#[test]
fn nobody_goes_back_where_made_ids_shift() {
    let two = |first: &str| {
        SLOW.replace("{wait: 1d}", first).replace("{send: second}", "{send: second}, {wait: 2d}, {send: third}")
    };
    let before = rulebook(&[&two("{wait: 1d}")]);
    let now = after(&[&two("{wait: 2d}")], &[&before]);
    let mut story = Story::begin(&before);
    assert_eq!(story.wait(&before, "2026-03-11T09:00:00Z"), ["second"]);
    assert_eq!(story.customer.enrollments[0].step, "wait-2d");
    story.take(&now, &Input::Rulebook, at("2026-03-11T12:00:00Z"));
    assert_eq!(story.customer.enrollments[0].step, "wait-2d-2");
    assert_eq!(story.wait(&now, "2026-03-15T09:00:00Z"), ["third", "finished"]);
    // Back again: the same the other way round.
    let again = after(&[&two("{wait: 1d}")], &[&before, &now]);
    let mut story = Story::begin(&now);
    assert_eq!(story.wait(&now, "2026-03-12T09:00:00Z"), ["second"]);
    story.take(&again, &Input::Rulebook, at("2026-03-12T12:00:00Z"));
    assert_eq!(story.wait(&again, "2026-03-15T09:00:00Z"), ["third", "finished"]);
}

#[test]
fn what_is_written_now_decides_and_of_a_rule_that_is_gone_what_was_written_last() {
    let finish = |rule: &str| rule.replace("{rule: slow", "{on_change: finish, rule: slow");
    let shorter = SLOW.replace("{wait: 1d}, ", "");
    for (before, now, expected) in [
        (SLOW.to_owned(), finish(&shorter), "second finished"),
        (finish(SLOW), shorter.clone(), "rule_gone cancelled"),
        (finish(SLOW), OTHER.to_owned(), "second finished"),
    ] {
        let before = rulebook(&[&before]);
        let now = after(&[&now], &[&before]);
        let mut story = Story::begin(&before);
        story.change(&now);
        assert_eq!(story.wait(&now, "2026-03-15T09:00:00Z").join(" "), expected);
    }
}

fn finishing() -> (Rulebook, Rulebook) {
    let before = rulebook(&[&SLOW.replace("{rule: slow", "{on_change: finish, rule: slow")]);
    let now = after(&[OTHER], &[&before]);
    (before, now)
}

#[test]
fn a_run_that_finishes_ends_as_its_rule_says() {
    let (before, now) = finishing();
    let mut story = Story::begin(&before);
    story.change(&now);
    assert_eq!(story.customer.earlier().into_iter().collect::<Vec<_>>(), [before.hash.as_str()]);
    let done = event("a.done", at("2026-03-10T13:00:00Z"));
    story.take(&now, &Input::Event(&done), at("2026-03-10T13:00:00Z"));
    assert_eq!(story.told, ["exit_event", "cancelled"]);
    assert!(story.customer.earlier().is_empty());
}

#[test]
fn letters_and_goals_of_a_run_that_finishes_stay_its_own() {
    let (before, now) = finishing();
    let mut story = Story::begin(&before);
    let first = story.customer.pending[0].message.clone();
    story.change(&now);
    let moment = at("2026-03-10T12:00:01Z");
    assert_eq!(policy::at_sending(&now, &story.customer, &first, &NOTHING, false, moment).withhold, None);
    handed_over(&now, &mut story.customer, &first, moment);
    assert_eq!(story.wait(&now, "2026-03-11T09:00:00Z"), ["second", "finished"]);
    let second = story.customer.pending[0].message.clone();
    let moment = at("2026-03-11T09:00:01Z");
    assert_eq!(
        policy::at_sending(&now, &story.customer, &second, &NOTHING, false, moment).withhold,
        None,
        "the run is over"
    );
    assert_eq!(story.customer.earlier().len(), 1, "its letter is not");
    let bought = order("order.created", at("2026-03-11T10:00:00Z"), "1", Phase::Open, 4_990);
    story.take(&now, &Input::Event(&bought), at("2026-03-11T10:00:00Z"));
    assert_eq!(story.told, ["cancelled", "converted"], "the goal ends what is on its way, as it always does");
}

#[test]
fn a_letter_without_a_run_goes_as_its_rule_says() {
    for (word, withheld) in [("exit", true), ("finish", false)] {
        let one =
            format!("{{rule: one, on_change: {word}, on: {{event: customer.created}}, steps: [{{send: first}}]}}");
        let before = rulebook(&[&one]);
        let now = after(&[OTHER], &[&before]);
        let mut customer = Customer::new("c1", at("2026-03-10T08:00:00Z"));
        let came = arrival(at("2026-03-10T09:00:00Z"));
        customer = advance(&before, customer, &Input::Event(&came), came.received_at).state;
        customer = advance(&now, customer, &Input::Rulebook, at("2026-03-10T12:00:00Z")).state;
        let message = customer.pending[0].message.clone();
        let verdict = policy::at_sending(&now, &customer, &message, &NOTHING, false, at("2026-03-10T12:00:00Z"));
        assert_eq!(verdict.withhold.is_some(), withheld, "{word}");
    }
}

#[test]
fn changes_follow_each_other() {
    let (before, now) = finishing();
    let mut story = Story::begin(&before);
    story.change(&now);
    // One more change elsewhere: it goes on finishing under the first.
    let third = after(&["{rule: more, on: {event: a.b}, steps: [{send: more}]}"], &[&before, &now]);
    story.change(&third);
    assert_eq!(story.customer.enrollments[0].rulebook, before.hash);
    let mut back = story.customer.clone();
    assert_eq!(story.wait(&third, "2026-03-15T09:00:00Z"), ["second", "finished"]);
    // The rule comes back with its step: the run goes on with it.
    let again = after(&[&SLOW.replace("{send: second}", "{send: anew}")], &[&before, &third]);
    back = advance(&again, back, &Input::Rulebook, at("2026-03-10T12:00:00Z")).state;
    assert_eq!(back.enrollments[0].rulebook, again.hash);
    let mut story = Story { customer: back, told: Vec::new() };
    assert_eq!(story.wait(&again, "2026-03-15T09:00:00Z"), ["anew", "finished"]);
}

#[test]
fn without_its_archive_a_run_ends() {
    let (before, mut now) = finishing();
    now.earlier.clear();
    let mut story = Story::begin(&before);
    story.change(&now);
    assert_eq!(story.wait(&now, "2026-03-15T09:00:00Z"), ["rule_gone", "cancelled"]);
}

#[test]
fn what_a_change_does_is_dated_when_it_came_if_nothing_was_to_happen_before() {
    let map = |enter: &str| {
        format!("map: shop\nstages:\n  - {{id: known, enter: 'true'}}\n  - {{id: named, enter: \"{enter}\"}}\n")
    };
    let book = |enter: &str| book_with(&map(enter), &[SLOW], Shop::default()).rulebook;
    let before = book("customer.first_name == 'Olga'");
    let mut story = Story::begin(&before);
    let mut now = book("customer.first_name == 'Anna'");
    now.earlier.insert(before.hash.clone(), Arc::new(before.clone()));
    story.change(&now);
    assert_eq!(story.customer.stages["shop"].since, at("2026-03-10T12:00:00Z"));
    // The wait was over before anybody looked: it ends at its own time, under rules that were not in force then.
    let mut late = Story::begin(&before);
    late.take(&now, &Input::Rulebook, at("2026-03-12T12:00:00Z"));
    assert_eq!(late.told, ["second", "finished"]);
    assert_eq!(late.customer.pending[1].planned_at, at("2026-03-11T09:00:00Z"));
}
