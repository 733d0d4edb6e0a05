//! Letters under TLS, by STARTTLS and from the first byte, with certificates that are right and wrong.

use std::sync::Arc;

use milepost::mail::mailbox::{Action, Features, Stage};
use milepost::mail::outcome::Step;
use milepost::mail::{Checked, Mailbox, Outcome, Relay, Tuning};
use milepost::settings::{RelaySecurity, RelaySettings};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

use super::{PATIENT, letter, mailbox_with, send, settings};

/// A certificate for a name, signed by itself, and the server that shows it.
fn certificate(name: &str) -> (Vec<u8>, Arc<ServerConfig>) {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (made.cert.der().to_vec(), Arc::new(config))
}

async fn sealed_mailbox(security: RelaySecurity, tls: Arc<ServerConfig>) -> Mailbox {
    let auth = Some(("PLAIN", "shop".to_owned(), "secret".to_owned()));
    let sealed = security == RelaySecurity::Tls;
    mailbox_with(Features { starttls: !sealed, sealed, tls: Some(tls), auth, ..Features::default() }).await
}

fn relay(mailbox: &Mailbox, security: RelaySecurity, roots: Vec<Vec<u8>>) -> Relay {
    let settings = RelaySettings {
        host: "localhost".into(),
        security,
        username: Some("shop".into()),
        password: Some("secret".into()),
        ..settings(mailbox)
    };
    Relay::tuned("test", &settings, "client.example", &Tuning { patience: PATIENT, roots, ..Tuning::of(&settings) })
        .unwrap()
}

#[tokio::test]
async fn letters_go_out_under_tls() {
    for security in [RelaySecurity::Starttls, RelaySecurity::Tls] {
        let (root, tls) = certificate("localhost");
        let mailbox = sealed_mailbox(security, tls).await;
        let relay = relay(&mailbox, security, vec![root]);
        assert_eq!(relay.check().await, Ok(Checked { protected: true, logged_in: true, pipelining: true }));
        let raw = [letter("m-1"), b"and more of it\r\n".repeat(5_000)].concat();
        for _ in 0..5 {
            let outcome = send(&relay, &raw).await;
            assert!(matches!(outcome, Outcome::Accepted { .. }), "{security:?}: {outcome:?}");
        }
        assert_eq!((mailbox.count(), mailbox.connections()), (5, 2), "{security:?}");
        assert!(mailbox.letters().iter().all(|letter| letter.bytes == raw));

        mailbox.hang_up(None);
        let outcome = send(&relay, &raw).await;
        assert!(matches!(outcome, Outcome::Accepted { .. }), "{security:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_or_not_the_relays_gets_nothing() {
    for security in [RelaySecurity::Starttls, RelaySecurity::Tls] {
        let (root, tls) = certificate("elsewhere.example");
        let mailbox = sealed_mailbox(security, tls).await;
        for roots in [vec![root], Vec::new()] {
            let outcome = send(&relay(&mailbox, security, roots), &letter("m-1")).await;
            assert!(matches!(outcome, Outcome::Lost { step: Step::Tls, .. }), "{security:?}: {outcome:?}");
        }
        assert_eq!(mailbox.count(), 0);
    }
}

#[tokio::test]
async fn replies_slipped_in_before_the_handshake_get_nobodys_letter_lost() {
    let (root, tls) = certificate("localhost");
    let mailbox = sealed_mailbox(RelaySecurity::Starttls, tls).await;
    mailbox.follow(|moment| match moment.stage {
        Stage::StartTls => Action::say("220 go ahead\r\n250 and this is not from the relay"),
        _ => Action::Go,
    });
    for (username, step) in [(Some("shop"), "login"), (None, "data")] {
        let settings = RelaySettings {
            host: "localhost".into(),
            security: RelaySecurity::Starttls,
            username: username.map(str::to_owned),
            password: username.map(Into::into),
            ..settings(&mailbox)
        };
        let tuning = Tuning { patience: PATIENT, roots: vec![root.clone()], ..Tuning::of(&settings) };
        let relay = Relay::tuned("test", &settings, "client.example", &tuning).unwrap();
        let outcome = send(&relay, &letter("m-1")).await;
        assert!(matches!(outcome, Outcome::Lost { step: s, .. } if s.word() == step), "{outcome:?}");
    }
    assert_eq!(mailbox.count(), 0);
}
