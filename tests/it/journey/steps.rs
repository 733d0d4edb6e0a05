//! Steps besides letters and waits: splits, tags, notes, and runs of other rules.

use std::collections::BTreeMap;

use milepost::journey::customer::Customer;
use milepost::journey::effect::{Cause, EndReason};
use milepost::journey::event::Phase;
use milepost::journey::rule::{Action, SplitArm};
use milepost::journey::split::choose;

use super::story::Story;
use crate::support::{arrival, at, event, order, rulebook};

const SPLIT: &str = "
rule: tried
on: {event: customer.created}
reenter: always
steps:
  - split:
      - {share: 30%, name: short, then: [{send: short}]}
      - {share: 69.5%, name: long, then: [{send: long}, {wait: 1h}, {send: longer}]}
      - {share: 0.5 %, name: none, then: []}
  - send: after
";

fn arms() -> Vec<SplitArm> {
    let book = rulebook(&[SPLIT]);
    let Action::Split { arms, .. } = &book.rules["tried"].steps[0].action else { panic!("a split") };
    arms.clone()
}

#[test]
fn a_split_sends_the_shares_that_it_names_and_stays_by_them() {
    let arms = arms();
    let mut taken: BTreeMap<&str, u32> = BTreeMap::new();
    for n in 0..20_000 {
        let customer = format!("customer-{n}");
        let arm = choose(&arms, &customer, "tried", "split").expect("an arm");
        assert_eq!(Some(arm), choose(&arms, &customer, "tried", "split"));
        *taken.entry(&arm.name).or_default() += 1;
    }
    let share = |name: &str| f64::from(taken[name]) / 200.0;
    assert!((share("short") - 30.0).abs() < 1.5, "{taken:?}");
    assert!((share("long") - 69.5).abs() < 1.5, "{taken:?}");
    assert!((share("none") - 0.5).abs() < 0.3, "{taken:?}");
    // Another step and another rule cut the customers in another way.
    let same = |rule: &str, step: &str| {
        let names = (0..1_000).map(|n| format!("customer-{n}"));
        names.filter(|c| choose(&arms, c, "tried", "split") == choose(&arms, c, rule, step)).count()
    };
    assert!((450..700).contains(&same("other", "split")) && (450..700).contains(&same("tried", "split-2")));
}

#[test]
fn each_arm_of_a_split_goes_on_behind_it() {
    let arms = arms();
    let mut seen = BTreeMap::new();
    for n in 0..300 {
        let mut story = Story::new(&[SPLIT]);
        story.customer = Customer::new(format!("customer-{n}"), at("2026-03-01T00:00:00Z"));
        story.hear(&arrival(at("2026-03-01T08:00:00Z"))).wait_until("2026-03-01T10:00:00Z");
        let arm = choose(&arms, &story.customer.id, "tried", "split").expect("an arm");
        let letters =
            story.told.iter().filter(|line| line.contains(" at ")).map(|line| line[..line.len() - 24].to_owned());
        seen.insert(arm.name.clone(), letters.collect::<Vec<_>>());
    }
    assert_eq!(seen["short"], ["short", "after"]);
    assert_eq!(seen["long"], ["long", "longer", "after"]);
    assert_eq!(seen["none"], ["after"]);
}

#[test]
fn tags_are_added_and_removed_and_move_the_customer() {
    let map =
        "map: shop\nstages:\n  - {id: known, enter: 'true'}\n  - {id: gold, enter: \"'gold' in customer.tags\"}\n";
    let mut story = Story::new(&[]);
    story.book = crate::support::book_with(
        map,
        &["{rule: tag, on: {event: order.created}, reenter: always, steps: [{set: {vip: true, tags: {add: [gold, silver], remove: [new]}}}]}"],
        milepost::journey::book::Shop::default(),
    )
    .rulebook;
    let mut first = arrival(at("2026-03-01T08:00:00Z"));
    first.profile.as_mut().expect("a profile").attributes.insert("tags".into(), serde_json::json!(["new", "silver"]));
    story.hear(&first).tells(&["- -> known"]);
    story.hear(&order("order.created", at("2026-03-02T08:00:00Z"), "1", Phase::Open, 500)).tells(&[
        "tag begins",
        "tag ends: finished",
        "known -> gold",
    ]);
    assert_eq!(story.customer.attribute("tags"), Some(&serde_json::json!(["silver", "gold"])));
    // What is so already is not said again.
    story.hear(&order("order.created", at("2026-03-03T08:00:00Z"), "2", Phase::Open, 500));
    assert_eq!(story.customer.attributes["tags"].at, at("2026-03-02T08:00:00Z"));
}

#[test]
fn a_note_stands_in_the_record() {
    let mut story = Story::new(&["{rule: say, on: {event: customer.created}, steps: [{note: 'came by the quiz'}]}"]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z"))).tells(&[
        "- -> known",
        "say begins",
        "say: note",
        "say ends: finished",
    ]);
}

const ENROLLED: &str = "{rule: second, stage: known, on: {event: quiz.done}, when: 'orders.count == 0', steps: [{wait: 1h}, {send: second}]}";

#[test]
fn a_rule_enrolls_in_another_as_if_it_had_been_triggered() {
    let first =
        "{rule: first, on: {event: customer.created}, reenter: always, steps: [{enroll: second}, {send: first}]}";
    let mut story = Story::new(&[first, ENROLLED]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z"))).tells(&[
        "- -> known",
        "first begins",
        "first at 2026-03-01T08:00:00Z",
        "first ends: finished",
        "second begins",
    ]);
    story.wait_until("2026-03-01T09:00:00Z").tells(&["second at 2026-03-01T09:00:00Z", "second ends: finished"]);
    // Everything that holds back a trigger holds back here, and says so.
    let mut story = Story::new(&[&first.replace("customer.created", "order.created"), ENROLLED]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z"))).tells(&["- -> known"]);
    story.hear(&order("order.created", at("2026-03-02T08:00:00Z"), "1", Phase::Open, 500)).tells(&[
        "known -> buyer",
        "first begins",
        "first at 2026-03-02T08:00:00Z",
        "first ends: finished",
        "second: not_at_stage",
    ]);
}

#[test]
fn a_rule_takes_the_customer_out_of_another() {
    let stop = "{rule: stop, on: {event: quiz.done}, steps: [{leave: long}]}";
    let long =
        "{rule: long, on: {event: customer.created}, reenter: always, steps: [{send: now}, {wait: 1d}, {send: later}]}";
    let mut story = Story::new(&[stop, long]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z")));
    story.told.clear();
    story.hear(&crate::support::event("quiz.done", at("2026-03-01T09:00:00Z"))).tells(&[
        "stop begins",
        "stop ends: finished",
        "long ends: left",
        "cancelled: exited",
    ]);
    assert_eq!(story.customer.past["long"].reason, Some(EndReason::Left { by: "stop".into() }));
    story.wait_until("2026-03-05T08:00:00Z").tells(&[]);
}

#[test]
fn what_is_asked_of_others_is_done_in_the_order_of_the_steps() {
    let again = "{rule: again, on: {event: quiz.done}, reenter: always, steps: [{leave: long}, {enroll: long}]}";
    let long = "{rule: long, on: {event: customer.created}, reenter: always, steps: [{wait: 1d}, {send: later}]}";
    let mut story = Story::new(&[again, long]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z")));
    story.told.clear();
    story.hear(&crate::support::event("quiz.done", at("2026-03-01T20:00:00Z"))).tells(&[
        "again begins",
        "again ends: finished",
        "long ends: left",
        "long begins",
    ]);
    story.wait_until("2026-03-05T08:00:00Z").tells(&["later at 2026-03-02T20:00:00Z", "long ends: finished"]);
}

#[test]
fn rules_that_begin_each_other_do_not_go_round() {
    let rule = |id: &str, other: &str| {
        format!(
            "{{rule: {id}, on: {{event: customer.created}}, reenter: always, steps: [{{send: {id}}}, {{enroll: {other}}}]}}"
        )
    };
    let mut story = Story::new(&[&rule("ping", "pong"), &rule("pong", "ping")]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z")));
    let begun = story.told.iter().filter(|line| line.ends_with(" begins")).count();
    assert!(begun <= 3, "{:?}", story.told);
    assert!(story.told.contains(&"ping: began_just_now".into()), "{:?}", story.told);
}

#[test]
fn the_record_names_the_rule_that_asked() {
    let book = rulebook(&["{rule: first, on: {event: customer.created}, steps: [{enroll: second}]}", ENROLLED]);
    let heard = milepost::journey::advance::advance(
        &book,
        Customer::new("c1", at("2026-03-01T00:00:00Z")),
        &milepost::journey::advance::Input::Event(&arrival(at("2026-03-01T08:00:00Z"))),
        at("2026-03-01T08:00:00Z"),
    );
    let cause = heard.effects.iter().find_map(|effect| match effect {
        milepost::journey::effect::Effect::Enrolled { rule, cause, .. } if rule == "second" => Some(cause.clone()),
        _ => None,
    });
    assert_eq!(cause, Some(Cause::Rule { rule: "first".into() }));
}

#[test]
fn a_rule_can_take_consent_back_for_good() {
    let mut story = Story::new(&[
        "{rule: stop, on: {event: quiz.done}, steps: [{set: {consent: {marketing: false}}}, {send: bye}]}",
        "{rule: news, on: {event: page.seen}, reenter: always, steps: [{send: news}]}",
    ]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z"))).hear(&event("page.seen", at("2026-03-01T09:00:00Z")));
    story.told.clear();
    story.hear(&event("quiz.done", at("2026-03-01T10:00:00Z")));
    story.tells(&["stop begins", "bye withheld: consent_refused", "stop ends: finished"]);
    assert_eq!(story.customer.consents["marketing"].source, "rule:stop");
    story.hear(&event("page.seen", at("2026-03-01T11:00:00Z")));
    story.tells(&["news begins", "news withheld: consent_refused", "news ends: finished"]);
    // Until the customer agrees again.
    let mut again = arrival(at("2026-03-02T08:00:00Z"));
    again.id = "again".into();
    story.hear(&again).hear(&event("page.seen", at("2026-03-02T09:00:00Z")));
    assert!(story.told.contains(&"news at 2026-03-02T09:00:00Z".to_owned()), "{:?}", story.told);
}
