//! Rules that follow a customer's date, and rules that are called.

use milepost::journey::advance::Input;
use milepost::journey::event::{Event, Profile};
use serde_json::{Value, json};

use super::story::Story;
use crate::support::{arrival, at, event, rulebook};

/// The customer says this of itself.
fn says(when: &str, attributes: &Value) -> Event {
    let attributes = attributes.as_object().cloned().unwrap_or_default();
    Event { profile: Some(Profile { attributes, ..Profile::default() }), ..event("customer.updated", at(when)) }
}

/// A customer with these attributes under a rule that follows a date, and the moments of the letters until `until`.
fn letters(on: &str, attributes: &Value, from: &str, until: &str) -> Vec<String> {
    let rule = format!("{{rule: day, on: {on}, reenter: always, steps: [{{send: wish}}]}}");
    let mut story = Story::new(&[&rule]);
    story.hear(&arrival(at(from))).hear(&says(from, attributes));
    story.told.clear();
    story.wait_until(until);
    let sent = story.told.iter().filter_map(|line| line.strip_prefix("wish at "));
    sent.map(str::to_owned).collect()
}

#[test]
fn a_birthday_comes_every_year_on_the_customers_clock() {
    let moscow = json!({"birthday": "1990-05-01", "time_zone": "Europe/Moscow"});
    let check = |on: &str, attributes: &Value, expected: &[&str]| {
        assert_eq!(letters(on, attributes, "2026-03-01T00:00:00Z", "2028-04-01T00:00:00Z"), expected, "{on}");
    };
    let yearly = "{date: customer.birthday - 7d, yearly: true}";
    check(yearly, &moscow, &["2026-04-24T06:00:00Z", "2027-04-24T06:00:00Z"]);
    check(
        "{date: customer.birthday, yearly: true, at: '18:30', tz: shop}",
        &moscow,
        &["2026-05-01T18:30:00Z", "2027-05-01T18:30:00Z"],
    );
    check("{date: 'customer.birthday + 1w', yearly: true}", &moscow, &["2026-05-08T06:00:00Z", "2027-05-08T06:00:00Z"]);
    // Without `yearly` a day of the past is past.
    check("{date: customer.birthday}", &moscow, &[]);
    // Days before an early birthday lie in the year before.
    check(yearly, &json!({"birthday": "1990-01-03"}), &["2026-12-27T09:00:00Z", "2027-12-27T09:00:00Z"]);
    // Not every year has the day.
    check(
        "{date: customer.birthday, yearly: true}",
        &json!({"birthday": "1992-02-29"}),
        &["2027-02-28T09:00:00Z", "2028-02-29T09:00:00Z"],
    );
    // What is no day starts nothing.
    for nonsense in
        [json!({}), json!({"birthday": "soon"}), json!({"birthday": 19_900_501}), json!({"birthday": "1990-5-1"})]
    {
        check(yearly, &nonsense, &[]);
    }
}

#[test]
fn a_time_counts_by_its_day_and_comes_once() {
    let created = json!({"created_at": "2026-03-01T22:30:00.000000Z", "time_zone": "Europe/Moscow"});
    // In Moscow it is the second of March already.
    let told = letters("{date: customer.created_at + 30d}", &created, "2026-03-02T00:00:00Z", "2028-01-01T00:00:00Z");
    assert_eq!(told, ["2026-04-01T06:00:00Z"]);
    // In a gap of the clock it is the first moment after it.
    let berlin = json!({"created_at": "2026-03-01T12:00:00.000000Z", "time_zone": "Europe/Berlin"});
    let told = letters(
        "{date: customer.created_at + 28d, at: '02:30'}",
        &berlin,
        "2026-03-02T00:00:00Z",
        "2028-01-01T00:00:00Z",
    );
    assert_eq!(told, ["2026-03-29T01:00:00Z"]);
}

#[test]
fn a_date_that_is_said_too_late_waits_for_the_next_and_a_changed_one_moves() {
    let rule =
        "{rule: day, on: {date: customer.birthday, yearly: true}, reenter: {after: 300d}, steps: [{send: wish}]}";
    let mut story = Story::new(&[rule]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z")));
    story.told.clear();
    story.hear(&says("2026-05-01T10:00:00Z", &json!({"birthday": "1990-05-01"})));
    assert_eq!(story.customer.due_at(), Some(at("2027-05-01T09:00:00Z")));
    story.hear(&says("2026-05-02T10:00:00Z", &json!({"birthday": "1990-05-09"})));
    assert_eq!(story.customer.due_at(), Some(at("2026-05-09T09:00:00Z")));
    story.wait_until("2026-05-09T09:00:00Z").tells(&[
        "day begins",
        "wish at 2026-05-09T09:00:00Z",
        "day ends: finished",
    ]);
    // Another day in the same year is another moment, and the rule's re-entry has its say.
    story.hear(&says("2026-05-10T10:00:00Z", &json!({"birthday": "1990-06-09"})));
    story.wait_until("2026-06-10T00:00:00Z").tells(&["day: not_again_yet"]);
    story.hear(&says("2026-06-11T10:00:00Z", &json!({"birthday": null})));
    assert_eq!(story.customer.due_at(), None);
    story.hear(&says("2026-06-12T10:00:00Z", &json!({"birthday": "1990-06-20"})));
    story.hear(&event("customer.deleted", at("2026-06-13T10:00:00Z")));
    assert_eq!(story.customer.due_at(), None);
}

#[test]
fn a_new_rule_looks_ahead_only_and_one_that_is_gone_is_forgotten() {
    let mut story = Story::new(&[]);
    story
        .hear(&arrival(at("2026-03-01T08:00:00Z")))
        .hear(&says("2026-03-01T08:00:00Z", &json!({"birthday": "1990-05-01"})));
    story.told.clear();
    story.book =
        rulebook(&["{rule: day, on: {date: customer.birthday, yearly: true}, reenter: always, steps: [{send: wish}]}"]);
    story.take(&Input::Rulebook, at("2026-05-01T09:30:00Z")).tells(&[]);
    assert_eq!(story.customer.dates["day"], at("2027-05-01T09:00:00Z"));
    story.book = rulebook(&[]);
    story.take(&Input::Rulebook, at("2026-05-02T09:30:00Z")).tells(&[]);
    assert!(story.customer.dates.is_empty());
}

#[test]
fn a_call_starts_the_rule_that_it_names() {
    let mut story = Story::new(&[
        "{rule: quote, on: {call: true}, when: 'event.sum > 10', reenter: always, steps: [{send: quote}]}",
        "{rule: other, on: {call: true}, steps: [{send: other}]}",
    ]);
    let call = |when: &str, data: Value| Event {
        data: data.as_object().cloned().unwrap_or_default(),
        ..event("rule.called", at(when))
    };
    story.hear(&arrival(at("2026-03-01T08:00:00Z")));
    story.told.clear();
    story.hear(&call("2026-03-01T09:00:00Z", json!({"rule": "quote", "sum": 12}))).tells(&[
        "quote begins",
        "quote at 2026-03-01T09:00:00Z",
        "quote ends: finished",
    ]);
    story.hear(&call("2026-03-01T10:00:00Z", json!({"rule": "quote", "sum": 2}))).tells(&["quote: condition_false"]);
    story.hear(&call("2026-03-01T11:00:00Z", json!({"rule": "gone"}))).tells(&[]);
    story.hear(&call("2026-03-01T12:00:00Z", json!({}))).tells(&[]);
}
