//! A connection that is cut between us and a real relay, in the middle of a letter and after its last byte.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use milepost::mail::address::Address;
use milepost::mail::outcome::Step;
use milepost::mail::{Outcome, Relay};
use milepost::settings::{RelaySecurity, RelaySettings};
use milepost::store::MessageState;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::dovecot::{Dovecot, PASSWORD};
use super::postfix::Postfix;
use super::refusals::greylist;
use crate::pipeline::books;
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, at, book, header, person};

both! {
    what_is_in_doubt_is_on_record_and_goes_again_only_where_the_rule_says_so,
}

const WELCOME: &str = "rule: welcome\non: {event: customer.created}\nsteps: [{send: welcome}]\n";
const DATA: &[u8] = b"DATA\r\n";
const DOT: &[u8] = b"\r\n.\r\n";

/// Where a connection is cut.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// Within the letter: the server has half of it.
    Middle,
    /// After the letter, before the server's answer is passed on.
    End,
    /// Nowhere.
    Never,
}

/// What happens to which letter, in the order in which they come.
struct Plan {
    cuts: Vec<Cut>,
    turn: AtomicUsize,
}

impl Plan {
    fn next(&self) -> Cut {
        self.cuts.get(self.turn.fetch_add(1, Ordering::SeqCst)).copied().unwrap_or(Cut::Never)
    }
}

/// A way to a server that cuts connections as planned; gives its port.
async fn way(server: u16, cuts: Vec<Cut>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let plan = Arc::new(Plan { cuts, turn: AtomicUsize::new(0) });
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(("127.0.0.1", server)).await.expect("the server answers");
            tokio::spawn(pass(client, server, Arc::clone(&plan)));
        }
    });
    port
}

async fn pass(mut client: TcpStream, mut server: TcpStream, plan: Arc<Plan>) {
    let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
    let mut said = Vec::new();
    let mut cut = None;
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(length @ 1..) = read else { return };
                said.extend_from_slice(&up[..length]);
                let data = said.windows(DATA.len()).position(|part| part == DATA).map(|at| at + DATA.len());
                let in_letter = data.is_some_and(|start| said.len() > start);
                if in_letter && *cut.get_or_insert_with(|| plan.next()) == Cut::Middle {
                    let _ = server.write_all(&up[..length / 2]).await;
                    return;
                }
                if server.write_all(&up[..length]).await.is_err() {
                    return;
                }
                if in_letter && said.ends_with(DOT) {
                    said.clear();
                    if cut.take() == Some(Cut::End) {
                        // The server answers, and nobody hears it.
                        let _ = server.read(&mut down).await;
                        return;
                    }
                }
            }
            read = server.read(&mut down) => {
                let Ok(length @ 1..) = read else { return };
                if client.write_all(&down[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Letters that may come twice rather than not at all.
const RECEIPT: &str = "rule: receipt\non: {event: order.created}\npurpose: transactional\nsteps: [{send: receipt}]\n";

async fn what_is_in_doubt_is_on_record_and_goes_again_only_where_the_rule_says_so(place: &Place) {
    let dovecot = Dovecot::start().await;
    let postfix = Postfix::start(&dovecot, greylist().await);
    let first = [Cut::Middle, Cut::End, Cut::Middle, Cut::End];
    let again = [Cut::Never, Cut::Never, Cut::End, Cut::End];
    let port = way(postfix.open, [first, again].concat()).await;
    let daemon = Daemon::start_with(place.url(), book(&[WELCOME, RECEIPT]), at("2026-03-10T09:00:00Z"), |settings| {
        let relay = settings.mail.relays.get_mut("test").expect("a relay");
        (relay.host, relay.port, relay.security) = ("localhost".into(), Some(port), RelaySecurity::None);
        relay.connections = 1;
    })
    .await;
    let arrives =
        |id: &str| json!([{"id": format!("arrival/{id}"), "kind": "customer.created", "customer": person(id)}]);
    let orders = |id: &str| {
        json!([{"id": format!("order/{id}"), "kind": "order.created", "customer": person(id),
            "order": {"id": id, "phase": "open", "total": "10.00"}}])
    };
    // A short letter has left this machine as a whole before the cut: how much of it the server has can't be known.
    for event in [arrives("anna"), arrives("ben"), orders("cleo"), orders("anna")] {
        daemon.accept(event).await;
        daemon.settle().await;
    }
    daemon.until("2026-03-10T10:00:00Z").await;
    daemon.accept(orders("ben")).await;
    daemon.until("2026-03-17T10:00:00Z").await;
    let told: BTreeMap<_, _> = daemon
        .record()
        .await
        .into_iter()
        .map(|row| (row.subject.unwrap_or_default(), (row.state, row.reason, row.resend)))
        .collect();
    let state = |state, reason: Option<&str>, resend| (state, reason.map(str::to_owned), resend);
    let in_doubt = |resend| state(MessageState::Uncertain, Some("no_final_reply"), resend);
    let wanted = [
        ("receipt for anna", state(MessageState::Sent, None, true)),
        ("receipt for ben", in_doubt(true)),
        ("receipt for cleo", state(MessageState::Sent, None, true)),
        ("welcome for anna", in_doubt(false)),
        ("welcome for ben", in_doubt(false)),
    ];
    assert_eq!(told, wanted.map(|(subject, state)| (subject.to_owned(), state)).into());

    // What the mailboxes got: nothing of half a letter, and twice only what went twice.
    for (user, letters) in [
        ("anna", vec!["receipt for anna"; 2]),
        ("ben", vec!["receipt for ben", "receipt for ben", "welcome for ben"]),
        ("cleo", vec!["receipt for cleo"]),
    ] {
        let mails = super::arrived(&dovecot.mail_of(user).join("new"), letters.len()).await;
        let mut came: Vec<String> = mails.iter().map(|mail| header(mail, "Subject")).collect();
        came.sort();
        assert_eq!(came, letters, "{user}");
        let ids: BTreeSet<String> = mails.iter().map(|mail| header(mail, "Message-ID")).collect();
        assert_eq!(ids.len(), letters.iter().collect::<BTreeSet<_>>().len(), "what goes again is known as the same");
    }
    books::check_record(&daemon).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_whose_end_never_left_is_not_in_doubt() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let dovecot = Dovecot::start().await;
    let postfix = Postfix::start(&dovecot, greylist().await);
    for (security, server) in [(RelaySecurity::None, postfix.open), (RelaySecurity::Tls, postfix.sealed)] {
        let port =
            if security == RelaySecurity::None { way(server, vec![Cut::Middle]).await } else { half(server).await };
        let settings = RelaySettings {
            host: "localhost".into(),
            port: Some(port),
            security,
            authority: Some(postfix.authority().into()),
            timeout_seconds: 20,
            username: (security == RelaySecurity::Tls).then(|| "anna".into()),
            password: (security == RelaySecurity::Tls).then(|| PASSWORD.into()),
            ..RelaySettings::default()
        };
        let relay = Relay::new("test", &settings, "client.example").expect("a relay");
        let address = |text: &str| text.parse::<Address>().expect("an address");
        let opened = relay.open(&address("hello@shop.example"), &address("anna@mail.example")).await.expect("is taken");
        // More than the system keeps for a connection.
        let long = b"Subject: Long\r\n\r\n".iter().chain(b"All about feeders.\r\n".iter().cycle().take(22 * 1_000_000));
        let outcome = opened.hand_over(&long.copied().collect::<Vec<u8>>()).await;
        assert!(matches!(outcome, Outcome::Lost { step: Step::Content, .. }), "{security:?}: {outcome:?}");
    }
}

/// A way to a server that is closed for good once a megabyte has gone up.
async fn half(server: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.expect("somebody comes");
        let mut server = TcpStream::connect(("127.0.0.1", server)).await.expect("the server answers");
        let (client_read, mut client_write) = client.split();
        let mut megabyte = client_read.take(1_000_000);
        let (mut server_read, mut server_write) = server.split();
        tokio::select! {
            _ = tokio::io::copy(&mut megabyte, &mut server_write) => {}
            _ = tokio::io::copy(&mut server_read, &mut client_write) => {}
        }
    });
    port
}
