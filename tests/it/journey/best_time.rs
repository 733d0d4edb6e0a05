//! The hour at which a customer reads letters.

use milepost::journey::customer::Customer;
use milepost::journey::merge::merge;

use super::story::Story;
use crate::support::{arrival, at, event};

const RULE: &str = "{rule: r, on: {event: go.now}, reenter: always, steps: [{wait: {best_time: true, within: 24h, at: '10:00'}}, {send: x}]}";

fn reader(rule: &str, zone: &str, read: &[(&str, &str)]) -> Story {
    let mut story = Story::new(&[rule]);
    let mut arrives = arrival(at("2026-03-01T00:00:00Z"));
    arrives.profile.as_mut().expect("a profile").attributes.insert("time_zone".into(), zone.into());
    story.hear(&arrives);
    for (kind, moment) in read {
        story.hear(&event(kind, at(moment)));
    }
    story
}

fn check(rule: &str, zone: &str, read: &[(&str, &str)], from: &str, expected: &str) {
    let mut story = reader(rule, zone, read);
    story.hear(&event("go.now", at(from))).wait_until("2026-04-20T00:00:00Z");
    let letter = story.told.iter().find(|line| line.starts_with("x at"));
    assert_eq!(letter, Some(&format!("x at {expected}")), "{read:?} in {zone} from {from}");
}

#[test]
fn the_hour_with_the_most_openings_and_clicks_is_taken() {
    let evening = [
        ("message.opened", "2026-03-02T19:05:00Z"),
        ("message.clicked", "2026-03-03T19:59:00Z"),
        ("message.opened", "2026-03-04T07:00:00Z"),
    ];
    check(RULE, "UTC", &evening, "2026-03-10T12:00:00Z", "2026-03-10T19:00:00Z");
    // Past today's hour, it is tomorrow's; within it, at once.
    check(RULE, "UTC", &evening, "2026-03-10T20:00:00Z", "2026-03-11T19:00:00Z");
    check(RULE, "UTC", &evening, "2026-03-10T19:30:00Z", "2026-03-10T19:30:00Z");
    // The hours are those of the customer's own clock, also when it has been put forward since.
    check(RULE, "Europe/Berlin", &evening, "2026-03-10T12:00:00Z", "2026-03-10T19:00:00Z");
    check(RULE, "Europe/Berlin", &evening, "2026-04-10T12:00:00Z", "2026-04-10T18:00:00Z");
    // Of equals the next.
    let twice = [("message.opened", "2026-03-02T19:05:00Z"), ("message.opened", "2026-03-04T07:00:00Z")];
    check(RULE, "UTC", &twice, "2026-03-10T20:00:00Z", "2026-03-11T07:00:00Z");
}

#[test]
fn while_nothing_is_known_a_fixed_hour_is_taken() {
    check(RULE, "Asia/Tokyo", &[], "2026-03-10T12:00:00Z", "2026-03-11T01:00:00Z");
    let other = [("message.sent", "2026-03-02T19:05:00Z")];
    check(RULE, "UTC", &other, "2026-03-10T12:00:00Z", "2026-03-11T10:00:00Z");
    // What lies too far ahead is not known of the hours at hand.
    let soon = RULE.replace("24h", "3h");
    let evening = [("message.opened", "2026-03-02T19:05:00Z")];
    check(&soon, "UTC", &evening, "2026-03-10T08:00:00Z", "2026-03-10T10:00:00Z");
    check(&soon, "UTC", &evening, "2026-03-10T12:00:00Z", "2026-03-10T15:00:00Z");
    check(&soon, "UTC", &evening, "2026-03-10T17:00:00Z", "2026-03-10T19:00:00Z");
}

#[test]
fn merged_customers_bring_their_hours() {
    let story = reader(RULE, "UTC", &[("message.opened", "2026-03-02T19:05:00Z")]);
    let mut other =
        reader(RULE, "UTC", &[("message.opened", "2026-03-02T07:05:00Z"), ("message.opened", "2026-03-03T07:05:00Z")]);
    other.customer.id = "c2".into();
    let merged = merge(&story.book, story.customer.clone(), &other.customer, at("2026-03-05T00:00:00Z")).state;
    let mut story = Story { customer: merged, ..Story::new(&[RULE]) };
    story.hear(&event("go.now", at("2026-03-10T12:00:00Z"))).wait_until("2026-04-20T00:00:00Z");
    assert!(story.told.contains(&"x at 2026-03-11T07:00:00Z".into()), "{:?}", story.told);
    // A document without hours stays as it was.
    let plain = serde_json::to_value(Customer::new("c", at("2026-03-05T00:00:00Z"))).expect("serialises");
    assert!(plain.get("reading_hours").is_none());
}
