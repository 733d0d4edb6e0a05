//! Letters that cannot be composed: kept, visible, and sent once the cause is fixed.

use milepost::engine::upkeep::retry_failed;
use milepost::journey::book::Shop;
use milepost::rulebook::{Book, load_files, render};
use milepost::store::MessageState;
use serde_json::json;

use super::{books, daemon};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, MAP};

both! {
    a_letter_that_fails_is_sent_after_the_fix,
    a_failed_letter_that_is_overtaken_is_not_sent,
    an_address_that_no_relay_takes_fails_visibly,
}

const GREETING: &str = "
rule: greeting
on: {event: customer.created}
exit_on: [order.created]
steps: [{send: greeting}, {wait: 1h}, {send: greeting}]
";

/// A book whose one letter has this text.
fn book_of(text: &str) -> Book {
    let files = [
        ("shop/map.yaml", MAP.to_owned()),
        ("shop/greeting.yaml", GREETING.to_owned()),
        ("shop/templates/greeting.txt", format!("Subject: Hello\n\n{text}\n{{{{ unsubscribe_url }}}}\n")),
    ];
    let files = files.map(|(path, text)| (path.to_owned(), text.into_bytes()));
    let loaded = load_files(&files.into(), Shop::default());
    loaded.book.unwrap_or_else(|| panic!("{}", render(&loaded.diagnostics, false)))
}

/// Passes every check and fails when it is filled: `event.fee` is text, which no money is.
const BROKEN: &str = "Pay {{ event.fee | money }}";

fn arrival() -> serde_json::Value {
    json!({"id": "1", "kind": "customer.created", "customer": crate::support::person("anna"), "data": {"fee": "much"}})
}

async fn retry(daemon: &Daemon) -> u64 {
    let failed: Vec<String> =
        daemon.record().await.into_iter().filter(|row| row.state == MessageState::Failed).map(|row| row.id).collect();
    retry_failed(&daemon.app.engine.store, &failed, daemon.clock.now()).await.expect("writes")
}

async fn a_letter_that_fails_is_sent_after_the_fix(place: &Place) {
    let daemon = daemon(place, book_of(BROKEN)).await;
    daemon.accept(arrival()).await;
    daemon.settle().await;
    let row = &daemon.record().await[0];
    assert_eq!(row.state, MessageState::Failed);
    let reason = row.reason.as_deref().expect("a reason");
    assert!(reason.contains("greeting") && reason.contains("money"), "{reason}");
    books::check(&daemon).await;
    assert_eq!(retry(&daemon).await, 1);
    daemon.settle().await;
    assert_eq!(daemon.record().await[0].state, MessageState::Failed, "nothing was fixed");
    books::check(&daemon).await;
    daemon.swap(book_of("Pay {{ event.fee }}")).await;
    assert_eq!(retry(&daemon).await, 1);
    daemon.settle().await;
    assert_eq!(daemon.subjects(), ["Hello"]);
    assert!(String::from_utf8_lossy(&daemon.mailbox.letters()[0].bytes).contains("Pay much"));
    books::check(&daemon).await;
    daemon.until("2026-03-10T10:00:00Z").await;
    assert_eq!(daemon.subjects(), ["Hello", "Hello"], "the run went on");
    books::check(&daemon).await;
}

async fn a_failed_letter_that_is_overtaken_is_not_sent(place: &Place) {
    let daemon = daemon(place, book_of(BROKEN)).await;
    daemon.accept(arrival()).await;
    daemon.settle().await;
    daemon.accept(super::orders("2", "anna", "o1")).await;
    daemon.settle().await;
    daemon.swap(book_of("Pay {{ event.fee }}")).await;
    retry(&daemon).await;
    daemon.until("2026-03-11T09:00:00Z").await;
    assert!(daemon.mailbox.letters().is_empty());
    assert_eq!(daemon.record().await[0].state, MessageState::Withheld);
    books::check(&daemon).await;
}

async fn an_address_that_no_relay_takes_fails_visibly(place: &Place) {
    let daemon = daemon(place, book_of("Hi")).await;
    let mut said = arrival();
    said["customer"]["email"] = json!("\"anna\"@mail.example");
    daemon.accept(said).await;
    daemon.settle().await;
    let row = &daemon.record().await[0];
    assert_eq!(row.state, MessageState::Failed);
    assert!(row.reason.as_deref().is_some_and(|reason| reason.contains("not a valid name")), "{:?}", row.reason);
    let mended =
        json!({"id": "2", "kind": "customer.updated", "customer": {"id": "anna", "email": "anna@mail.example"}});
    daemon.accept(mended).await;
    daemon.settle().await;
    retry(&daemon).await;
    daemon.settle().await;
    assert_eq!(daemon.mailbox.letters()[0].to, ["anna@mail.example"]);
    books::check(&daemon).await;
}
