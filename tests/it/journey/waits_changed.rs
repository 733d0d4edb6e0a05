//! Runs that wait for something to happen while their rule is paused and resumed, or while they finish as the rule was.

use std::sync::Arc;

use milepost::journey::advance::Input;
use milepost::journey::book::Rulebook;
use milepost::journey::pause::{Over, Overdue, Pause};
use milepost::journey::time::Span;

use super::story::Story;
use crate::support::{arrival, at, cart, event, order, rulebook};

const WAITS: &str = "
rule: waits
on: {event: customer.created}
on_change: finish
steps:
  - wait: {event: quiz.done, up_to: 3d, then: [{send: yes}], timeout: [{send: no}]}
  - wait: {condition: \"cart.total >= 50 || older_than(orders.last_at, '5d')\", up_to: 9d, then: [{send: full}], timeout: [{send: empty}]}
  - send: last
";
const OTHER: &str = "{rule: other, on: {event: a.b}, steps: [{send: other}]}";

/// Paused on the 2nd, a day after the run began, and resumed like this.
fn paused(over: Option<(&str, Overdue)>) -> Rulebook {
    let over = over.map(|(moment, overdue)| Over { at: at(moment), overdue });
    let pause = Pause { since: at("2026-03-02T09:00:00Z"), over };
    rulebook(&[WAITS]).with_pauses([("waits".to_owned(), pause)].into())
}

/// Anna's run waits for the quiz since the 1st at nine, until the 4th.
fn begin() -> Story {
    let mut story = Story::new(&[WAITS]);
    story.hear(&arrival(at("2026-03-01T09:00:00Z")));
    story.told.clear();
    story
}

/// The same when its rule was paused, with or without a quiz at this moment of the pause, and resumed.
fn resumed(quiz: Option<&str>, moment: &str, overdue: Overdue) -> Story {
    let mut story = begin();
    story.book = paused(None);
    story.take(&Input::Rulebook, at("2026-03-02T09:00:01Z"));
    if let Some(when) = quiz {
        story.hear(&event("quiz.done", at(when))).tells(&["waits: met"]);
    }
    assert_eq!(story.customer.due_at(), None, "its clock stands still");
    story.book = paused(Some((moment, overdue)));
    story.take(&Input::Rulebook, at(moment));
    story.wait_until(moment);
    story
}

#[test]
fn what_is_waited_for_may_come_during_a_pause() {
    for quiz in ["2026-03-03T09:00:00Z", "2026-03-05T09:00:00Z"] {
        // Also after the wait would have been over: its clock stood still.
        let yes = ["yes at 2026-03-06T09:00:00Z"];
        resumed(Some(quiz), "2026-03-06T09:00:00Z", Overdue::Send).tells(&yes);
        resumed(Some(quiz), "2026-03-06T09:00:00Z", Overdue::Skip).tells(&["yes withheld: skipped"]);
    }
    // Later by the four days that the pause was.
    let mut shifted = resumed(Some("2026-03-03T09:00:00Z"), "2026-03-06T09:00:00Z", Overdue::Shift);
    shifted.tells(&[]);
    shifted.wait_until("2026-03-07T09:00:00Z").tells(&["yes at 2026-03-07T09:00:00Z"]);
    let spread = Overdue::Spread(Span::seconds(7_200));
    let mut spread = resumed(Some("2026-03-03T09:00:00Z"), "2026-03-06T09:00:00Z", spread);
    spread.wait_until("2026-03-06T11:00:00Z");
    assert!(spread.told[0].starts_with("yes at 2026-03-06T"), "{:?}", spread.told);
}

#[test]
fn what_is_waited_for_in_vain_during_a_pause_is_overdue() {
    resumed(None, "2026-03-06T09:00:00Z", Overdue::Send).tells(&["waits: timeout", "no at 2026-03-06T09:00:00Z"]);
    resumed(None, "2026-03-06T09:00:00Z", Overdue::Skip).tells(&["waits: timeout", "no withheld: skipped"]);
    // Shifted, it is waited for until four days later, and may come in that time.
    let mut shifted = resumed(None, "2026-03-06T09:00:00Z", Overdue::Shift);
    shifted.tells(&[]);
    assert_eq!(shifted.customer.due_at(), Some(at("2026-03-08T09:00:00Z")));
    shifted.hear(&event("quiz.done", at("2026-03-07T09:00:00Z"))).tells(&["waits: met", "yes at 2026-03-07T09:00:00Z"]);
    // Resumed before the time is over, all is as if nothing had been.
    for overdue in [Overdue::Send, Overdue::Skip, Overdue::Spread(Span::seconds(7_200))] {
        let mut early = resumed(None, "2026-03-03T09:00:00Z", overdue);
        early.tells(&[]);
        early
            .hear(&event("quiz.done", at("2026-03-03T12:00:00Z")))
            .tells(&["waits: met", "yes at 2026-03-03T12:00:00Z"]);
    }
}

#[test]
fn a_condition_that_turns_during_a_pause_is_met_when_it_is_over() {
    let mut story = begin();
    story.hear(&event("quiz.done", at("2026-03-01T10:00:00Z")));
    story.told.clear();
    story.book = paused(None);
    story.take(&Input::Rulebook, at("2026-03-02T09:00:01Z"));
    story.told.clear();
    story.hear(&cart(at("2026-03-03T09:00:00Z"), 9_900)).tells(&["known -> cart", "waits: met"]);
    // It holds no more when the pause is over; it held, and that was waited for.
    story.hear(&event("cart.cleared", at("2026-03-04T09:00:00Z"))).tells(&["cart -> known"]);
    story.book = paused(Some(("2026-03-05T09:00:00Z", Overdue::Send)));
    story.take(&Input::Rulebook, at("2026-03-05T09:00:00Z"));
    story.told.retain(|line| !line.starts_with("held"));
    story.wait_until("2026-03-05T09:00:00Z").tells(&[
        "full at 2026-03-05T09:00:00Z",
        "last at 2026-03-05T09:00:00Z",
        "waits ends: finished",
    ]);
}

/// The rule is gone on the 2nd, and the run finishes as it was.
fn finishing() -> Story {
    let mut story = begin();
    let before = story.book.clone();
    story.book = rulebook(&[OTHER]);
    story.book.earlier.insert(before.hash.clone(), Arc::new(before));
    story.take(&Input::Rulebook, at("2026-03-02T09:00:00Z")).tells(&["waits: finishes"]);
    story
}

#[test]
fn a_run_that_finishes_waits_for_events_that_no_rule_in_force_knows() {
    let mut story = finishing();
    story.hear(&event("quiz.done", at("2026-03-03T09:00:00Z"))).tells(&["waits: met", "yes at 2026-03-03T09:00:00Z"]);
    story.hear(&cart(at("2026-03-03T10:00:00Z"), 9_900)).tells(&[
        "known -> cart",
        "waits: met",
        "full at 2026-03-03T10:00:00Z",
        "last at 2026-03-03T10:00:00Z",
        "waits ends: finished",
    ]);
}

#[test]
fn a_run_that_finishes_meets_time_outs_and_conditions_that_time_turns() {
    let mut story = finishing();
    story.hear(&order("order.created", at("2026-03-02T10:00:00Z"), "1", milepost::journey::event::Phase::Open, 500));
    story.told.clear();
    story.wait_until("2026-03-04T10:00:00Z").tells(&["waits: timeout", "no at 2026-03-04T09:00:00Z"]);
    story.wait_until("2026-03-20T00:00:00Z").tells(&[
        "waits: met",
        "full at 2026-03-07T10:00:00Z",
        "last at 2026-03-07T10:00:00Z",
        "waits ends: finished",
    ]);
}

#[test]
fn a_run_whose_wait_is_back_goes_on_waiting() {
    let mut story = finishing();
    let (gone, back) = (story.book.clone(), rulebook(&[&WAITS.replace("send: yes", "send: yes-now")]));
    story.book = back;
    story.book.earlier = gone.earlier.clone();
    story.book.earlier.insert(gone.hash.clone(), Arc::new(gone));
    story.take(&Input::Rulebook, at("2026-03-02T12:00:00Z")).tells(&[]);
    assert_eq!(story.customer.due_at(), Some(at("2026-03-04T09:00:00Z")), "no longer than it would have");
    story
        .hear(&event("quiz.done", at("2026-03-03T09:00:00Z")))
        .tells(&["waits: met", "yes-now at 2026-03-03T09:00:00Z"]);
}

#[test]
fn a_pause_of_a_rule_that_is_gone_holds_those_who_finish() {
    let mut story = finishing();
    let pause = |over| Pause { since: at("2026-03-02T12:00:00Z"), over };
    let book = story.book.clone();
    story.book = book.clone().with_pauses([("waits".to_owned(), pause(None))].into());
    story.take(&Input::Rulebook, at("2026-03-02T12:00:00Z"));
    story.hear(&event("quiz.done", at("2026-03-03T09:00:00Z"))).tells(&["waits: met"]);
    let over = Over { at: at("2026-03-03T12:00:00Z"), overdue: Overdue::Send };
    story.book = book.with_pauses([("waits".to_owned(), pause(Some(over)))].into());
    story.take(&Input::Rulebook, at("2026-03-03T12:00:00Z"));
    story.wait_until("2026-03-03T12:00:00Z").tells(&["yes at 2026-03-03T12:00:00Z"]);
}
