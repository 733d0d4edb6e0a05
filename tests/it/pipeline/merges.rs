//! Two records that turn out to be one person, with letters on the way to both.

use axum::http::StatusCode;
use milepost::mail::mailbox::{Action, Stage};
use milepost::store::{MessageFilter, MessageState};
use serde_json::{Value, json};

use super::letters::{one_click, unsubscribe_path};
use super::{REMINDER, THANKS, WELCOME, arrives, books, daemon, fills_cart, orders};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, book};

both! {
    a_run_of_both_goes_on_once,
    letters_that_wait_of_both_become_one,
    letters_of_different_rules_both_arrive,
    the_stricter_consent_stops_what_waits,
    an_old_letter_s_button_works_for_the_survivor,
    a_letter_put_off_arrives_though_its_customer_was_merged_meanwhile,
    a_merge_while_the_relay_has_the_letter_is_recorded,
    orders_of_both_count_once,
    three_become_one_in_one_batch,
    a_deleted_customer_gets_nothing_more,
}

/// What shows that `a` and `b` are one: an event that names both.
fn same(event: &str, a: &str, b: &str) -> Value {
    json!({"id": event, "kind": "customer.updated", "customer": {"id": a, "email": format!("{b}@mail.example")}})
}

fn busy(daemon: &Daemon) {
    daemon.mailbox.follow(|moment| match moment.stage {
        Stage::Rcpt => Action::say("450 4.2.1 busy"),
        _ => Action::Go,
    });
}

async fn count(daemon: &Daemon) -> u64 {
    daemon.app.engine.store.count_customers().await.expect("counts")
}

async fn a_run_of_both_goes_on_once(place: &Place) {
    let daemon = daemon(place, book(&[REMINDER])).await;
    daemon.accept(json!([fills_cart("1", "anna"), fills_cart("2", "anya")])).await;
    daemon.until("2026-03-10T09:30:00Z").await;
    daemon.accept(same("3", "anna", "anya")).await;
    daemon.until("2026-03-10T12:00:00Z").await;
    assert_eq!(count(&daemon).await, 1);
    assert_eq!(daemon.subjects(), ["reminder for anna"]);
    assert_eq!(daemon.customer("anya").await.id, daemon.customer("anna").await.id);
    books::check(&daemon).await;
}

async fn letters_that_wait_of_both_become_one(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME])).await;
    busy(&daemon);
    daemon.accept(json!([arrives("anna"), arrives("anya")])).await;
    daemon.settle().await;
    daemon.accept(same("3", "anna", "anya")).await;
    daemon.mailbox.follow(|_| Action::Go);
    daemon.until("2026-03-10T12:00:00Z").await;
    assert_eq!(daemon.mailbox.letters().len(), 1);
    let reasons: Vec<_> = daemon.record().await.into_iter().filter_map(|row| row.reason).collect();
    assert_eq!(reasons, ["exited"]);
    books::check(&daemon).await;
}

async fn letters_of_different_rules_both_arrive(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME, THANKS])).await;
    busy(&daemon);
    daemon.accept(json!([arrives("anna"), orders("2", "anya", "o1")])).await;
    daemon.settle().await;
    daemon.accept(same("3", "anna", "anya")).await;
    daemon.mailbox.follow(|_| Action::Go);
    daemon.until("2026-03-10T12:00:00Z").await;
    let mut subjects = daemon.subjects();
    subjects.sort();
    assert_eq!(subjects.len(), 2, "{subjects:?}");
    assert!(subjects[0].starts_with("thanks") && subjects[1].starts_with("welcome"), "{subjects:?}");
    let anna = Some(daemon.customer("anna").await.id);
    let filter = MessageFilter { customer: anna, limit: 10, ..MessageFilter::default() };
    let rows = daemon.app.engine.store.messages(&filter).await.expect("reads");
    assert_eq!(rows.len(), 2, "the survivor's record holds both");
    books::check(&daemon).await;
}

async fn the_stricter_consent_stops_what_waits(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME])).await;
    busy(&daemon);
    let mut refuses = arrives("anya");
    refuses["customer"]["consent"]["marketing"] = json!(false);
    daemon.accept(json!([arrives("anna"), refuses])).await;
    daemon.settle().await;
    daemon.accept(same("3", "anna", "anya")).await;
    daemon.mailbox.follow(|_| Action::Go);
    daemon.until("2026-03-10T12:00:00Z").await;
    assert!(daemon.mailbox.letters().is_empty());
    assert!(daemon.record().await.iter().all(|row| row.reason.as_deref() == Some("consent_refused")));
    books::check(&daemon).await;
}

async fn an_old_letter_s_button_works_for_the_survivor(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME, REMINDER])).await;
    daemon.accept(json!([arrives("anya"), arrives("anna")])).await;
    daemon.settle().await;
    let letters = daemon.mailbox.letters();
    let old = letters.iter().find(|letter| letter.to == ["anya@mail.example"]).expect("arrived");
    daemon.accept(same("3", "anna", "anya")).await;
    daemon.settle().await;
    assert_eq!(one_click(&daemon, &unsubscribe_path(&old.bytes)).await, StatusCode::OK);
    daemon.settle().await;
    assert!(!daemon.customer("anna").await.consents["marketing"].granted, "said done, so it is done");
    let cart =
        json!({"id": "4", "kind": "cart.updated", "customer": {"id": "anna"}, "cart": {"items": [{"name": "Bowl"}]}});
    daemon.accept(cart).await;
    daemon.until("2026-03-10T12:00:00Z").await;
    assert_eq!(daemon.mailbox.letters().len(), 2);
    books::check(&daemon).await;
}

async fn a_letter_put_off_arrives_though_its_customer_was_merged_meanwhile(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME])).await;
    daemon.mailbox.follow(|moment| match moment.stage {
        Stage::Dot => Action::say("451 4.3.0 later"),
        _ => Action::Go,
    });
    daemon.accept(arrives("anya")).await;
    daemon.settle().await;
    daemon.accept(json!({"id": "2", "kind": "a.b", "customer": {"id": "anna"}})).await;
    daemon.settle().await;
    daemon.accept(same("3", "anna", "anya")).await;
    daemon.until("2026-03-10T09:02:00Z").await;
    assert_eq!(daemon.record().await[0].state, MessageState::Queued, "put off once more, for the survivor");
    daemon.mailbox.follow(|_| Action::Go);
    daemon.until("2026-03-10T12:00:00Z").await;
    assert_eq!(daemon.subjects(), ["welcome for anya"]);
    assert_eq!(daemon.customer("anna").await.message_count, 1);
    books::check(&daemon).await;
}

async fn a_merge_while_the_relay_has_the_letter_is_recorded(place: &Place) {
    use std::sync::{Arc, Mutex, mpsc};
    let daemon = daemon(place, book(&[WELCOME])).await;
    daemon.accept(json!({"id": "0", "kind": "a.b", "customer": {"id": "anna"}})).await;
    daemon.accept(arrives("anya")).await;
    let (reached, arrived) = tokio::sync::oneshot::channel();
    let (go, wait) = mpsc::channel::<()>();
    let (reached, wait) = (Mutex::new(Some(reached)), Mutex::new(wait));
    daemon.mailbox.follow(move |moment| {
        if moment.stage == Stage::Dot {
            let told = reached.lock().expect("one at a time").take();
            if let Some(told) = told {
                told.send(()).expect("the test waits");
                // The relay takes its time, on a thread that this test can spare.
                tokio::task::block_in_place(|| wait.lock().expect("one at a time").recv().expect("the test goes on"));
                return Action::say("451 4.3.0 later");
            }
        }
        Action::Go
    });
    let daemon = Arc::new(daemon);
    let sender = Arc::clone(&daemon);
    let sending = tokio::spawn(async move { sender.settle().await });
    arrived.await.expect("the letter is on its way");
    daemon.accept(same("3", "anna", "anya")).await;
    daemon.app.engine.process_bodies().await.expect("works");
    assert_eq!(count(&daemon).await, 1);
    go.send(()).expect("the relay waits");
    sending.await.expect("settles");
    daemon.until("2026-03-10T12:00:00Z").await;
    assert_eq!(daemon.mailbox.letters().len(), 1);
    books::check(&daemon).await;
}

async fn orders_of_both_count_once(place: &Place) {
    let daemon = daemon(place, book(&[THANKS])).await;
    daemon.accept(json!([orders("1", "anna", "o1"), orders("2", "anya", "o2"), orders("3", "anya", "o1")])).await;
    daemon.settle().await;
    daemon.accept(same("4", "anna", "anya")).await;
    daemon.settle().await;
    let anna = daemon.customer("anna").await;
    assert_eq!((anna.orders.count, anna.orders.totals["EUR"]), (2, 9_980));
    assert_eq!(anna.stages["shop"].stage, "buyer");
    books::check(&daemon).await;
}

async fn three_become_one_in_one_batch(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME, THANKS])).await;
    daemon.accept(json!([arrives("a"), arrives("b"), arrives("c")])).await;
    daemon.settle().await;
    daemon
        .accept(json!([
            orders("1", "c", "o1"),
            same("2", "a", "b"),
            same("3", "b", "c"),
            orders("4", "a", "o2"),
            arrives("d"),
            same("5", "d", "a")
        ]))
        .await;
    daemon.until("2026-03-10T12:00:00Z").await;
    assert_eq!(count(&daemon).await, 1);
    let survivor = daemon.customer("a").await;
    for id in ["b", "c", "d"] {
        assert_eq!(daemon.customer(id).await.id, survivor.id, "{id}");
    }
    assert_eq!(survivor.orders.count, 2);
    books::check(&daemon).await;
}

async fn a_deleted_customer_gets_nothing_more(place: &Place) {
    let daemon = daemon(place, book(&[REMINDER, WELCOME])).await;
    busy(&daemon);
    daemon.accept(json!([arrives("anna"), fills_cart("2", "anna")])).await;
    daemon.settle().await;
    daemon.accept(json!({"id": "3", "kind": "customer.deleted", "customer": {"id": "anna"}})).await;
    daemon.mailbox.follow(|_| Action::Go);
    daemon.until("2026-03-10T12:00:00Z").await;
    assert!(daemon.mailbox.letters().is_empty());
    assert!(daemon.customer("anna").await.stages.is_empty());
    books::check(&daemon).await;
}
