//! Several relays: routes, shares, and what happens to letters while one can't be used.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use milepost::journey::time::Timestamp;
use milepost::mail::Mailbox;
use milepost::mail::mailbox::{Action, Features, Stage};
use milepost::settings::{DomainSettings, RelaySecurity, RelaySettings, RouteSettings, Settings};
use milepost::store::{MessageState, RelayStop};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{START, THANKS, WELCOME, arrives, books, daemon_with, orders};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, at, book, person};

both! {
    letters_are_divided_by_weight,
    a_spare_relay_is_used_only_while_no_other_can_be_reached,
    a_route_decides_by_purpose_and_domain,
    a_relay_that_is_down_harms_no_letter_and_is_used_again,
    while_every_relay_is_down_letters_wait,
    a_log_in_that_is_refused_stops_the_relay_at_once,
    a_relay_without_tls_gets_nothing_and_the_next_one_does,
    a_frozen_letter_goes_again_by_another_relay_unchanged,
    changed_settings_come_into_force_while_letters_go,
    a_relay_that_hangs_holds_up_no_letter_of_another,
}

async fn mailbox() -> Mailbox {
    Mailbox::start(([127, 0, 0, 1], 0).into()).await.expect("a mailbox")
}

fn relay(mailbox: &Mailbox) -> RelaySettings {
    RelaySettings {
        host: mailbox.address().ip().to_string(),
        port: Some(mailbox.address().port()),
        security: RelaySecurity::None,
        connections: 4,
        timeout_seconds: 5,
        ..RelaySettings::default()
    }
}

/// A customer at a domain.
pub(super) fn arrives_at(id: &str, domain: &str) -> Value {
    let mut person = person(id);
    person["email"] = json!(format!("{id}@{domain}"));
    json!({"id": format!("arrival/{id}"), "kind": "customer.created", "customer": person})
}

/// So many customers come.
pub(super) async fn crowd(daemon: &Daemon, number: usize) {
    let events: Vec<Value> = (0..number).map(|n| arrives(&format!("c{n}"))).collect();
    daemon.accept(json!(events)).await;
}

pub(super) fn after(span: &str) -> Timestamp {
    at(START).after(crate::support::span(span))
}

pub(super) async fn stops(daemon: &Daemon) -> Vec<RelayStop> {
    daemon.app.engine.store.relay_stops(daemon.clock.now()).await.expect("reads")
}

async fn sent(daemon: &Daemon) -> usize {
    daemon.record().await.iter().filter(|row| row.state == MessageState::Sent).count()
}

async fn letters_are_divided_by_weight(place: &Place) {
    let other = mailbox().await;
    let daemon = daemon_with(place, book(&[WELCOME]), |settings| {
        settings.mail.relays.insert("other".into(), RelaySettings { weight: 3, connections: 40, ..relay(&other) });
        settings.mail.relays.get_mut("test").expect("a relay").connections = 40;
    })
    .await;
    crowd(&daemon, 80).await;
    daemon.settle().await;
    let (few, many) = (daemon.mailbox.count(), other.count());
    assert_eq!(few + many, 80);
    assert!((8..36).contains(&few), "a quarter of 80 or so, not {few}");
    let by: BTreeMap<String, usize> = daemon.record().await.into_iter().fold(BTreeMap::new(), |mut by, row| {
        *by.entry(row.relay.unwrap_or_default()).or_default() += 1;
        by
    });
    assert_eq!(by, BTreeMap::from([("other".to_owned(), many), ("test".to_owned(), few)]), "as on record");
}

async fn a_spare_relay_is_used_only_while_no_other_can_be_reached(place: &Place) {
    let spare = mailbox().await;
    let daemon = daemon_with(place, book(&[WELCOME]), |settings| {
        settings.mail.relays.insert("a-spare".into(), RelaySettings { weight: 0, ..relay(&spare) });
        settings.mail.relays.get_mut("test").expect("a relay").rate_per_hour = Some(10);
    })
    .await;
    crowd(&daemon, 25).await;
    daemon.settle().await;
    assert_eq!((daemon.mailbox.count(), spare.count()), (10, 0), "a ceiling is no outage");
    shut(&daemon.mailbox);
    daemon.mailbox.hang_up(None);
    daemon.until("2026-03-10T10:00:00Z").await;
    assert_eq!((daemon.mailbox.count(), spare.count()), (10, 15));
}

async fn changed_settings_come_into_force_while_letters_go(place: &Place) {
    let other = mailbox().await;
    let daemon = daemon_with(place, book(&[WELCOME]), |settings| {
        settings.mail.relays.get_mut("test").expect("a relay").rate_per_hour = Some(10);
    })
    .await;
    crowd(&daemon, 25).await;
    daemon.settle().await;
    assert_eq!(daemon.mailbox.count(), 10);
    let mut settings = Settings::default();
    settings.mail.from = "Shop <hello@new.example>".into();
    settings.mail.relays.insert("other".into(), relay(&other));
    daemon.app.change_settings(&settings).await.expect("are taken over");
    daemon.settle().await;
    assert_eq!((daemon.mailbox.count(), other.count()), (10, 15));
    assert_eq!(crate::support::header(&other.letters()[0].bytes, "From"), "Shop <hello@new.example>");
}

/// While a relay has a letter in hand for long, letters by the other one go out, those that were composed before too.
async fn a_relay_that_hangs_holds_up_no_letter_of_another(place: &Place) {
    let other = mailbox().await;
    let daemon = daemon_with(place, book(&[WELCOME]), |settings| {
        let slow = RelaySettings { connections: 2, timeout_seconds: 60, ..relay(&other) };
        settings.mail.relays.insert("other".into(), slow);
        let route = |domain: Option<&str>, relay: &str| RouteSettings {
            domain: domain.map(str::to_owned),
            relays: vec![relay.to_owned()],
            ..RouteSettings::default()
        };
        settings.mail.routes = vec![route(Some("slow.example"), "other"), route(None, "test")];
    })
    .await;
    other.follow(|moment| if moment.stage == Stage::Dot { Action::Hang } else { Action::Go });
    let to = |n: usize| if n.is_multiple_of(2) { "slow.example" } else { "mail.example" };
    let events: Vec<Value> = (0..60).map(|n| arrives_at(&format!("c{n}"), to(n))).collect();
    daemon.accept(json!(events)).await;
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    daemon.engine().start(&daemon.app.recorder, &stop, &tasks);
    let came = tokio::time::timeout(Duration::from_secs(30), daemon.mailbox.wait_for(30)).await;
    came.expect("those of the other relay came");
    let record = daemon.record().await;
    let hanging =
        record.iter().filter(|row| (row.state, row.relay.as_deref()) == (MessageState::Sending, Some("other")));
    assert_eq!(hanging.count(), 2, "one a connection that hangs, and no more");
}

async fn a_route_decides_by_purpose_and_domain(place: &Place) {
    let (other, third) = (mailbox().await, mailbox().await);
    let daemon = daemon_with(place, book(&[WELCOME, THANKS]), |settings| {
        settings.mail.relays.insert("other".into(), relay(&other));
        settings.mail.relays.insert("third".into(), relay(&third));
        let google = DomainSettings { domains: vec!["gmail.com".into()], ..DomainSettings::default() };
        settings.mail.domains.insert("google".into(), google);
        let route = |purpose: Option<&str>, domain: Option<&str>, relay: &str| RouteSettings {
            purpose: purpose.map(str::to_owned),
            domain: domain.map(str::to_owned),
            relays: vec![relay.to_owned()],
            ..RouteSettings::default()
        };
        settings.mail.routes = vec![
            route(Some("transactional"), None, "other"),
            route(None, Some("google"), "third"),
            route(None, None, "test"),
        ];
    })
    .await;
    daemon.accept(json!([arrives("anna"), arrives_at("ben", "gmail.com"), orders("o", "anna", "1")])).await;
    daemon.settle().await;
    let to =
        |mailbox: &Mailbox| -> Vec<String> { mailbox.letters().into_iter().flat_map(|letter| letter.to).collect() };
    assert_eq!(to(&daemon.mailbox), ["anna@mail.example"]);
    assert_eq!(to(&other), ["anna@mail.example"]);
    assert_eq!(to(&third), ["ben@gmail.com"]);
}

/// A relay that lets nobody in.
fn shut(mailbox: &Mailbox) {
    mailbox.follow(|moment| match moment.stage {
        Stage::Connected => Action::say_and_drop("421 4.3.2 closed for today"),
        _ => Action::Go,
    });
}

async fn a_relay_that_is_down_harms_no_letter_and_is_used_again(place: &Place) {
    let other = mailbox().await;
    let daemon = daemon_with(place, book(&[WELCOME]), |settings| {
        settings.mail.relays.insert("other".into(), relay(&other));
    })
    .await;
    shut(&other);
    crowd(&daemon, 40).await;
    daemon.settle().await;
    assert_eq!((daemon.mailbox.count(), sent(&daemon).await), (40, 40), "the other one takes them all");
    assert!(daemon.record().await.iter().all(|row| row.attempts == 1), "no letter was put off");
    let stopped = stops(&daemon).await;
    assert_eq!(stopped.len(), 1);
    assert_eq!((stopped[0].relay.as_str(), stopped[0].domain.as_str()), ("other", ""));
    assert_eq!((stopped[0].since, stopped[0].until), (at(START), after("30s")));
    assert_eq!(stopped[0].why, "session: 421 4.3.2");
    let ready = daemon.ask(Request::get("/readyz").body(Body::empty()).expect("a request")).await;
    assert_eq!(ready.status, StatusCode::OK, "what is sent here is kept");
    let said = "ready\nrelay other can't be used until 2026-03-10T09:00:30Z\n";
    assert_eq!(String::from_utf8_lossy(&ready.body), said);

    // It is looked at again, after waits that grow.
    let before = other.connections();
    daemon.until_moment(after("29s")).await;
    assert_eq!(other.connections(), before);
    daemon.until_moment(after("30s")).await;
    assert_eq!(other.connections(), before + 1, "one looks");
    assert_eq!(stops(&daemon).await[0].until, after("90s"));
    other.follow(|_| Action::Go);
    daemon.until_moment(after("90s")).await;
    assert!(stops(&daemon).await.is_empty());
    daemon.accept(json!((100..140).map(|n| arrives(&format!("c{n}"))).collect::<Vec<_>>())).await;
    daemon.settle().await;
    assert!(other.count() > 8, "it is used again");
    assert_eq!(daemon.mailbox.count() + other.count(), 80);
}

async fn while_every_relay_is_down_letters_wait(place: &Place) {
    let other = mailbox().await;
    let daemon = daemon_with(place, book(&[WELCOME]), |settings| {
        settings.mail.relays.insert("other".into(), relay(&other));
    })
    .await;
    shut(&other);
    shut(&daemon.mailbox);
    crowd(&daemon, 40).await;
    daemon.settle().await;
    let record = daemon.record().await;
    assert!(record.iter().all(|row| row.state == MessageState::Queued));
    let tried = record.iter().filter(|row| row.attempts > 0).count();
    assert!(tried <= 20, "those that were under way, not {tried} of 40");
    assert_eq!(stops(&daemon).await.len(), 2);
    // However long that is.
    daemon.until_moment(after("10d")).await;
    let tried = daemon.record().await.iter().map(|row| row.attempts).sum::<i64>();
    assert!(tried <= 20, "nobody is tried while no relay can be reached: {tried}");
    for mailbox in [&daemon.mailbox, &other] {
        mailbox.follow(|_| Action::Go);
    }
    daemon.until_moment(after("10d 15m")).await;
    assert_eq!(sent(&daemon).await, 40);
    assert_eq!(daemon.mailbox.count() + other.count(), 40);
}

async fn a_log_in_that_is_refused_stops_the_relay_at_once(place: &Place) {
    let other = Mailbox::start_with(
        ([127, 0, 0, 1], 0).into(),
        Features { auth: Some(("PLAIN", "shop".into(), "right".into())), ..Features::default() },
    );
    let other = other.await.expect("a mailbox");
    let daemon = daemon_with(place, book(&[WELCOME]), |settings| {
        let login = RelaySettings {
            username: Some("shop".into()),
            password: Some("wrong".into()),
            connections: 1,
            ..relay(&other)
        };
        settings.mail.relays.insert("other".into(), login);
    })
    .await;
    crowd(&daemon, 40).await;
    daemon.settle().await;
    assert_eq!((daemon.mailbox.count(), other.count()), (40, 0));
    assert!(other.connections() <= 2, "{} log-ins", other.connections());
    assert!(daemon.record().await.iter().all(|row| (row.state, row.attempts) == (MessageState::Sent, 1)));
    assert_eq!(stops(&daemon).await[0].why, "login: 535 5.7.8");
    books::check(&daemon).await;
}

async fn a_relay_without_tls_gets_nothing_and_the_next_one_does(place: &Place) {
    let other = mailbox().await;
    let daemon = daemon_with(place, book(&[WELCOME]), |settings| {
        let secure = RelaySettings { security: RelaySecurity::Starttls, ..relay(&other) };
        settings.mail.relays.insert("other".into(), secure);
    })
    .await;
    crowd(&daemon, 20).await;
    daemon.settle().await;
    assert_eq!((daemon.mailbox.count(), other.count()), (20, 0));
    assert_eq!(stops(&daemon).await[0].why, "tls: the relay does not offer STARTTLS");
    books::check(&daemon).await;
}

async fn a_frozen_letter_goes_again_by_another_relay_unchanged(place: &Place) {
    let other = mailbox().await;
    let daemon = daemon_with(place, book(&[WELCOME]), |settings| {
        settings.mail.relays.insert("other".into(), relay(&other));
    })
    .await;
    for mailbox in [&daemon.mailbox, &other] {
        mailbox.follow(|moment| match moment.stage {
            Stage::Dot => Action::say("451 4.7.1 greylisted"),
            _ => Action::Go,
        });
    }
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    let row = &daemon.record().await[0];
    let first = row.relay.clone().expect("a relay");
    let bytes = daemon.app.engine.store.raw(&row.id).await.expect("reads").expect("was frozen");
    let (had, next) = if first == "other" { (&other, &daemon.mailbox) } else { (&daemon.mailbox, &other) };
    shut(had);
    next.follow(|_| Action::Go);
    had.hang_up(None);
    daemon.until_moment(after("1m")).await;
    let letters = next.letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(String::from_utf8_lossy(&letters[0].bytes), String::from_utf8_lossy(&bytes));
    let row = &daemon.record().await[0];
    assert_eq!(row.state, MessageState::Sent);
    assert_ne!(row.relay, Some(first));
}
