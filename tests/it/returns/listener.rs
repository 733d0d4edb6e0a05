//! The program's own SMTP listener: mail for addresses that name a letter, and nothing else.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use milepost::engine::returns::Listener;
use milepost::mail::{Address, Outcome, Relay, Tuning};
use milepost::settings::{ListenerSettings, RelaySecurity, RelaySettings};
use milepost::store::MessageState;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{WELCOME, arrives, came_back, report, returns, start};
use crate::pipeline::books;
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, book};

both! {
    a_report_is_kept_before_it_is_answered_and_applied,
    nothing_is_taken_for_anybody_else,
    sizes_recipients_connections_and_nonsense_are_bounded,
    a_letter_ends_with_its_own_dot_only,
}

const COMPLAINTS: &str = "abuse@shop.example";

struct Door {
    daemon: Daemon,
    address: SocketAddr,
    stop: CancellationToken,
    running: JoinHandle<()>,
    letter: String,
}

impl Door {
    async fn open(place: &Place, change: impl FnOnce(&mut ListenerSettings)) -> Self {
        let daemon = Daemon::start_with(place.url(), book(&[WELCOME]), start(), |settings| {
            returns(settings);
            settings.mail.returns.complaints = vec![COMPLAINTS.into()];
        })
        .await;
        daemon.accept(arrives("anna")).await;
        daemon.settle().await;
        let letter = daemon.record().await[0].id.clone();
        let mut settings = ListenerSettings { listen: Some("127.0.0.1:0".into()), ..ListenerSettings::default() };
        change(&mut settings);
        let listener = Listener::bind(&settings).await.expect("binds").expect("an address is set");
        let address = listener.address().expect("an address");
        let stop = CancellationToken::new();
        let running = tokio::spawn(listener.run(Arc::clone(&daemon.app.engine), stop.clone()));
        Self { daemon, address, stop, running, letter }
    }

    fn path(&self) -> String {
        self.daemon.app.engine.mailing.load().composer.envelope_from(None, &self.letter).to_string()
    }

    async fn close(self) {
        self.stop.cancel();
        self.running.await.expect("ends");
    }
}

/// A conversation in plain lines.
struct Talk(BufReader<TcpStream>);

impl Talk {
    async fn with(door: &Door) -> Self {
        let mut talk = Self(BufReader::new(TcpStream::connect(door.address).await.expect("connects")));
        let greeting = talk.hear().await;
        assert!(greeting.starts_with("220 returns.shop.example"), "{greeting}");
        talk
    }

    async fn hear(&mut self) -> String {
        let mut last = String::new();
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).await.expect("reads") == 0 {
                return last;
            }
            let more = line.as_bytes().get(3) == Some(&b'-');
            last.push_str(&line);
            if !more {
                return last;
            }
        }
    }

    async fn say(&mut self, line: &str) -> String {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).await.expect("writes");
        self.hear().await
    }
}

fn relay(door: &Door, security: RelaySecurity, roots: Vec<Vec<u8>>) -> Relay {
    let settings = RelaySettings {
        host: "localhost".into(),
        port: Some(door.address.port()),
        security,
        timeout_seconds: 5,
        ..RelaySettings::default()
    };
    Relay::tuned("to-us", &settings, "mx.example", &Tuning { roots, ..Tuning::of(&settings) }).expect("a relay")
}

async fn send(relay: &Relay, to: &str, mail: &[u8]) -> Outcome {
    let address = |text: &str| text.parse::<Address>().expect("an address");
    match relay.open(&address("mailer-daemon@mx.example"), &address(to)).await {
        Ok(opened) => opened.hand_over(mail).await,
        Err(outcome) => outcome,
    }
}

async fn a_report_is_kept_before_it_is_answered_and_applied(place: &Place) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let pem =
        |what: &str, der: &[u8]| format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", STANDARD.encode(der));
    let (chain, key) = (pem("CERTIFICATE", made.cert.der()), pem("PRIVATE KEY", &made.signing_key.serialize_der()));
    let door = Door::open(place, |settings| {
        settings.certificate = Some(chain.into());
        settings.key = Some(key.into());
    })
    .await;
    let relay = relay(&door, RelaySecurity::Starttls, vec![made.cert.der().to_vec()]);
    let mail = report("somebody@else.example", "anna@mail.example", "failed", "5.1.1", "550 5.1.1 no such user");
    let outcome = send(&relay, &door.path(), &mail).await;
    assert!(matches!(outcome, Outcome::Accepted { code: 250, .. }), "{outcome}");
    let kept = came_back(&door.daemon).await;
    assert_eq!((kept.len(), kept[0].source.as_str()), (1, "listener"));
    assert_eq!(kept[0].recipients, [door.path()], "the envelope tells whose it is");
    relay.close().await;
    door.daemon.settle().await;
    assert_eq!(door.daemon.record().await[0].state, MessageState::Bounced);
    books::check(&door.daemon).await;
    door.close().await;
}

async fn nothing_is_taken_for_anybody_else(place: &Place) {
    let door = Door::open(place, |_| {}).await;
    let mut talk = Talk::with(&door).await;
    let offers = talk.say("EHLO mx.example").await;
    assert!(offers.contains("SIZE 10485760") && !offers.contains("STARTTLS") && !offers.contains("AUTH"), "{offers}");
    assert!(talk.say("MAIL FROM:<>").await.starts_with("250"));
    let path = door.path();
    let forged = path.replacen("bounce+", "unsubscribe+", 1);
    for stranger in ["anna@mail.example", "bounce@returns.shop.example", "postmaster@returns.shop.example", &forged, ""]
    {
        let said = talk.say(&format!("RCPT TO:<{stranger}>")).await;
        assert!(said.starts_with("550 5.1.1"), "{stranger}: {said}");
    }
    assert!(talk.say("DATA").await.starts_with("554"), "there is nobody to take it for");
    for ours in [path.as_str(), &path.to_uppercase(), COMPLAINTS] {
        assert!(talk.say(&format!("RCPT TO:<{ours}>")).await.starts_with("250"), "{ours}");
    }
    assert!(talk.say("STARTTLS").await.starts_with("454"));
    assert!(talk.say("VRFY anna").await.starts_with("500"));
    assert!(talk.say("QUIT").await.starts_with("221"));
    assert!(came_back(&door.daemon).await.is_empty());
    door.close().await;
}

async fn sizes_recipients_connections_and_nonsense_are_bounded(place: &Place) {
    let door = Door::open(place, |settings| {
        settings.max_bytes = 64 * 1024;
        settings.connections = 2;
        settings.per_minute = NonZeroU32::MIN.saturating_add(3);
    })
    .await;
    let path = door.path();
    let mut talk = Talk::with(&door).await;
    talk.say("EHLO mx.example").await;
    assert!(talk.say("MAIL FROM:<> SIZE=70000").await.starts_with("552 5.3.4"));
    assert!(talk.say("MAIL FROM:<> SIZE=1000").await.starts_with("250"));
    for _ in 0..10 {
        assert!(talk.say(&format!("RCPT TO:<{path}>")).await.starts_with("250"));
    }
    assert!(talk.say(&format!("RCPT TO:<{path}>")).await.starts_with("452 4.5.3"));
    assert!(talk.say("DATA").await.starts_with("354"));
    let large = format!("Subject: large\r\n\r\n{}\r\n.", "x".repeat(70_000));
    assert!(talk.say(&large).await.starts_with("552 5.3.4"));
    assert!(came_back(&door.daemon).await.is_empty());
    let mut second = Talk::with(&door).await;
    let mut third = Talk(BufReader::new(TcpStream::connect(door.address).await.expect("connects")));
    assert!(third.hear().await.starts_with("421 4.3.2"), "two at once");
    for _ in 0..10 {
        assert!(second.say("HELLO?").await.starts_with("500"));
    }
    assert!(second.say("HELLO?").await.starts_with("421"));
    assert_eq!(second.hear().await, "", "it is closed");
    talk.say("QUIT").await;
    drop((talk, second, third));
    // The fifth within the minute.
    let mut fourth = Talk(BufReader::new(TcpStream::connect(door.address).await.expect("connects")));
    fourth.hear().await;
    let mut fifth = Talk(BufReader::new(TcpStream::connect(door.address).await.expect("connects")));
    assert!(fifth.hear().await.starts_with("421 4.3.2"));
    door.close().await;
}

async fn a_letter_ends_with_its_own_dot_only(place: &Place) {
    let door = Door::open(place, |_| {}).await;
    let mut talk = Talk::with(&door).await;
    talk.say("EHLO mx.example").await;
    talk.say("MAIL FROM:<a@mx.example>").await;
    talk.say(&format!("RCPT TO:<{}>", door.path())).await;
    assert!(talk.say("DATA").await.starts_with("354"));
    let smuggled = "Subject: one\r\n\r\n..dots\r\nhello\n.\r\nMAIL FROM:<b@mx.example>\r\n.\nstill\r\n.";
    assert!(talk.say(smuggled).await.starts_with("250 2.0.0"));
    let kept = came_back(&door.daemon).await;
    assert_eq!(kept.len(), 1);
    let text = String::from_utf8_lossy(&kept[0].bytes).into_owned();
    assert!(text.starts_with("Return-Path: <a@mx.example>\r\nSubject: one\r\n"), "{text}");
    assert!(
        text.contains("\r\n.dots\r\n") && text.contains("MAIL FROM:<b@mx.example>") && text.contains("still"),
        "{text}"
    );
    door.close().await;
}
