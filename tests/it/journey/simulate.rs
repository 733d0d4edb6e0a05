//! The simulator, told as stories: what goes out, what does not and why, and that its clock leaves nothing out.

use std::collections::HashSet;

use milepost::journey::book::Rulebook;
use milepost::journey::effect::Effect;
use milepost::journey::event::{Event, Phase, Profile};
use milepost::journey::simulate::{Entry, Pools, Simulator, What};
use milepost::journey::time::Timestamp;

use crate::support::{arrival, at, cart, event, order, rulebook};

const START: &str = "2026-03-10T09:00:00Z";

const CART: &str = "
rule: cart
stage: cart
on: {event: cart.updated}
exit_on: [order.created, cart.cleared]
goal: {event: order.created, within: 3d, value: order.total}
reenter: always
steps:
  - wait: 1h
  - send: reminder
  - wait: 1d
  - promo: codes
  - send: code
";

const NEWS: &str = "{rule: news, on: {cron: '0 12 * * *', segment: 'orders.count == 0'}, reenter: always, steps: [{promo: codes}, {send: news}]}";

/// A letter that shows its code.
const SHOWS: &str = "Subject: Yours\n\n{{ promo.code }} {{ unsubscribe_url }}\n";

fn showing_codes(files: &[(&str, &str)]) -> Rulebook {
    let mut files = files.to_vec();
    files.push(("shop/promo/codes.csv", "code\nAAA-1\nAAA-2\n"));
    crate::support::book_of(&files).rulebook
}

fn world(book: &Rulebook) -> Simulator<'_> {
    let codes = ["AAA-1", "AAA-2"].map(str::to_owned).to_vec();
    Simulator::new(book, at(START), Pools::new([("codes".to_owned(), codes)]), HashSet::new())
}

/// What happened, a line each; decisions and steps are left out.
fn told(record: &[Entry]) -> Vec<String> {
    let line = |entry: &Entry| {
        let what = match &entry.what {
            What::Effect(Effect::StageMoved(moved)) => format!("comes to {}", moved.to.as_deref().unwrap_or("nowhere")),
            What::Effect(Effect::Enrolled { rule, .. }) => format!("{rule} begins"),
            What::Effect(Effect::Ended { rule, reason, .. }) => format!("{rule} ends: {}", reason.code()),
            What::Effect(Effect::Converted { rule, .. }) => format!("{rule} converts"),
            What::Sent(message) => format!("gets {}", message.letter),
            What::Withheld { message, reason } => format!("does not get {}: {}", message.letter, reason.code()),
            What::Held(message) => {
                let until = message.held.as_ref().map(|held| held.until.to_string()[8..16].to_owned());
                format!("waits for {} until {}", message.letter, until.unwrap_or_default())
            }
            What::Effect(_) | What::Walked(_) => return None,
        };
        Some(format!("{} {} {what}", &entry.at.to_string()[8..16], entry.customer))
    };
    record.iter().filter_map(line).collect()
}

fn story(book: &Rulebook, said: &[(&str, Event)], until: &str) -> Vec<String> {
    let (mut world, mut record) = (world(book), Vec::new());
    for (customer, event) in said {
        world.hear(customer, event, &mut record);
    }
    world.run_until(at(until), &mut record);
    told(&record)
}

#[test]
fn a_letter_leaves_at_its_moment_and_what_was_accepted_by_then_has_its_say() {
    let book = rulebook(&[CART]);
    let filled = |id: &'static str| [(id, arrival(at(START))), (id, cart(at(START), 500))];
    // The moment of the letter is still time enough for an order; a moment later is a conversion.
    let said: Vec<(&str, Event)> = filled("anna")
        .into_iter()
        .chain(filled("bert"))
        .chain([
            ("anna", order("order.created", at("2026-03-10T10:00:00Z"), "1", Phase::Open, 500)),
            ("bert", order("order.created", at("2026-03-10T10:00:01Z"), "2", Phase::Open, 500)),
        ])
        .collect();
    assert_eq!(
        story(&book, &said, "2026-03-20T00:00:00Z"),
        [
            "10T09:00 anna comes to known",
            "10T09:00 anna comes to cart",
            "10T09:00 anna cart begins",
            "10T09:00 bert comes to known",
            "10T09:00 bert comes to cart",
            "10T09:00 bert cart begins",
            "10T10:00 anna cart ends: goal",
            "10T10:00 anna does not get reminder: goal_reached",
            "10T10:00 bert gets reminder",
            "10T10:00 bert cart ends: goal",
            "10T10:00 bert cart converts",
        ]
    );
}

#[test]
fn codes_are_given_once_and_an_empty_pool_ends_the_run() {
    let book = showing_codes(&[("shop/news.yaml", NEWS), ("shop/templates/news.txt", SHOWS)]);
    let said = ["dora", "anna", "bert"].map(|id| (id, arrival(at(START))));
    let mut told = story(&book, &said, "2026-03-10T23:00:00Z");
    // Schedules go through customers by id; letters of one moment lie by theirs, which are as good as chance.
    told[9..].sort();
    assert_eq!(
        told[3..],
        [
            "10T12:00 anna news begins",
            "10T12:00 anna news ends: finished",
            "10T12:00 bert news begins",
            "10T12:00 bert news ends: finished",
            "10T12:00 dora news begins",
            "10T12:00 dora news ends: no_promo_code",
            "10T12:00 anna gets news",
            "10T12:00 bert gets news",
        ]
    );
}

#[test]
fn suppressed_addresses_and_refusals_are_told_with_their_reason() {
    let book = rulebook(&["{rule: hello, on: {event: customer.created}, steps: [{send: hello}]}"]);
    let mut record = Vec::new();
    let suppressed = HashSet::from(["Anna@mail.example".to_owned()]);
    let mut world = Simulator::new(&book, at(START), Pools::default(), suppressed);
    world.hear("anna", &arrival(at(START)), &mut record);
    world.hear("bert", &event("customer.created", at(START)), &mut record);
    world.run_until(at(START), &mut record);
    let letters: Vec<String> = told(&record).into_iter().filter(|line| line.contains("not get")).collect();
    assert_eq!(
        letters,
        ["10T09:00 bert does not get hello: no_consent", "10T09:00 anna does not get hello: suppressed"]
    );
    assert!(world.customer("anna").expect("is known").pending.is_empty());
}

#[test]
fn old_news_places_silently_and_starts_nothing() {
    let stay = "{rule: stayed, on: {stay: cart, for: 2d}, steps: [{send: still-there}]}";
    let becomes = "{rule: large, on: {becomes: 'cart.total >= 5'}, steps: [{send: large}]}";
    let enters = "{rule: enters, on: {enter: cart}, steps: [{send: enters}]}";
    let book = rulebook(&[CART, stay, becomes, enters]);
    let (mut world, mut record) = (world(&book), Vec::new());
    let before = at("2026-03-09T12:00:00Z");
    for event in [arrival(before), cart(before, 900)] {
        world.remember("anna", &event);
    }
    world.begin();
    assert_eq!(world.customer("anna").expect("is known").stages["shop"].stage, "cart");
    world.run_until(at("2026-03-20T00:00:00Z"), &mut record);
    // Whoever is at a stage when the simulation begins is there from then on.
    assert_eq!(
        told(&record),
        ["12T09:00 anna stayed begins", "12T09:00 anna stayed ends: finished", "12T09:00 anna gets still-there"]
    );
}

#[test]
fn it_does_not_matter_how_often_the_clock_is_looked_at() {
    let book = rulebook(&[CART, NEWS]);
    let said = [
        ("anna", arrival(at(START))),
        ("bert", arrival(at(START))),
        ("bert", cart(at("2026-03-10T11:30:00Z"), 900)),
        ("anna", cart(at("2026-03-10T11:45:00Z"), 900)),
        ("anna", cart(at("2026-03-11T09:45:00Z"), 700)),
    ];
    let run = |step: i64| {
        let (mut world, mut record) = (world(&book), Vec::new());
        let mut said = said.iter().peekable();
        let mut now = at(START).micros();
        let end = at("2026-03-15T00:00:00Z").micros();
        while now < end {
            now = (now + step).min(end);
            while let Some((customer, event)) = said.next_if(|(_, event)| event.received_at.micros() <= now) {
                world.hear(customer, event, &mut record);
            }
            world.run_until(Timestamp::from_micros(now), &mut record);
        }
        told(&record)
    };
    let once = run(i64::MAX / 2 - at(START).micros());
    assert!(once.iter().any(|line| line.ends_with("anna gets reminder")), "{once:#?}");
    assert_eq!(once, run(7 * 60 * 1_000_000));
}

#[test]
fn codes_of_a_pattern_are_made_as_they_are_wanted() {
    let book = crate::support::book_of(&[
        ("shop/gift.yaml", "{rule: gift, on: {event: customer.created}, steps: [{promo: made}, {send: gift}]}"),
        ("shop/templates/gift.txt", "Subject: Gift\n\n{{ promo.code }} {{ unsubscribe_url }}\n"),
        ("shop/promo/made.yaml", "pattern: GIFT-########\n"),
    ])
    .rulebook;
    let mut simulator = Simulator::new(&book, at(START), Pools::default(), HashSet::new());
    let mut record: Vec<Entry> = Vec::new();
    for customer in ["anna", "bert", "cyd"] {
        simulator.hear(customer, &arrival(at(START)), &mut record);
    }
    simulator.run_until(at("2026-03-11T09:00:00Z"), &mut record);
    let codes: HashSet<_> = record
        .iter()
        .filter_map(|entry| if let What::Sent(message) = &entry.what { message.code.clone() } else { None })
        .collect();
    assert_eq!(codes.len(), 3, "{record:?}");
}

/// The letters that went out, as `customer code`.
fn codes(record: &[Entry]) -> Vec<String> {
    let code = |entry: &Entry| match &entry.what {
        What::Sent(message) => Some(format!("{} {}", entry.customer, message.code.as_deref().unwrap_or("none"))),
        _ => None,
    };
    record.iter().filter_map(code).collect()
}

#[test]
fn a_code_whose_letter_is_withheld_serves_the_next() {
    let gift = "{rule: gift, on: {event: gift.asked}, exit_on: [cart.cleared], reenter: always, limits: {quiet: {from: '20:00', to: '08:00'}}, steps: [{promo: codes}, {send: gift}]}";
    let book = showing_codes(&[("shop/gift.yaml", gift), ("shop/templates/gift.txt", SHOWS)]);
    let (mut world, mut record) = (world(&book), Vec::new());
    let refusal = Profile { consents: [("marketing".to_owned(), false)].into(), ..Profile::default() };
    let refuses = Event { profile: Some(refusal), ..event("customer.updated", at("2026-03-10T23:00:00Z")) };
    for (customer, said) in [
        ("anna", arrival(at("2026-03-10T21:00:00Z"))),
        ("bert", arrival(at("2026-03-10T21:00:00Z"))),
        ("cyd", arrival(at("2026-03-10T21:00:00Z"))),
        // Both wait for the morning, with a code each.
        ("anna", event("gift.asked", at("2026-03-10T22:00:00Z"))),
        ("bert", event("gift.asked", at("2026-03-10T22:30:00Z"))),
        // One does not want it any more: the letter is withheld in the morning, and the code free from then on.
        ("anna", refuses),
        ("cyd", event("gift.asked", at("2026-03-10T23:30:00Z"))),
        ("cyd", event("gift.asked", at("2026-03-11T09:00:00Z"))),
    ] {
        world.hear(customer, &said, &mut record);
    }
    world.run_until(at("2026-03-11T10:00:00Z"), &mut record);
    assert_eq!(codes(&record), ["bert AAA-2", "cyd AAA-1"]);
}

#[test]
fn a_code_that_an_order_carries_is_not_given_any_more() {
    let gift = "{rule: gift, on: {event: customer.created}, steps: [{promo: codes}, {send: gift}]}";
    let book = showing_codes(&[("shop/gift.yaml", gift), ("shop/templates/gift.txt", SHOWS)]);
    let (mut world, mut record) = (world(&book), Vec::new());
    let mut carries = order("order.created", at("2026-03-10T10:00:00Z"), "1", Phase::Open, 4_990);
    if let Some(order) = &mut carries.order {
        order.promo_code = Some("aaa-1".into());
    }
    world.hear("anna", &carries, &mut record);
    world.hear("bert", &arrival(at("2026-03-10T11:00:00Z")), &mut record);
    world.run_until(at("2026-03-10T12:00:00Z"), &mut record);
    assert_eq!(codes(&record), ["bert AAA-2"]);
}
