//! How runs end, what a goal is worth, and when a customer may run a rule again.

use milepost::journey::advance::{Input, advance, handed_back, handed_over};
use milepost::journey::customer::{Customer, RECENT_KEYS};
use milepost::journey::effect::{Effect, EndReason};
use milepost::journey::event::{Event, Key, Phase};
use milepost::journey::merge::merge;
use serde_json::{Value, json};

use super::story::Story;
use crate::support::{arrival, at, cart, event, order, rulebook, span};

/// An event with data of its own.
fn said(kind: &str, when: &str, data: &Value) -> Event {
    Event { data: data.as_object().cloned().unwrap_or_default(), ..event(kind, at(when)) }
}

#[test]
fn an_exit_event_may_have_a_condition() {
    let rule = "{rule: cart, on: {event: cart.updated}, steps: [{wait: 1d}, {send: reminder}],
        exit_on: [cart.cleared, {event: order.created, when: 'event.order.total > 10'}]}";
    let mut story = Story::new(&[rule]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z"))).hear(&cart(at("2026-03-01T09:00:00Z"), 500));
    story.told.clear();
    story.hear(&order("order.created", at("2026-03-01T10:00:00Z"), "1", Phase::Open, 900)).tells(&[]);
    story
        .hear(&order("order.created", at("2026-03-01T11:00:00Z"), "2", Phase::Open, 1_100))
        .tells(&["cart ends: exit_event"]);
}

#[test]
fn one_of_several_exit_conditions_is_enough() {
    let rule = "{rule: cart, on: {event: cart.updated}, reenter: always, steps: [{wait: 60d}, {send: reminder}],
        exit_when: ['orders.count > 0', \"older_than(cart.updated_at, '7d')\"]}";
    let mut story = Story::new(&[rule]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z"))).hear(&cart(at("2026-03-01T09:00:00Z"), 500));
    assert_eq!(story.customer.due_at(), Some(at("2026-03-08T09:00:00Z")));
    story.told.clear();
    story.wait_until("2026-03-09T00:00:00Z").tells(&["cart ends: exit_condition"]);
    story.hear(&cart(at("2026-03-10T09:00:00Z"), 600)).tells(&["cart begins"]);
    story
        .hear(&order("order.created", at("2026-03-10T11:00:00Z"), "2", Phase::Open, 1_100))
        .tells(&["cart ends: exit_condition"]);
}

#[test]
fn a_goal_is_worth_what_a_field_of_its_event_says() {
    let worth = |value: &str, data: Value| {
        let rule = format!(
            "{{rule: hi, on: {{event: customer.created}}, steps: [{{send: hello}}], goal: {{event: plan.bought, within: 3d, value: {value}}}}}"
        );
        let mut story = Story::new(&[&rule]);
        story.hear(&arrival(at("2026-03-01T08:00:00Z")));
        let message = story.customer.pending[0].message.clone();
        handed_over(&story.book, &mut story.customer, &message, at("2026-03-01T08:00:01Z"));
        story.told.clear();
        story.hear(&said("plan.bought", "2026-03-02T08:00:00Z", &data));
        std::mem::take(&mut story.told).join(", ")
    };
    assert_eq!(worth("event.amount", json!({"amount": 12.5})), "hi converted 12.50 EUR");
    assert_eq!(worth("event.amount", json!({"amount": 1000, "currency": "JPY"})), "hi converted 1000 JPY");
    assert_eq!(worth("event.plan.price", json!({"plan": {"price": 9, "currency": "RUB"}})), "hi converted 9.00 RUB");
    assert_eq!(worth("event.amount", json!({"amount": "much"})), "hi converted -");
    assert_eq!(worth("event.amount", json!({"amount": 1e300})), "hi converted -");
    assert_eq!(worth("event.amount", json!({})), "hi converted -");
}

#[test]
fn a_run_ends_at_the_end_of_its_life_and_takes_its_letters_back() {
    let rule = "{rule: hi, on: {event: customer.created}, max_life: 3d, steps: [{wait: 2d}, {send: one}, {wait: 1d}, {send: two}]}";
    let mut story = Story::new(&[rule]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z"))).wait_until("2026-03-03T08:00:00Z");
    assert_eq!(story.customer.due_at(), Some(at("2026-03-04T08:00:00Z")));
    story.told.clear();
    // At the same moment the end comes first.
    story.wait_until("2026-03-09T00:00:00Z").tells(&["hi ends: expired", "cancelled: exited"]);
    assert_eq!(story.customer.past["hi"].ended_at, Some(at("2026-03-04T08:00:00Z")));
    assert_eq!(story.customer.past["hi"].reason, Some(EndReason::Expired));
    assert_eq!(story.customer.due_at(), None);
}

#[test]
fn a_changed_life_holds_for_runs_under_way() {
    let with = |life: &str| {
        rulebook(&[&format!(
            "{{rule: hi, on: {{event: customer.created}}{life}, steps: [{{wait: 9d}}, {{send: one}}]}}"
        )])
    };
    let mut story = Story::of(with(""));
    story.hear(&arrival(at("2026-03-01T08:00:00Z")));
    story.told.clear();
    story.book = with(", max_life: 5d");
    story.take(&Input::Rulebook, at("2026-03-02T08:00:00Z")).tells(&[]);
    story.wait_until("2026-03-06T07:59:59Z").tells(&[]);
    story.wait_until("2026-03-06T08:00:00Z").tells(&["hi ends: expired"]);
    // A life that is over already under the new rules ends the run now.
    let mut story = Story::of(with(""));
    story.hear(&arrival(at("2026-03-01T08:00:00Z"))).wait_until("2026-03-07T08:00:00Z");
    story.told.clear();
    story.book = with(", max_life: 5d");
    story.take(&Input::Rulebook, at("2026-03-07T08:00:00Z")).tells(&["hi ends: expired"]);
}

const KEYED: &str = "
rule: ship
on: {event: parcel.sent}
purpose: transactional
reenter: {key: event.parcel.id}
exit_on: [parcel.arrived, strike.over]
goal: {event: parcel.arrived, within: 30d}
steps: [{wait: 1d}, {send: on-its-way}, {wait: 5d}, {send: still}]
";

fn parcel(kind: &str, when: &str, id: &Value) -> Event {
    let event = said(kind, when, &json!({"parcel": {"id": id}}));
    Event { id: format!("{kind}/{id}@{when}"), ..event }
}

#[test]
fn runs_under_different_keys_go_side_by_side_and_each_key_runs_once() {
    let mut story = Story::new(&[KEYED]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z")));
    story.told.clear();
    story.hear(&parcel("parcel.sent", "2026-03-01T09:00:00Z", &json!("A"))).tells(&["ship begins"]);
    story.hear(&parcel("parcel.sent", "2026-03-01T10:00:00Z", &json!(7))).tells(&["ship begins"]);
    story.hear(&parcel("parcel.sent", "2026-03-01T11:00:00Z", &json!("A"))).tells(&["ship: already_running"]);
    story.hear(&said("parcel.sent", "2026-03-01T12:00:00Z", &json!({}))).tells(&["ship: no_key"]);
    story
        .wait_until("2026-03-02T12:00:00Z")
        .tells(&["on-its-way at 2026-03-02T09:00:00Z", "on-its-way at 2026-03-02T10:00:00Z"]);
    // What arrives is one parcel; the other's run and letter stay.
    story
        .hear(&parcel("parcel.arrived", "2026-03-02T13:00:00Z", &json!("A")))
        .tells(&["ship ends: goal", "cancelled: goal_reached"]);
    assert_eq!(story.customer.enrollments.iter().map(|e| e.key.as_deref()).collect::<Vec<_>>(), [Some("7")]);
    assert_eq!(story.customer.pending.len(), 1);
    story.hear(&parcel("parcel.sent", "2026-03-03T11:00:00Z", &json!("A"))).tells(&["ship: never_again"]);
    // An event without a value for the key concerns them all.
    story
        .hear(&said("strike.over", "2026-03-04T11:00:00Z", &json!({})))
        .tells(&["ship ends: exit_event", "cancelled: exited"]);
}

#[test]
fn a_goal_is_credited_to_the_run_of_its_key() {
    let mut story = Story::new(&[KEYED]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z")));
    for (n, id) in ["A", "B"].into_iter().enumerate() {
        story.hear(&parcel("parcel.sent", &format!("2026-03-01T1{n}:00:00Z"), &json!(id)));
    }
    story.wait_until("2026-03-02T12:00:00Z");
    for pending in story.customer.pending.clone() {
        handed_over(&story.book, &mut story.customer, &pending.message, at("2026-03-02T12:00:00Z"));
    }
    let runs: Vec<(String, String)> =
        story.customer.enrollments.iter().map(|e| (e.key.clone().unwrap_or_default(), e.id.clone())).collect();
    let done = advance(
        &story.book,
        story.customer.clone(),
        &Input::Event(&parcel("parcel.arrived", "2026-03-03T08:00:00Z", &json!("B"))),
        at("2026-03-03T08:00:00Z"),
    );
    let credited: Vec<&String> = done
        .effects
        .iter()
        .filter_map(|e| if let Effect::Converted { enrollment, .. } = e { Some(enrollment) } else { None })
        .collect();
    assert_eq!(credited, [&runs.iter().find(|(key, _)| key == "B").expect("a run").1]);
    // A letter that comes back from the relay is still its key's.
    let back = story.customer.handed_over[0].clone();
    handed_back(&mut story.customer, &back.message, "", true);
    assert_eq!(story.customer.pending[0].key.as_deref(), Some("A"));
}

#[test]
fn a_key_runs_again_after_its_time_and_old_keys_are_forgotten() {
    let rule =
        "{rule: ship, on: {event: parcel.sent}, reenter: {key: event.parcel.id, after: 30d}, steps: [{send: sent}]}";
    let mut story = Story::new(&[rule]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z"))).hear(&parcel("parcel.sent", "2026-03-01T09:00:00Z", &json!("A")));
    story.told.clear();
    story.hear(&parcel("parcel.sent", "2026-03-30T09:00:00Z", &json!("A"))).tells(&["ship: not_again_yet"]);
    story.hear(&parcel("parcel.sent", "2026-03-31T09:00:00Z", &json!("A"))).tells(&[
        "ship begins",
        "sent at 2026-03-31T09:00:00Z",
        "ship ends: finished",
    ]);
    let mut now = at("2026-04-01T00:00:00Z");
    for n in 0..RECENT_KEYS + 50 {
        now = now.after(span("1m"));
        let mut event = parcel("parcel.sent", "2026-04-01T00:00:00Z", &json!(n));
        (event.occurred_at, event.received_at) = (now, now);
        story.hear(&event);
    }
    let past = &story.customer.past["ship"];
    assert_eq!((past.runs, past.keys.len()), (RECENT_KEYS as u64 + 52, RECENT_KEYS));
    assert!(past.keys.contains_key(&(RECENT_KEYS + 49).to_string()) && !past.keys.contains_key("A"));
}

#[test]
fn a_merge_keeps_the_runs_of_different_keys_and_one_of_the_same() {
    let book = rulebook(&[KEYED]);
    let person = |id: &str, keys: &[&str]| {
        let mut customer = Customer::new(id, at("2026-03-01T08:00:00Z"));
        for key in keys {
            let mut event = parcel("parcel.sent", "2026-03-01T09:00:00Z", &json!(key));
            event.keys = vec![Key::source("shop", id)];
            customer = advance(&book, customer, &Input::Event(&event), at("2026-03-01T09:00:00Z")).state;
        }
        customer
    };
    let merged = merge(&book, person("a", &["A", "B"]), &person("b", &["B", "C"]), at("2026-03-01T10:00:00Z"));
    let mut keys: Vec<_> = merged.state.enrollments.iter().filter_map(|e| e.key.clone()).collect();
    keys.sort();
    assert_eq!(keys, ["A", "B", "C"]);
    let ended = merged.effects.iter().filter(|e| matches!(e, Effect::Ended { reason: EndReason::Merged, .. })).count();
    assert_eq!(ended, 1);
    assert_eq!(merged.state.past["ship"].keys.len(), 3);
    assert_eq!(merged.state.past["ship"].runs, 4);
}
