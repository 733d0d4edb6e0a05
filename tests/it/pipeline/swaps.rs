//! Another rulebook in force while runs are under way and letters wait.

use milepost::journey::book::Shop;
use milepost::mail::mailbox::{Action, Stage};
use milepost::rulebook::Book;
use milepost::store::MessageState;
use serde_json::json;

use super::{REMINDER, WELCOME, arrives, books, daemon, fills_cart, orders};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{MAP, book, book_with};

both! {
    a_run_goes_on_with_the_new_steps,
    a_run_whose_rule_is_gone_ends,
    a_run_whose_step_is_gone_ends,
    a_letter_that_waits_is_withheld_with_its_rule,
    a_letter_on_its_way_stays_as_it_was_frozen,
    a_rule_that_comes_back_starts_anew,
    stages_that_change_move_everyone_and_start_nothing,
    a_map_that_goes_takes_everyone_off,
    a_crowd_is_brought_over_in_batches,
}

const SLOW: &str = "
rule: slow
on: {event: customer.created}
steps: [{send: first}, {wait: 1d}, {send: second}]
";

fn changed(map: &str, rules: &[&str]) -> Book {
    book_with(map, rules, Shop::default())
}

async fn a_run_goes_on_with_the_new_steps(place: &Place) {
    let daemon = daemon(place, book(&[SLOW])).await;
    daemon.accept(arrives("anna")).await;
    daemon.until("2026-03-10T12:00:00Z").await;
    let before = daemon.app.engine.book.load().rulebook.hash.clone();
    daemon.swap(book(&[&SLOW.replace("{send: second}", "{send: other}, {wait: 5m}, {send: third}")])).await;
    daemon.until("2026-03-11T10:00:00Z").await;
    assert_eq!(daemon.subjects(), ["first for anna", "other for anna", "third for anna"]);
    let rows = daemon.record().await;
    let after = &daemon.app.engine.book.load().rulebook.hash;
    assert_eq!((&rows[0].rulebook, &rows[1].rulebook), (&before, after), "each says which rules planned it");
    books::check(&daemon).await;
}

async fn a_run_whose_rule_is_gone_ends(place: &Place) {
    let daemon = daemon(place, book(&[SLOW, WELCOME])).await;
    daemon.accept(arrives("anna")).await;
    daemon.until("2026-03-10T12:00:00Z").await;
    daemon.swap(book(&[WELCOME])).await;
    daemon.until("2026-03-12T12:00:00Z").await;
    let mut subjects = daemon.subjects();
    subjects.sort();
    assert_eq!(subjects, ["first for anna", "welcome for anna"]);
    let runs = daemon.app.engine.store.enrollments_of(&daemon.customer("anna").await.id).await.expect("reads");
    let slow = runs.iter().find(|run| run.rule == "slow").expect("on record");
    assert_eq!(slow.ended.as_ref().map(|(_, reason)| reason.code()), Some("rule_gone"));
    books::check(&daemon).await;
}

async fn a_run_whose_step_is_gone_ends(place: &Place) {
    let daemon = daemon(place, book(&[SLOW])).await;
    daemon.accept(arrives("anna")).await;
    daemon.until("2026-03-10T12:00:00Z").await;
    daemon.swap(book(&[&SLOW.replace("{wait: 1d}", "{wait: 2d}")])).await;
    daemon.until("2026-03-14T12:00:00Z").await;
    assert_eq!(daemon.subjects(), ["first for anna"]);
    books::check(&daemon).await;
}

async fn a_letter_that_waits_is_withheld_with_its_rule(place: &Place) {
    let daemon = daemon(place, book(&[SLOW])).await;
    daemon.mailbox.follow(|moment| match moment.stage {
        Stage::Rcpt => Action::say("450 4.2.1 busy"),
        _ => Action::Go,
    });
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    daemon.swap(book(&[WELCOME])).await;
    daemon.mailbox.follow(|_| Action::Go);
    daemon.until("2026-03-12T12:00:00Z").await;
    let row = &daemon.record().await[0];
    assert_eq!((row.state, row.reason.as_deref()), (MessageState::Withheld, Some("exited")));
    assert!(daemon.mailbox.letters().is_empty());
    // The rule comes back: its figures know what was withheld.
    daemon.swap(book(&[SLOW])).await;
    daemon.until("2026-03-13T12:00:00Z").await;
    books::check(&daemon).await;
}

async fn a_letter_on_its_way_stays_as_it_was_frozen(place: &Place) {
    let daemon = daemon(place, book(&[SLOW])).await;
    daemon.mailbox.follow(|moment| match moment.stage {
        Stage::Dot => Action::say("451 4.3.0 later"),
        _ => Action::Go,
    });
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    let frozen = daemon.app.engine.store.raw(&daemon.record().await[0].id).await.expect("reads").expect("was frozen");
    // The same step now sends another letter, and the old one's templates are gone.
    daemon.swap(book(&[&SLOW.replace("{send: first}", "{id: send-first, send: newer}")])).await;
    let moved =
        json!({"id": "2", "kind": "customer.updated", "customer": {"id": "anna", "email": "moved@mail.example"}});
    daemon.accept(moved).await;
    daemon.mailbox.follow(|_| Action::Go);
    daemon.until("2026-03-10T09:01:00Z").await;
    let letters = daemon.mailbox.letters();
    assert_eq!(letters.len(), 1, "{:?}", daemon.record().await[0]);
    assert_eq!(String::from_utf8_lossy(&letters[0].bytes), String::from_utf8_lossy(&frozen));
    assert_eq!(letters[0].to, ["anna@mail.example"], "the envelope says what the letter says");
    assert_eq!(daemon.record().await[0].subject.as_deref(), Some("first for anna"));
    daemon.until("2026-03-12T09:00:00Z").await;
    assert_eq!(daemon.mailbox.letters()[1].to, ["moved@mail.example"]);
    books::check(&daemon).await;
}

async fn a_rule_that_comes_back_starts_anew(place: &Place) {
    let daemon = daemon(place, book(&[REMINDER])).await;
    daemon.accept(fills_cart("1", "anna")).await;
    daemon.until("2026-03-10T09:30:00Z").await;
    daemon.swap(book(&[WELCOME])).await;
    daemon.until("2026-03-10T11:00:00Z").await;
    daemon.swap(book(&[REMINDER])).await;
    daemon.until("2026-03-10T13:00:00Z").await;
    assert!(daemon.mailbox.letters().is_empty());
    let more = json!({"id": "2", "kind": "cart.updated", "customer": {"id": "anna"},
        "cart": {"items": [{"name": "Feeder", "price": "49.90"}, {"name": "Bowl", "price": 5}]}});
    daemon.accept(more).await;
    daemon.until("2026-03-10T15:00:00Z").await;
    assert_eq!(daemon.subjects(), ["reminder for anna"]);
    books::check(&daemon).await;
}

async fn stages_that_change_move_everyone_and_start_nothing(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME])).await;
    for n in 0..5 {
        daemon.accept(arrives(&format!("c{n}"))).await;
    }
    daemon.accept(orders("o", "c0", "1")).await;
    daemon.settle().await;
    let other = "
map: shop
stages:
  - {id: visitor, enter: 'true'}
  - {id: regular, enter: 'orders.count > 0'}
";
    let greets = "
rule: greets
on: {enter: visitor}
steps: [{send: hello}]
";
    daemon.swap(changed(other, &[WELCOME, greets])).await;
    daemon.settle().await;
    assert_eq!(daemon.customer("c0").await.stages["shop"].stage, "regular");
    assert_eq!(daemon.customer("c1").await.stages["shop"].stage, "visitor");
    assert_eq!(daemon.mailbox.letters().len(), 5, "a change of the map is no news of a customer");
    books::check(&daemon).await;
    daemon.swap(changed(MAP, &[WELCOME])).await;
    daemon.settle().await;
    assert_eq!(daemon.customer("c0").await.stages["shop"].stage, "buyer");
    books::check(&daemon).await;
}

async fn a_map_that_goes_takes_everyone_off(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME])).await;
    daemon.accept(json!([arrives("anna"), orders("o", "boris", "1")])).await;
    daemon.settle().await;
    let elsewhere = [
        ("garden/map.yaml".to_owned(), MAP.replace("map: shop", "map: garden").into_bytes()),
        ("garden/rule.yaml".to_owned(), "\nrule: none\non: {event: a.b}\nsteps: [{wait: 1h}]\n".into()),
    ];
    let loaded = milepost::rulebook::load_files(&elsewhere.into(), Shop::default());
    daemon.swap(loaded.book.expect("a book")).await;
    daemon.settle().await;
    let anna = daemon.customer("anna").await;
    assert_eq!(anna.stages.keys().collect::<Vec<_>>(), ["garden"]);
    books::check(&daemon).await;
    daemon.swap(book(&[WELCOME])).await;
    daemon.settle().await;
    books::check(&daemon).await;
}

async fn a_crowd_is_brought_over_in_batches(place: &Place) {
    let daemon = daemon(place, book(&[SLOW])).await;
    let crowd: Vec<_> = (0..600).map(|n| arrives(&format!("c{n}"))).collect();
    daemon.accept(json!(crowd)).await;
    daemon.until("2026-03-10T12:00:00Z").await;
    daemon.swap(book(&[&SLOW.replace("{send: second}", "{send: other}")])).await;
    // One batch under the new rules, then those change once more.
    assert_eq!(daemon.app.engine.process_outdated().await.expect("works").handled, 256);
    daemon.swap(book(&[&SLOW.replace("{send: second}", "{send: third}")])).await;
    daemon.until("2026-03-11T12:00:00Z").await;
    let subjects = daemon.subjects();
    assert_eq!(subjects.iter().filter(|subject| subject.starts_with("third for")).count(), 600);
    assert_eq!(subjects.len(), 1_200);
    books::check(&daemon).await;
}
