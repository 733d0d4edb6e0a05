//! What a real relay says, and what its mailboxes say later on, becomes the right outcome.

use std::sync::Arc;

use milepost::mail::outcome::Step;
use milepost::mail::refusal::Class;
use milepost::mail::{Checked, Outcome, Relay};
use milepost::settings::{RelaySecurity, RelaySettings};
use milepost::store::{MessageRow, MessageState, ReturnedFilter};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::dovecot::{Dovecot, PASSWORD, USER};
use super::postfix::{LARGEST, Postfix};
use crate::pipeline::books;
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, at, book_beside, person};

both! {
    what_servers_say_becomes_the_right_outcome,
}

const START: &str = "2026-03-10T09:00:00Z";
const WELCOME: &str = "rule: welcome\non: {event: customer.created}\nsteps: [{send: welcome}]\n";
const BROCHURE: &str =
    "rule: brochure\non: {event: brochure.wanted}\npurpose: transactional\nsteps: [{send: brochure}]\n";

/// Somebody whom a relay asks about recipients: strangers named `grey` are to come back later (greylisting, RFC 6647).
pub(super) async fn greylist() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let met = Arc::new(std::sync::atomic::AtomicBool::new(false));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let met = Arc::clone(&met);
            tokio::spawn(async move {
                let (read, mut write) = stream.into_split();
                let mut lines = BufReader::new(read).lines();
                let mut grey = false;
                while let Ok(Some(line)) = lines.next_line().await {
                    grey |= line.starts_with("recipient=grey@");
                    if line.is_empty() {
                        let later = grey && !met.swap(true, std::sync::atomic::Ordering::SeqCst);
                        let action = if later { "451 4.7.1 Greylisted, please come back later" } else { "DUNNO" };
                        if write.write_all(format!("action={action}\n\n").as_bytes()).await.is_err() {
                            return;
                        }
                        grey = false;
                    }
                }
            });
        }
    });
    port
}

fn account(port: u16, security: RelaySecurity, authority: String) -> RelaySettings {
    RelaySettings {
        host: "localhost".into(),
        port: Some(port),
        security,
        username: Some("anna".into()),
        password: Some(PASSWORD.into()),
        authority: Some(authority.into()),
        timeout_seconds: 20,
        ..RelaySettings::default()
    }
}

fn comes(id: &str, domain: &str) -> Value {
    let mut customer = person(id);
    customer["email"] = json!(format!("{id}@{domain}"));
    json!({"id": format!("arrival/{id}"), "kind": "customer.created", "customer": customer})
}

/// The one letter to somebody.
async fn letter_to(daemon: &Daemon, address: &str) -> MessageRow {
    let rows: Vec<MessageRow> =
        daemon.record().await.into_iter().filter(|row| row.to.as_deref() == Some(address)).collect();
    let [row] = rows.as_slice() else { panic!("{} letters to {address}", rows.len()) };
    row.clone()
}

async fn what_servers_say_becomes_the_right_outcome(place: &Place) {
    let dovecot = Dovecot::start().await;
    let postfix = Postfix::start(&dovecot, greylist().await);
    let map = crate::support::MAP;
    let large = format!("Subject: Brochure\n\n{}\n", "All about feeders and how they work.\n".repeat(LARGEST / 30));
    let more = [("shop/templates/brochure.txt", large.as_str())];
    let book = book_beside(map, &[WELCOME, BROCHURE], &more, milepost::journey::book::Shop::default());
    let daemon = Daemon::start_with(place.url(), book, at(START), |settings| {
        let relay = account(postfix.submission, RelaySecurity::Starttls, postfix.authority());
        settings.mail.relays.insert("test".into(), relay);
        settings.mail.returns.address = Some(format!("{USER}@returns.shop.example"));
        let imap = &mut settings.mail.returns.imap;
        imap.host = Some("localhost".into());
        imap.port = Some(dovecot.port);
        imap.security = RelaySecurity::Starttls;
        imap.authority = Some(dovecot.authority().into());
        (imap.username, imap.password) = (Some(USER.into()), Some(PASSWORD.into()));
    })
    .await;
    let people = [
        comes("anna", "mail.example"),
        comes("nobody", "mail.example"),
        comes("grey", "mail.example"),
        comes("full", "mail.example"),
        comes("gone", "late.example"),
        json!({"id": "wish", "kind": "brochure.wanted", "customer": person("larger")}),
    ];
    daemon.accept(Value::Array(people.to_vec())).await;
    daemon.settle().await;

    // At once: 250, 550 to a recipient that is not there, 451 to a stranger, 552 to a letter that is too large.
    let anna = letter_to(&daemon, "anna@mail.example").await;
    assert_eq!((anna.state, anna.code), (MessageState::Sent, Some(250)), "{anna:?}");
    let nobody = letter_to(&daemon, "nobody@mail.example").await;
    assert_eq!((nobody.state, nobody.code), (MessageState::Refused, Some(550)), "{nobody:?}");
    assert_eq!((nobody.class.as_deref(), nobody.enhanced.as_deref()), (Some("hard"), Some("5.1.1")), "{nobody:?}");
    let grey = letter_to(&daemon, "grey@mail.example").await;
    assert_eq!((grey.state, grey.code), (MessageState::Queued, Some(451)), "{grey:?}");
    assert_eq!(grey.class.as_deref(), Some("greylisted"), "{grey:?}");
    let large = letter_to(&daemon, "larger@mail.example").await;
    assert_eq!((large.state, large.code), (MessageState::Refused, Some(552)), "{large:?}");
    assert_eq!(large.class.as_deref(), Some("size"), "{large:?}");

    // Later: the mailbox's server refuses what the relay has taken, and the relay reports it to the return path.
    let stop = CancellationToken::new();
    let watching = tokio::spawn(Arc::clone(&daemon.app.engine).watch_imap(stop.clone()));
    loop {
        let kept = daemon.app.engine.wakes.returns.notified();
        let everything = ReturnedFilter { limit: 100, ..ReturnedFilter::default() };
        if daemon.app.engine.store.returned(&everything).await.expect("reads").len() >= 2 {
            break;
        }
        kept.await;
    }
    stop.cancel();
    watching.await.expect("ends");
    daemon.settle().await;
    let gone = letter_to(&daemon, "gone@late.example").await;
    assert_eq!((gone.state, gone.class.as_deref()), (MessageState::Bounced, Some("hard")), "{gone:?}");
    let full = letter_to(&daemon, "full@mail.example").await;
    assert_eq!((full.state, full.class.as_deref()), (MessageState::Bounced, Some("mailbox_full")), "{full:?}");

    // The stranger is let in when it comes back.
    daemon.until("2026-03-10T09:30:00Z").await;
    let grey = letter_to(&daemon, "grey@mail.example").await;
    assert_eq!((grey.state, grey.attempts), (MessageState::Sent, 2), "{grey:?}");

    // Whose mailbox is not there is never written to again; a full one may have room tomorrow.
    let suppressed = |address: &'static str| {
        let store = &daemon.app.engine.store;
        async move { store.suppressed_one(address).await.expect("reads").is_some() }
    };
    assert!(suppressed("nobody@mail.example").await && suppressed("gone@late.example").await);
    assert!(!suppressed("full@mail.example").await && !suppressed("larger@mail.example").await);
    books::check_record(&daemon).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_is_let_in_under_tls_that_can_be_trusted_and_with_the_right_password() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let dovecot = Dovecot::start().await;
    let postfix = Postfix::start(&dovecot, greylist().await);
    let check =
        async |settings: &RelaySettings| Relay::new("test", settings, "client.example").expect("a relay").check().await;
    for (port, security) in [(postfix.submission, RelaySecurity::Starttls), (postfix.sealed, RelaySecurity::Tls)] {
        let right = account(port, security, postfix.authority());
        let checked = check(&right).await;
        assert_eq!(checked, Ok(Checked { protected: true, logged_in: true, pipelining: true }), "{security:?}");
        let wrong = RelaySettings { password: Some("guessed".into()), ..right.clone() };
        let refused = check(&wrong).await;
        assert!(
            matches!(refused, Err(Outcome::Deferred { code: 535, class: Class::Login, .. })),
            "{security:?}: {refused:?}"
        );
        let untrusted = RelaySettings { authority: None, ..right };
        let refused = check(&untrusted).await;
        assert!(
            matches!(refused, Err(Outcome::Lost { step: Step::Tls | Step::Connect, .. })),
            "{security:?}: {refused:?}"
        );
    }
}
