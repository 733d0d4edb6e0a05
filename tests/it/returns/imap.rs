//! A mailbox read by IMAP, on a real Dovecot: told at once of new mail, kept before it is marked, read on after a break.

use std::fs;
use std::sync::Arc;

use milepost::mail::imap::{Account, ImapError};
use milepost::settings::{ImapSettings, RelaySecurity};
use milepost::store::{Returned, ReturnedFilter};
use tokio_util::sync::CancellationToken;

use super::{WELCOME, arrives, report, returns, start};
use crate::servers::dovecot::{Dovecot, PASSWORD, USER};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, book};

both! {
    mail_is_taken_at_once_marked_and_read_on_after_a_break,
    mail_is_moved_where_the_settings_say,
}

fn settings(port: u16, security: RelaySecurity) -> ImapSettings {
    ImapSettings {
        host: Some("localhost".into()),
        port: Some(port),
        security,
        username: Some(USER.into()),
        password: Some(PASSWORD.into()),
        ..ImapSettings::default()
    }
}

async fn daemon(place: &Place, imap: ImapSettings) -> Daemon {
    let daemon = Daemon::start_with(place.url(), book(&[WELCOME]), start(), |settings| {
        returns(settings);
        settings.mail.returns.imap = imap;
    })
    .await;
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    daemon
}

/// Waits until so many things came back.
async fn until(daemon: &Daemon, number: usize) -> Vec<Returned> {
    loop {
        let kept = daemon.app.engine.wakes.returns.notified();
        let everything = ReturnedFilter { limit: 100, ..ReturnedFilter::default() };
        let found = daemon.app.engine.store.returned(&everything).await.expect("reads");
        if found.len() >= number {
            return found;
        }
        kept.await;
    }
}

fn names(dovecot: &Dovecot, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(dovecot.mail().join(folder)).expect("the folder");
    let mut names: Vec<String> =
        entries.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

async fn mail_is_taken_at_once_marked_and_read_on_after_a_break(place: &Place) {
    let mut dovecot = Dovecot::start().await;
    let daemon = daemon(place, settings(dovecot.port, RelaySecurity::None)).await;
    let letter = &daemon.record().await[0];
    let path = daemon.app.engine.mailing.load().composer.envelope_from(None, &letter.id).to_string();
    dovecot.deliver("1.before", b"From: b@x.example\r\nSubject: before\r\n\r\nhello\r\n");
    let stop = CancellationToken::new();
    let watching = tokio::spawn(Arc::clone(&daemon.app.engine).watch_imap(stop.clone()));
    until(&daemon, 1).await;
    // While it waits: the server tells of it.
    dovecot.deliver("2.while", &report(&path, "anna@mail.example", "failed", "5.1.1", "550 5.1.1 no such user"));
    until(&daemon, 2).await;
    daemon.settle().await;
    assert_eq!(daemon.customer("anna").await.returns.bounced, 1);
    dovecot.stop();
    dovecot.start_again().await;
    dovecot.deliver("3.after", b"From: b@x.example\r\nSubject: after\r\n\r\nhello\r\n");
    let found = until(&daemon, 3).await;
    assert_eq!(found.len(), 3, "nothing is taken twice");
    stop.cancel();
    watching.await.expect("ends");
    let seen = names(&dovecot, "cur");
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|name| name.ends_with('S')), "{seen:?}");
}

async fn mail_is_moved_where_the_settings_say(place: &Place) {
    let dovecot = Dovecot::start().await;
    let imap = ImapSettings { move_to: Some("Read".into()), ..settings(dovecot.port, RelaySecurity::None) };
    let daemon = daemon(place, imap).await;
    for name in ["1.a", "2.b"] {
        dovecot.deliver(name, format!("From: b@x.example\r\nSubject: {name}\r\n\r\nhello\r\n").as_bytes());
    }
    let stop = CancellationToken::new();
    let watching = tokio::spawn(Arc::clone(&daemon.app.engine).watch_imap(stop.clone()));
    until(&daemon, 2).await;
    stop.cancel();
    watching.await.expect("ends");
    assert_eq!((names(&dovecot, "new").len(), names(&dovecot, "cur").len()), (0, 0));
    assert_eq!(names(&dovecot, ".Read/cur").len(), 2);
}

#[tokio::test]
async fn the_password_goes_under_tls_that_can_be_trusted_and_nowhere_else() {
    let dovecot = Dovecot::start().await;
    for (port, security) in [(dovecot.sealed, RelaySecurity::Tls), (dovecot.port, RelaySecurity::Starttls)] {
        let account = Account::of(&settings(port, security)).expect("an account");
        let refused = account.open().await.map(drop);
        assert!(matches!(refused, Err(ImapError::Tls(_))), "{security:?}: {refused:?}");
        let authority = Some(dovecot.authority().into());
        let trusting = ImapSettings { authority, ..settings(port, security) };
        Account::of(&trusting).expect("an account").open().await.expect("opens").close().await;
    }
    let wrong = ImapSettings { password: Some("guessed".into()), ..settings(dovecot.port, RelaySecurity::None) };
    let refused = Account::of(&wrong).expect("an account").open().await.map(drop);
    assert!(matches!(refused, Err(ImapError::Login)), "{refused:?}");
}
