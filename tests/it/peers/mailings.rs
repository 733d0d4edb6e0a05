//! Mailings that are paused, stopped, published again, or lose their relay or their daemon in the middle.

use std::collections::BTreeMap;

use milepost::journey::pause::Overdue;
use milepost::mail::mailbox::{Action, Stage};
use milepost::store::MessageState;
use serde_json::json;

use crate::pipeline::books;
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, at, book, person};

both! {
    a_pause_and_a_lost_relay_send_nobody_a_second_letter,
    publishing_again_sends_the_first_letter_to_nobody_again,
    publishing_again_after_weeks_fires_nothing,
    a_wait_goes_on_though_the_daemon_was_away_when_it_ended,
    resumed_after_weeks_a_chain_goes_on_letter_by_letter,
}

/// Two letters, to everyone, begun by the calendar.
const MAILING: &str = "
rule: mailing
on: {cron: '0 10 * * *'}
steps: [{send: first}, {wait: 14d}, {send: second}]
";
/// How many get it.
const PEOPLE: usize = 30;

async fn begin(place: &Place, rule: &str, people: usize) -> Daemon {
    let daemon = Daemon::start(place.url(), book(&[rule]), at("2026-03-10T09:00:00Z")).await;
    let crowd: Vec<_> = (0..people)
        .map(|n| json!({"id": format!("{n}"), "kind": "customer.created", "customer": person(&format!("c{n}"))}))
        .collect();
    daemon.accept(json!(crowd)).await;
    daemon.settle().await;
    daemon
}

/// How many letters of each name each of the customers got.
fn got(daemon: &Daemon) -> BTreeMap<String, usize> {
    let mut got = BTreeMap::new();
    for subject in daemon.subjects() {
        *got.entry(subject).or_default() += 1;
    }
    got
}

async fn pause(daemon: &Daemon, rule: &str) {
    let mut tx = daemon.app.engine.store.begin().await.expect("begins");
    assert!(tx.pause_rule(rule, "a mistake in the letter", daemon.clock.now()).await.expect("writes"));
    tx.commit().await.expect("commits");
    daemon.settle().await;
}

async fn resume(daemon: &Daemon, rule: &str) {
    let mut tx = daemon.app.engine.store.begin().await.expect("begins");
    assert!(tx.resume_rule(rule, Overdue::Send, daemon.clock.now()).await.expect("writes"));
    tx.commit().await.expect("commits");
    daemon.settle().await;
}

async fn a_pause_and_a_lost_relay_send_nobody_a_second_letter(place: &Place) {
    let daemon = begin(place, MAILING, PEOPLE).await;
    // The relay takes a third of it, then the connection is gone.
    daemon.mailbox.follow(|moment| match moment.stage {
        Stage::Rcpt if !moment.line.contains('1') => Action::Drop,
        _ => Action::Go,
    });
    daemon.until("2026-03-10T10:00:00Z").await;
    let before = daemon.mailbox.letters().len();
    assert!(before > 0 && before < PEOPLE, "{before} of {PEOPLE}");
    // It is paused, the relay comes back, the daemon is started anew, and it is resumed hours later.
    pause(&daemon, "mailing").await;
    daemon.mailbox.follow(|_| Action::Go);
    daemon.until("2026-03-10T13:00:00Z").await;
    assert_eq!(daemon.mailbox.letters().len(), before, "nothing goes out meanwhile");
    let Daemon { app, mailbox, .. } = daemon;
    drop(app);
    let daemon = Daemon::start_at(mailbox, place.url(), book(&[MAILING]), at("2026-03-10T14:00:00Z"), |_| {}).await;
    daemon.settle().await;
    assert_eq!(daemon.mailbox.letters().len(), before);
    resume(&daemon, "mailing").await;
    // Twice more, in the middle of nothing.
    daemon.until("2026-03-11T10:00:00Z").await;
    pause(&daemon, "mailing").await;
    daemon.until("2026-03-12T11:00:00Z").await;
    resume(&daemon, "mailing").await;
    daemon.until("2026-03-20T00:00:00Z").await;
    let got = got(&daemon);
    assert_eq!(got.len(), PEOPLE, "nobody is left out");
    assert!(got.values().all(|letters| *letters == 1), "and nobody gets it twice: {got:?}");
    assert!(daemon.record().await.iter().all(|row| row.state == MessageState::Sent));
    books::check(&daemon).await;
}

async fn publishing_again_sends_the_first_letter_to_nobody_again(place: &Place) {
    let daemon = begin(place, MAILING, 5).await;
    daemon.until("2026-03-10T12:00:00Z").await;
    assert_eq!(daemon.mailbox.letters().len(), 5);
    // Stopped and published again, edited and published again; a pause besides.
    daemon.swap(book(&["{rule: other, on: {event: a.b}, steps: [{send: other}]}"])).await;
    daemon.until("2026-03-11T09:00:00Z").await;
    daemon.swap(book(&[MAILING])).await;
    daemon.until("2026-03-12T12:00:00Z").await;
    daemon.swap(book(&[&MAILING.replace("{wait: 14d}", "{wait: 15d}")])).await;
    daemon.until("2026-03-13T12:00:00Z").await;
    pause(&daemon, "mailing").await;
    daemon.until("2026-03-14T12:00:00Z").await;
    resume(&daemon, "mailing").await;
    daemon.until("2026-03-18T12:00:00Z").await;
    assert_eq!(daemon.mailbox.letters().len(), 5, "five people, one letter each, at whatever firing");
    books::check(&daemon).await;
}

async fn publishing_again_after_weeks_fires_nothing(place: &Place) {
    let daemon = begin(place, &MAILING.replace("* * *'", "10 3 *'"), 5).await;
    daemon.until("2026-03-12T09:00:00Z").await;
    assert_eq!(daemon.mailbox.letters().len(), 5);
    let rule = MAILING.replace("* * *'", "10 3 *'");
    daemon.swap(book(&["{rule: other, on: {event: a.b}, steps: [{send: other}]}"])).await;
    daemon.until("2026-04-20T09:00:00Z").await;
    daemon.swap(book(&[&rule])).await;
    daemon.until("2026-04-30T09:00:00Z").await;
    assert_eq!(daemon.mailbox.letters().len(), 5, "what would have been due meanwhile is over");
    books::check(&daemon).await;
}

async fn a_wait_goes_on_though_the_daemon_was_away_when_it_ended(place: &Place) {
    let rule =
        "{rule: slow, on: {event: customer.created}, steps: [{wait: 1d}, {send: first}, {wait: 1d}, {send: second}]}";
    let daemon = begin(place, rule, 3).await;
    let Daemon { app, mailbox, .. } = daemon;
    drop(app);
    let daemon = Daemon::start_at(mailbox, place.url(), book(&[rule]), at("2026-03-11T15:00:00Z"), |_| {}).await;
    daemon.settle().await;
    assert_eq!(daemon.mailbox.letters().len(), 3, "what fell due meanwhile is done at once");
    daemon.until("2026-03-12T08:59:59Z").await;
    assert_eq!(daemon.mailbox.letters().len(), 3);
    daemon.until("2026-03-12T09:00:00Z").await;
    assert_eq!(daemon.mailbox.letters().len(), 6, "the next wait counts from the moment at which the first was over");
    books::check(&daemon).await;
}

async fn resumed_after_weeks_a_chain_goes_on_letter_by_letter(place: &Place) {
    let rule = "{rule: chain, on: {event: customer.created}, steps: [{wait: 1d}, {send: first}, {wait: 1d}, {send: second}, {wait: 1d}, {send: third}]}";
    let daemon = begin(place, rule, 3).await;
    pause(&daemon, "chain").await;
    daemon.until("2026-03-31T12:00:00Z").await;
    assert!(daemon.mailbox.letters().is_empty());
    resume(&daemon, "chain").await;
    for (moment, letters) in [
        ("2026-03-31T12:00:00Z", 3),
        ("2026-04-01T11:59:59Z", 3),
        ("2026-04-01T12:00:00Z", 6),
        ("2026-04-02T11:59:59Z", 6),
        ("2026-04-02T12:00:00Z", 9),
        ("2026-04-30T12:00:00Z", 9),
    ] {
        daemon.until(moment).await;
        assert_eq!(daemon.mailbox.letters().len(), letters, "{moment}");
    }
    assert!(daemon.record().await.iter().all(|row| row.due_at >= at("2026-03-31T12:00:00Z")));
    books::check(&daemon).await;
}
