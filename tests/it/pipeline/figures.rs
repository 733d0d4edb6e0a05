//! Counters never disagree: a long story of everything that may happen, with the books audited on the way.

use axum::body::Body;
use axum::http::Request;
use fastrand::Rng;
use milepost::engine::upkeep::retry_failed;
use milepost::insight;
use milepost::journey::time::Span;
use milepost::mail::mailbox::{Action, Moment, Stage};
use milepost::store::MessageState;
use serde_json::{Value, json};

use super::letters::{one_click, unsubscribe_path};
use super::{REMINDER, THANKS, WELCOME, books, daemon};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, book, person};

both! {
    a_story_of_everything_adds_up,
    another_story_adds_up,
    the_page_s_figures_are_those_of_the_books,
}

const STAYS: &str = "
rule: stays
on: {stay: cart, for: 2h}
exit_when: 'orders.count > 2'
steps: [{promo: codes}, {send: stays}]
";

const BECOMES: &str = "
rule: becomes
on: {becomes: 'orders.count >= 2'}
steps:
  - send: regular
  - wait: {for: 6h, at: '10:00', tz: customer}
  - branch: [{if: 'orders.total > 150', then: [{send: big}]}, {else: [{send: small}]}]
";

const PEOPLE: u64 = 40;

/// One thing that a shop may say.
fn something(rng: &mut Rng, number: usize) -> Value {
    let who = format!("c{}", rng.u64(0..PEOPLE));
    let id = format!("event/{number}");
    let order =
        json!({"id": format!("{who}-{}", rng.u8(0..4)), "phase": "open", "total": format!("{}.50", rng.u8(10..90))});
    match rng.u8(0..100) {
        0..15 => json!({"id": id, "kind": "customer.created", "customer": person(&who)}),
        15..40 => json!({"id": id, "kind": "cart.updated", "customer": person(&who),
            "cart": {"items": [{"name": "Feeder", "quantity": rng.u8(1..5), "price": "49.90"}]}}),
        40..45 => json!({"id": id, "kind": "cart.cleared", "customer": {"id": who}}),
        45..70 => json!({"id": id, "kind": "order.created", "customer": person(&who), "order": order}),
        70..80 => {
            let phase = ["cancelled", "complete"][rng.usize(0..2)];
            let order = json!({"id": order["id"], "phase": phase});
            json!({"id": id, "kind": "order.status", "customer": {"id": who}, "order": order})
        }
        80..84 => {
            json!({"id": id, "kind": "customer.updated", "customer": {"id": who, "consent": {"marketing": false}}})
        }
        84..88 => {
            json!({"id": id, "kind": "customer.updated", "customer": {"id": who, "consent": {"marketing": true}}})
        }
        88..93 => {
            let other = rng.u64(0..PEOPLE);
            json!({"id": id, "kind": "customer.updated", "customer": {"id": who, "email": format!("c{other}@mail.example")}})
        }
        93..95 => json!({"id": id, "kind": "customer.deleted", "customer": {"id": who}}),
        _ => json!({"id": format!("event/{}", rng.usize(0..=number)), "kind": "a.b", "customer": {"id": who}}),
    }
}

/// A relay with moods: the same letter may be put off, lost, refused or kept without a word.
fn moody(moment: &Moment<'_>) -> Action {
    let mood = moment.to.iter().flat_map(|to| to.bytes()).map(u64::from).sum::<u64>()
        + moment.connection * 7
        + moment.letters as u64 * 3;
    match (moment.stage, mood % 23) {
        (Stage::Rcpt, 0) => Action::say("450 4.2.1 busy"),
        (Stage::Rcpt, 1) => Action::say("550 5.1.1 no such user"),
        (Stage::Mail, 2) | (Stage::Dot, 7) => Action::Drop,
        (Stage::Data, 3) => Action::say_and_drop("421 4.3.2 going down"),
        (Stage::Dot, 4 | 5) => Action::say("451 4.3.0 later"),
        (Stage::Dot, 6) => Action::say("554 5.7.1 no"),
        (Stage::Dot, 8) => Action::KeepAndDrop,
        _ => Action::Go,
    }
}

async fn story(place: &Place, seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let rules = [REMINDER, THANKS, WELCOME, STAYS, BECOMES];
    let daemon = daemon(place, book(&rules)).await;
    daemon.mailbox.follow(moody);
    let mut number = 0;
    for chapter in 0..12 {
        for _ in 0..rng.usize(1..6) {
            let said: Vec<Value> = (0..rng.usize(1..12)).map(|n| something(&mut rng, number + n)).collect();
            number += said.len();
            daemon.say(json!(said)).await;
            if rng.bool() {
                let next = daemon.clock.now().after(Span::seconds(rng.i64(0..4_000)));
                daemon.until_moment(next).await;
            }
        }
        press_a_button(&daemon, &mut rng).await;
        match chapter {
            4 => daemon.swap(book(&[REMINDER, THANKS, BECOMES])).await,
            7 => daemon.swap(book(&rules)).await,
            _ => {}
        }
        let next = daemon.clock.now().after(Span::seconds(rng.i64(0..40_000)));
        daemon.until_moment(next).await;
        retry_all(&daemon).await;
        daemon.settle().await;
        books::check(&daemon).await;
    }
    assert!(daemon.mailbox.letters().len() > 20, "a story worth telling");
    let stages = daemon.app.engine.store.counts("shop").await.expect("reads");
    assert!(
        stages.iter().any(|count| count.figure == "withheld") && stages.iter().any(|count| count.figure == "uncertain")
    );
}

async fn press_a_button(daemon: &Daemon, rng: &mut Rng) {
    let letters = daemon.mailbox.letters();
    let marketing: Vec<_> = letters
        .iter()
        .filter(|letter| String::from_utf8_lossy(&letter.bytes).contains("List-Unsubscribe-Post"))
        .collect();
    if let Some(letter) = rng.choice(marketing) {
        one_click(daemon, &unsubscribe_path(&letter.bytes)).await;
    }
}

async fn retry_all(daemon: &Daemon) {
    let failed = daemon.record().await.into_iter().filter(|row| row.state == MessageState::Failed).map(|row| row.id);
    let failed: Vec<String> = failed.collect();
    retry_failed(&daemon.app.engine.store, &failed, daemon.clock.now()).await.expect("writes");
}

async fn a_story_of_everything_adds_up(place: &Place) {
    Box::pin(story(place, 1)).await;
}

async fn another_story_adds_up(place: &Place) {
    Box::pin(story(place, 20_260_310)).await;
}

async fn the_page_s_figures_are_those_of_the_books(place: &Place) {
    let daemon = daemon(place, book(&[REMINDER, THANKS])).await;
    let said: Vec<Value> = (0..10).map(|n| super::orders(&format!("{n}"), &format!("c{n}"), "o")).collect();
    daemon.accept(json!(said)).await;
    daemon.settle().await;
    let answer = daemon.ask(Request::get("/api/v1/maps/shop").body(Body::empty()).expect("a request")).await;
    let shown: Value = serde_json::from_slice(&answer.body).expect("JSON");
    let book = daemon.app.engine.book.load_full();
    let figures = insight::figures(&daemon.app.engine.store, &book.rulebook, "shop").await.expect("reads");
    let figures = figures.expect("the map");
    assert_eq!(figures.stage("buyer").map(|stage| stage.here), Some(10));
    assert_eq!(figures.rule("thanks").map(|rule| rule.sent), Some(10));
    assert!(shown.to_string().contains("\"buyer\""), "{shown}");
    books::check(&daemon).await;
}
