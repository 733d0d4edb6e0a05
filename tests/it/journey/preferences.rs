//! What customers wish of letters, told as short stories of one customer.

use milepost::journey::event::{Event, Profile, kind};
use milepost::journey::explain::explain;
use milepost::journey::preferences::Wishes;
use serde_json::{Value, json};

use super::limits::{Story, rule};
use crate::support::{at, event};

/// The customer says a wish.
fn wish(said: Value, when: &str) -> Event {
    let preferences: Wishes = serde_json::from_value(said).expect("wishes");
    let profile = Profile { preferences, ..Profile::default() };
    Event { profile: Some(profile), ..event(kind::CUSTOMER_UPDATED, at(when)) }
}

fn micros(moment: &str) -> i64 {
    at(moment).micros()
}

#[test]
fn a_pause_withholds_what_falls_due_in_it_and_then_letters_come_again() {
    let (a, order) = (rule("a", ""), rule("order", ", purpose: transactional"));
    let mut story = Story::new("limits: []", &[&a, &order]);
    story.hear(&wish(json!({"paused_until": micros("2026-04-01T09:00:00Z")}), "2026-03-02T09:00:00Z"));
    story.say("shop.a", "2026-03-03T09:00:00Z").tells(&["a withheld: customer_pause"]);
    story.say("shop.order", "2026-03-03T09:00:00Z").send(at("2026-03-03T09:00:00Z"));
    story.tells(&["order planned", "order sent"]);
    // On the last day it waits for the end: it is news still.
    story.say("shop.a", "2026-03-31T10:00:00Z").tells(&["a held until 2026-04-01T09:00:00Z: customer_pause"]);
    story.wait_until("2026-04-01T08:59:59Z").tells(&[]);
    story.wait_until("2026-04-01T09:00:00Z").tells(&["held no more", "a sent"]);
    story.say("shop.a", "2026-04-02T10:00:00Z").send(at("2026-04-02T10:00:00Z")).tells(&["a planned", "a sent"]);
}

#[test]
fn a_pause_that_ends_early_lets_go_what_waited_for_it() {
    let a = rule("a", "");
    let mut story = Story::new("limits: []", &[&a]);
    story.hear(&wish(json!({"paused_until": micros("2026-03-03T08:00:00Z")}), "2026-03-02T09:00:00Z"));
    story.say("shop.a", "2026-03-02T10:00:00Z").tells(&["a held until 2026-03-03T08:00:00Z: customer_pause"]);
    story.hear(&wish(json!({"paused_until": null}), "2026-03-02T11:00:00Z")).tells(&["held no more"]);
    story.send(at("2026-03-02T11:00:00Z")).tells(&["a sent"]);
}

#[test]
fn a_pause_takes_back_what_was_planned_before_it() {
    let a = rule("a", "");
    let mut story = Story::new("limits: {gap: 2d, at_limit: {wait: 9d}}", &[&a]);
    story.say("shop.a", "2026-03-02T09:00:00Z").send(at("2026-03-02T09:00:00Z"));
    story.say("shop.a", "2026-03-03T09:00:00Z");
    story.tells(&["a planned", "a sent", "a held until 2026-03-04T09:00:00Z: minimum_gap"]);
    story.hear(&wish(json!({"paused_until": micros("2026-04-01T09:00:00Z")}), "2026-03-03T10:00:00Z"));
    story.tells(&["a cancelled: customer_pause"]);
}

#[test]
fn fewer_letters_a_week_count_over_all_maps_and_purposes_but_orders() {
    let (a, b) = (rule("a", ""), rule("b", ", priority: 90"));
    let order = rule("order", ", purpose: transactional");
    let mut story = Story::new("limits: []", &[&a, &b, &order]);
    story.hear(&wish(json!({"most_a_week": 1}), "2026-03-02T08:30:00Z"));
    story.say("shop.order", "2026-03-02T09:00:00Z").send(at("2026-03-02T09:00:00Z"));
    story.say("shop.a", "2026-03-02T10:00:00Z").send(at("2026-03-02T10:00:00Z"));
    story.tells(&["order planned", "order sent", "a planned", "a sent"]);
    story.say("shop.order", "2026-03-03T09:00:00Z").send(at("2026-03-03T09:00:00Z"));
    story.say("shop.b", "2026-03-03T10:00:00Z");
    story.tells(&["order planned", "order sent", "b held until 2026-03-09T10:00:00Z: customer_cap"]);
    // The lower ranked would wait for longer than a week.
    story.say("shop.a", "2026-03-04T10:00:00Z").tells(&["a withheld: customer_cap"]);
    story.wait_until("2026-03-09T10:00:00Z").tells(&["held no more", "b sent"]);
    story.hear(&wish(json!({"most_a_week": null}), "2026-03-09T11:00:00Z"));
    story.say("shop.a", "2026-03-09T12:00:00Z").send(at("2026-03-09T12:00:00Z")).tells(&["a planned", "a sent"]);
}

#[test]
fn a_refused_map_withholds_its_letters_also_at_the_last_moment() {
    let (a, order) = (rule("a", ""), rule("order", ", purpose: transactional"));
    let mut story = Story::new("limits: []", &[&a, &order]);
    story.say("shop.a", "2026-03-02T09:00:00Z").tells(&["a planned"]);
    story.hear(&wish(json!({"maps": {"shop": false, "other": true}}), "2026-03-02T09:00:01Z"));
    story.send(at("2026-03-02T09:00:02Z")).tells(&["a withheld: map_refused"]);
    story.say("shop.a", "2026-03-02T10:00:00Z").tells(&["a withheld: map_refused"]);
    story.say("shop.order", "2026-03-02T10:00:00Z").tells(&["order planned"]);
    // An older wish that comes late changes nothing.
    let mut late = wish(json!({"maps": {"shop": true}}), "2026-03-02T08:00:00Z");
    late.received_at = at("2026-03-02T11:00:00Z");
    story.hear(&late);
    story.say("shop.a", "2026-03-02T11:00:00Z").tells(&["a withheld: map_refused"]);
    story.hear(&wish(json!({"maps": {"shop": true}}), "2026-03-02T12:00:00Z"));
    story.say("shop.a", "2026-03-02T12:00:00Z").tells(&["a planned"]);
}

#[test]
fn explaining_tells_the_wish_and_until_when() {
    let a = rule("a", "");
    let mut story = Story::new("limits: []", &[&a]);
    let now = at("2026-03-02T10:00:00Z");
    let told = |story: &Story| {
        let told = explain(&story.book, &story.book.rules["a"], &story.customer, false, now);
        let policy = told.policies.last().map(|verdict| format!("{}: {}", verdict.policy, verdict.note));
        (told.would_withhold, told.would_send_if, policy.unwrap_or_default())
    };
    story.hear(&wish(json!({"paused_until": micros("2026-04-01T09:00:00Z")}), "2026-03-02T09:00:00Z"));
    let (withheld, _, policy) = told(&story);
    assert_eq!(withheld.as_deref(), Some("it fell due in the customer's pause"));
    let note = "customer_pause: the customer wants no letters for a while: not before 2026-04-01 09:00:00 UTC";
    assert_eq!(policy, note);
    story.hear(&wish(json!({"paused_until": null, "maps": {"shop": false}}), "2026-03-02T09:30:00Z"));
    let (withheld, wish, policy) = told(&story);
    assert_eq!(withheld.as_deref(), Some("the customer wants no letters of this map"));
    assert_eq!(wish.as_deref(), Some("the customer wants letters of this map again"));
    assert_eq!(policy, "map: no letters of the map shop are wanted since 2026-03-02 09:30:00 UTC");
    assert_eq!(story.customer.preferences.in_words(now, story.book.shop.zone), ["none of shop"]);
}
