//! What comes back: return paths that name their letter, and what is made of the mail that comes there.

mod answers;
mod effects;
mod imap;
mod listener;
mod maildir;
mod paths;
mod providers;
mod reading;

use milepost::journey::time::Timestamp;
use milepost::rulebook::Book;
use milepost::settings::Settings;
use milepost::store::{NewReturned, Returned, ReturnedFilter, ReturnedForm};
use serde_json::{Value, json};

use crate::store::place::Place;
use crate::support::{Daemon, at, person};

/// When every test begins: a Tuesday morning.
const START: &str = "2026-03-10T09:00:00Z";

/// A letter at once to whoever comes.
const WELCOME: &str = "
rule: welcome
on: {event: customer.created}
steps:
  - send: welcome
";

/// Settings of a shop that reads what comes back.
fn returns(settings: &mut Settings) {
    settings.mail.returns.address = Some("bounce@returns.shop.example".into());
}

/// A delivery report about a letter, as it comes to its return path.
fn report(to: &str, address: &str, action: &str, status: &str, said: &str) -> Vec<u8> {
    format!(
        "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example\r\nTo: {to}\r\nSubject: Undelivered Mail Returned to Sender\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n--b\r\n\
         Content-Type: text/plain\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; {address}\r\nAction: {action}\r\n\
         Status: {status}\r\nDiagnostic-Code: smtp; {said}\r\n\r\n--b--\r\n"
    )
    .into_bytes()
}

/// A complaint about a letter, by the Message-ID of what is attached.
fn complaint(message_id: &str) -> Vec<u8> {
    format!(
        "From: feedback@provider.example\r\nTo: abuse@shop.example\r\nSubject: FW\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=feedback-report; boundary=\"b\"\r\n\r\n--b\r\n\
         Content-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nVersion: 1\r\n\r\n--b\r\n\
         Content-Type: message/rfc822\r\n\r\nMessage-ID: {message_id}\r\nSubject: Welcome\r\n\r\nHello.\r\n--b--\r\n"
    )
    .into_bytes()
}

/// Something comes back by mail.
async fn comes_back(daemon: &Daemon, mail: Vec<u8>) {
    let thing = NewReturned {
        source: "test".into(),
        form: ReturnedForm::Mail,
        recipients: Vec::new(),
        bytes: mail,
        once: None,
        received_at: daemon.clock.now(),
    };
    let mut tx = daemon.app.engine.store.begin().await.expect("begins");
    tx.put_returned(&[thing]).await.expect("writes");
    tx.commit().await.expect("commits");
    daemon.settle().await;
}

/// Everything that came back, oldest first.
async fn came_back(daemon: &Daemon) -> Vec<Returned> {
    let everything = ReturnedFilter { limit: 1_000, ..ReturnedFilter::default() };
    let mut all = daemon.app.engine.store.returned(&everything).await.expect("reads");
    all.reverse();
    all
}

/// A daemon over the test's database that reads what comes back.
async fn daemon(place: &Place, book: Book) -> Daemon {
    Daemon::start_with(place.url(), book, start(), returns).await
}

fn start() -> Timestamp {
    at(START)
}

/// A customer comes to be known.
fn arrives(id: &str) -> Value {
    json!({"id": format!("arrival/{id}"), "kind": "customer.created", "customer": person(id)})
}
