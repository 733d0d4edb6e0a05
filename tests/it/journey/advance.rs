//! What `advance` decides, told as short stories of one customer.

use chrono_tz::Tz;
use milepost::journey::advance::{Input, advance, handed_over};
use milepost::journey::customer::Customer;
use milepost::journey::effect::{Effect, EndReason, WithheldReason};
use milepost::journey::event::{Event, Phase, Profile};
use milepost::journey::policy;
use std::collections::BTreeMap;

use super::story::Story;
use crate::support::{arrival, at, cart, event, order, rulebook, span};

const CART: &str = "
rule: cart
stage: cart
on: {event: cart.updated}
when: 'cart.items.size() > 0'
exit_on: [order.created, cart.cleared]
goal: {event: order.created, within: 3d, value: order.total}
reenter: {after: 7d}
steps:
  - wait: 1h
  - send: reminder
  - wait: {for: 1d, at: '10:00', tz: customer}
  - branch:
      - if: 'cart.total >= 100'
        then: [{promo: codes}, {send: with-code}]
      - else: [{send: last-call}]
";

#[test]
fn a_cart_that_is_left_is_reminded_of() {
    let mut story = Story::new(&[CART]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z"))).tells(&["- -> known"]);
    story.hear(&cart(at("2026-03-01T09:00:00Z"), 12_000)).tells(&["known -> cart", "cart begins"]);
    story.wait_until("2026-03-01T09:59:59Z").tells(&[]);
    assert_eq!(story.customer.due_at(), Some(at("2026-03-01T10:00:00Z")));
    story.wait_until("2026-03-01T10:00:07Z").tells(&["reminder at 2026-03-01T10:00:00Z"]);
    // A day after 10:00 is 10:00: the wait is at least a day, then on to the next 10:00.
    story.wait_until("2026-03-02T10:00:00Z").tells(&[
        "code of codes wanted",
        "with-code at 2026-03-02T10:00:00Z",
        "cart ends: finished",
    ]);
    assert_eq!(story.customer.promo_codes.len(), 1);
}

#[test]
fn notes_tell_moments_on_the_shops_wall_clock() {
    let rule = "{rule: cart, on: {event: cart.updated}, reenter: {after: 30d}, steps: [{wait: 1h}, {send: reminder}, \
         {branch: [{if: \"older_than(cart.updated_at, '1d')\", then: [{exit: true}]}]}]}";
    let mut book = rulebook(&[rule]);
    book.shop.zone = Tz::Europe__Berlin;
    let mut customer = Customer::new("c1", at("2026-03-28T00:00:00Z"));
    let mut told = Vec::new();
    let mut take = |input: &Input<'_>, now| {
        let done = advance(&book, std::mem::take(&mut customer), input, now);
        customer = done.state;
        for effect in done.effects {
            if let Effect::Decided(decision) = effect {
                told.push(decision.note);
                told.extend(decision.parts.into_iter().map(|part| part.result));
            }
        }
    };
    for event in [
        arrival(at("2026-03-28T08:00:00Z")),
        cart(at("2026-03-29T00:30:00Z"), 12_000),
        cart(at("2026-03-29T09:00:00Z"), 13_000),
    ] {
        take(&Input::Event(&event), event.received_at);
    }
    // Clocks are put forward at 02:00 on that day.
    assert!(told.contains(&"waits at wait-1h until 2026-03-29 03:30:00 CEST".into()), "{told:#?}");
    assert!(told.contains(&"false (until 2026-03-30 02:30:00 CEST)".into()), "{told:#?}");
    let again = "the customer ran it on 2026-03-29 01:30:00 CET; again from 2026-04-28 02:30:00 CEST";
    assert!(told.contains(&again.into()), "{told:#?}");
}

#[test]
fn a_small_cart_takes_the_other_arm() {
    let mut story = Story::new(&[CART]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z"))).hear(&cart(at("2026-03-01T09:00:00Z"), 500));
    story.told.clear();
    story.wait_until("2026-03-03T10:00:00Z").tells(&[
        "reminder at 2026-03-01T10:00:00Z",
        "last-call at 2026-03-02T10:00:00Z",
        "cart ends: finished",
    ]);
}

#[test]
fn an_order_ends_the_run_and_takes_back_its_letters() {
    let mut story = Story::new(&[CART]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z"))).hear(&cart(at("2026-03-01T09:00:00Z"), 500));
    story.wait_until("2026-03-01T10:00:00Z");
    story.told.clear();
    story
        .hear(&order("order.created", at("2026-03-01T10:00:01Z"), "1", Phase::Open, 500))
        .tells(&["cart ends: goal", "cancelled: goal_reached"]);
    assert!(story.customer.pending.is_empty());
    assert_eq!(story.customer.past["cart"].reason, Some(EndReason::Goal));
}

#[test]
fn a_letter_of_a_run_that_took_its_last_step_is_taken_back_too() {
    let mut story = Story::new(&["
rule: cart
on: {event: cart.updated}
exit_on: [order.created]
steps: [{wait: 1h}, {send: reminder}]
"]);
    story
        .hear(&arrival(at("2026-03-01T08:00:00Z")))
        .hear(&cart(at("2026-03-01T09:00:00Z"), 500))
        .wait_until("2026-03-01T10:00:00Z");
    story.told.clear();
    story
        .hear(&order("order.created", at("2026-03-01T10:00:00Z"), "1", Phase::Open, 500))
        .tells(&["cancelled: exited"]);
}

#[test]
fn an_order_within_the_window_after_a_letter_is_a_conversion() {
    let mut story = Story::new(&[CART]);
    story
        .hear(&arrival(at("2026-03-01T08:00:00Z")))
        .hear(&cart(at("2026-03-01T09:00:00Z"), 500))
        .wait_until("2026-03-01T10:00:00Z");
    let message = story.customer.pending[0].message.clone();
    handed_over(&story.book, &mut story.customer, &message, at("2026-03-01T10:00:02Z"));
    story.told.clear();
    story.hear(&order("order.created", at("2026-03-03T10:00:00Z"), "1", Phase::Open, 9_900)).tells(&[
        "last-call at 2026-03-02T10:00:00Z",
        "cart ends: finished",
        "cancelled: goal_reached",
        "cart converted 99.00 EUR",
    ]);
    // Once only.
    story.hear(&order("order.created", at("2026-03-03T11:00:00Z"), "2", Phase::Open, 9_900)).tells(&[]);
}

#[test]
fn re_entry_waits_and_one_run_at_a_time() {
    let mut story = Story::new(&[CART]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z"))).hear(&cart(at("2026-03-01T09:00:00Z"), 500));
    story.told.clear();
    story.hear(&cart(at("2026-03-01T09:10:00Z"), 600)).tells(&["cart: already_running"]);
    story.wait_until("2026-03-03T00:00:00Z");
    story.told.clear();
    story.hear(&cart(at("2026-03-03T09:00:00Z"), 700)).tells(&["cart: not_again_yet"]);
    story.hear(&cart(at("2026-03-08T09:00:00Z"), 800)).tells(&["cart begins"]);
}

#[test]
fn seeing_the_same_cart_again_is_no_news() {
    let mut story =
        Story::new(&["{rule: cart, on: {event: cart.updated}, reenter: always, steps: [{send: reminder}]}"]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z"))).hear(&cart(at("2026-03-01T09:00:00Z"), 500));
    story.told.clear();
    story.hear(&cart(at("2026-03-01T09:05:00Z"), 500)).tells(&[]);
    assert_eq!(story.customer.cart.updated_at, Some(at("2026-03-01T09:00:00Z")));
}

#[test]
fn old_news_moves_but_mails_nobody() {
    let mut story = Story::new(&[
        CART,
        "{rule: hi, on: {enter: buyer}, steps: [{send: thanks}]}",
        "{rule: stayed, on: {stay: buyer, for: 1h}, steps: [{send: stayed}]}",
    ]);
    let late = |event: Event| Event { received_at: at("2026-03-20T00:00:00Z"), ..event };
    story.hear(&late(arrival(at("2026-03-01T08:00:00Z")))).tells(&["- -> known"]);
    story.hear(&late(cart(at("2026-03-01T09:00:00Z"), 500))).tells(&["known -> cart", "cart: too_old"]);
    story.hear(&late(event("cart.cleared", at("2026-03-01T10:00:00Z")))).tells(&["cart -> known"]);
    story
        .hear(&late(order("order.created", at("2026-03-01T10:00:00Z"), "1", Phase::Complete, 500)))
        .tells(&["known -> buyer", "hi: too_old"]);
    story.wait_until("2026-04-20T00:00:00Z").tells(&[]);
}

#[test]
fn stages_start_rules_when_entered_left_and_stayed_at() {
    let mut story = Story::new(&[
        "{rule: entered, on: {enter: cart}, steps: [{send: entered}]}",
        "{rule: left, on: {leave: cart}, steps: [{send: left}]}",
        "{rule: stayed, on: {stay: cart, for: 2h}, steps: [{send: stayed}]}",
    ]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z"))).tells(&["- -> known"]);
    story.hear(&cart(at("2026-03-01T09:00:00Z"), 500)).tells(&[
        "known -> cart",
        "entered begins",
        "entered at 2026-03-01T09:00:00Z",
        "entered ends: finished",
    ]);
    story.wait_until("2026-03-01T12:00:00Z").tells(&[
        "stayed begins",
        "stayed at 2026-03-01T11:00:00Z",
        "stayed ends: finished",
    ]);
    story.hear(&event("cart.cleared", at("2026-03-01T13:00:00Z"))).tells(&[
        "cart -> known",
        "left begins",
        "left at 2026-03-01T13:00:00Z",
        "left ends: finished",
    ]);
}

#[test]
fn leaving_in_time_stops_a_stay() {
    let mut story = Story::new(&["{rule: stayed, on: {stay: cart, for: 2h}, steps: [{send: stayed}]}"]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z"))).hear(&cart(at("2026-03-01T09:00:00Z"), 500));
    story.hear(&event("cart.cleared", at("2026-03-01T10:00:00Z")));
    story.told.clear();
    story.wait_until("2026-03-09T00:00:00Z").tells(&[]);
}

#[test]
fn a_condition_becomes_true_by_time_alone_at_its_very_moment() {
    let mut story = Story::new(&[
        "{rule: winback, on: {becomes: \"orders.count > 0 && older_than(orders.last_at, '90d')\"}, reenter: always, steps: [{send: miss-you}]}",
    ]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z"))).hear(&order(
        "order.created",
        at("2026-03-01T12:00:00Z"),
        "1",
        Phase::Complete,
        500,
    ));
    assert_eq!(story.customer.due_at(), Some(at("2026-05-30T12:00:00Z")));
    story.told.clear();
    story.wait_until("2026-05-30T11:59:59Z").tells(&[]);
    story.wait_until("2026-06-01T00:00:00Z").tells(&[
        "winback begins",
        "miss-you at 2026-05-30T12:00:00Z",
        "winback ends: finished",
    ]);
    // A new order turns it false, and ninety days later it turns true again.
    story.hear(&order("order.created", at("2026-06-02T00:00:00Z"), "2", Phase::Complete, 500)).tells(&[]);
    story.wait_until("2026-09-01T00:00:00Z").tells(&[
        "winback begins",
        "miss-you at 2026-08-31T00:00:00Z",
        "winback ends: finished",
    ]);
}

#[test]
fn a_cron_firing_is_taken_once_and_only_by_its_segment() {
    let mut story = Story::new(&[
        "{rule: promo, on: {cron: '0 10 * * 2', segment: 'orders.count == 0'}, reenter: always, steps: [{promo: codes}, {send: code}]}",
    ]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z")));
    story.told.clear();
    let firing = at("2026-03-03T10:00:00Z");
    let input = Input::Cron { rule: "promo", at: firing };
    story.take(&input, firing).tells(&[
        "promo begins",
        "code of codes wanted",
        "code at 2026-03-03T10:00:00Z",
        "promo ends: finished",
    ]);
    story.take(&input, firing).tells(&[]);
    story.hear(&order("order.created", at("2026-03-04T00:00:00Z"), "1", Phase::Open, 500));
    story.told.clear();
    story.take(&Input::Cron { rule: "promo", at: at("2026-03-10T10:00:00Z") }, at("2026-03-10T10:00:00Z")).tells(&[]);
}

#[test]
fn an_empty_pool_ends_the_run_and_says_so() {
    let book = rulebook(&["{rule: promo, on: {event: customer.created}, steps: [{promo: codes}, {send: code}]}"]);
    let heard = advance(
        &book,
        Customer::new("c1", at("2026-03-01T00:00:00Z")),
        &Input::Event(&arrival(at("2026-03-01T00:00:00Z"))),
        at("2026-03-01T00:00:00Z"),
    );
    let enrollment = heard.state.enrollments[0].id.clone();
    let done =
        advance(&book, heard.state, &Input::Promo { enrollment: &enrollment, code: None }, at("2026-03-01T00:00:00Z"));
    assert!(done.effects.iter().any(|e| matches!(e, Effect::Ended { reason: EndReason::NoPromoCode, .. })));
    assert!(done.state.pending.is_empty() && done.state.enrollments.is_empty());
}

#[test]
fn consent_is_asked_when_planning_and_again_when_sending() {
    let rule = "{rule: hi, on: {event: customer.created}, steps: [{wait: 1h}, {send: hello}]}";
    let says = |granted: Option<bool>, when: &str| {
        let mut said = event("customer.updated", at(when));
        let consents = granted.map(|granted| BTreeMap::from([("marketing".to_owned(), granted)])).unwrap_or_default();
        said.profile = Some(Profile { consents, ..Profile::default() });
        said
    };
    let mut story = Story::new(&[rule]);
    story.hear(&Event { profile: None, ..arrival(at("2026-03-01T08:00:00Z")) });
    story.told.clear();
    story.wait_until("2026-03-01T09:00:00Z").tells(&["hello withheld: no_consent", "hi ends: finished"]);

    let mut story = Story::new(&[rule]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z"))).wait_until("2026-03-01T09:00:00Z");
    let message = story.customer.pending[0].message.clone();
    let ask = |story: &Story, suppressed: bool| {
        let letter = policy::Letter { step: "send-hello", inputs: &serde_json::Value::Null };
        policy::at_sending(&story.book, &story.customer, &message, &letter, suppressed, at("2026-03-01T09:00:01Z"))
            .withhold
    };
    assert_eq!(ask(&story, false), None);
    assert_eq!(ask(&story, true), Some(WithheldReason::Suppressed));
    story.hear(&says(Some(false), "2026-03-01T09:00:01Z"));
    assert_eq!(ask(&story, false), Some(WithheldReason::ConsentRefused));
    // An older agreement that comes late does not undo the refusal.
    story.hear(&Event { received_at: at("2026-03-01T10:00:00Z"), ..says(Some(true), "2026-03-01T08:30:00Z") });
    assert_eq!(ask(&story, false), Some(WithheldReason::ConsentRefused));
}

#[test]
fn a_late_event_never_moves_a_latest_fact_back() {
    let mut story = Story::new(&[]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z")));
    story.hear(&order("order.created", at("2026-03-05T00:00:00Z"), "2", Phase::Open, 700));
    story.hear(&cart(at("2026-03-06T00:00:00Z"), 900));
    let late = |event: Event| Event { received_at: at("2026-03-07T00:00:00Z"), ..event };
    story.hear(&late(order("order.created", at("2026-03-02T00:00:00Z"), "1", Phase::Open, 300)));
    story.hear(&late(cart(at("2026-03-04T00:00:00Z"), 100)));
    let mut renamed = arrival(at("2026-02-01T00:00:00Z"));
    renamed.profile.as_mut().expect("a profile").attributes.insert("first_name".into(), "Ann".into());
    story.hear(&late(renamed));
    let customer = &story.customer;
    assert_eq!(customer.orders.last_at, Some(at("2026-03-05T00:00:00Z")));
    assert_eq!(customer.orders.first_at, Some(at("2026-03-02T00:00:00Z")));
    assert_eq!((customer.orders.count, customer.orders.totals["EUR"]), (2, 1_000));
    assert_eq!(customer.cart.content.total.as_ref().map(|t| t.minor), Some(900));
    assert_eq!(customer.text("first_name"), Some("Anna"));
}

#[test]
fn an_order_is_counted_once_whatever_order_its_events_come_in() {
    let placed = at("2026-03-02T00:00:00Z");
    let created =
        Event { received_at: at("2026-03-03T00:00:00Z"), ..order("order.created", placed, "1", Phase::Open, 500) };
    let mut done = order("order.status", at("2026-03-02T12:00:00Z"), "1", Phase::Complete, 500);
    done.order.as_mut().expect("an order").created_at = Some(placed);
    done.received_at = at("2026-03-02T12:00:00Z");
    for events in [[&created, &done, &created], [&done, &created, &done]] {
        let mut story = Story::new(&[
            "{rule: thanks, on: {event: order.completed}, reenter: always, purpose: transactional, steps: [{send: thanks}]}",
        ]);
        story.hear(&arrival(at("2026-03-01T08:00:00Z")));
        for event in events {
            story.hear(event);
        }
        let orders = &story.customer.orders;
        assert_eq!((orders.count, orders.completed_count, orders.totals["EUR"]), (1, 1, 500));
        assert_eq!(story.told.iter().filter(|line| line.starts_with("thanks begins")).count(), 1, "{:?}", story.told);
    }
}

#[test]
fn a_rule_that_is_gone_ends_its_runs_and_a_new_one_mails_nobody() {
    let mut story = Story::new(&[CART]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z"))).hear(&cart(at("2026-03-01T09:00:00Z"), 500));
    story.told.clear();
    story.book = rulebook(&[
        "{rule: hi, on: {enter: cart}, steps: [{send: hi}]}",
        "{rule: now, on: {becomes: 'cart.items.size() > 0'}, steps: [{send: now}]}",
    ]);
    story.take(&Input::Rulebook, at("2026-03-01T09:30:00Z")).tells(&["cart ends: rule_gone"]);
    story.wait_until("2026-03-09T09:30:00Z").tells(&[]);
}

#[test]
fn a_deleted_customer_is_left_alone() {
    let mut story = Story::new(&[CART]);
    story
        .hear(&arrival(at("2026-03-01T08:00:00Z")))
        .hear(&cart(at("2026-03-01T09:00:00Z"), 500))
        .wait_until("2026-03-01T10:00:00Z");
    story.told.clear();
    story.hear(&event("customer.deleted", at("2026-03-01T10:00:01Z"))).tells(&[
        "cart ends: deleted",
        "cancelled: exited",
        "cart -> -",
    ]);
    story.hear(&cart(at("2026-03-02T09:00:00Z"), 900)).tells(&[]);
}

#[test]
fn waits_that_follow_each_other_do_not_drift() {
    let mut story = Story::new(&[
        "{rule: chain, on: {event: customer.created}, steps: [{wait: 1h}, {send: one}, {wait: 1h}, {send: two}]}",
    ]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z")));
    story.told.clear();
    // The daemon slept for a day: everything is settled at its own time, in order.
    story.take(&Input::Due, at("2026-03-01T08:00:00Z").after(span("1d"))).tells(&[
        "one at 2026-03-01T09:00:00Z",
        "two at 2026-03-01T10:00:00Z",
        "chain ends: finished",
    ]);
}
