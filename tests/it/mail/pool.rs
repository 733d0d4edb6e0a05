//! Connections: kept, replaced, and never too many.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use milepost::mail::mailbox::{Action, Stage};
use milepost::mail::{Mailbox, Outcome, Relay};
use milepost::settings::RelaySettings;

use super::{HASTY, PATIENT, address, build, letter, mailbox, relay, send, settings};

fn accepted(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Accepted { .. })
}

fn relay_of(mailbox: &Mailbox, connections: u32) -> Relay {
    build(&RelaySettings { connections, ..settings(mailbox) }, PATIENT)
}

#[tokio::test]
async fn letters_follow_each_other_on_one_connection() {
    let mailbox = mailbox().await;
    let relay = relay(&mailbox, PATIENT);
    for n in 0..20 {
        assert!(accepted(&send(&relay, &letter(&format!("m-{n}"))).await));
    }
    assert_eq!((mailbox.count(), mailbox.connections()), (20, 1));
}

#[tokio::test]
async fn a_connection_closed_while_it_waited_is_replaced_without_harm() {
    for farewell in [None, Some("421 4.4.2 idle too long")] {
        let mailbox = mailbox().await;
        let relay = relay(&mailbox, PATIENT);
        for n in 1..=10 {
            assert!(accepted(&send(&relay, &letter(&format!("m-{n}"))).await));
            mailbox.hang_up(farewell);
        }
        let ids: BTreeSet<_> = mailbox.letters().into_iter().map(|letter| letter.message_id).collect();
        assert_eq!((mailbox.count(), ids.len(), mailbox.connections()), (10, 10, 10), "{farewell:?}");
    }
}

#[tokio::test]
async fn a_waiting_connection_that_answers_nothing_is_replaced() {
    let mailbox = mailbox().await;
    let relay = relay(&mailbox, HASTY);
    assert!(accepted(&send(&relay, &letter("m-1")).await));
    mailbox.follow(|moment| if moment.connection == 1 { Action::Hang } else { Action::Go });
    assert!(accepted(&send(&relay, &letter("m-2")).await));
    assert_eq!((mailbox.count(), mailbox.connections()), (2, 2));
}

#[tokio::test]
async fn a_relay_that_takes_so_many_letters_a_connection() {
    let mailbox = mailbox().await;
    let relay = relay(&mailbox, PATIENT);
    mailbox.follow(|moment| match moment.stage {
        Stage::Mail if moment.letters >= 3 => Action::say_and_drop("421 4.7.0 enough for one connection"),
        _ => Action::Go,
    });
    for n in 0..10 {
        let outcome = send(&relay, &letter(&format!("m-{n}"))).await;
        assert!(accepted(&outcome), "{outcome:?}");
    }
    assert_eq!((mailbox.count(), mailbox.connections()), (10, 4));
}

#[tokio::test]
async fn refusals_of_one_letter_cost_no_connection() {
    for (stage, reply) in [
        (Stage::Mail, "553 5.1.8 no"),
        (Stage::Rcpt, "550 5.1.1 no such user"),
        (Stage::Data, "451 4.3.0 later"),
        (Stage::Dot, "554 5.6.0 no"),
    ] {
        let mailbox = mailbox().await;
        let relay = relay(&mailbox, PATIENT);
        mailbox.follow(move |moment| if moment.stage == stage { Action::say(reply) } else { Action::Go });
        for _ in 0..3 {
            assert!(!accepted(&send(&relay, &letter("m-1")).await));
        }
        mailbox.follow(|_| Action::Go);
        assert!(accepted(&send(&relay, &letter("m-1")).await));
        assert_eq!((mailbox.count(), mailbox.connections()), (1, 1), "{stage:?}");
    }
}

#[tokio::test]
async fn an_envelope_can_be_taken_back() {
    let mailbox = mailbox().await;
    let relay = relay(&mailbox, PATIENT);
    let (from, to) = (address("shop@shop.example"), address("ann@cats.example"));
    relay.open(&from, &to).await.unwrap().cancel().await;
    // Dropped instead, its connection is closed and its place is free again.
    drop(relay.open(&from, &to).await.unwrap());
    assert!(accepted(&send(&relay, &letter("m-1")).await));
    assert_eq!((mailbox.count(), mailbox.connections()), (1, 2));
}

#[tokio::test]
async fn never_more_conversations_than_allowed() {
    let mailbox = mailbox().await;
    let relay = relay_of(&mailbox, 2);
    assert_eq!(relay.connections(), 2);
    let (from, to) = (address("shop@shop.example"), address("ann@cats.example"));
    let (first, second) = tokio::join!(relay.open(&from, &to), relay.open(&from, &to));
    let (first, second) = (first.unwrap(), second.unwrap());
    let third = relay.open(&from, &to);
    tokio::pin!(third);
    assert!(futures_util::poll!(third.as_mut()).is_pending());
    assert!(accepted(&first.hand_over(&letter("m-1")).await));
    let third = third.await.unwrap();
    assert!(accepted(&second.hand_over(&letter("m-2")).await));
    assert!(accepted(&third.hand_over(&letter("m-3")).await));
    assert_eq!((mailbox.count(), mailbox.connections()), (3, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_letters_over_shaky_connections() {
    let mailbox = mailbox().await;
    let relay = relay_of(&mailbox, 8);
    // Every eleventh step of a conversation fails in one of the ways in which trying again is safe.
    let steps = Arc::new(AtomicUsize::new(0));
    mailbox.follow(move |moment| {
        let n = steps.fetch_add(1, Ordering::Relaxed);
        match moment.stage {
            Stage::Mail | Stage::Rcpt | Stage::Data if n.is_multiple_of(11) => Action::Drop,
            Stage::Mail | Stage::Rcpt | Stage::Data | Stage::Dot if n.is_multiple_of(13) => {
                Action::say("451 4.3.0 later")
            }
            _ => Action::Go,
        }
    });
    let failures = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..400 {
        let (relay, failures) = (relay.clone(), Arc::clone(&failures));
        tasks.spawn(async move {
            loop {
                match send(&relay, &letter(&format!("m-{n}"))).await {
                    Outcome::Accepted { .. } => return,
                    outcome => {
                        assert!(outcome.may_retry(), "{outcome:?}");
                        failures.lock().unwrap().push(outcome.word());
                    }
                }
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let ids: BTreeSet<_> = mailbox.letters().into_iter().map(|letter| letter.message_id).collect();
    assert_eq!((mailbox.count(), ids.len()), (400, 400));
    let failures = failures.lock().unwrap();
    assert!(failures.contains(&"lost") && failures.contains(&"deferred"));
}

#[tokio::test]
async fn closing_ends_what_waits() {
    let mailbox = mailbox().await;
    let relay = relay(&mailbox, PATIENT);
    let said = Arc::new(Mutex::new(Vec::new()));
    let lines = Arc::clone(&said);
    mailbox.follow(move |moment| {
        lines.lock().unwrap().push(moment.line.to_owned());
        Action::Go
    });
    assert!(accepted(&send(&relay, &letter("m-1")).await));
    relay.close().await;
    assert_eq!(said.lock().unwrap().last().map(String::as_str), Some("QUIT"));
    assert!(accepted(&send(&relay, &letter("m-2")).await));
    assert_eq!(mailbox.connections(), 2);
}
