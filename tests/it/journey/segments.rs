//! Segments: who is in them, what joining and leaving starts, and that their figures stay right whatever happens.

use std::collections::BTreeMap;

use milepost::journey::advance::Input;
use milepost::journey::book::{Rulebook, Shop};
use milepost::journey::condition::{Condition, Facts};
use milepost::journey::customer::Customer;
use milepost::journey::effect::Effect;
use milepost::journey::event::{Key, Phase};
use milepost::journey::merge::merge;

use super::story::Story;
use crate::support::{MAP, arrival, at, book_beside, cart, event, order};

const SEGMENTS: &str = "
loyal: 'orders.count >= 2'
recent: {if: \"within(orders.last_at, '30d')\", description: Bought in the last month}
warm: 'segment.loyal && segment.recent'
";

fn book(rules: &[&str], segments: &str) -> Rulebook {
    book_beside(MAP, rules, &[("shop/segments.yaml", segments)], Shop::default()).rulebook
}

fn bought(when: &str, id: &str) -> milepost::journey::event::Event {
    order("order.created", at(when), id, Phase::Complete, 500)
}

#[test]
fn joining_and_leaving_start_rules_by_event_and_by_time() {
    let mut story = Story::of(book(
        &[
            "{rule: warm, on: {join: warm}, reenter: always, steps: [{send: dear}]}",
            "{rule: cold, on: {quit: warm}, reenter: always, when: '!segment.warm', steps: [{send: miss}]}",
            "{rule: gone, on: {quit: recent}, steps: [{send: gone}]}",
        ],
        SEGMENTS,
    ));
    story.hear(&arrival(at("2026-03-01T08:00:00Z"))).tells(&["- -> known"]);
    story.hear(&bought("2026-03-02T08:00:00Z", "1")).tells(&["known -> buyer", "joins recent"]);
    story.hear(&bought("2026-03-05T08:00:00Z", "2")).tells(&[
        "joins loyal",
        "joins warm",
        "warm begins",
        "dear at 2026-03-05T08:00:00Z",
        "warm ends: finished",
    ]);
    assert_eq!(story.customer.segments["shop/warm"], at("2026-03-05T08:00:00Z"));
    // Nothing happens, and after thirty days time alone moves the customer, at the very moment.
    assert_eq!(story.customer.due_at(), Some(at("2026-04-04T08:00:00Z")));
    story.wait_until("2026-04-09T00:00:00Z").tells(&[
        "leaves recent",
        "leaves warm",
        "gone begins",
        "gone at 2026-04-04T08:00:00Z",
        "gone ends: finished",
        "cold begins",
        "miss at 2026-04-04T08:00:00Z",
        "cold ends: finished",
    ]);
    assert_eq!(story.customer.segments.keys().collect::<Vec<_>>(), ["shop/loyal"]);
}

#[test]
fn a_segment_serves_wherever_a_condition_stands() {
    let map =
        "map: shop\nsegment: '!segment.staff'\nstages: [{id: new, enter: 'true'}, {id: loyal, enter: segment.loyal}]\n";
    let segments = "staff: \"customer.tags.exists(t, t == 'staff')\"\nloyal: orders.count >= 2\n";
    let rule = "{rule: order, on: {event: order.created}, reenter: always, exit_when: segment.staff, purpose: transactional, \
         steps: [{branch: [{if: segment.loyal, then: [{send: again}]}, {else: [{send: first}]}]}]}";
    let mut story = Story::of(book_beside(map, &[rule], &[("shop/segments.yaml", segments)], Shop::default()).rulebook);
    story.hear(&arrival(at("2026-03-01T08:00:00Z"))).tells(&["- -> new"]);
    story.hear(&bought("2026-03-02T08:00:00Z", "1")).tells(&[
        "order begins",
        "first at 2026-03-02T08:00:00Z",
        "order ends: finished",
    ]);
    story.hear(&bought("2026-03-05T08:00:00Z", "2")).tells(&[
        "new -> loyal",
        "joins loyal",
        "order begins",
        "again at 2026-03-05T08:00:00Z",
        "order ends: finished",
    ]);
}

#[test]
fn a_trace_shows_the_segment_and_what_it_is_made_of() {
    let book = book(&[], SEGMENTS);
    let conditions = book.segments.values().map(|s| (s.name.clone(), s.condition.clone())).collect();
    let scope = milepost::journey::facts::Scope { segments: Some(conditions), ..Default::default() };
    let condition = Condition::compile("!segment.warm && cart.items.size() == 0", &scope).expect("a condition");
    assert_eq!(condition.paths(), ["orders.count", "orders.last_at", "cart.items"]);
    assert!(condition.depends_on_time());
    let mut story = Story::of(book);
    story.hear(&bought("2026-03-02T08:00:00Z", "1"));
    let facts = Facts::new(&story.customer, None, story.customer.now, chrono_tz::Tz::UTC);
    let parts: Vec<String> =
        condition.trace(facts).into_iter().map(|part| format!("{} {}", part.text, part.result)).collect();
    assert_eq!(
        parts,
        [
            "!(segment.warm) true",
            "segment.loyal false",
            "orders.count >= 2 false",
            "segment.recent true",
            "within(orders.last_at, '30d') true (until 2026-04-01 08:00:00 UTC)",
            "cart.items.size() == 0 true",
        ]
    );
}

#[test]
fn changed_rules_move_people_between_segments_and_mail_nobody() {
    let rules =
        ["{rule: hi, on: {join: big}, steps: [{send: hi}]}", "{rule: bye, on: {quit: loyal}, steps: [{send: bye}]}"];
    let mut story = Story::of(book(&rules, "loyal: orders.count >= 2\nbig: orders.total > 1000\n"));
    story.hear(&arrival(at("2026-03-01T08:00:00Z")));
    story.hear(&bought("2026-03-02T08:00:00Z", "1")).hear(&bought("2026-03-03T08:00:00Z", "2"));
    story.told.clear();
    story.book = book(&rules[..1], "big: orders.total > 5\nnew: \"!(orders.count > 5)\"\n");
    story.take(&Input::Rulebook, at("2026-03-04T08:00:00Z")).tells(&["leaves loyal", "joins big", "joins new"]);
    story.book = book(&[], "");
    story.take(&Input::Rulebook, at("2026-03-05T08:00:00Z")).tells(&["leaves big", "leaves new"]);
    assert!(story.customer.segments.is_empty());
}

/// Who is in which segment by adding up what was told, as the figures do.
fn counted<'a>(effects: impl IntoIterator<Item = &'a Effect>) -> BTreeMap<String, i64> {
    let mut sums = BTreeMap::new();
    for effect in effects {
        if let Effect::SegmentMoved(moved) = effect {
            *sums.entry(moved.segment.clone()).or_insert(0) += if moved.joined { 1 } else { -1 };
        }
    }
    sums.retain(|_, sum| *sum != 0);
    sums
}

#[test]
fn a_merge_counts_the_two_as_one_and_starts_nothing() {
    let book = book(&["{rule: warm, on: {join: loyal}, steps: [{send: dear}]}"], SEGMENTS);
    let person = |key: &str, when: &str, id: &str| {
        let mut customer = Customer::new(key, at(when));
        let mut effects = Vec::new();
        let mut said = bought(when, id);
        said.keys = vec![Key::source("shop", key)];
        let done =
            milepost::journey::advance::advance(&book, std::mem::take(&mut customer), &Input::Event(&said), at(when));
        effects.extend(done.effects);
        (done.state, effects)
    };
    let (one, mut effects) = person("a", "2026-03-02T08:00:00Z", "1");
    let (other, more) = person("b", "2026-03-03T08:00:00Z", "2");
    effects.extend(more);
    assert_eq!(counted(&effects), BTreeMap::from([("recent".to_owned(), 2)]));
    let merged = merge(&book, one, &other, at("2026-03-04T08:00:00Z"));
    assert!(!merged.effects.iter().any(|effect| matches!(effect, Effect::Enrolled { .. })), "{:?}", merged.effects);
    effects.extend(merged.effects);
    let one_each = ["loyal", "recent", "warm"].map(|name| (name.to_owned(), 1));
    assert_eq!(counted(&effects), BTreeMap::from(one_each));
    assert_eq!(merged.state.segments.len(), 3);
}

#[test]
fn a_deleted_customer_is_in_no_segment() {
    let mut story =
        Story::of(book(&["{rule: bye, on: {quit: empty}, steps: [{send: bye}]}"], "empty: cart.items.size() == 0\n"));
    story.hear(&arrival(at("2026-03-01T08:00:00Z"))).tells(&["- -> known", "joins empty"]);
    story.hear(&event("customer.deleted", at("2026-03-02T08:00:00Z"))).tells(&["known -> -", "leaves empty"]);
    story.hear(&cart(at("2026-03-03T08:00:00Z"), 100)).tells(&[]);
}
