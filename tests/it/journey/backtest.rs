//! Backtests, told as stories: who would have got what by another rulebook, and why.

use std::collections::HashSet;

use milepost::journey::backtest::{self, Comparison, Side, Window};
use milepost::journey::book::Rulebook;
use milepost::journey::event::{Event, Phase};
use milepost::journey::simulate::Pools;

use crate::support::{arrival, at, cart, event, order, rulebook};

const REMINDER: &str = "
rule: reminder
on: {event: cart.updated}
exit_on: [order.created]
reenter: {after: 5d}
steps: [{wait: 1h}, {send: reminder}]
";
const WELCOME: &str = "{rule: welcome, on: {event: customer.created}, steps: [{send: welcome}]}";

fn window() -> Window {
    Window {
        known_until: at("2026-03-10T00:00:00Z"),
        from: at("2026-03-12T00:00:00Z"),
        until: at("2026-03-20T00:00:00Z"),
    }
}

fn compare(present: &Rulebook, candidate: &Rulebook, said: &[(&str, Event)]) -> Comparison {
    let tell = |book| {
        let mut side = Side::new(book, window(), Pools::default(), HashSet::new());
        for (customer, event) in said {
            side.hear(customer, event);
        }
        side.finish();
        side
    };
    backtest::compare(&tell(present), &tell(candidate))
}

/// `rule: present -> candidate` of each rule.
fn letters(found: &Comparison) -> Vec<String> {
    found.rules.iter().map(|rule| format!("{}: {} -> {}", rule.rule, rule.present, rule.candidate)).collect()
}

/// `customer rule letter present -> candidate, reason` of each difference.
fn examples(found: &Comparison) -> Vec<String> {
    let moment =
        |at: Option<milepost::journey::time::Timestamp>| at.map_or("-".to_owned(), |at| at.to_string()[8..16].into());
    let line = |customer: &str, d: &milepost::journey::backtest::Difference| {
        let reason = d.reason.as_ref().map(|reason| format!(", {reason}")).unwrap_or_default();
        format!("{customer} {} {} -> {}{reason}", d.letter, moment(d.present), moment(d.candidate))
    };
    found.examples.iter().flat_map(|e| e.differences.iter().map(move |d| line(&e.customer, d))).collect()
}

#[test]
fn a_longer_wait_spares_those_who_order_meanwhile() {
    let slow = REMINDER.replace("1h", "3h");
    let (present, candidate) = (rulebook(&[REMINDER]), rulebook(&[&slow]));
    let said = [
        ("anna", arrival(at("2026-03-13T08:00:00Z"))),
        ("bert", arrival(at("2026-03-13T08:00:00Z"))),
        ("anna", cart(at("2026-03-13T09:00:00Z"), 500)),
        ("bert", cart(at("2026-03-13T22:30:00Z"), 500)),
        ("anna", order("order.created", at("2026-03-13T11:00:00Z"), "1", Phase::Open, 500)),
    ];
    // Events come in the order in which they were accepted.
    let mut said = said.to_vec();
    said.sort_by_key(|(_, event)| event.received_at);
    let found = compare(&present, &candidate, &said);
    assert_eq!(letters(&found), ["reminder: 2 -> 1"]);
    assert_eq!((found.more, found.fewer, found.other), (0, 1, 1));
    assert_eq!((found.events, found.customers), (5, 2));
    assert_eq!(
        examples(&found),
        ["anna reminder 13T10:00 -> -, the run ended without it: exit_event", "bert reminder 13T23:30 -> 14T01:30"]
    );
    let days: Vec<_> =
        found.rules[0].days.iter().map(|day| (day.day.to_string(), day.present, day.candidate)).collect();
    assert_eq!(days, [("2026-03-13".to_owned(), 2, 0), ("2026-03-14".to_owned(), 0, 1)]);
}

#[test]
fn each_difference_has_its_reason() {
    let paused = REMINDER.replace("rule: reminder\n", "rule: reminder\nwhen: 'cart.total > 100'\n");
    let (present, candidate) = (rulebook(&[REMINDER, WELCOME]), rulebook(&[&paused]));
    let consents = std::collections::BTreeMap::from([("marketing".to_owned(), false)]);
    let profile = milepost::journey::event::Profile { consents, ..Default::default() };
    let said = [
        ("anna", arrival(at("2026-03-13T08:00:00Z"))),
        ("anna", cart(at("2026-03-13T09:00:00Z"), 500)),
        ("bert", event("customer.created", at("2026-03-13T10:00:00Z"))),
        ("bert", Event { profile: Some(profile), ..event("customer.updated", at("2026-03-13T11:00:00Z")) }),
        ("bert", cart(at("2026-03-13T12:00:00Z"), 20_000)),
    ];
    let found = compare(&present, &candidate, &said);
    assert_eq!(
        examples(&found),
        [
            "anna welcome 13T08:00 -> -, there is no such rule",
            "anna reminder 13T10:00 -> -, the rule did not begin: its condition did not hold",
        ]
    );
    let withheld: Vec<_> =
        found.withheld.iter().map(|w| (w.rule.as_str(), w.reason.as_str(), w.present, w.candidate)).collect();
    assert_eq!(withheld, [("reminder", "consent_refused", 1, 1), ("welcome", "no_consent", 1, 0)]);
}

#[test]
fn what_came_before_is_known_and_not_counted() {
    let always = REMINDER.replace("{after: 5d}", "always");
    let (present, candidate) = (rulebook(&[REMINDER]), rulebook(&[&always]));
    let said = [
        // Old news: known, and nothing begins.
        ("anna", arrival(at("2026-03-01T08:00:00Z"))),
        ("anna", cart(at("2026-03-09T23:30:00Z"), 500)),
        // Before the watched time: runs begin, and do not count.
        ("anna", cart(at("2026-03-11T09:00:00Z"), 600)),
        // Watched: the run of the day before yesterday stands in the way of one side.
        ("anna", cart(at("2026-03-13T09:00:00Z"), 700)),
    ];
    let found = compare(&present, &candidate, &said);
    assert_eq!(letters(&found), ["reminder: 0 -> 1"]);
    assert_eq!(examples(&found), ["anna reminder - -> 13T10:00, the rule did not begin: it had run not long before"]);
    assert_eq!(found.events, 1);
}

#[test]
fn the_same_rules_come_to_the_same() {
    let book = rulebook(&[REMINDER, WELCOME]);
    let said = [("anna", arrival(at("2026-03-13T08:00:00Z"))), ("anna", cart(at("2026-03-13T09:00:00Z"), 500))];
    let found = compare(&book, &book, &said);
    assert_eq!((found.more, found.fewer, found.other), (0, 0, 0));
    assert_eq!(letters(&found), ["reminder: 1 -> 1", "welcome: 1 -> 1"]);
    assert!(found.examples.is_empty());
    let json = serde_json::to_value(&found).expect("JSON");
    assert_eq!(json["rules"][0]["days"][0]["day"], "2026-03-13");
}

#[test]
fn the_limits_that_bite_are_named() {
    let often = "rule: often\non: {event: cart.updated}\nreenter: always\nsteps: [{send: reminder}]\n";
    let limited = |at_limit: &str| format!("{often}limits: {{caps: [1 per 2d], gap: 1h, at_limit: {at_limit}}}\n");
    let (waits, withholds) = (rulebook(&[&limited("{wait: 3d}")]), rulebook(&[&limited("withhold")]));
    let said = [
        ("anna", arrival(at("2026-03-13T08:00:00Z"))),
        ("anna", cart(at("2026-03-13T09:00:00Z"), 500)),
        ("anna", cart(at("2026-03-13T12:00:00Z"), 700)),
        ("anna", cart(at("2026-03-13T15:00:00Z"), 900)),
    ];
    let found = compare(&waits, &withholds, &said);
    let told = |list: &[backtest::KeptBack]| -> Vec<String> {
        list.iter()
            .map(|of| {
                let limit = of.limit.as_deref().unwrap_or_default();
                format!("{} {}: {} {}, {limit}", of.rule, of.reason, of.present, of.candidate)
            })
            .collect()
    };
    // The third letter would have to wait for four days, which is longer than three.
    let cap = "at most 1 in 2d (the rule often, marketing)";
    assert_eq!(told(&found.held), [format!("often frequency_cap: 1 0, {cap}")]);
    assert_eq!(told(&found.withheld), [format!("often frequency_cap: 1 2, {cap}")]);
    assert_eq!(letters(&found), ["often: 2 -> 1"]);
    assert_eq!(found.examples[0].email.as_deref(), Some("anna@mail.example"));
}

#[test]
fn what_is_not_over_at_the_end_says_so() {
    let often = "rule: often\non: {event: cart.updated}\nreenter: always\n";
    let at_once = rulebook(&[&format!("{often}steps: [{{send: reminder}}]\n")]);
    let slow = rulebook(&[&format!("{often}steps: [{{wait: 9d}}, {{send: reminder}}]\n")]);
    let capped = rulebook(&[&format!(
        "{often}steps: [{{send: reminder}}]\nlimits: {{caps: [1 per 9d], at_limit: {{wait: 30d}}}}\n"
    )]);
    let said = [
        ("anna", arrival(at("2026-03-13T08:00:00Z"))),
        ("anna", cart(at("2026-03-13T09:00:00Z"), 500)),
        ("anna", cart(at("2026-03-13T12:00:00Z"), 700)),
    ];
    let reasons = |candidate| -> Vec<String> {
        let found = compare(&at_once, candidate, &said);
        found.examples.iter().flat_map(|e| &e.differences).filter_map(|d| d.reason.clone()).collect()
    };
    // The second cart comes while a run is under way, and that is the last word.
    let second = "the rule did not begin: a run was under way";
    assert_eq!(reasons(&slow), [second, second]);
    assert_eq!(reasons(&capped), ["it waits still: at most 1 in 9d (the rule often, marketing)"]);
    let one = compare(&at_once, &slow, &said[..2]);
    assert_eq!(one.examples[0].differences[0].reason.as_deref(), Some("its run is not over"));
}
