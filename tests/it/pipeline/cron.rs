//! Rules by the calendar over many customers: in chunks, once each, whatever dies in between.

use std::collections::{BTreeMap, BTreeSet};

use milepost::journey::book::Shop;
use milepost::rulebook::{Book, load_files, render};
use milepost::store::MessageState;
use serde_json::json;

use super::{arrives, books, daemon, orders};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, MAP, at};

both! {
    everyone_gets_one_letter_and_a_code_of_their_own,
    a_firing_takes_those_who_are_meant,
    an_empty_pool_sends_nothing_and_says_so,
    a_pool_filled_up_serves_the_next_firing,
    a_firing_missed_in_a_short_standstill_is_made_up_for_once,
    a_firing_missed_long_ago_is_not,
    a_rule_that_comes_or_changes_fires_from_then_on,
}

const OFFER: &str = "
rule: offer
on: {cron: '0 10 * * 2', segment: 'orders.count == 0'}
reenter: always
steps: [{promo: codes}, {send: offer}]
";

/// The offer with so many codes.
fn book_with_codes(codes: usize) -> Book {
    let pool = (0..codes).map(|n| format!("CODE-{n:04}")).collect::<Vec<_>>().join("\n");
    let letter = "Subject: An offer\n\nYour code: {{ promo.code }}\n\n{{ unsubscribe_url }}\n".to_owned();
    let files = [
        ("shop/map.yaml", MAP.to_owned()),
        ("shop/offer.yaml", OFFER.to_owned()),
        ("shop/templates/offer.txt", letter),
        ("shop/promo/codes.csv", format!("code\n{pool}")),
    ];
    let files = files.map(|(path, text)| (path.to_owned(), text.into_bytes()));
    let loaded = load_files(&files.into(), Shop::default());
    loaded.book.unwrap_or_else(|| panic!("{}", render(&loaded.diagnostics, false)))
}

async fn arrive(daemon: &Daemon, count: usize) {
    let crowd: Vec<_> = (0..count).map(|n| arrives(&format!("c{n}"))).collect();
    daemon.accept(json!(crowd)).await;
    daemon.until("2026-03-10T09:30:00Z").await;
}

/// The codes that arrived, by recipient.
fn codes(daemon: &Daemon) -> BTreeMap<String, Vec<String>> {
    let mut codes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for letter in daemon.mailbox.letters() {
        let text = String::from_utf8_lossy(&letter.bytes).into_owned();
        let code = text.lines().find_map(|line| line.strip_prefix("Your code: ")).expect("a code").to_owned();
        codes.entry(letter.to[0].clone()).or_default().push(code);
    }
    codes
}

async fn everyone_gets_one_letter_and_a_code_of_their_own(place: &Place) {
    let first = daemon(place, book_with_codes(700)).await;
    arrive(&first, 600).await;
    first.clock.set(at("2026-03-10T10:00:00Z"));
    let engine = first.engine();
    assert_eq!(engine.open_firings().await.expect("works"), 1);
    assert_eq!(engine.open_firings().await.expect("works"), 0, "a firing opens once");
    assert_eq!(engine.walk_firings().await.expect("works").handled, 256, "a chunk, not all");
    // New events are not starved meanwhile.
    first.accept(arrives("late")).await;
    assert_eq!(engine.process_bodies().await.expect("works").handled, 1);
    let mailbox = first.mailbox.clone();
    drop((first, engine));
    // It dies; another goes on where it was, and it is asked to fire again at every turn.
    let second = Daemon::start_at(mailbox, place.url(), book_with_codes(700), at("2026-03-10T10:00:07Z"), |_| {}).await;
    second.until("2026-03-10T23:00:00Z").await;
    let given = codes(&second);
    assert_eq!(given.len(), 601);
    assert!(given.values().all(|codes| codes.len() == 1));
    assert_eq!(given.values().flatten().collect::<BTreeSet<_>>().len(), 601, "each code once");
    let stock = &second.app.engine.store.pool_stock(at("2026-03-10T00:00:00Z")).await.expect("reads")[0];
    assert_eq!((stock.total, stock.left), (700, 99));
    books::check(&second).await;
}

async fn a_firing_takes_those_who_are_meant(place: &Place) {
    let daemon = daemon(place, book_with_codes(10)).await;
    arrive(&daemon, 3).await;
    daemon.accept(orders("o", "c1", "1")).await;
    daemon.until("2026-03-10T12:00:00Z").await;
    assert_eq!(codes(&daemon).into_keys().collect::<Vec<_>>(), ["c0@mail.example", "c2@mail.example"]);
    daemon.until("2026-03-17T09:59:59Z").await;
    assert_eq!(daemon.mailbox.letters().len(), 2, "not before its day");
    daemon.until("2026-03-17T10:00:00Z").await;
    assert_eq!(daemon.mailbox.letters().len(), 4);
    books::check(&daemon).await;
}

async fn an_empty_pool_sends_nothing_and_says_so(place: &Place) {
    let daemon = daemon(place, book_with_codes(2)).await;
    arrive(&daemon, 5).await;
    daemon.until("2026-03-10T12:00:00Z").await;
    assert_eq!(codes(&daemon).values().flatten().collect::<BTreeSet<_>>().len(), 2);
    assert_eq!(daemon.record().await.len(), 2);
    let store = &daemon.app.engine.store;
    let mut without = 0;
    for customer in books::everyone(store).await {
        let runs = store.enrollments_of(&customer.id).await.expect("reads");
        let ended = runs[0].ended.as_ref().expect("ended").1.code();
        if ended == "no_promo_code" {
            without += 1;
            let decisions = store.decisions(&customer.id, Some("offer"), 10).await.expect("reads");
            assert!(decisions.iter().any(|decision| decision.note.contains("no code left")), "{decisions:?}");
        }
    }
    assert_eq!(without, 3);
    books::check(&daemon).await;
}

async fn a_pool_filled_up_serves_the_next_firing(place: &Place) {
    let first = daemon(place, book_with_codes(2)).await;
    arrive(&first, 3).await;
    first.until("2026-03-10T12:00:00Z").await;
    let mailbox = first.mailbox.clone();
    drop(first);
    let second = Daemon::start_at(mailbox, place.url(), book_with_codes(9), at("2026-03-16T12:00:00Z"), |_| {}).await;
    second.until("2026-03-17T12:00:00Z").await;
    let given = codes(&second);
    let all: Vec<_> = given.values().flatten().collect();
    assert_eq!((given.len(), all.len()), (3, 5));
    assert_eq!(all.into_iter().collect::<BTreeSet<_>>().len(), 5, "nobody is given a code of before");
    books::check(&second).await;
}

async fn a_firing_missed_in_a_short_standstill_is_made_up_for_once(place: &Place) {
    let first = daemon(place, book_with_codes(9)).await;
    arrive(&first, 3).await;
    let mailbox = first.mailbox.clone();
    drop(first);
    let second = Daemon::start_at(mailbox, place.url(), book_with_codes(9), at("2026-03-10T13:00:00Z"), |_| {}).await;
    second.until("2026-03-11T13:00:00Z").await;
    assert_eq!(second.mailbox.letters().len(), 3);
    assert!(second.record().await.iter().all(|row| row.state == MessageState::Sent));
    books::check(&second).await;
}

async fn a_firing_missed_long_ago_is_not(place: &Place) {
    let first = daemon(place, book_with_codes(9)).await;
    arrive(&first, 3).await;
    let mailbox = first.mailbox.clone();
    drop(first);
    let second = Daemon::start_at(mailbox, place.url(), book_with_codes(9), at("2026-03-12T13:00:00Z"), |_| {}).await;
    second.until("2026-03-16T13:00:00Z").await;
    assert!(second.mailbox.letters().is_empty());
    second.until("2026-03-17T13:00:00Z").await;
    assert_eq!(second.mailbox.letters().len(), 3);
    books::check(&second).await;
}

async fn a_rule_that_comes_or_changes_fires_from_then_on(place: &Place) {
    let news = |schedule: &str| {
        let rule = format!("{{rule: news, on: {{cron: '{schedule}'}}, reenter: always, steps: [{{send: news}}]}}");
        crate::support::book(&[&rule])
    };
    let other = || crate::support::book(&[super::THANKS]);
    let daemon = daemon(place, news("0 10 * * *")).await;
    daemon.accept(arrives("anna")).await;
    daemon.until("2026-03-10T12:00:00Z").await;
    assert_eq!(daemon.mailbox.letters().len(), 1);
    // Out of force over the next firing, and back within its `max_age`.
    daemon.swap(other()).await;
    daemon.until("2026-03-11T12:00:00Z").await;
    daemon.swap(news("0 10 * * *")).await;
    daemon.until("2026-03-11T14:00:00Z").await;
    assert_eq!(daemon.mailbox.letters().len(), 1, "what it missed is over");
    // Another schedule, which would have fired an hour ago.
    daemon.swap(news("0 13 * * *")).await;
    daemon.until("2026-03-11T23:00:00Z").await;
    assert_eq!(daemon.mailbox.letters().len(), 1);
    daemon.until("2026-03-12T12:59:59Z").await;
    assert_eq!(daemon.mailbox.letters().len(), 1, "the old schedule is over, too");
    daemon.until("2026-03-12T13:00:00Z").await;
    assert_eq!(daemon.mailbox.letters().len(), 2);
    // A change elsewhere is none of its business: what was missed in a short standstill is made up for.
    let mailbox = daemon.mailbox.clone();
    drop(daemon);
    let both = crate::support::book(&[
        "{rule: news, on: {cron: '0 13 * * *'}, reenter: always, steps: [{send: news}]}",
        super::THANKS,
    ]);
    let daemon = Daemon::start_at(mailbox, place.url(), both, at("2026-03-13T15:00:00Z"), |_| {}).await;
    daemon.until("2026-03-13T16:00:00Z").await;
    assert_eq!(daemon.mailbox.letters().len(), 3);
    books::check(&daemon).await;
}
