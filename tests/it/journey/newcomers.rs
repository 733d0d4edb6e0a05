//! Rules that came into force after a customer's last input: what would have started them before that is old news.

use std::sync::Arc;

use milepost::journey::advance::{Input, advance};
use milepost::journey::book::Rulebook;
use milepost::journey::customer::Customer;
use milepost::journey::effect::Effect;
use milepost::journey::event::{Event, Phase};
use milepost::journey::time::Timestamp;
use serde_json::json;

use crate::support::{MAP, arrival, at, book_beside, order, rulebook};

/// Starts nothing of what is told here.
const OTHER: &str = "{rule: other, on: {event: a.b}, steps: [{send: other}]}";
const QUIET: &str =
    "{rule: quiet, on: {becomes: \"older_than(orders.last_at, '10d')\"}, reenter: always, steps: [{send: quiet}]}";

fn after(now: Rulebook, before: &Rulebook) -> Rulebook {
    let mut now = now;
    now.earlier.insert(before.hash.clone(), Arc::new(before.clone()));
    now
}

struct Story {
    customer: Customer,
    told: Vec<String>,
}

impl Story {
    /// Anna comes and orders on the 1st of March.
    fn begin(book: &Rulebook) -> Self {
        let mut story = Self { customer: Customer::new("c1", at("2026-03-01T08:00:00Z")), told: Vec::new() };
        for event in [arrival(at("2026-03-01T08:00:00Z")), ordered("2026-03-01T09:00:00Z")] {
            story.take(book, &Input::Event(&event), event.received_at);
        }
        story.told.clear();
        story
    }

    /// Takes an input as the engine does: codes are answered, and what was not taken is handed in again.
    fn take(&mut self, book: &Rulebook, input: &Input<'_>, now: Timestamp) {
        loop {
            let done = advance(book, std::mem::take(&mut self.customer), input, now);
            self.customer = done.state;
            let mut wanted = None;
            for effect in done.effects {
                match effect {
                    Effect::Enrolled { rule, at, .. } => self.told.push(format!("{rule} {}", &at.rfc3339()[5..16])),
                    Effect::PromoWanted { enrollment, .. } => wanted = Some(enrollment),
                    _ => {}
                }
            }
            if let Some(enrollment) = wanted {
                // The document is stored between the two.
                let stored = serde_json::to_string(&self.customer).expect("serialises");
                self.customer = serde_json::from_str(&stored).expect("reads back");
                let asked = self.customer.now;
                self.take(book, &Input::Promo { enrollment: &enrollment, code: Some("CODE") }, asked);
            }
            if done.taken {
                return;
            }
        }
    }

    fn until(&mut self, book: &Rulebook, moment: &str) -> Vec<String> {
        self.take(book, &Input::Due, at(moment));
        std::mem::take(&mut self.told)
    }
}

fn ordered(when: &str) -> Event {
    order("order.created", at(when), when, Phase::Open, 1_000)
}

#[test]
fn a_condition_that_turned_before_the_rule_came_starts_nothing() {
    let before = rulebook(&[OTHER]);
    for archived in [true, false] {
        let mut now = rulebook(&[OTHER, QUIET]);
        if archived {
            now = after(now, &before);
        }
        // Ten days are over on the 11th, and the rule comes on the 11th, twelve hours later.
        let mut story = Story::begin(&before);
        story.take(&now, &Input::Rulebook, at("2026-03-11T21:00:00Z"));
        assert_eq!(story.until(&now, "2026-03-12T00:00:00Z"), [""; 0], "it turned before there was such a rule");
        assert_eq!(story.customer.new_rules, None, "what is over is forgotten");
        let again = ordered("2026-03-12T09:00:00Z");
        story.take(&now, &Input::Event(&again), again.received_at);
        assert_eq!(story.until(&now, "2026-03-30T00:00:00Z"), ["quiet 03-22T09:00"], "the next time counts");
        // It comes before: then it turns in its time.
        let mut story = Story::begin(&before);
        story.take(&now, &Input::Rulebook, at("2026-03-11T08:59:59Z"));
        assert_eq!(story.until(&now, "2026-03-30T00:00:00Z"), ["quiet 03-11T09:00"]);
    }
}

#[test]
fn the_first_input_under_the_new_rule_may_be_an_event() {
    let before = rulebook(&[OTHER]);
    let now = after(rulebook(&[OTHER, QUIET]), &before);
    let mut story = Story::begin(&before);
    let again = ordered("2026-03-12T09:00:00Z");
    story.take(&now, &Input::Event(&again), again.received_at);
    assert_eq!(story.until(&now, "2026-03-12T10:00:00Z"), [""; 0]);
}

#[test]
fn a_rule_that_was_there_keeps_what_fell_due_while_the_daemon_was_away() {
    let before = rulebook(&[QUIET]);
    let now = after(rulebook(&[QUIET, &QUIET.replace("rule: quiet", "rule: new")]), &before);
    let mut story = Story::begin(&before);
    // Away from the 10th to the 11th, and it comes back with another rulebook.
    story.take(&now, &Input::Rulebook, at("2026-03-11T21:00:00Z"));
    assert_eq!(std::mem::take(&mut story.told), ["quiet 03-11T09:00"]);
    // A rule whose trigger is another now is new, whatever its name.
    let changed = after(rulebook(&[&QUIET.replace("'10d'", "'9d'")]), &before);
    let mut story = Story::begin(&before);
    story.take(&changed, &Input::Rulebook, at("2026-03-11T21:00:00Z"));
    assert_eq!(story.told, [""; 0]);
}

#[test]
fn stages_and_segments_that_turned_before_start_nothing_either() {
    let map = MAP.to_owned() + "  - {id: gone, enter: \"older_than(orders.last_at, '10d')\"}\n";
    let rules = [
        "{rule: enters, on: {enter: gone}, steps: [{send: enters}]}",
        "{rule: leaves, on: {leave: buyer}, steps: [{send: leaves}]}",
        "{rule: joins, on: {join: silent}, steps: [{send: joins}]}",
        "{rule: quits, on: {quit: fresh}, steps: [{send: quits}]}",
        "{rule: stays, on: {stay: gone, for: 12h}, steps: [{send: stays}]}",
    ];
    let segments = "silent: \"older_than(orders.last_at, '10d')\"\nfresh: \"within(orders.last_at, '10d')\"\n";
    let new = |moment: &str| {
        let before = rulebook(&[OTHER]);
        let now =
            book_beside(&map, &rules, &[("shop/segments.yaml", segments)], milepost::journey::book::Shop::default());
        let now = after(now.rulebook, &before);
        let mut story = Story::begin(&before);
        story.take(&now, &Input::Rulebook, at(moment));
        let mut told = story.until(&now, "2026-03-14T00:00:00Z");
        told.sort();
        told
    };
    assert_eq!(
        new("2026-03-11T08:00:00Z"),
        ["enters 03-11T09:00", "joins 03-11T09:00", "leaves 03-11T09:00", "quits 03-11T09:00", "stays 03-11T21:00"]
    );
    assert_eq!(new("2026-03-12T08:00:00Z"), ["stays 03-12T20:00"], "a stay counts from the change on");
}

#[test]
fn a_wish_for_a_code_in_between_changes_nothing() {
    // The run asks for a code on the 3rd, while the daemon is away; it comes back on the 5th with rules that would have started on
    // the 4th.
    let slow = "{rule: slow, on: {event: order.created}, steps: [{wait: 2d}, {promo: codes}, {send: slow}]}";
    let birthday =
        "{rule: birthday, on: {date: customer.birthday, yearly: true}, reenter: always, steps: [{send: wish}]}";
    let turns = QUIET.replace("'10d'", "'3d'");
    let before = rulebook(&[slow]);
    let now = after(rulebook(&[slow, birthday, &turns]), &before);
    let mut story = Story::begin(&before);
    let mut says = arrival(at("2026-03-01T10:00:00Z"));
    if let Some(profile) = &mut says.profile {
        profile.attributes.insert("birthday".into(), json!("1990-03-04"));
    }
    story.take(&before, &Input::Event(&says), says.received_at);
    story.take(&now, &Input::Rulebook, at("2026-03-05T12:00:00Z"));
    assert_eq!(story.told, [""; 0]);
    assert_eq!(story.customer.enrollments, [], "the run went on with its code");
    assert_eq!(story.customer.promo_codes.len(), 1);
    assert_eq!(story.customer.dates["birthday"], at("2027-03-04T09:00:00Z"));
}
