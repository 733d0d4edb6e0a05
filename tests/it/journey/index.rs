//! The index of rules: what it passes over is what nothing comes of, and it follows every change of a rulebook.

use milepost::journey::customer::Customer;

use super::story::Story;
use crate::support::{arrival, at, event, rulebook};

#[test]
fn an_event_that_concerns_nobody_changes_only_the_time() {
    let mut story =
        Story::new(&["{rule: hi, on: {event: page.liked}, exit_on: [page.left], steps: [{wait: 1d}, {send: hello}]}"]);
    story.hear(&arrival(at("2026-03-01T08:00:00Z"))).hear(&event("page.seen", at("2026-03-01T09:00:00Z")));
    let before = story.customer.clone();
    story.hear(&event("page.seen", at("2026-03-01T10:00:00Z")));
    assert_eq!(story.customer, Customer { now: at("2026-03-01T10:00:00Z"), ..before });
    story.told.clear();
    story.hear(&event("page.liked", at("2026-03-01T11:00:00Z"))).tells(&["hi begins"]);
    story.hear(&event("page.left", at("2026-03-01T12:00:00Z"))).tells(&["hi ends: exit_event"]);
}

#[test]
fn even_the_first_event_of_a_customer_places_it() {
    Story::new(&[]).hear(&event("page.seen", at("2026-03-01T09:00:00Z"))).tells(&["- -> known"]);
}

#[test]
fn a_changed_copy_of_a_rulebook_has_an_index_of_its_own() {
    let book = rulebook(&["{rule: hi, on: {event: page.liked}, steps: [{send: hello}]}"]);
    assert!(book.listens_to("page.liked") && !book.listens_to("page.seen"));
    let mut copy = book.clone();
    copy.rules.extend(rulebook(&["{rule: seen, on: {event: page.seen}, steps: [{send: hello}]}"]).rules);
    assert!(copy.listens_to("page.seen") && !book.listens_to("page.seen"));
}
