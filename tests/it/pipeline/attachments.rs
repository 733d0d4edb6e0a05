//! Letters that wait for a file from an address: tried again as long as a refused one, and never sent without it.

use milepost::journey::book::Shop;
use std::time::Duration;

use milepost::engine::upkeep::retry_failed;
use milepost::journey::time::Span;
use milepost::mail::mailbox::{Action, Stage};
use milepost::rulebook::Book;
use milepost::store::MessageState;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{THANKS, WELCOME, arrives, books, daemon_with, orders};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, MAP, book_beside};

both! {
    a_letter_waits_for_its_file,
    a_letter_whose_file_never_comes_is_given_up,
    a_file_from_elsewhere_fails_at_once,
    waiting_for_a_file_takes_nothing_off_the_time_for_relays,
    slow_servers_of_files_leave_lanes_to_the_others,
}

fn welcome(address: &str) -> Book {
    let text = format!("Subject: Welcome\nAttach: {address}\n\nHello!\n{{{{ unsubscribe_url }}}}\n");
    book_beside(MAP, &[WELCOME], &[("shop/templates/welcome.txt", &text)], Shop::default())
}

async fn daemon(place: &Place, server: &MockServer, address: &str) -> Daemon {
    let allow = vec![format!("{}/files/", server.uri())];
    daemon_with(place, welcome(&format!("{}{address}", server.uri())), |settings| {
        settings.mail.attachments.allow = allow;
        settings.mail.attachments.allow_private = true;
        settings.mail.retry = vec![Span::seconds(300)];
        settings.mail.give_up_after = Span::seconds(600);
    })
    .await
}

async fn a_letter_waits_for_its_file(place: &Place) {
    let server = MockServer::start().await;
    let answer = |status| Mock::given(method("GET")).and(path("/files/a.pdf")).respond_with(status);
    answer(ResponseTemplate::new(404)).up_to_n_times(1).expect(1).mount(&server).await;
    answer(ResponseTemplate::new(200).set_body_bytes(*b"%PDF")).expect(1).mount(&server).await;
    let daemon = daemon(place, &server, "/files/a.pdf").await;
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    let row = &daemon.record().await[0];
    assert_eq!((row.state, row.reason.as_deref()), (MessageState::Queued, Some("attachment_missing")));
    let said = row.reply.as_deref().unwrap_or_default();
    assert!(said.contains("/files/a.pdf can't be fetched: the server answered 404"), "{said}");
    assert!(daemon.mailbox.letters().is_empty());
    books::check(&daemon).await;
    daemon.until("2026-03-10T09:05:00Z").await;
    assert_eq!(daemon.record().await[0].state, MessageState::Sent);
    let letter = String::from_utf8_lossy(&daemon.mailbox.letters()[0].bytes).into_owned();
    assert!(letter.contains("Content-Disposition: attachment; filename=\"a.pdf\""), "{letter}");
    books::check(&daemon).await;
}

async fn a_letter_whose_file_never_comes_is_given_up(place: &Place) {
    let server = MockServer::start().await;
    let daemon = daemon(place, &server, "/files/a.pdf").await;
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    daemon.until("2026-03-10T09:05:00Z").await;
    assert_eq!(daemon.record().await[0].state, MessageState::Queued);
    daemon.until("2026-03-10T09:30:00Z").await;
    let row = &daemon.record().await[0];
    assert_eq!(row.state, MessageState::Failed);
    assert!(row.reason.as_deref().is_some_and(|reason| reason.contains("404")), "{:?}", row.reason);
    assert!(daemon.mailbox.letters().is_empty());
    books::check(&daemon).await;
}

async fn a_file_from_elsewhere_fails_at_once(place: &Place) {
    let server = MockServer::start().await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(200)).expect(0).mount(&server).await;
    let daemon = daemon(place, &server, "/other/a.pdf").await;
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    let row = &daemon.record().await[0];
    assert_eq!(row.state, MessageState::Failed);
    assert!(row.reason.as_deref().is_some_and(|reason| reason.contains("mail.attachments.allow")), "{:?}", row.reason);
    books::check(&daemon).await;
}

async fn waiting_for_a_file_takes_nothing_off_the_time_for_relays(place: &Place) {
    let server = MockServer::start().await;
    let daemon = daemon(place, &server, "/files/a.pdf").await;
    daemon.accept(arrives("anna")).await;
    daemon.until("2026-03-10T09:30:00Z").await;
    assert_eq!(daemon.record().await[0].state, MessageState::Failed);
    // It is mended, and somebody has the letter tried again: first it still lacks its file, then the relay is busy.
    let failed = [daemon.record().await[0].id.clone()];
    assert_eq!(retry_failed(&daemon.app.engine.store, &failed, daemon.clock.now()).await.expect("writes"), 1);
    daemon.settle().await;
    assert_eq!(daemon.record().await[0].state, MessageState::Queued);
    let file = ResponseTemplate::new(200).set_body_bytes(*b"%PDF");
    Mock::given(method("GET")).and(path("/files/a.pdf")).respond_with(file).mount(&server).await;
    daemon.mailbox.follow(|moment| match moment.stage {
        Stage::Rcpt => Action::say("450 4.2.0 later"),
        _ => Action::Go,
    });
    daemon.until("2026-03-10T09:40:00Z").await;
    let row = &daemon.record().await[0];
    assert_eq!((row.state, row.reason.as_deref()), (MessageState::Queued, Some("deferred")));
    daemon.mailbox.follow(|_| Action::Go);
    daemon.until("2026-03-10T09:45:00Z").await;
    assert_eq!(daemon.record().await[0].state, MessageState::Sent);
    books::check(&daemon).await;
}

async fn slow_servers_of_files_leave_lanes_to_the_others(place: &Place) {
    // It takes connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}/files/", silent.local_addr().expect("an address"));
    let text =
        format!("Subject: Welcome\nAttach: {address}{{{{ customer.email }}}}.pdf\n\n{{{{ unsubscribe_url }}}}\n");
    let book = book_beside(MAP, &[WELCOME, THANKS], &[("shop/templates/welcome.txt", &text)], Shop::default());
    let daemon = daemon_with(place, book, |settings| {
        settings.mail.attachments.allow = vec![address];
        settings.mail.attachments.allow_private = true;
        settings.mail.attachments.timeout_seconds = 60;
        settings.mail.relays.get_mut("test").expect("a relay").connections = 4;
    })
    .await;
    let everyone: Vec<Value> = (0..30).map(|n| arrives(&format!("c{n}"))).collect();
    daemon.accept(json!(everyone)).await;
    let order = |n: usize| orders(&format!("o{n}"), &format!("c{n}"), &n.to_string());
    daemon.accept(json!((0..30).map(order).collect::<Vec<_>>())).await;
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    daemon.engine().start(&daemon.app.recorder, &stop, &tasks);
    let came = tokio::time::timeout(Duration::from_secs(30), daemon.mailbox.wait_for(30)).await;
    came.expect("letters that want no file came");
    assert!(daemon.subjects().iter().all(|subject| subject.starts_with("thanks")), "{:?}", daemon.subjects());
    // Whoever is told to stop waits for no server of files.
    stop.cancel();
    tasks.close();
    tokio::time::timeout(Duration::from_secs(30), tasks.wait()).await.expect("every loop ends");
}
