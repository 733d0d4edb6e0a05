//! Promo codes from the wish to the order: what a customer gets, what comes back, and what happens when none is left.

use milepost::mail::mailbox::{Action, Stage};
use milepost::rulebook::Book;
use milepost::store::{CodeState, MessageState, Store};
use serde_json::{Value, json};

use super::{arrives, books, daemon};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, at, book_of, person};

both! {
    a_code_is_reserved_sent_and_redeemed,
    a_code_whose_letter_is_withheld_serves_the_next,
    a_code_of_a_letter_in_doubt_is_not_given_again,
    a_code_expires_and_counts_no_more,
    a_run_held_by_an_empty_pool_goes_on_when_codes_come,
    a_letter_without_its_code_is_withheld_and_the_others_go_out,
    one_who_was_merged_never_gets_a_code_again,
    codes_made_by_a_pattern_are_everyone_s_own,
    a_pool_that_runs_low_is_told_once,
}

const GIFT: &str = "
rule: gift
on: {event: customer.created}
exit_on: [order.created]
steps: [{promo: codes}, {send: gift}]
";

const LETTER: &str =
    "Subject: A gift\n\nYour code: {{ promo.code }}, good until {{ promo.expires_at }}\n\n{{ unsubscribe_url }}\n";

fn gifts(rule: &str, pool: &str, codes: &[&str]) -> Book {
    let list = format!("code\n{}\n", codes.join("\n"));
    book_of(&[
        ("shop/gift.yaml", rule),
        ("shop/templates/gift.txt", LETTER),
        ("shop/promo/codes.yaml", pool),
        ("shop/promo/codes.csv", &list),
    ])
}

async fn state(store: &Store, code: &str) -> CodeState {
    store.promo_codes(code).await.expect("reads")[0].state
}

fn codes_of(daemon: &Daemon) -> Vec<String> {
    let code = |letter: &milepost::mail::mailbox::Received| {
        let text = String::from_utf8_lossy(&letter.bytes).into_owned();
        let (_, rest) = text.split_once("Your code: ")?;
        rest.split_once(',').map(|(code, _)| format!("{} {code}", letter.to[0]))
    };
    let mut codes: Vec<_> = daemon.mailbox.letters().iter().filter_map(code).collect();
    codes.sort();
    codes
}

fn orders_with(event: &str, id: &str, code: &str) -> Value {
    json!({"id": event, "kind": "order.created", "customer": person(id),
        "order": {"id": event, "phase": "open", "total": "49.90", "promo_code": code}})
}

fn busy(daemon: &Daemon) {
    daemon.mailbox.follow(|moment| match moment.stage {
        Stage::Rcpt => Action::say("450 4.2.1 busy"),
        _ => Action::Go,
    });
}

async fn a_code_is_reserved_sent_and_redeemed(place: &Place) {
    let daemon = daemon(place, gifts(GIFT, "valid: 30d\n", &["AAA-1", "AAA-2"])).await;
    let store = &daemon.app.engine.store;
    busy(&daemon);
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    assert_eq!(state(store, "AAA-1").await, CodeState::Reserved);
    daemon.mailbox.follow(|_| Action::Go);
    daemon.until("2026-03-10T10:00:00Z").await;
    assert_eq!(codes_of(&daemon), ["anna@mail.example AAA-1"]);
    let text = String::from_utf8_lossy(&daemon.mailbox.letters()[0].bytes).into_owned();
    assert!(text.contains("good until 2026-04-09T09:00:00"), "{text}");
    assert_eq!(state(store, "AAA-1").await, CodeState::Sent);
    daemon.accept(orders_with("o1", "anna", "aaa-1")).await;
    daemon.settle().await;
    let row = &store.promo_codes("AAA-1").await.expect("reads")[0];
    assert_eq!((row.state, row.redeemed_order.as_deref()), (CodeState::Redeemed, Some("api/o1")));
    assert_eq!(row.redeemed_by, row.customer, "by the one to whom it was given");
    books::check(&daemon).await;
}

async fn a_code_whose_letter_is_withheld_serves_the_next(place: &Place) {
    let daemon = daemon(place, gifts(GIFT, "valid: 30d\n", &["ONLY"])).await;
    let store = &daemon.app.engine.store;
    busy(&daemon);
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    daemon.accept(super::orders("o", "anna", "1")).await;
    daemon.settle().await;
    assert_eq!(daemon.record().await[0].state, MessageState::Withheld);
    let row = &store.promo_codes("ONLY").await.expect("reads")[0];
    assert_eq!((row.state, row.customer.as_deref(), row.returned), (CodeState::Free, None, 1));
    daemon.mailbox.follow(|_| Action::Go);
    // Who never agreed is withheld at once, and the code is back at once; who refuses while it waits, at the last moment.
    let mut silent = arrives("ben");
    silent["customer"]["consent"] = json!({});
    daemon.accept(silent).await;
    daemon.settle().await;
    assert_eq!((state(store, "ONLY").await, daemon.record().await.len()), (CodeState::Free, 2));
    busy(&daemon);
    daemon.accept(arrives("cyd")).await;
    daemon.settle().await;
    let mut refuses = json!({"id": "no", "kind": "customer.updated", "customer": person("cyd")});
    refuses["customer"]["consent"] = json!({"marketing": false});
    daemon.accept(refuses).await;
    daemon.mailbox.follow(|_| Action::Go);
    daemon.until("2026-03-10T11:00:00Z").await;
    assert_eq!(state(store, "ONLY").await, CodeState::Free);
    daemon.accept(arrives("dan")).await;
    daemon.settle().await;
    assert_eq!(codes_of(&daemon), ["dan@mail.example ONLY"]);
    assert_eq!(state(store, "ONLY").await, CodeState::Sent);
    books::check(&daemon).await;
}

async fn a_code_of_a_letter_in_doubt_is_not_given_again(place: &Place) {
    let daemon = daemon(place, gifts(GIFT, "valid: 30d\n", &["ONLY"])).await;
    daemon.mailbox.follow(|moment| match moment.stage {
        Stage::Dot => Action::KeepAndDrop,
        _ => Action::Go,
    });
    daemon.accept(arrives("anna")).await;
    daemon.until("2026-03-10T12:00:00Z").await;
    assert_eq!(daemon.record().await[0].state, MessageState::Uncertain);
    assert_eq!(state(&daemon.app.engine.store, "ONLY").await, CodeState::Sent);
}

async fn a_code_expires_and_counts_no_more(place: &Place) {
    let daemon = daemon(place, gifts(GIFT, "valid: 3d\n", &["AAA-1", "AAA-2"])).await;
    let (engine, store) = (daemon.engine(), &daemon.app.engine.store);
    daemon.accept(arrives("anna")).await;
    daemon.until("2026-03-13T08:59:59Z").await;
    assert_eq!(engine.expire_codes().await.expect("works"), 0);
    daemon.clock.set(at("2026-03-13T09:00:00Z"));
    assert_eq!(engine.expire_codes().await.expect("works"), 1);
    assert_eq!(state(store, "AAA-1").await, CodeState::Expired);
    assert_eq!(state(store, "AAA-2").await, CodeState::Free);
}

async fn a_run_held_by_an_empty_pool_goes_on_when_codes_come(place: &Place) {
    let rule = GIFT.replace("{promo: codes}", "{promo: {pool: codes, when_empty: hold, at_most: 2d}}");
    let daemon = daemon(place, gifts(&rule, "valid: 30d\n", &["AAA-1"])).await;
    let store = &daemon.app.engine.store;
    daemon.accept(json!([arrives("anna"), arrives("ben"), arrives("cyd")])).await;
    daemon.until("2026-03-10T12:04:00Z").await;
    assert_eq!(codes_of(&daemon).len(), 1);
    let mut tx = store.begin().await.expect("begins");
    tx.load_pool("codes", &["BBB-1".into()], daemon.clock.now()).await.expect("loads");
    tx.commit().await.expect("commits");
    daemon.until("2026-03-10T12:10:00Z").await;
    assert_eq!(codes_of(&daemon).len(), 2, "within ten minutes");
    daemon.until("2026-03-12T08:59:59Z").await;
    let ended = async |id: &str| {
        let customer = daemon.customer(id).await;
        store.enrollments_of(&customer.id).await.expect("reads")[0].ended.clone().map(|(at, end)| (at, end.code()))
    };
    let mut ends = Vec::new();
    daemon.until("2026-03-12T09:00:00Z").await;
    for id in ["anna", "ben", "cyd"] {
        ends.push(ended(id).await.expect("over"));
    }
    ends.sort_unstable();
    assert_eq!(ends[0], (at("2026-03-10T09:00:00Z"), "finished"));
    assert_eq!(ends[1], (at("2026-03-10T12:10:00Z"), "finished"));
    assert_eq!(ends[2], (at("2026-03-12T09:00:00Z"), "no_promo_code"));
    books::check(&daemon).await;
}

async fn a_letter_without_its_code_is_withheld_and_the_others_go_out(place: &Place) {
    let rule = "
rule: gift
on: {event: customer.created}
steps: [{promo: {pool: codes, when_empty: withhold}}, {send: gift}, {send: plain}]
";
    let book = book_of(&[
        ("shop/gift.yaml", rule),
        ("shop/templates/gift.txt", LETTER),
        ("shop/templates/plain.txt", "Subject: Hello\n\n{{ unsubscribe_url }}\n"),
        ("shop/promo/codes.csv", "code\nONLY\n"),
    ]);
    let daemon = daemon(place, book).await;
    daemon.accept(json!([arrives("anna"), arrives("ben")])).await;
    daemon.settle().await;
    let rows = daemon.record().await;
    let withheld: Vec<_> = rows.iter().filter(|row| row.state == MessageState::Withheld).collect();
    assert_eq!((withheld.len(), withheld[0].letter.as_str()), (1, "gift"));
    assert_eq!(withheld[0].reason.as_deref(), Some("no_promo_code"));
    assert_eq!((rows.len(), daemon.mailbox.letters().len()), (4, 3));
    books::check(&daemon).await;
}

async fn one_who_was_merged_never_gets_a_code_again(place: &Place) {
    let second = "
rule: second
on: {event: order.created}
reenter: always
steps: [{promo: more}, {send: gift}]
";
    let book = book_of(&[
        ("shop/gift.yaml", "rule: gift\non: {event: customer.created}\nsteps: [{promo: codes}, {send: gift}]\n"),
        ("shop/second.yaml", second),
        ("shop/templates/gift.txt", LETTER),
        ("shop/promo/codes.csv", "code\nSAME\n"),
        ("shop/promo/more.csv", "code\nSAME\nOTHER\n"),
    ]);
    let daemon = daemon(place, book).await;
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    // `anya` turns out to be `anna` with the very event that asks for a code.
    daemon.accept(super::fills_cart("c", "anya")).await;
    daemon.settle().await;
    let mut order = super::orders("o", "anya", "1");
    order["customer"]["email"] = json!("anna@mail.example");
    daemon.accept(order).await;
    daemon.settle().await;
    assert_eq!(daemon.app.engine.store.count_customers().await.expect("counts"), 1);
    let codes: Vec<_> = codes_of(&daemon).iter().map(|line| line.rsplit(' ').next().unwrap_or("").to_owned()).collect();
    assert_eq!(codes.len(), 2);
    assert!(codes.contains(&"SAME".into()) && codes.contains(&"OTHER".into()), "{codes:?}");
    daemon.accept(super::orders("o2", "anna", "2")).await;
    daemon.settle().await;
    assert_eq!(codes_of(&daemon).len(), 2, "what is left of the pool they have had");
    books::check(&daemon).await;
}

async fn codes_made_by_a_pattern_are_everyone_s_own(place: &Place) {
    let book = || {
        book_of(&[
            ("shop/gift.yaml", GIFT),
            ("shop/templates/gift.txt", LETTER),
            ("shop/promo/codes.yaml", "pattern: GIFT-########\nvalid: 30d\n"),
        ])
    };
    let one = daemon(place, book()).await;
    one.accept(json!([arrives("anna"), arrives("ben"), arrives("cyd")])).await;
    one.settle().await;
    let codes = codes_of(&one);
    assert_eq!(codes.len(), 3);
    let bare: std::collections::BTreeSet<_> = codes.iter().filter_map(|line| line.rsplit(' ').next()).collect();
    assert_eq!(bare.len(), 3);
    assert!(bare.iter().all(|code| code.starts_with("GIFT-") && code.len() == 13), "{bare:?}");
    // Somebody else's Milepost, with the same rules, customers and moments, makes other codes.
    let elsewhere = place.empty().await;
    let other = Daemon::start(&elsewhere, book(), at(super::START)).await;
    other.accept(json!([arrives("anna"), arrives("ben"), arrives("cyd")])).await;
    other.settle().await;
    assert!(codes_of(&other).iter().all(|code| !codes.contains(code)));
    books::check(&one).await;
}

async fn a_pool_that_runs_low_is_told_once(place: &Place) {
    let daemon = daemon(place, gifts(GIFT, "low_stock: 3\n", &["A", "B", "C", "D"])).await;
    let engine = daemon.engine();
    let low = async || engine.watch_pools().await.expect("works");
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    assert_eq!(low().await, [], "three are left");
    daemon.accept(arrives("ben")).await;
    daemon.until("2026-03-11T09:00:00Z").await;
    let told = low().await;
    assert_eq!((told.len(), told[0].pool.as_str(), told[0].left), (1, "codes", 2));
    let forecast = told[0].forecast.expect("codes were given");
    assert!((forecast.per_day - 2.0).abs() < 1e-9, "{forecast:?}");
    assert_eq!(forecast.dry_at, at("2026-03-12T09:00:00Z"));
    assert_eq!(low().await, [], "once");
    let mut tx = engine.store.begin().await.expect("begins");
    tx.load_pool("codes", &["E".into(), "F".into()], daemon.clock.now()).await.expect("loads");
    tx.commit().await.expect("commits");
    assert_eq!(low().await, []);
    daemon.accept(json!([arrives("cyd"), arrives("dan")])).await;
    daemon.settle().await;
    assert_eq!(low().await.len(), 1, "low again is told again");
}
