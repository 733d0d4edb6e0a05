//! Addresses with characters outside ASCII before their `@`: by a relay that offers SMTPUTF8, else withheld with that reason.

use axum::body::Body;
use axum::http::Request;
use milepost::journey::time::Span;
use milepost::mail::Mailbox;
use milepost::mail::mailbox::{Action, Features, Moment, Stage};
use milepost::settings::RelaySettings;
use milepost::store::MessageState;
use serde_json::{Value, json};

use super::{START, WELCOME, arrives, books, daemon_with};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, TOKEN, at, book};

both! {
    an_address_outside_ascii_goes_by_a_relay_that_takes_it,
    a_letter_that_no_relay_takes_is_withheld_with_its_reason,
    another_relay_of_the_route_takes_it,
    a_letter_waits_for_a_relay_that_may_take_it_and_not_for_ever,
}

fn anna() -> Value {
    let mut event = arrives("anna");
    event["customer"]["email"] = json!("анна@кошки.example");
    event
}

async fn daemon(place: &Place, smtputf8: bool, pipelining: bool) -> Daemon {
    let features = Features { smtputf8, pipelining, ..Features::default() };
    let mailbox = Mailbox::start_with(([127, 0, 0, 1], 0).into(), features).await.expect("a mailbox");
    Daemon::start_at(mailbox, place.url(), book(&[WELCOME]), at(START), |_| {}).await
}

async fn an_address_outside_ascii_goes_by_a_relay_that_takes_it(place: &Place) {
    let daemon = daemon(place, true, true).await;
    let wanted = |moment: &Moment<'_>| !moment.line.starts_with("MAIL") || moment.line.ends_with("> SMTPUTF8");
    daemon.mailbox.follow(move |moment| match moment.stage {
        Stage::Mail if !wanted(moment) => Action::say("550 5.6.7 SMTPUTF8 was not asked for"),
        _ => Action::Go,
    });
    daemon.accept(anna()).await;
    daemon.settle().await;
    let letters = daemon.mailbox.letters();
    assert_eq!(letters.len(), 1, "{:?}", daemon.record().await);
    // The domain goes as A-labels all the same (RFC 6531 §3.2 lets either, and this one is understood by all).
    assert_eq!(letters[0].to, ["анна@xn--h1adap4c.example"]);
    let text = String::from_utf8(letters[0].bytes.clone()).expect("UTF-8");
    assert!(text.contains("\r\nTo: анна@xn--h1adap4c.example\r\n"), "{text}");
    books::check(&daemon).await;
}

async fn another_relay_of_the_route_takes_it(place: &Place) {
    let features = Features { smtputf8: true, ..Features::default() };
    let other = Mailbox::start_with(([127, 0, 0, 1], 0).into(), features).await.expect("a mailbox");
    let daemon = daemon_with(place, book(&[WELCOME]), |settings| {
        let test = settings.mail.relays.get_mut("test").expect("a relay");
        test.rate_per_hour = Some(1);
        let port = Some(other.address().port());
        let spare = RelaySettings { weight: 0, port, ..test.clone() };
        settings.mail.relays.insert("spare".into(), spare);
    })
    .await;
    daemon.accept(anna()).await;
    daemon.settle().await;
    assert_eq!((daemon.mailbox.count(), other.count()), (0, 1), "{:?}", daemon.record().await);
    // What one relay could not write to took nothing of its ceiling.
    daemon.accept(arrives("boris")).await;
    daemon.settle().await;
    assert_eq!((daemon.mailbox.count(), other.count()), (1, 1), "{:?}", daemon.record().await);
}

async fn a_letter_waits_for_a_relay_that_may_take_it_and_not_for_ever(place: &Place) {
    let daemon = daemon_with(place, book(&[WELCOME]), |settings| {
        settings.mail.retry = vec![Span::seconds(300)];
        settings.mail.give_up_after = Span::seconds(600);
        let test = settings.mail.relays["test"].clone();
        let tomorrow = RelaySettings { warm_up: vec![50], warm_up_from: Some("2026-03-11".into()), ..test };
        settings.mail.relays.insert("tomorrow".into(), RelaySettings { weight: 0, ..tomorrow });
    })
    .await;
    daemon.accept(anna()).await;
    daemon.settle().await;
    let row = &daemon.record().await[0];
    assert_eq!((row.state, row.reason.as_deref()), (MessageState::Queued, Some("needs_smtputf8")), "{row:?}");
    books::check(&daemon).await;
    daemon.until("2026-03-10T10:00:00Z").await;
    let row = &daemon.record().await[0];
    assert_eq!((row.state, row.reason.as_deref()), (MessageState::Withheld, Some("needs_smtputf8")), "{row:?}");
    books::check(&daemon).await;
}

async fn a_letter_that_no_relay_takes_is_withheld_with_its_reason(place: &Place) {
    let daemon = daemon(place, false, false).await;
    daemon.accept(anna()).await;
    daemon.settle().await;
    // The connection serves the next letter.
    daemon.accept(arrives("boris")).await;
    daemon.settle().await;
    let rows = daemon.record().await;
    let told: Vec<_> = rows.iter().map(|row| (row.state, row.reason.as_deref())).collect();
    assert!(told.contains(&(MessageState::Withheld, Some("needs_smtputf8"))), "{told:?}");
    assert!(told.contains(&(MessageState::Sent, None)), "{told:?}");
    assert_eq!(daemon.mailbox.connections(), 1);
    assert_eq!(daemon.subjects().len(), 1);
    let anna = rows.iter().find(|row| row.state == MessageState::Withheld).expect("on record");
    let path = format!("/api/v1/customers/{}/explain?rule={}", anna.customer, anna.rule);
    let request = Request::get(path).header("authorization", format!("Bearer {TOKEN}"));
    let answer = daemon.ask(request.body(Body::empty()).expect("a request")).await;
    let story: Value = serde_json::from_slice(&answer.body).expect("JSON");
    let letter = &story["letters"][0];
    assert_eq!((&letter["state"], &letter["reason"]), (&json!("withheld"), &json!("needs_smtputf8")), "{letter}");
    let said = letter["verdicts"].as_array().and_then(|verdicts| verdicts.last()).expect("verdicts");
    assert!(said["note"].as_str().is_some_and(|note| note.contains("SMTPUTF8")), "{said}");
    books::check(&daemon).await;
}
