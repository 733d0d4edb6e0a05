//! Answers: forwarded to a mailbox, or written down in the CRM, and never into a loop.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::routing::post;
use axum::{Form, Json, Router};
use milepost::mail::dkim::{Algorithm, generate};
use milepost::mail::mailbox::{Action, Received, Stage};
use milepost::settings::{DkimSettings, Settings};
use milepost::store::ReturnedState;
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{WELCOME, came_back, comes_back, report, returns, start};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, book, header, person};

both! {
    an_answer_is_forwarded_with_its_writer_and_on_record,
    an_answer_that_the_relay_puts_off_is_forwarded_later,
    nothing_automatic_is_forwarded_and_nothing_twice,
    an_answer_becomes_a_note_in_the_crm,
    an_answer_is_signed_and_keeps_what_it_says,
    what_was_forwarded_is_not_forwarded_again_for_the_sake_of_its_note,
}

async fn daemon(place: &Place, change: impl FnOnce(&mut Settings)) -> Daemon {
    let daemon = Daemon::start_with(place.url(), book(&[WELCOME]), start(), |settings| {
        returns(settings);
        settings.mail.replies.address = Some("reply@returns.shop.example".into());
        change(settings);
    })
    .await;
    let mut anna = person("anna");
    anna["external_id"] = json!("7");
    daemon.accept(json!({"id": "arrival", "kind": "customer.created", "customer": anna})).await;
    daemon.settle().await;
    daemon
}

fn forwards(settings: &mut Settings) {
    settings.mail.replies.forward = Some("help@shop.example".into());
}

/// Where the letter asks to be answered.
fn asks(daemon: &Daemon) -> String {
    let field = header(&daemon.mailbox.letters()[0].bytes, "Reply-To");
    field.split('<').next_back().expect("an address").trim_end_matches('>').to_owned()
}

fn answer(to: &str, more: &str) -> Vec<u8> {
    format!(
        "Return-Path: <anna@mail.example>\r\nFrom: =?utf-8?q?Anna_M=C3=BCller?= <anna@mail.example>\r\nTo: {to}\r\n\
         Subject: =?utf-8?q?Re=3A_welcome=3F?=\r\nMessage-ID: <a1@mail.example>\r\n{more}MIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\nHabt ihr ihn in blau? Grüße\r\n.\r\n--b\r\nContent-Type: image/png\r\n\
         Content-Disposition: attachment; filename=\"cat.png\"\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--b--\r\n"
    )
    .into_bytes()
}

fn forwarded(daemon: &Daemon) -> Vec<Received> {
    daemon.mailbox.letters().into_iter().filter(|letter| letter.to == ["help@shop.example"]).collect()
}

async fn an_answer_is_forwarded_with_its_writer_and_on_record(place: &Place) {
    let daemon = daemon(place, forwards).await;
    let to = asks(&daemon);
    assert!(to.starts_with("reply+") && to.ends_with("@returns.shop.example"), "{to}");
    comes_back(&daemon, answer(&to, "")).await;
    let [letter] = forwarded(&daemon).try_into().unwrap_or_else(|_| panic!("one is forwarded"));
    let text = String::from_utf8_lossy(&letter.bytes).into_owned();
    assert_eq!(header(&letter.bytes, "From"), "Shop <hello@shop.example>", "so that the shop's signatures hold");
    assert!(header(&letter.bytes, "Reply-To").contains("anna@mail.example"), "{text}");
    assert!(text.is_ascii() && text.contains("cat.png") && text.contains("iVBORw0KGgo="), "{text}");
    let mailing = daemon.app.engine.mailing.load_full();
    assert!(mailing.composer.returns().takes(&letter.from), "{}: strangers may bring its bounces", letter.from);
    assert_eq!(header(&letter.bytes, "Subject"), "Re: welcome?");
    let row = &daemon.record().await[0];
    let log = daemon.app.engine.store.message_log(&row.id).await.expect("reads");
    assert_eq!(log.last().and_then(|last| last.reason.as_deref()), Some("replied"));
    assert!(daemon.customer("anna").await.returns.replied_at.is_some());
    let thing = came_back(&daemon).await.pop().expect("kept");
    assert_eq!((thing.state, thing.note.as_deref()), (ReturnedState::Done, Some("forwarded")));
    daemon.settle().await;
    assert_eq!(forwarded(&daemon).len(), 1);
    // They are about no letter: somebody looks at them.
    comes_back(&daemon, report(&letter.from, "help@shop.example", "failed", "5.2.2", "552 5.2.2 full")).await;
    let thing = came_back(&daemon).await.pop().expect("kept");
    assert_eq!((thing.state, thing.what.as_deref()), (ReturnedState::Unmatched, Some("bounce")));
    assert!(daemon.app.engine.store.suppressed_one("help@shop.example").await.expect("reads").is_none());
}

async fn an_answer_that_the_relay_puts_off_is_forwarded_later(place: &Place) {
    let daemon = daemon(place, forwards).await;
    daemon.mailbox.follow(|moment| match moment.stage {
        Stage::Rcpt if moment.line.contains("help@") => Action::say("451 4.3.0 later"),
        _ => Action::Go,
    });
    comes_back(&daemon, answer(&asks(&daemon), "")).await;
    assert_eq!(came_back(&daemon).await[0].state, ReturnedState::Forwarding);
    daemon.mailbox.follow(|_| Action::Go);
    daemon.until("2026-03-10T09:01:00Z").await;
    assert_eq!(forwarded(&daemon).len(), 1);
    assert_eq!(came_back(&daemon).await[0].state, ReturnedState::Done);
    daemon.mailbox.follow(|moment| match moment.stage {
        Stage::Rcpt if moment.line.contains("help@") => Action::say("550 5.1.1 nobody here"),
        _ => Action::Go,
    });
    comes_back(&daemon, answer(&asks(&daemon), "X-Second: yes\r\n")).await;
    let thing = came_back(&daemon).await.pop().expect("kept");
    assert_eq!(thing.state, ReturnedState::Failed, "it is listed");
    assert!(thing.note.as_deref().is_some_and(|note| note.contains("nobody here")), "{:?}", thing.note);
}

async fn an_answer_is_signed_and_keeps_what_it_says(place: &Place) {
    let daemon = daemon(place, |settings| {
        forwards(settings);
        let private_key = Some(generate(Algorithm::Ed25519).expect("a key"));
        settings.mail.dkim.insert("mp1".into(), DkimSettings { private_key, ..DkimSettings::default() });
    })
    .await;
    let to = asks(&daemon);
    let said = String::from_utf8(answer(&to, "")).expect("text").replace(
        "Content-Type: image/png\r\nContent-Disposition: attachment; filename=\"cat.png\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n",
        "Content-Type: text/csv; charset=koi8-r\r\nContent-Disposition: attachment; filename=\"list.csv\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\ny8/by8E7MQo=\r\n",
    );
    let said = said.replace("From: =?utf-8?q?Anna_M=C3=BCller?= <anna@mail.example>", "From: Анна <анна@mail.example>");
    comes_back(&daemon, said.into_bytes()).await;
    let [letter] = forwarded(&daemon).try_into().unwrap_or_else(|_| panic!("{:?}", daemon.mailbox.letters()));
    let raw = String::from_utf8_lossy(&letter.bytes).into_owned();
    assert!(raw.starts_with("DKIM-Signature: ") && raw.contains("d=shop.example") && raw.contains("s=mp1;"), "{raw}");
    let read = mail_parser::MessageParser::default().parse(&letter.bytes).expect("a letter");
    // Its address can't stand in a field that every server and program reads.
    assert_eq!(header(&letter.bytes, "Reply-To"), "");
    let text = read.body_text(0).expect("text").replace("\r\n", "\n");
    assert!(text.starts_with("Анна <анна@mail.example>:\n\nHabt ihr ihn in blau?"), "{text}");
    let list = read.attachment(0).expect("a file");
    assert_eq!(list.text_contents(), Some("кошка;1\n"));
    assert!(raw.contains("text/csv; charset=utf-8"), "{raw}");
}

async fn what_was_forwarded_is_not_forwarded_again_for_the_sake_of_its_note(place: &Place) {
    let crm = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(400)).mount(&crm).await;
    let daemon = daemon(place, |settings| {
        forwards(settings);
        settings.mail.replies.crm = Some("crm".into());
        let connection = json!({"kind": "retailcrm", "site": "pets", "time_zone": "UTC", "url": crm.uri(),
            "hook_secret": "a-secret-of-some-length", "api_key": "a-key-of-the-tests"});
        settings.connections.insert("crm".into(), serde_json::from_value(connection).expect("settings"));
    })
    .await;
    comes_back(&daemon, answer(&asks(&daemon), "")).await;
    let thing = came_back(&daemon).await.pop().expect("kept");
    assert_eq!((thing.state, forwarded(&daemon).len()), (ReturnedState::Failed, 1));
    let note = thing.note.unwrap_or_default();
    assert!(note.starts_with("forwarded; the note in the CRM is still to be written: "), "{note}");
    // Somebody has it tried once more: it was read already, so nothing is said of it a second time.
    let happened = daemon.app.engine.store.next_returned_at(true).await.expect("reads");
    assert_eq!(happened, None);
    let mut tx = daemon.app.engine.store.begin().await.expect("begins");
    assert_eq!(tx.retry_returned(&[thing.id], daemon.clock.now()).await.expect("writes"), 1);
    tx.commit().await.expect("commits");
    assert_eq!(came_back(&daemon).await[0].state, ReturnedState::Forwarding);
    daemon.app.engine.take_answer().await.expect("is taken up");
    daemon.settle().await;
    let thing = came_back(&daemon).await.pop().expect("kept");
    assert_eq!((thing.state, forwarded(&daemon).len()), (ReturnedState::Failed, 1));
}

async fn nothing_automatic_is_forwarded_and_nothing_twice(place: &Place) {
    let daemon = daemon(place, forwards).await;
    let to = asks(&daemon);
    comes_back(&daemon, answer(&to, "Auto-Submitted: auto-replied\r\n")).await;
    comes_back(&daemon, answer(&to, "X-Milepost-Forwarded: 1\r\n")).await;
    let empty = String::from_utf8_lossy(&answer(&to, "")).replacen("<anna@mail.example>", "<>", 1);
    comes_back(&daemon, empty.into_bytes()).await;
    let own = String::from_utf8_lossy(&answer(&to, "X-Own: 1\r\n")).replace("anna@mail.example", "help@shop.example");
    comes_back(&daemon, own.into_bytes()).await;
    assert!(forwarded(&daemon).is_empty());
    assert_eq!(daemon.mailbox.count(), 1, "nothing was answered or sent at all");
    let states: Vec<_> = came_back(&daemon).await.iter().map(|thing| thing.state).collect();
    assert_eq!(
        states,
        [ReturnedState::Done, ReturnedState::Unmatched, ReturnedState::Done, ReturnedState::Failed],
        "automatic, forwarded from here, from nobody, from the mailbox itself"
    );
}

type Notes = Arc<Mutex<Vec<BTreeMap<String, String>>>>;

async fn crm(notes: Notes) -> String {
    let take = async |State(notes): State<Notes>, Form(form): Form<BTreeMap<String, String>>| {
        notes.lock().expect("not poisoned").push(form);
        Json(json!({"success": true, "id": 1}))
    };
    let router = Router::new().route("/api/v5/customers/notes/create", post(take)).with_state(notes);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

async fn an_answer_becomes_a_note_in_the_crm(place: &Place) {
    let notes = Notes::default();
    let url = crm(Arc::clone(&notes)).await;
    let daemon = daemon(place, |settings| {
        let connection = json!({"kind": "retailcrm", "url": url, "api_key": "key", "site": "pets", "time_zone": "UTC"});
        settings.connections.insert("crm".into(), serde_json::from_value(connection).expect("settings"));
        settings.mail.replies.crm = Some("crm".into());
    })
    .await;
    comes_back(&daemon, answer(&asks(&daemon), "")).await;
    let taken = notes.lock().expect("not poisoned").clone();
    let [form] = taken.as_slice() else { panic!("one note: {taken:?}") };
    let note: Value = serde_json::from_str(&form["note"]).expect("JSON");
    assert_eq!((form["site"].as_str(), &note["customer"]), ("pets", &json!({"externalId": "7"})));
    let text = note["text"].as_str().expect("text");
    assert!(text.contains("Anna Müller, anna@mail.example") && text.contains("Habt ihr ihn in blau? Grüße"), "{text}");
    let thing = came_back(&daemon).await.pop().expect("kept");
    assert_eq!((thing.state, thing.note.as_deref()), (ReturnedState::Done, Some("a note in the CRM")));
}
