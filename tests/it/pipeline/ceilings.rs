//! Ceilings: what a relay may be given in a second, an hour and a day, what a domain takes, and that nodes count them together.

use milepost::journey::time::Span;
use milepost::mail::mailbox::{Action, Stage};
use milepost::settings::{DomainSettings, Settings};
use milepost::store::MessageState;
use serde_json::{Value, json};

use super::relays::{after, arrives_at, crowd, stops};
use super::{START, WELCOME, books, daemon_with};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, at, book};

both! {
    an_hour_has_a_ceiling,
    a_warm_up_grows_by_the_day_and_ends,
    a_rate_a_second_spreads_letters,
    a_domain_at_its_limit_holds_up_no_other,
    a_domain_that_says_slow_down_gets_nothing_for_a_while,
    what_is_withheld_takes_nothing_of_a_ceiling,
}

async fn an_hour_has_a_ceiling(place: &Place) {
    let daemon = daemon_with(place, book(&[WELCOME]), |settings| {
        settings.mail.relays.get_mut("test").expect("a relay").rate_per_hour = Some(10);
    })
    .await;
    crowd(&daemon, 25).await;
    daemon.settle().await;
    assert_eq!(daemon.mailbox.count(), 10);
    daemon.until("2026-03-10T09:59:59Z").await;
    assert_eq!(daemon.mailbox.count(), 10);
    daemon.until("2026-03-10T10:00:00Z").await;
    assert_eq!(daemon.mailbox.count(), 20);
    let record = daemon.record().await;
    assert!(record.iter().all(|row| row.attempts <= 1), "waiting is no try");
    daemon.until("2026-03-10T11:00:00Z").await;
    assert_eq!(daemon.mailbox.count(), 25);
    books::check(&daemon).await;
}

async fn a_warm_up_grows_by_the_day_and_ends(place: &Place) {
    let warm = |settings: &mut Settings| {
        let relay = settings.mail.relays.get_mut("test").expect("a relay");
        relay.warm_up_from = Some("2026-03-10".into());
        relay.warm_up = vec![5, 10];
    };
    let daemon = daemon_with(place, book(&[WELCOME]), warm).await;
    crowd(&daemon, 40).await;
    daemon.settle().await;
    assert_eq!(daemon.mailbox.count(), 5);
    // What was used of a day is not forgotten with the process.
    let mailbox = daemon.mailbox.clone();
    drop(daemon);
    let daemon = Daemon::start_at(mailbox, place.url(), book(&[WELCOME]), after("1h"), warm).await;
    daemon.settle().await;
    assert_eq!(daemon.mailbox.count(), 5);
    daemon.until("2026-03-11T00:00:00Z").await;
    assert_eq!(daemon.mailbox.count(), 15);
    daemon.until("2026-03-12T00:00:00Z").await;
    assert_eq!(daemon.mailbox.count(), 40, "after the last day there is no ceiling");
    books::check(&daemon).await;
}

async fn a_rate_a_second_spreads_letters(place: &Place) {
    let daemon = daemon_with(place, book(&[WELCOME]), |settings| {
        settings.mail.relays.get_mut("test").expect("a relay").rate_per_second = Some(20);
    })
    .await;
    crowd(&daemon, 30).await;
    daemon.settle().await;
    assert_eq!(daemon.mailbox.count(), 2, "a tenth of a second's");
    let mut seen = Vec::new();
    for step in 1..=14 {
        daemon.until_moment(at(START).after(Span::from_micros(step * 100_000))).await;
        seen.push(daemon.mailbox.count());
    }
    assert_eq!(seen, (2..=15).map(|n| n * 2).collect::<Vec<usize>>());
    books::check(&daemon).await;
}

async fn a_domain_at_its_limit_holds_up_no_other(place: &Place) {
    let daemon = daemon_with(place, book(&[WELCOME]), |settings| {
        let google = DomainSettings {
            domains: vec!["gmail.com".into(), "googlemail.com".into()],
            rate_per_hour: Some(5),
            connections: Some(1),
            ..DomainSettings::default()
        };
        settings.mail.domains.insert("google".into(), google);
    })
    .await;
    let to = |n: usize| ["gmail.com", "googlemail.com", "mail.example", "cats.example"][n % 4];
    let events: Vec<Value> = (0..600).map(|n| arrives_at(&format!("c{n}"), to(n))).collect();
    daemon.accept(json!(events)).await;
    daemon.settle().await;
    let google = |daemon: &Daemon| {
        let letters = daemon.mailbox.letters();
        letters
            .iter()
            .filter(|letter| letter.to[0].ends_with("gmail.com") || letter.to[0].contains("googlemail"))
            .count()
    };
    assert_eq!((google(&daemon), daemon.mailbox.count()), (5, 305));
    daemon.until("2026-03-10T10:00:00Z").await;
    assert_eq!((google(&daemon), daemon.mailbox.count()), (10, 310));
    let waiting = daemon.record().await.into_iter().filter(|row| row.state == MessageState::Queued);
    assert!(waiting.clone().all(|row| matches!(row.reason.as_deref(), Some("rate" | "busy")) && row.attempts == 0));
    assert_eq!(waiting.count(), 290);
}

async fn a_domain_that_says_slow_down_gets_nothing_for_a_while(place: &Place) {
    let daemon = daemon_with(place, book(&[WELCOME]), |settings| {
        settings.mail.relays.get_mut("test").expect("a relay").connections = 1;
    })
    .await;
    daemon.mailbox.follow(|moment| match moment.stage {
        Stage::Rcpt if moment.line.contains("@gmail.com") => {
            Action::say("421 4.7.28 Gmail has detected an unusual rate of unsolicited mail")
        }
        _ => Action::Go,
    });
    let to = |n: usize| if n.is_multiple_of(2) { "gmail.com" } else { "mail.example" };
    let events: Vec<Value> = (0..40).map(|n| arrives_at(&format!("c{n}"), to(n))).collect();
    daemon.accept(json!(events)).await;
    daemon.settle().await;
    assert_eq!(daemon.mailbox.count(), 20);
    let record = daemon.record().await;
    let tried = record.iter().filter(|row| row.class.as_deref() == Some("rate")).count();
    assert!((1..=2).contains(&tried), "{tried} were told to wait, and then none was offered");
    let stopped = stops(&daemon).await;
    assert_eq!((stopped[0].domain.as_str(), stopped[0].until), ("gmail.com", after("1m")));
    daemon.mailbox.follow(|_| Action::Go);
    daemon.until_moment(after("1h")).await;
    assert_eq!(daemon.mailbox.count(), 40);
    assert!(stops(&daemon).await.is_empty());
    books::check(&daemon).await;
}

async fn what_is_withheld_takes_nothing_of_a_ceiling(place: &Place) {
    let daemon = daemon_with(place, book(&[WELCOME]), |settings| {
        settings.mail.relays.get_mut("test").expect("a relay").rate_per_hour = Some(10);
    })
    .await;
    let mut tx = daemon.app.engine.store.begin().await.expect("begins");
    for n in 0..20 {
        let suppression = milepost::store::Suppression {
            address: format!("c{n}@mail.example"),
            reason: "by_hand".into(),
            source: "test".into(),
            at: daemon.clock.now(),
            detail: String::new(),
            expires_at: None,
        };
        tx.suppress(&[suppression]).await.expect("writes");
    }
    tx.commit().await.expect("commits");
    crowd(&daemon, 30).await;
    daemon.settle().await;
    assert_eq!(daemon.mailbox.count(), 10);
    books::check(&daemon).await;
}

/// Two nodes on one database keep to the ceilings together.
#[tokio::test]
async fn nodes_that_share_a_database_share_the_ceilings() {
    let place = Place::postgres().await;
    let limited = |settings: &mut Settings| {
        let relay = settings.mail.relays.get_mut("test").expect("a relay");
        (relay.rate_per_hour, relay.rate_per_second) = (Some(60), Some(50));
        let cats = DomainSettings {
            domains: vec!["cats.example".into()],
            rate_per_hour: Some(7),
            ..DomainSettings::default()
        };
        settings.mail.domains.insert("cats".into(), cats);
    };
    let one = daemon_with(&place, book(&[WELCOME]), limited).await;
    let two = Daemon::start_at(one.mailbox.clone(), place.url(), book(&[WELCOME]), at(START), limited).await;
    let to = |n: usize| if n.is_multiple_of(2) { "cats.example" } else { "mail.example" };
    let events: Vec<Value> = (0..200).map(|n| arrives_at(&format!("c{n}"), to(n))).collect();
    one.accept(json!(events)).await;
    let mut seen = Vec::new();
    for step in 0..=60 {
        let now = at(START).after(Span::from_micros(step * 100_000));
        tokio::join!(one.until_moment(now), two.until_moment(now));
        seen.push(one.mailbox.count());
    }
    // A tenth of a second's at once, of both nodes together; what one of them has left over, it may use within the second.
    assert!(seen.windows(11).all(|second| second[10] - second[0] <= 55), "{seen:?}");
    assert!(seen[0] <= 5, "{seen:?}");
    let cats = |daemon: &Daemon| daemon.mailbox.letters().iter().filter(|l| l.to[0].ends_with("cats.example")).count();
    assert_eq!((cats(&one), one.mailbox.count()), (7, 60));
    tokio::join!(one.until("2026-03-10T09:59:00Z"), two.until("2026-03-10T09:59:00Z"));
    assert_eq!((cats(&one), one.mailbox.count()), (7, 60));
    for minute in 0..30 {
        let now = at("2026-03-10T10:00:00Z").after(Span::seconds(minute * 60));
        tokio::join!(one.until_moment(now), two.until_moment(now));
    }
    assert_eq!((cats(&one), one.mailbox.count()), (14, 114), "and everybody else");
    drop((one, two));
    place.clear().await;
}
