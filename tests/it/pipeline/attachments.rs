//! Letters that wait for a file from an address: tried again as long as a refused one, and never sent without it.

use milepost::journey::book::Shop;
use milepost::journey::time::Span;
use milepost::rulebook::Book;
use milepost::store::MessageState;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{WELCOME, arrives, books, daemon_with};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, MAP, book_beside};

both! {
    a_letter_waits_for_its_file,
    a_letter_whose_file_never_comes_is_given_up,
    a_file_from_elsewhere_fails_at_once,
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
