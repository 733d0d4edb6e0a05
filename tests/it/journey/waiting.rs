//! Runs that wait for something to happen: an event or a condition, each with its time-out.

use milepost::journey::advance::Input;
use milepost::journey::customer::Customer;
use milepost::journey::event::{Event, Phase};
use milepost::journey::explain::explain;
use milepost::journey::merge::merge;
use serde_json::json;

use super::story::Story;
use crate::support::{arrival, at, cart, event, order, rulebook};

const PAID: &str = "
rule: paid
on: {event: order.created}
reenter: always
purpose: transactional
steps:
  - wait:
      event: order.paid
      up_to: 3d
      then: [{send: thanks}]
      timeout: [{send: please-pay}, exit]
  - send: after
";

fn paid(moment: &str, order_id: &str) -> Event {
    let mut paid = order("order.paid", at(moment), order_id, Phase::Open, 500);
    paid.order.as_mut().expect("an order").paid = Some(true);
    paid
}

#[test]
fn an_event_that_comes_in_time_takes_its_branch() {
    let mut story = Story::new(&[PAID]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z")));
    story.hear(&order("order.created", at("2026-03-01T09:00:00Z"), "1", Phase::Open, 500));
    assert_eq!(story.customer.due_at(), Some(at("2026-03-04T09:00:00Z")));
    story.told.clear();
    story.hear(&paid("2026-03-02T09:00:00Z", "1")).tells(&[
        "paid: met",
        "thanks at 2026-03-02T09:00:00Z",
        "after at 2026-03-02T09:00:00Z",
        "paid ends: finished",
    ]);
    assert_eq!(story.customer.due_at(), None);
}

#[test]
fn when_the_time_is_over_the_other_branch_is_taken() {
    let mut story = Story::new(&[PAID]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z")));
    story.hear(&order("order.created", at("2026-03-01T09:00:00Z"), "1", Phase::Open, 500));
    story.told.clear();
    story.wait_until("2026-03-05T00:00:00Z").tells(&[
        "paid: timeout",
        "please-pay at 2026-03-04T09:00:00Z",
        "paid ends: exit_step",
    ]);
    story.hear(&paid("2026-03-05T09:00:00Z", "1")).tells(&[]);
}

#[test]
fn what_happened_before_the_wait_or_too_long_ago_does_not_count() {
    let rule = "{rule: w, on: {event: customer.created}, steps: [{wait: 2d}, {wait: {event: quiz.done, up_to: 9d, then: [{send: yes}], timeout: [{send: no}]}}]}";
    let mut story = Story::new(&[rule]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z")));
    let done = |happened: &str, came: &str| Event { received_at: at(came), ..event("quiz.done", at(happened)) };
    // During the wait before it, and heard of then or only later.
    story.hear(&done("2026-03-02T08:00:00Z", "2026-03-02T08:00:00Z"));
    story.wait_until("2026-03-03T08:00:00Z");
    story.told.clear();
    story.hear(&done("2026-03-03T07:59:59Z", "2026-03-03T09:00:00Z")).tells(&[]);
    // After its beginning, but older than `max_age` when heard of.
    story.hear(&done("2026-03-03T09:00:00Z", "2026-03-04T09:00:01Z")).tells(&[]);
    story.hear(&done("2026-03-04T08:00:00Z", "2026-03-04T10:00:00Z")).tells(&[
        "w: met",
        "yes at 2026-03-04T10:00:00Z",
        "w ends: finished",
    ]);
}

#[test]
fn a_condition_on_the_awaited_event_reads_that_event() {
    let rule = "{rule: w, on: {event: order.created}, purpose: transactional, steps: [{wait: {event: order.created, when: 'event.order.total >= 50', up_to: 9d}}, {branch: [{if: 'event.order.total < 50', then: [{send: was-small}]}]}]}";
    let mut story = Story::new(&[rule]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z")));
    // The event that begins a run is not the one it waits for.
    story.hear(&order("order.created", at("2026-03-01T09:00:00Z"), "1", Phase::Open, 500));
    story.hear(&order("order.created", at("2026-03-02T09:00:00Z"), "2", Phase::Open, 4_999));
    story.told.clear();
    story.hear(&order("order.created", at("2026-03-03T09:00:00Z"), "3", Phase::Open, 5_000)).tells(&[
        "w: met",
        "was-small at 2026-03-03T09:00:00Z",
        "w ends: finished",
        "w: never_again",
    ]);
}

#[test]
fn one_input_is_seen_in_the_order_in_which_it_happened_and_once() {
    // Paid when it is first heard of: created, then paid, in one event.
    let rule = "{rule: both, on: {event: order.created}, reenter: always, purpose: transactional, steps: [{wait: {event: order.paid, up_to: 3d}}, {send: paid}, {wait: {event: order.paid, up_to: 3d, then: [{send: again}], timeout: [{send: once}]}}]}";
    let mut story = Story::new(&[rule]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z")));
    story.told.clear();
    let mut first = paid("2026-03-01T10:00:00Z", "1");
    first.order.as_mut().expect("an order").created_at = Some(at("2026-03-01T09:00:00Z"));
    story.hear(&first).tells(&["known -> buyer", "both begins", "both: met", "paid at 2026-03-01T10:00:00Z"]);
    story.hear(&first).tells(&[]);
    story.wait_until("2026-03-04T10:00:00Z").tells(&[
        "both: timeout",
        "once at 2026-03-04T10:00:00Z",
        "both ends: finished",
    ]);
}

#[test]
fn an_exit_comes_before_what_is_waited_for() {
    let rule = "{rule: w, on: {event: customer.created}, exit_on: [order.created], steps: [{wait: {event: order.created, up_to: 9d}}, {send: no}]}";
    let mut story = Story::new(&[rule]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z")));
    story.told.clear();
    story
        .hear(&order("order.created", at("2026-03-02T09:00:00Z"), "1", Phase::Open, 500))
        .tells(&["w ends: exit_event", "known -> buyer"]);
}

const QUIET: &str = "
rule: quiet
on: {event: order.created}
reenter: always
purpose: transactional
steps:
  - wait:
      condition: \"older_than(orders.last_at, '10d') || cart.total >= 50\"
      up_to: 30d
      then: [{send: now}]
      timeout: [{send: never}]
";

#[test]
fn a_condition_lets_a_run_go_on_at_the_very_moment_it_turns_true() {
    let mut story = Story::new(&[QUIET]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z")));
    story.hear(&order("order.created", at("2026-03-01T09:00:00Z"), "1", Phase::Open, 500));
    assert_eq!(story.customer.due_at(), Some(at("2026-03-11T09:00:00Z")), "the flip is an exact timer");
    // Another order moves the flip.
    story.hear(&order("order.created", at("2026-03-05T09:00:00Z"), "2", Phase::Open, 500));
    assert_eq!(story.customer.due_at(), Some(at("2026-03-15T09:00:00Z")));
    story.told.clear();
    story.wait_until("2026-03-20T00:00:00Z").tells(&[
        "quiet: met",
        "now at 2026-03-15T09:00:00Z",
        "quiet ends: finished",
    ]);
    // By an event.
    story.hear(&order("order.created", at("2026-03-21T09:00:00Z"), "3", Phase::Open, 500));
    story.told.clear();
    story.hear(&cart(at("2026-03-22T09:00:00Z"), 5_000)).tells(&[
        "buyer -> cart",
        "quiet: met",
        "now at 2026-03-22T09:00:00Z",
        "quiet ends: finished",
    ]);
    // At once, where it holds already.
    story.hear(&order("order.created", at("2026-03-23T09:00:00Z"), "4", Phase::Open, 500)).tells(&[
        "quiet begins",
        "quiet: met",
        "now at 2026-03-23T09:00:00Z",
        "quiet ends: finished",
    ]);
}

#[test]
fn a_condition_that_never_holds_ends_by_its_time_out() {
    let rule = "{rule: w, on: {event: customer.created}, steps: [{wait: {condition: 'orders.count > 0', up_to: 2d, timeout: [{send: no}]}}, {send: after}]}";
    let mut story = Story::new(&[rule]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z")));
    story.told.clear();
    story.wait_until("2026-03-09T00:00:00Z").tells(&[
        "w: timeout",
        "no at 2026-03-03T08:00:00Z",
        "after at 2026-03-03T08:00:00Z",
        "w ends: finished",
    ]);
}

#[test]
fn a_condition_that_turns_true_as_the_time_ends_is_in_time() {
    let rule = "{rule: w, on: {event: order.created}, purpose: transactional, steps: [{wait: {condition: \"older_than(orders.last_at, '2d')\", up_to: 2d, then: [{promo: codes}, {send: yes}], timeout: [{send: no}]}}]}";
    let mut story = Story::new(&[rule]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z")));
    story.hear(&order("order.created", at("2026-03-01T09:00:00Z"), "1", Phase::Open, 500));
    story.told.clear();
    story.wait_until("2026-03-09T00:00:00Z").tells(&[
        "w: met",
        "code of codes wanted",
        "yes at 2026-03-03T09:00:00Z",
        "w ends: finished",
    ]);
}

#[test]
fn explain_tells_what_a_run_waits_for() {
    let mut story = Story::new(&[PAID]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z")));
    story.hear(&order("order.created", at("2026-03-01T09:00:00Z"), "1", Phase::Open, 500));
    let told = explain(&story.book, &story.book.rules["paid"], &story.customer, false, at("2026-03-02T00:00:00Z"));
    let running = told.running.expect("a run");
    assert_eq!(running.waits_for.as_deref(), Some("the event order.paid"));
    assert_eq!(running.wakes_at, Some(at("2026-03-04T09:00:00Z")));
}

#[test]
fn a_changed_rule_is_waited_for_from_then_on() {
    let mut story = Story::new(&[
        "{rule: w, on: {event: customer.created}, steps: [{id: rest, wait: {condition: 'orders.count > 5', up_to: 9d}}, {promo: codes}, {send: on}]}",
    ]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z")));
    story.told.clear();
    story.book = rulebook(&[
        "{rule: w, on: {event: customer.created}, steps: [{id: rest, wait: {condition: 'orders.count == 0', up_to: 9d}}, {promo: codes}, {send: on}]}",
    ]);
    story.take(&Input::Rulebook, at("2026-03-02T08:00:00Z")).tells(&[
        "w: met",
        "code of codes wanted",
        "on at 2026-03-02T08:00:00Z",
        "w ends: finished",
    ]);
    // A wait that became another kind of wait keeps its end; a plain step in its place is taken then.
    for changed in
        ["{id: rest, wait: 1h}", "{id: rest, wait: {event: order.paid, up_to: 2d}}", "{id: rest, send: other}"]
    {
        let mut story = Story::new(&[
            "{rule: w, on: {event: customer.created}, steps: [{id: rest, wait: {condition: 'orders.count > 5', up_to: 9d}}, {wait: 1d}, {send: on}]}",
        ]);
        story.hear(&arrival(at("2026-03-01T08:00:00Z")));
        story.book = rulebook(&[&format!(
            "{{rule: w, on: {{event: customer.created}}, steps: [{changed}, {{wait: 1d}}, {{send: on}}]}}"
        )]);
        story.take(&Input::Rulebook, at("2026-03-02T08:00:00Z"));
        story.told.clear();
        story.wait_until("2026-03-20T08:00:00Z");
        let last = story.told.iter().rev().nth(1).cloned();
        assert_eq!(last.as_deref(), Some("on at 2026-03-11T08:00:00Z"), "{changed}: {:?}", story.told);
    }
}

#[test]
fn a_merge_brings_the_order_that_was_waited_for() {
    let rule = "{rule: w, on: {event: customer.created}, steps: [{wait: {event: order.created, up_to: 9d, then: [{send: yes}], timeout: [{send: no}]}}]}";
    let mut story = Story::new(&[rule]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z")));
    let mut other = Story::new(&[]);
    other.customer = Customer::new("c2", at("2026-03-01T00:00:00Z"));
    other.hear(&order("order.created", at("2026-03-02T09:00:00Z"), "1", Phase::Open, 500));
    let merged = merge(&story.book, story.customer.clone(), &other.customer, at("2026-03-03T00:00:00Z"));
    assert!(merged.state.enrollments.is_empty(), "{:?}", merged.state.enrollments);
    assert_eq!(merged.state.pending.len(), 1);
    // One placed before the run began to wait is not it.
    let mut early = Story::new(&[]);
    early.customer = Customer::new("c3", at("2026-02-01T00:00:00Z"));
    early.hear(&order("order.created", at("2026-02-02T09:00:00Z"), "9", Phase::Open, 500));
    let merged = merge(&story.book, story.customer.clone(), &early.customer, at("2026-03-03T00:00:00Z"));
    assert_eq!(merged.state.enrollments.len(), 1);
    assert!(json!(merged.state.enrollments[0]).get("awaits").is_some());
}
