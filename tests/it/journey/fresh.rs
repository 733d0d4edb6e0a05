//! Frozen or fresh: what a run captures when it begins, and what must still hold when a letter is planned and when it leaves.

use milepost::journey::effect::{Effect, WithheldReason};
use milepost::journey::event::Event;
use milepost::journey::explain::explain;
use milepost::journey::policy::{self, Letter, Verdict};
use serde_json::{Value, json};

use super::story::Story;
use crate::support::{arrival, at, cart, event, rulebook};

const CART: &str = "
rule: cart
on: {event: cart.updated}
capture: [cart, customer]
still: captured.cart.total == cart.total
steps:
  - wait: 1h
  - send: reminder
  - wait: 1h
  - branch:
      - if: cart.total >= 100
        then: [{send: {letter: big, still: 'cart.items.size() > 0'}}]
      - else: [{send: small}]
";

fn begun(rule: &str, cents: i64) -> Story {
    let mut story = Story::new(&[rule]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z"))).hear(&cart(at("2026-03-01T09:00:00Z"), cents));
    story.told.clear();
    story
}

/// What a letter that is pending would be told at the last moment.
fn asked(story: &Story, step: &str, inputs: &Value) -> Verdict {
    let message = &story.customer.pending.last().expect("a letter").message;
    let letter = Letter { step, inputs };
    policy::at_sending(&story.book, &story.customer, message, &letter, false, story.customer.now)
}

#[test]
fn a_letter_that_is_stale_when_planned_is_withheld_with_the_parts() {
    let mut story = begun(CART, 12_000);
    story.hear(&cart(at("2026-03-01T09:30:00Z"), 5_000)).tells(&["cart: already_running"]);
    story.wait_until("2026-03-01T10:00:00Z").tells(&["cart: stale", "reminder withheld: stale"]);
    assert!(story.customer.pending.is_empty());
    // The run goes on, and branches read what was captured.
    story.hear(&cart(at("2026-03-01T10:30:00Z"), 12_000)).tells(&["cart: already_running"]);
    story.wait_until("2026-03-01T11:00:00Z").tells(&["big at 2026-03-01T11:00:00Z", "cart ends: finished"]);
}

#[test]
fn a_letter_that_is_stale_when_it_leaves_is_withheld_too() {
    let mut story = begun(CART, 12_000);
    let inputs = story.customer.enrollments[0].inputs();
    story.wait_until("2026-03-01T10:00:00Z");
    assert!(asked(&story, "send-reminder", &inputs).withhold.is_none());
    story.hear(&cart(at("2026-03-01T10:00:01Z"), 5_000));
    let verdict = asked(&story, "send-reminder", &inputs);
    assert_eq!(verdict.withhold, Some(WithheldReason::Stale));
    let policies: Vec<&str> = verdict.verdicts.iter().map(|said| said.policy.as_str()).collect();
    assert_eq!(policies, ["exit", "still"], "asked after the exit and before the consent");
    let note = &verdict.verdicts[1].note;
    assert!(note.contains("captured.cart.total = 120.0") && note.contains("cart.total = 50.0"), "{note}");
}

#[test]
fn a_letters_own_condition_is_asked_besides_the_rules() {
    let mut story = begun(CART, 12_000);
    let inputs = story.customer.enrollments[0].inputs();
    story.wait_until("2026-03-01T11:00:00Z");
    assert!(asked(&story, "send-big", &inputs).withhold.is_none());
    story.hear(&event("cart.cleared", at("2026-03-01T11:00:01Z")));
    assert_eq!(asked(&story, "send-big", &inputs).withhold, Some(WithheldReason::Stale));
}

#[test]
fn what_must_hold_may_read_the_event_that_began_the_run() {
    let rule =
        "{rule: stock, on: {event: stock.came}, still: 'event.in_stock == true', steps: [{wait: 1h}, {send: back}]}";
    for (in_stock, expected) in [(true, "back at 2026-03-01T10:00:00Z"), (false, "back withheld: stale")] {
        let mut story = Story::new(&[rule]);
        story.hear(&arrival(at("2026-03-01T08:00:00Z")));
        let mut came = event("stock.came", at("2026-03-01T09:00:00Z"));
        came.data.insert("in_stock".into(), json!(in_stock));
        story.hear(&came).wait_until("2026-03-01T10:00:00Z");
        assert!(story.told.contains(&expected.to_owned()), "{:?}", story.told);
    }
}

#[test]
fn letters_get_what_was_captured_and_read_the_rest_fresh() {
    let book = rulebook(&[CART]);
    let mut customer = milepost::journey::customer::Customer::new("c1", at("2026-03-01T00:00:00Z"));
    let mut hear = |event: &Event| {
        let input = milepost::journey::advance::Input::Event(event);
        let done = milepost::journey::advance::advance(&book, std::mem::take(&mut customer), &input, event.received_at);
        customer = done.state;
        done.effects
    };
    hear(&arrival(at("2026-03-01T08:00:00Z")));
    hear(&cart(at("2026-03-01T09:00:00Z"), 12_000));
    let mut renamed = arrival(at("2026-03-01T09:30:00Z"));
    renamed.kind = "customer.updated".into();
    renamed.profile.as_mut().expect("a profile").attributes.insert("first_name".into(), "Ann".into());
    hear(&renamed);
    let effects = hear(&event("quiz.done", at("2026-03-01T10:00:00Z")));
    let planned = effects.iter().find_map(|e| if let Effect::MessagePlanned(m) = e { Some(m) } else { None });
    let inputs = &planned.expect("a letter").inputs;
    assert_eq!((&inputs["cart"]["total"], &inputs["customer"]["first_name"]), (&json!(120.0), &json!("Anna")));
    assert!(inputs.get("orders").is_none(), "the rule does not capture it");
    // The document stays readable.
    let stored = serde_json::to_string(&customer).expect("serialises");
    let read: milepost::journey::customer::Customer = serde_json::from_str(&stored).expect("reads");
    assert_eq!(read, customer);
}

#[test]
fn explain_asks_the_letters_of_a_run_under_way() {
    let mut story = begun(CART, 12_000);
    let told = |story: &Story| {
        explain(&story.book, &story.book.rules["cart"], &story.customer, false, story.customer.now).would_withhold
    };
    assert_eq!(told(&story), None);
    story.hear(&cart(at("2026-03-01T09:30:00Z"), 5_000));
    assert_eq!(told(&story).as_deref(), Some("what it tells is not so any more"));
}
