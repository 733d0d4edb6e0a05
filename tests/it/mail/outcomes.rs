//! What every kind of failure at every step comes to (promise 5).

use milepost::mail::mailbox::{Action, Features, Stage};
use milepost::mail::{Class, Outcome};

use super::{HASTY, PATIENT, letter, mailbox_with, relay, send};

#[derive(Debug, PartialEq)]
enum Expect {
    Accepted(u16),
    Deferred(u16),
    Refused(u16),
    Gone(u16),
    Lost(&'static str),
    Uncertain,
}

use Expect::{Accepted, Deferred, Gone, Lost, Refused, Uncertain};

impl From<&Outcome> for Expect {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Accepted { code, .. } => Accepted(*code),
            Outcome::Deferred { code, .. } => Deferred(*code),
            Outcome::Refused { code, class: Class::Hard, .. } => Gone(*code),
            Outcome::Refused { code, .. } => Refused(*code),
            Outcome::Lost { step, .. } => Lost(step.word()),
            Outcome::Uncertain { .. } => Uncertain,
            Outcome::NoSmtpUtf8 => Lost("no_smtputf8"),
        }
    }
}

/// One letter through a mailbox that does `action` at `stage`; then, the mailbox having come to its senses, another.
async fn check(stage: Stage, action: Action, expect: Expect) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for pipelining in [true, false] {
        let mailbox = mailbox_with(Features { pipelining, ..Features::default() }).await;
        let relay = relay(&mailbox, if action == Action::Hang { HASTY } else { PATIENT });
        let at = action.clone();
        mailbox.follow(move |moment| if moment.stage == stage { at.clone() } else { Action::Go });
        let outcome = send(&relay, &letter("m-1")).await;
        assert_eq!(Expect::from(&outcome), expect, "{stage:?} {action:?} pipelining {pipelining}: {outcome:?}");
        let kept = matches!(outcome, Outcome::Accepted { .. }) || action == Action::KeepAndDrop;
        assert_eq!(mailbox.count(), usize::from(kept), "{stage:?} {action:?}");

        mailbox.follow(|_| Action::Go);
        let next = send(&relay, &letter("m-2")).await;
        assert_eq!(Expect::from(&next), Accepted(250), "after {stage:?} {action:?}: {next:?}");
        assert_eq!(mailbox.letters().pop().unwrap().message_id.as_deref(), Some("<m-2@shop.example>"));
        outcomes.push(outcome);
    }
    outcomes
}

#[tokio::test]
async fn a_connection_that_ends_before_the_letter_is_lost_and_after_it_uncertain() {
    check(Stage::Connected, Action::Drop, Lost("greeting")).await;
    check(Stage::Hello, Action::Drop, Lost("greeting")).await;
    check(Stage::Mail, Action::Drop, Lost("mail")).await;
    check(Stage::Rcpt, Action::Drop, Lost("rcpt")).await;
    check(Stage::Data, Action::Drop, Lost("data")).await;
    check(Stage::Content, Action::Drop, Uncertain).await;
    check(Stage::Dot, Action::Drop, Uncertain).await;
    check(Stage::Dot, Action::KeepAndDrop, Uncertain).await;
}

#[tokio::test]
async fn a_server_that_falls_silent_before_the_letter_is_lost_and_after_it_uncertain() {
    // All at once, for each takes as long as patience does.
    let silences = [
        (Stage::Connected, Lost("greeting")),
        (Stage::Hello, Lost("greeting")),
        (Stage::Mail, Lost("mail")),
        (Stage::Rcpt, Lost("rcpt")),
        (Stage::Data, Lost("data")),
        (Stage::Content, Uncertain),
        (Stage::Dot, Uncertain),
    ];
    let checks = silences.map(|(stage, expect)| Box::pin(check(stage, Action::Hang, expect)));
    futures_util::future::join_all(checks).await;
}

#[tokio::test]
async fn temporary_refusals_at_every_step() {
    for (stage, code) in [
        (Stage::Connected, 450),
        (Stage::Hello, 451),
        (Stage::Mail, 452),
        (Stage::Rcpt, 450),
        (Stage::Data, 451),
        (Stage::Dot, 451),
    ] {
        check(stage, Action::Say(format!("{code} 4.3.0 not today")), Deferred(code)).await;
    }
}

#[tokio::test]
async fn permanent_refusals_at_every_step() {
    // A refusal of the conversation says nothing of the letter.
    check(Stage::Connected, Action::say_and_drop("554 no service for you"), Deferred(554)).await;
    check(Stage::Hello, Action::say("550 who are you"), Deferred(550)).await;
    check(Stage::Mail, Action::say("553 5.7.1 not your sender"), Refused(553)).await;
    check(Stage::Rcpt, Action::say("554 5.7.1 policy"), Refused(554)).await;
    check(Stage::Rcpt, Action::say("550 5.1.1 no such user"), Gone(550)).await;
    check(Stage::Data, Action::say("554 5.5.1 no valid recipients"), Refused(554)).await;
    check(Stage::Dot, Action::say("554 5.7.1 we do not like it"), Refused(554)).await;
    check(Stage::Dot, Action::say("550 5.1.1 no such user"), Gone(550)).await;
}

#[tokio::test]
async fn a_server_that_is_closing_is_asked_again_later() {
    for stage in [Stage::Connected, Stage::Hello, Stage::Mail, Stage::Rcpt, Stage::Data, Stage::Dot] {
        check(stage, Action::say_and_drop("421 4.3.2 closing"), Deferred(421)).await;
        if stage != Stage::Connected {
            check(stage, Action::say("421 4.3.2 closing, some day"), Deferred(421)).await;
        }
    }
}

#[tokio::test]
async fn replies_that_make_no_sense() {
    check(Stage::Connected, Action::say_and_drop("HTTP/1.1 400 Bad Request"), Lost("greeting")).await;
    check(Stage::Mail, Action::say_and_drop("what"), Lost("mail")).await;
    check(Stage::Rcpt, Action::say_and_drop("199 odd"), Lost("rcpt")).await;
    // A 250 to DATA would be the answer to something else: the letter must not follow it.
    check(Stage::Data, Action::say_and_drop("250 ok"), Lost("data")).await;
    // One reply too many, and every later one answers the command before.
    check(Stage::Mail, Action::say("250 ok\r\n250 and again"), Lost("data")).await;
    check(Stage::Dot, Action::say_and_drop("what"), Uncertain).await;
    check(Stage::Dot, Action::say_and_drop("354 go on"), Uncertain).await;
    check(Stage::Dot, Action::say_and_drop("250-and"), Uncertain).await;
    check(Stage::Dot, Action::say_and_drop("650 beyond"), Uncertain).await;
}

#[tokio::test]
async fn a_refusal_in_the_midst_of_the_letter_counts() {
    check(Stage::Content, Action::say_and_drop("552 5.3.4 too big"), Refused(552)).await;
    check(Stage::Content, Action::say_and_drop("421 4.3.2 closing"), Deferred(421)).await;
}

#[tokio::test]
async fn a_large_letter_that_breaks_off_is_uncertain_and_a_whole_one_arrives_whole() {
    let mailbox = mailbox_with(Features::default()).await;
    let relay = relay(&mailbox, PATIENT);
    let large = [letter("m-1"), b".a line that begins with a dot\r\n".repeat(60_000)].concat();
    for (action, expect) in [(Action::Drop, Uncertain), (Action::Go, Accepted(250))] {
        mailbox.follow(move |moment| if moment.stage == Stage::Content { action.clone() } else { Action::Go });
        let outcome = send(&relay, &large).await;
        assert_eq!(Expect::from(&outcome), expect, "{outcome:?}");
    }
    assert!(mailbox.letters().iter().map(|letter| &letter.bytes).eq([&large]));
}

#[tokio::test]
async fn several_lines_are_one_reply() {
    let said = check(Stage::Dot, Action::say("250-2.0.0 kept\r\n250 as 17"), Accepted(250)).await;
    assert!(
        said.iter().all(|outcome| *outcome == Outcome::Accepted { code: 250, reply: "2.0.0 kept as 17".into() }),
        "{said:?}"
    );
    let said = check(Stage::Rcpt, Action::say("550-5.1.1 The account\r\n550 5.1.1 does not exist"), Gone(550)).await;
    let expect = Outcome::Refused {
        code: 550,
        enhanced: Some("5.1.1".into()),
        reply: "5.1.1 The account does not exist".into(),
        class: Class::Hard,
    };
    assert!(said.iter().all(|outcome| *outcome == expect), "{said:?}");
}

#[tokio::test]
async fn nobody_listens() {
    let mailbox = mailbox_with(Features::default()).await;
    let relay = relay(&mailbox, PATIENT);
    mailbox.stop().await;
    let outcome = send(&relay, &letter("m-1")).await;
    assert_eq!(Expect::from(&outcome), Lost("connect"), "{outcome:?}");
}

#[tokio::test]
async fn the_letter_arrives_byte_for_byte() {
    let mailbox = mailbox_with(Features::default()).await;
    let relay = relay(&mailbox, PATIENT);
    let raw = letter("m-1");
    assert_eq!(send(&relay, &raw).await, Outcome::Accepted { code: 250, reply: "2.0.0 kept".into() });
    mailbox.wait_for(1).await;
    let got = mailbox.letters().pop().unwrap();
    assert_eq!((got.from.as_str(), got.to.as_slice()), ("shop@shop.example", &["ann@cats.example".to_owned()][..]));
    assert_eq!(got.bytes, raw);
    assert_eq!(got.message_id.as_deref(), Some("<m-1@shop.example>"));
}

#[tokio::test]
async fn nothing_in_a_letter_ends_it_early() {
    let mailbox = mailbox_with(Features::default()).await;
    let relay = relay(&mailbox, PATIENT);
    let second = "MAIL FROM:<a@cats.example>\r\nRCPT TO:<b@cats.example>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n";
    for end in ["\r\n.\r\n", "\n.\n", "\n.\r\n", "\r.\r", "\r\n.\r", "\r.\n", "\r\n.\n"] {
        let before = mailbox.count();
        let outcome = send(&relay, format!("Subject: hello\r\n\r\nHello{end}{second}").as_bytes()).await;
        assert_eq!(Expect::from(&outcome), Accepted(250), "{end:?}: {outcome:?}");
        let after = send(&relay, &letter("m-1")).await;
        assert_eq!(Expect::from(&after), Accepted(250), "{end:?}: {after:?}");
        assert_eq!((mailbox.count() - before, mailbox.connections()), (2, 1), "{end:?}");
    }
}
