//! A daemon that dies in the middle of a hand-over, and the one that comes after it over the same database.

use std::sync::Arc;

use milepost::journey::time::Span;
use milepost::mail::mailbox::{Action, Stage};
use milepost::rulebook::Book;
use milepost::store::{Engine, MessageState};
use serde_json::json;
use tokio::sync::Notify;

use super::{THANKS, WELCOME, arrives, books, daemon, orders};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, at, book, person};

both! {
    a_marketing_letter_in_hand_stays_uncertain,
    a_transactional_letter_in_hand_goes_out_again_as_it_was,
    a_transactional_letter_in_hand_goes_out_again_though_its_customer_was_merged,
    a_rule_may_choose_otherwise,
    a_letter_that_was_only_claimed_goes_out,
    nothing_accepted_before_a_death_is_missing,
}

/// Lets a daemon die while the relay has its letter and has not said a word about it.
async fn die_with_a_letter_in_hand(daemon: Daemon) -> milepost::mail::Mailbox {
    let reached = Arc::new(Notify::new());
    let tell = Arc::clone(&reached);
    daemon.mailbox.follow(move |moment| {
        if moment.stage == Stage::Dot {
            tell.notify_one();
            return Action::Hang;
        }
        Action::Go
    });
    tokio::select! {
        () = daemon.settle() => panic!("the relay never answers"),
        () = reached.notified() => {}
    }
    daemon.mailbox.follow(|_| Action::Go);
    daemon.mailbox.clone()
}

/// The daemon that comes after it, as far as it is when it has found out what was in hand.
async fn come_back(place: &Place, mailbox: milepost::mail::Mailbox, book: Book) -> Daemon {
    let now = at("2026-03-10T09:02:00Z");
    let daemon = Daemon::start_at(mailbox, place.url(), book, now, |_| {}).await;
    if place.store.engine() == Engine::Postgres {
        // Others may work on this database: the lease says when nobody does any more.
        assert_eq!(daemon.app.engine.settle_doubts(now).await.expect("works"), 0, "the lease still runs");
    }
    daemon.clock.set(now.after(Span::seconds(600)));
    daemon.app.engine.settle_doubts(daemon.clock.now()).await.expect("works");
    daemon.settle().await;
    daemon
}

async fn a_marketing_letter_in_hand_stays_uncertain(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME])).await;
    daemon.accept(arrives("anna")).await;
    let mailbox = die_with_a_letter_in_hand(daemon).await;
    let daemon = come_back(place, mailbox, book(&[WELCOME])).await;
    daemon.until("2026-03-20T09:00:00Z").await;
    let row = &daemon.record().await[0];
    assert_eq!((row.state, row.reason.as_deref()), (MessageState::Uncertain, Some("interrupted")));
    assert!(
        daemon.app.engine.store.raw(&row.id).await.expect("reads").is_some(),
        "what may have gone out can be shown"
    );
    assert!(daemon.mailbox.letters().is_empty());
    books::check(&daemon).await;
}

async fn a_transactional_letter_in_hand_goes_out_again_as_it_was(place: &Place) {
    let daemon = daemon(place, book(&[THANKS])).await;
    daemon.accept(orders("1", "anna", "o1")).await;
    let mailbox = die_with_a_letter_in_hand(daemon).await;
    let before = crate::support::record(&place.store).await;
    assert_eq!(before[0].state, MessageState::Sending);
    let bytes = place.store.raw(&before[0].id).await.expect("reads").expect("was frozen");
    let daemon = come_back(place, mailbox, book(&[THANKS])).await;
    let row = &daemon.record().await[0];
    assert_eq!((row.state, row.resend), (MessageState::Sent, true));
    let letters = daemon.mailbox.letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].message_id, before[0].message_id);
    assert_eq!(String::from_utf8_lossy(&letters[0].bytes), String::from_utf8_lossy(&bytes));
    books::check(&daemon).await;
}

async fn a_transactional_letter_in_hand_goes_out_again_though_its_customer_was_merged(place: &Place) {
    let daemon = daemon(place, book(&[THANKS])).await;
    daemon.accept(json!({"id": "0", "kind": "customer.created", "customer": {"id": "boris"}})).await;
    daemon.settle().await;
    daemon.accept(orders("1", "anna", "o1")).await;
    let mailbox = die_with_a_letter_in_hand(daemon).await;
    // Another node shows that the two are one before it looks for letters in doubt.
    let daemon = other_node(place, mailbox).await;
    let one = json!({"id": "boris", "email": "anna@mail.example"});
    daemon.accept(json!({"id": "2", "kind": "customer.updated", "customer": one})).await;
    daemon.app.engine.process_bodies().await.expect("works");
    assert_eq!(daemon.app.engine.store.count_customers().await.expect("reads"), 1);
    daemon.clock.set(at("2026-03-10T09:20:00Z"));
    daemon.app.engine.settle_doubts(daemon.clock.now()).await.expect("works");
    daemon.settle().await;
    let row = &daemon.record().await[0];
    assert_eq!((row.state, row.resend), (MessageState::Sent, true), "{:?}", row.reason);
    books::check(&daemon).await;
}

/// A daemon that finds letters in doubt and does not yet settle them, on either engine.
async fn other_node(place: &Place, mailbox: milepost::mail::Mailbox) -> Daemon {
    let hide = "UPDATE messages SET state = 'queued', lease_until = NULL, next_at = next_at + 86400000000 WHERE state = 'sending'";
    let show = "UPDATE messages SET state = 'sending', lease_until = 1, next_at = next_at - 86400000000 WHERE state = 'queued'";
    place.run(hide).await.expect("runs");
    let daemon = Daemon::start_at(mailbox, place.url(), book(&[THANKS]), at("2026-03-10T09:10:00Z"), |_| {}).await;
    place.run(show).await.expect("runs");
    daemon
}

async fn a_rule_may_choose_otherwise(place: &Place) {
    let eager = WELCOME.replace("rule: welcome", "rule: eager\nwhen_uncertain: resend");
    let shy = THANKS.replace("rule: thanks", "rule: shy\nwhen_uncertain: keep");
    let first = daemon(place, book(&[&eager, &shy])).await;
    first.accept(arrives("anna")).await;
    let mailbox = die_with_a_letter_in_hand(first).await;
    let second = come_back(place, mailbox, book(&[&eager, &shy])).await;
    assert_eq!(second.subjects(), ["welcome for anna"]);
    second.accept(orders("1", "anna", "o1")).await;
    let mailbox = die_with_a_letter_in_hand(second).await;
    let third = Daemon::start_at(mailbox, place.url(), book(&[&eager, &shy]), at("2026-03-11T09:00:00Z"), |_| {}).await;
    third.app.engine.settle_doubts(third.clock.now()).await.expect("works");
    third.until("2026-03-12T09:00:00Z").await;
    assert_eq!(third.subjects(), ["welcome for anna"]);
    assert_eq!(third.record().await[1].state, MessageState::Uncertain);
    books::check(&third).await;
}

async fn a_letter_that_was_only_claimed_goes_out(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME])).await;
    daemon.accept(arrives("anna")).await;
    daemon.app.engine.process_bodies().await.expect("works");
    let now = daemon.clock.now();
    let mut tx = place.store.begin().await.expect("begins");
    let lease = now.after(Span::seconds(300));
    assert_eq!(tx.claim_messages("a node that dies", now, lease, None, 5).await.expect("claims").len(), 1);
    tx.commit().await.expect("commits");
    let mailbox = daemon.mailbox.clone();
    drop(daemon);
    let daemon = come_back(place, mailbox, book(&[WELCOME])).await;
    assert_eq!(daemon.subjects(), ["welcome for anna"]);
    assert!(!daemon.record().await[0].resend);
    books::check(&daemon).await;
}

async fn nothing_accepted_before_a_death_is_missing(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME])).await;
    let crowd: Vec<_> = (0..400)
        .map(|n| json!({"id": format!("{n}"), "kind": "customer.created", "customer": person(&format!("c{n}"))}))
        .collect();
    daemon.accept(json!(crowd)).await;
    // One batch is applied, the other is not.
    daemon.app.engine.process_bodies().await.expect("works");
    let mailbox = daemon.mailbox.clone();
    drop(daemon);
    let daemon = come_back(place, mailbox, book(&[WELCOME])).await;
    assert_eq!(daemon.app.engine.store.count_customers().await.expect("reads"), 400);
    assert_eq!(daemon.mailbox.letters().len(), 400);
    books::check(&daemon).await;
}
