//! Protection and log-in: what is asked for is never gone without, and what is wrong is said.

use std::sync::{Arc, Mutex};

use milepost::mail::mailbox::{Action, Features, Stage};
use milepost::mail::outcome::Step;
use milepost::mail::{Checked, Mailbox, Outcome, Relay, RelayError};
use milepost::settings::{RelaySecurity, RelaySettings};

use super::{HASTY, PATIENT, build, letter, mailbox, mailbox_with, send, settings};

fn listen_in(mailbox: &Mailbox, at: Stage, action: Action) -> Arc<Mutex<Vec<String>>> {
    let said = Arc::new(Mutex::new(Vec::new()));
    let lines = Arc::clone(&said);
    mailbox.follow(move |moment| {
        lines.lock().unwrap().push(moment.line.to_owned());
        if moment.stage == at { action.clone() } else { Action::Go }
    });
    said
}

#[tokio::test]
async fn a_relay_without_starttls_gets_neither_password_nor_letter() {
    let auth = Some(("PLAIN LOGIN", "shop".to_owned(), "secret".to_owned()));
    for (starttls, reply) in [(false, ""), (true, "454 4.7.0 TLS not available"), (true, "220 go ahead")] {
        let mailbox = mailbox_with(Features { starttls, auth: auth.clone(), ..Features::default() }).await;
        let said = listen_in(&mailbox, Stage::StartTls, Action::say_and_drop(reply));
        let settings = RelaySettings {
            security: RelaySecurity::Starttls,
            username: Some("shop".into()),
            password: Some("secret".into()),
            ..settings(&mailbox)
        };
        let outcome = send(&build(&settings, PATIENT), &letter("m-1")).await;
        match reply {
            "454 4.7.0 TLS not available" => {
                assert!(matches!(outcome, Outcome::Deferred { code: 454, .. }), "{outcome:?}");
            }
            _ => assert!(matches!(outcome, Outcome::Lost { step: Step::Tls, .. }), "{outcome:?}"),
        }
        let said = said.lock().unwrap();
        assert!(!said.iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL")), "{said:?}");
        assert_eq!(mailbox.count(), 0);
    }
}

#[tokio::test]
async fn tls_from_the_first_byte_is_not_spoken_in_the_clear() {
    let mailbox = mailbox().await;
    let settings = RelaySettings { security: RelaySecurity::Tls, ..settings(&mailbox) };
    let outcome = send(&build(&settings, HASTY), &letter("m-1")).await;
    assert!(matches!(outcome, Outcome::Lost { step: Step::Tls, .. }), "{outcome:?}");
}

#[tokio::test]
async fn logging_in() {
    for mechanisms in ["PLAIN", "LOGIN", "LOGIN PLAIN"] {
        let auth = Some((mechanisms, "shop".to_owned(), "secret".to_owned()));
        let mailbox = mailbox_with(Features { auth, ..Features::default() }).await;
        let right =
            RelaySettings { username: Some("shop".into()), password: Some("secret".into()), ..settings(&mailbox) };
        let wrong = RelaySettings { password: Some("guess".into()), ..right.clone() };
        assert!(
            matches!(send(&build(&right, PATIENT), &letter("m-1")).await, Outcome::Accepted { .. }),
            "{mechanisms}"
        );
        let checked = build(&right, PATIENT).check().await;
        assert_eq!(checked, Ok(Checked { protected: false, logged_in: true, pipelining: true }));
        // A wrong password is no fault of the letter's: it waits until the settings are right.
        let refused = send(&build(&wrong, PATIENT), &letter("m-2")).await;
        assert!(matches!(&refused, Outcome::Deferred { code: 535, .. }), "{refused:?}");
        assert!(matches!(build(&wrong, PATIENT).check().await, Err(Outcome::Deferred { code: 535, .. })));
        assert_eq!(mailbox.count(), 1);
    }
}

#[tokio::test]
async fn a_relay_without_log_in_is_not_sent_letters_as_if_it_had_one() {
    let mailbox = mailbox().await;
    let settings =
        RelaySettings { username: Some("shop".into()), password: Some("secret".into()), ..settings(&mailbox) };
    let outcome = send(&build(&settings, PATIENT), &letter("m-1")).await;
    assert!(matches!(outcome, Outcome::Lost { step: Step::Login, .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_yes_that_is_not_a_log_in_is_none() {
    let auth = Some(("PLAIN", "shop".to_owned(), "secret".to_owned()));
    let mailbox = mailbox_with(Features { auth, ..Features::default() }).await;
    let _said = listen_in(&mailbox, Stage::Auth, Action::say("250 if you say so"));
    let settings =
        RelaySettings { username: Some("shop".into()), password: Some("secret".into()), ..settings(&mailbox) };
    let outcome = send(&build(&settings, PATIENT), &letter("m-1")).await;
    assert!(matches!(outcome, Outcome::Lost { step: Step::Login, .. }), "{outcome:?}");
}

#[test]
fn settings_that_make_no_relay() {
    let with = |change: fn(&mut RelaySettings)| {
        let mut settings = RelaySettings::default();
        change(&mut settings);
        Relay::new("main", &settings, "client.example").map(drop)
    };
    assert!(with(|_| ()).is_ok());
    assert!(matches!(with(|s| s.host = " ".into()), Err(RelayError::NoHost(_))));
    let clear = with(|s| {
        s.host = "relay.example".into();
        s.security = RelaySecurity::None;
        s.username = Some("shop".into());
        s.password = Some("secret".into());
    });
    assert!(matches!(clear, Err(RelayError::ClearPassword(_))));
    assert!(matches!(with(|s| s.username = Some("shop".into())), Err(RelayError::HalfLogin(_))));
    assert!(matches!(Relay::new("main", &RelaySettings::default(), "a\r\nb"), Err(RelayError::Hello(_))));
}
