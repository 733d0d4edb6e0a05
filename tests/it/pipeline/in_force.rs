//! Which rulebook is in force: what the database says, whatever is on disk.

use milepost::engine::in_force;
use milepost::journey::pause::Overdue;
use milepost::settings::{ApplyRules, Settings};

use super::{REMINDER, START, WELCOME, arrives, books, daemon_with, fills_cart, orders};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, at, book};

both! {
    the_first_start_takes_what_is_on_disk,
    by_hand_the_disk_changes_nothing,
    what_is_put_in_force_is_taken_over,
    of_two_who_saw_the_same_one_comes_first,
    by_itself_the_disk_wins_at_the_start,
    the_settings_of_the_shop_are_part_of_it,
    a_run_finishes_as_its_rule_was_after_restarts_too,
    a_paused_rule_sends_nothing_until_it_is_resumed,
}

fn by_hand(settings: &mut Settings) {
    settings.rules.apply = ApplyRules::ByHand;
}

fn hash(daemon: &Daemon) -> String {
    daemon.app.engine.book.load().rulebook.hash.clone()
}

/// The daemon comes back after its end, with these rules on disk.
async fn again(daemon: Daemon, place: &Place, disk: milepost::rulebook::Book, change: fn(&mut Settings)) -> Daemon {
    let Daemon { app, mailbox, .. } = daemon;
    drop(app);
    Daemon::start_at(mailbox, place.url(), disk, at(START), change).await
}

async fn the_first_start_takes_what_is_on_disk(place: &Place) {
    let daemon = daemon_with(place, book(&[WELCOME]), by_hand).await;
    let in_force = daemon.app.engine.store.in_force().await.expect("reads").expect("is in force");
    assert_eq!((in_force.number, in_force.rulebook), (1, hash(&daemon)));
}

async fn by_hand_the_disk_changes_nothing(place: &Place) {
    let daemon = daemon_with(place, book(&[WELCOME]), by_hand).await;
    let first = hash(&daemon);
    let daemon = again(daemon, place, book(&[REMINDER]), by_hand).await;
    assert_eq!(hash(&daemon), first);
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    assert_eq!(daemon.subjects(), ["welcome for anna"], "the letters come from the archive too");
    books::check(&daemon).await;
}

async fn what_is_put_in_force_is_taken_over(place: &Place) {
    let daemon = daemon_with(place, book(&[REMINDER]), by_hand).await;
    let store = daemon.app.engine.store.clone();
    let before = store.in_force().await.expect("reads");
    let other = book(&[WELCOME]);
    assert!(in_force::put(&store, &other, before.as_ref(), at(START)).await.expect("writes"));
    assert_ne!(hash(&daemon), other.rulebook.hash, "it has not looked yet");
    assert!(daemon.app.engine.follow().await.expect("reads"));
    assert!(!daemon.app.engine.follow().await.expect("reads"), "there is nothing more");
    assert_eq!(hash(&daemon), other.rulebook.hash);
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    assert_eq!(daemon.subjects(), ["welcome for anna"]);
    books::check(&daemon).await;
}

async fn of_two_who_saw_the_same_one_comes_first(place: &Place) {
    let daemon = daemon_with(place, book(&[REMINDER]), by_hand).await;
    let store = daemon.app.engine.store.clone();
    let before = store.in_force().await.expect("reads");
    let (one, two) = (book(&[WELCOME]), book(&[WELCOME, REMINDER]));
    assert!(in_force::put(&store, &one, before.as_ref(), at(START)).await.expect("writes"));
    assert!(!in_force::put(&store, &two, before.as_ref(), at(START)).await.expect("writes"));
    let now = store.in_force().await.expect("reads").expect("is in force");
    assert_eq!((now.number, &now.rulebook), (2, &one.rulebook.hash));
    assert_eq!(store.rulebook_files(&two.rulebook.hash).await.expect("reads"), None, "nothing of it was written");
    // What was in force before can come back.
    let first = in_force::archived(&store, &before.expect("is in force").rulebook).await.expect("reads");
    assert!(in_force::put(&store, &first, Some(&now), at(START)).await.expect("writes"));
    assert_eq!(in_force::read(&store).await.expect("reads").expect("is in force").0.number, 3);
}

async fn by_itself_the_disk_wins_at_the_start(place: &Place) {
    let daemon = daemon_with(place, book(&[WELCOME]), |_| {}).await;
    let other = book(&[REMINDER]);
    let expected = other.rulebook.hash.clone();
    let daemon = again(daemon, place, other, |_| {}).await;
    assert_eq!(hash(&daemon), expected);
    assert_eq!(daemon.app.engine.store.in_force().await.expect("reads").expect("is in force").number, 2);
}

async fn the_settings_of_the_shop_are_part_of_it(place: &Place) {
    let daemon = daemon_with(place, book(&[WELCOME]), by_hand).await;
    let first = hash(&daemon);
    let Daemon { app, mailbox, .. } = daemon;
    drop(app);
    let mut settings = Settings::default();
    settings.shop.time_zone = "Asia/Tokyo".into();
    let disk = crate::support::book_with(crate::support::MAP, &[REMINDER], settings.shop_facts());
    let daemon = Daemon::start_at(mailbox, place.url(), disk, at(START), by_hand).await;
    assert_ne!(hash(&daemon), first);
    let book = daemon.app.engine.book.load_full();
    assert!(book.rulebook.rules.contains_key("welcome"), "the rules are those in force");
    assert_eq!(book.rulebook.shop.zone, chrono_tz::Tz::Asia__Tokyo, "the settings are today's");
    assert_eq!(daemon.app.engine.store.in_force().await.expect("reads").expect("is in force").number, 2);
}

/// Its letters, templates and all, are those of the archive.
async fn a_run_finishes_as_its_rule_was_after_restarts_too(place: &Place) {
    let slow = "
rule: slow
on: {event: customer.created}
on_change: finish
goal: {event: order.created, within: 3d}
steps: [{send: first}, {wait: 1d}, {send: second}, {wait: 1d}, {send: third}]
";
    let daemon = daemon_with(place, book(&[slow]), by_hand).await;
    let first = hash(&daemon);
    daemon.accept(arrives("anna")).await;
    daemon.until("2026-03-10T12:00:00Z").await;
    daemon.swap(book(&[REMINDER])).await;
    daemon.until("2026-03-11T12:00:00Z").await;
    assert_eq!(daemon.subjects(), ["first for anna", "second for anna"]);
    let daemon = again(daemon, place, book(&[REMINDER]), by_hand).await;
    daemon.swap(book(&[REMINDER, WELCOME])).await;
    daemon.until("2026-03-13T12:00:00Z").await;
    assert_eq!(daemon.subjects(), ["first for anna", "second for anna", "third for anna"]);
    assert!(daemon.record().await.iter().all(|row| row.rulebook == first), "each says which rules planned it");
    // The goal of its last letter is open: the archive is in use until it is reached or over.
    let in_use = |daemon: &Daemon| daemon.app.engine.book.load().rulebook.earlier.contains_key(&first);
    assert!(in_use(&daemon));
    daemon.accept(orders("o", "anna", "1")).await;
    daemon.settle().await;
    let runs = daemon.app.engine.store.enrollments_of(&daemon.customer("anna").await.id).await.expect("reads");
    assert!(runs[0].converted.is_some(), "{runs:?}");
    daemon.swap(book(&[WELCOME])).await;
    daemon.settle().await;
    let daemon = again(daemon, place, book(&[WELCOME]), by_hand).await;
    assert!(!in_use(&daemon));
    books::check(&daemon).await;
}

async fn a_paused_rule_sends_nothing_until_it_is_resumed(place: &Place) {
    let daemon = daemon_with(place, book(&[REMINDER, WELCOME]), by_hand).await;
    daemon.accept(fills_cart("1", "anna")).await;
    daemon.settle().await;
    let store = daemon.app.engine.store.clone();
    let mut tx = store.begin().await.expect("begins");
    assert!(tx.pause_rule("reminder", "the shop is closed", daemon.clock.now()).await.expect("writes"));
    assert!(!tx.pause_rule("reminder", "twice", daemon.clock.now()).await.expect("writes"));
    tx.commit().await.expect("commits");
    daemon.until("2026-03-10T14:00:00Z").await;
    daemon.accept(arrives("boris")).await;
    daemon.settle().await;
    assert_eq!(daemon.subjects(), ["welcome for boris"], "others go on");
    let daemon = again(daemon, place, book(&[WELCOME]), by_hand).await;
    daemon.until("2026-03-10T15:00:00Z").await;
    let mut tx = store.begin().await.expect("begins");
    assert!(tx.resume_rule("reminder", Overdue::Send, daemon.clock.now()).await.expect("writes"));
    tx.commit().await.expect("commits");
    daemon.settle().await;
    assert_eq!(daemon.subjects(), ["welcome for boris", "reminder for anna"]);
    books::check(&daemon).await;
}
