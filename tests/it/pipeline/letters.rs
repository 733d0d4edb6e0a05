//! From an event to a letter: its bytes, its headers, its record, and its button.

use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use milepost::journey::book::Shop;
use milepost::mail::mailbox::{Action, Stage};
use milepost::settings::{SenderSettings, Settings};
use milepost::store::MessageState;
use serde_json::json;

use super::{START, THANKS, WELCOME, arrives, books, daemon, daemon_with, fills_cart, orders};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, MAP, at, book, book_with, header};

both! {
    an_event_becomes_a_letter_with_its_record,
    a_transactional_letter_offers_no_way_out,
    the_same_event_twice_counts_once,
    the_same_fact_under_two_ids_is_one_letter,
    one_click_stops_the_next_letter,
    a_get_of_the_link_changes_nothing,
    without_agreement_nothing_goes_out,
    a_refusal_said_with_the_next_event_stops_the_next_letter,
    an_agreement_from_the_future_does_not_outlast_a_refusal,
    a_rule_s_letters_come_from_its_sender_or_its_map_s,
}

/// The path of the letter's unsubscribe link.
pub fn unsubscribe_path(letter: &[u8]) -> String {
    let link = header(&unfolded(letter), "List-Unsubscribe");
    let link = link.trim_start_matches('<').trim_end_matches('>');
    link.strip_prefix("https://post.shop.example").expect("the public address").to_owned()
}

/// A letter with each header on one line.
pub fn unfolded(letter: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(letter).replace("\r\n ", " ").replace("\r\n\t", " ").into_bytes()
}

/// Presses a mail program's button.
pub async fn one_click(daemon: &Daemon, path: &str) -> StatusCode {
    let request = Request::post(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from("List-Unsubscribe=One-Click"))
        .expect("a request");
    daemon.ask(request).await.status
}

async fn an_event_becomes_a_letter_with_its_record(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME])).await;
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    let letters = daemon.mailbox.letters();
    assert_eq!(letters.len(), 1);
    let letter = unfolded(&letters[0].bytes);
    assert_eq!(
        (letters[0].from.as_str(), letters[0].to.as_slice()),
        ("hello@shop.example", &["anna@mail.example".to_owned()][..])
    );
    let rows = daemon.record().await;
    let row = &rows[0];
    for (name, value) in [
        ("From", "Shop <hello@shop.example>"),
        ("To", "anna@mail.example"),
        ("Subject", "welcome for anna"),
        ("Date", "Tue, 10 Mar 2026 09:00:00 +0000"),
        ("Message-ID", &format!("<{}@shop.example>", row.id)),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("Auto-Submitted", ""),
        ("MIME-Version", "1.0"),
    ] {
        assert_eq!(header(&letter, name).replace('"', ""), value, "{name} of {}", String::from_utf8_lossy(&letter));
    }
    assert!(unsubscribe_path(&letters[0].bytes).starts_with("/u/"));
    assert_eq!(row.state, MessageState::Sent);
    assert_eq!((row.rule.as_str(), row.step.as_str(), row.letter.as_str()), ("welcome", "send-welcome", "welcome"));
    assert_eq!((row.stage.as_deref(), row.purpose.as_str()), (Some("known"), "marketing"));
    assert_eq!(row.rulebook, daemon.app.engine.book.load().rulebook.hash);
    assert_eq!((row.code, row.relay.as_deref(), row.attempts), (Some(250), Some("test"), 1));
    assert_eq!((row.planned_at, row.sent_at), (at(START), Some(at(START))));
    assert_eq!(row.inputs["event"]["kind"], json!("customer.created"));
    assert!(row.verdicts.iter().all(|verdict| verdict.pass), "{:?}", row.verdicts);
    let log = daemon.app.engine.store.message_log(&row.id).await.expect("reads");
    let states: Vec<MessageState> = log.iter().map(|entry| entry.state).collect();
    assert_eq!(states, [MessageState::Queued, MessageState::Sending, MessageState::Sent]);
    books::check(&daemon).await;
}

async fn a_transactional_letter_offers_no_way_out(place: &Place) {
    let daemon = daemon(place, book(&[THANKS])).await;
    daemon.accept(orders("1", "anna", "o1")).await;
    daemon.settle().await;
    let letter = unfolded(&daemon.mailbox.letters()[0].bytes);
    assert_eq!(header(&letter, "List-Unsubscribe"), "");
    assert_eq!(header(&letter, "Auto-Submitted"), "auto-generated");
    books::check(&daemon).await;
}

async fn the_same_event_twice_counts_once(place: &Place) {
    let daemon = daemon(place, book(&[THANKS])).await;
    let (status, said) = daemon.say(json!([orders("1", "anna", "o1"), orders("1", "anna", "o1")])).await;
    assert_eq!((status, &said["accepted"], &said["duplicate"]), (StatusCode::ACCEPTED, &json!(1), &json!(1)));
    daemon.settle().await;
    let (status, said) = daemon.say(orders("1", "anna", "o1")).await;
    assert_eq!((status, &said["events"][0]["status"]), (StatusCode::ACCEPTED, &json!("duplicate")), "{said}");
    daemon.until("2026-03-11T09:00:00Z").await;
    assert_eq!(daemon.subjects(), ["thanks for anna"]);
    let anna = daemon.customer("anna").await;
    assert_eq!(anna.orders.count, 1);
    assert_eq!(daemon.app.engine.store.events_of(&anna.id, 10).await.expect("reads").len(), 1);
    books::check(&daemon).await;
}

async fn the_same_fact_under_two_ids_is_one_letter(place: &Place) {
    let daemon = daemon(place, book(&[THANKS])).await;
    daemon.accept(json!([orders("1", "anna", "o1"), orders("2", "anna", "o1")])).await;
    daemon.settle().await;
    daemon.accept(orders("3", "anna", "o1")).await;
    daemon.settle().await;
    assert_eq!(daemon.subjects(), ["thanks for anna"]);
    assert_eq!(daemon.customer("anna").await.orders.count, 1);
    books::check(&daemon).await;
}

async fn one_click_stops_the_next_letter(place: &Place) {
    let twice = "
rule: twice
on: {event: customer.created}
steps: [{send: first}, {wait: 1d}, {send: second}]
";
    let daemon = daemon(place, book(&[twice, THANKS])).await;
    daemon.accept(arrives("anna")).await;
    daemon.until("2026-03-11T08:59:59Z").await;
    let path = unsubscribe_path(&daemon.mailbox.letters()[0].bytes);
    assert_eq!(one_click(&daemon, &path).await, StatusCode::OK);
    assert_eq!(one_click(&daemon, &path).await, StatusCode::OK, "mail programs ask twice");
    // The second letter falls due with the refusal still in the inbox.
    daemon.clock.set(at("2026-03-11T09:00:00Z"));
    daemon.until("2026-03-12T09:00:00Z").await;
    assert_eq!(daemon.subjects(), ["first for anna"]);
    let anna = daemon.customer("anna").await;
    assert!(!anna.consents["marketing"].granted);
    let rows = daemon.record().await;
    assert_eq!((rows[1].state, rows[1].reason.as_deref()), (MessageState::Withheld, Some("consent_refused")));
    daemon.accept(json!({"id": "o", "kind": "order.created", "customer": {"id": "anna"}, "order": {"id": "1"}})).await;
    daemon.settle().await;
    assert_eq!(daemon.subjects(), ["first for anna", "thanks for anna"], "what needs no agreement still comes");
    books::check(&daemon).await;
}

async fn a_get_of_the_link_changes_nothing(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME])).await;
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    let path = unsubscribe_path(&daemon.mailbox.letters()[0].bytes);
    let page = daemon.ask(Request::get(&path).body(Body::empty()).expect("a request")).await;
    assert_eq!(page.status, StatusCode::OK);
    daemon.settle().await;
    assert!(daemon.customer("anna").await.consents["marketing"].granted);
    let other = if path.ends_with('x') { 'y' } else { 'x' };
    let broken = format!("{}{other}", &path[..path.len() - 1]);
    assert_eq!(one_click(&daemon, &broken).await, StatusCode::NOT_FOUND);
    books::check(&daemon).await;
}

async fn without_agreement_nothing_goes_out(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME])).await;
    let silent =
        json!({"id": "1", "kind": "customer.created", "customer": {"id": "anna", "email": "anna@mail.example"}});
    let nowhere =
        json!({"id": "2", "kind": "customer.created", "customer": {"id": "boris", "consent": {"marketing": true}}});
    daemon.accept(json!([silent, nowhere])).await;
    daemon.settle().await;
    let mut reasons: Vec<_> = daemon.record().await.into_iter().map(|row| row.reason.expect("a reason")).collect();
    reasons.sort();
    assert_eq!(reasons, ["no_address", "no_consent"]);
    assert!(daemon.mailbox.letters().is_empty());
    books::check(&daemon).await;
}

async fn a_refusal_said_with_the_next_event_stops_the_next_letter(place: &Place) {
    let daemon = daemon(place, book(&[super::REMINDER])).await;
    daemon.accept(fills_cart("1", "anna")).await;
    daemon.until("2026-03-10T09:30:00Z").await;
    daemon
        .accept(
            json!({"id": "2", "kind": "customer.updated", "customer": {"id": "anna", "consent": {"marketing": false}}}),
        )
        .await;
    daemon.until("2026-03-11T09:00:00Z").await;
    assert!(daemon.mailbox.letters().is_empty());
    let rows = daemon.record().await;
    assert_eq!(rows[0].reason.as_deref(), Some("consent_refused"));
    assert_eq!(rows[0].due_at, at("2026-03-10T10:00:00Z"));
    books::check(&daemon).await;
}

async fn an_agreement_from_the_future_does_not_outlast_a_refusal(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME, super::REMINDER])).await;
    let mut ahead = arrives("anna");
    ahead["occurred_at"] = json!("2026-03-11T08:00:00Z");
    daemon.accept(ahead).await;
    daemon.settle().await;
    assert_eq!(daemon.subjects(), ["welcome for anna"]);
    one_click(&daemon, &unsubscribe_path(&daemon.mailbox.letters()[0].bytes)).await;
    daemon.settle().await;
    assert!(!daemon.customer("anna").await.consents["marketing"].granted);
    let cart =
        json!({"id": "2", "kind": "cart.updated", "customer": {"id": "anna"}, "cart": {"items": [{"name": "Bowl"}]}});
    daemon.accept(cart).await;
    daemon.until("2026-03-10T12:00:00Z").await;
    assert_eq!(daemon.mailbox.letters().len(), 1);
    books::check(&daemon).await;
}

async fn a_rule_s_letters_come_from_its_sender_or_its_map_s(place: &Place) {
    let shop = Shop { senders: ["news".to_owned(), "orders".to_owned()].into(), ..Shop::default() };
    let map = MAP.replace("map: shop", "map: shop\nsender: news");
    let thanks = THANKS.replace("purpose: transactional", "purpose: transactional\nsender: orders");
    let change = |settings: &mut Settings| {
        for (name, feedback_id) in [("news", Some("pets-news".to_owned())), ("orders", None)] {
            let sender = SenderSettings {
                from: format!("Shop <{name}@{name}.shop.example>"),
                reply_to: Some("help@shop.example".into()),
                feedback_id,
            };
            settings.mail.senders.insert(name.into(), sender);
        }
    };
    let daemon = daemon_with(place, book_with(&map, &[WELCOME, &thanks], shop), change).await;
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    // A letter that is tried again goes out from the same address.
    let once = AtomicBool::new(true);
    daemon.mailbox.follow(move |moment| match moment.stage {
        Stage::Dot if once.swap(false, Ordering::Relaxed) => Action::say("451 4.3.0 later"),
        _ => Action::Go,
    });
    daemon.accept(orders("o", "anna", "1")).await;
    daemon.until("2026-03-10T09:10:00Z").await;
    let letters = daemon.mailbox.letters();
    let told: Vec<_> = letters
        .iter()
        .map(|letter| {
            let id = letter.message_id.as_deref().and_then(|id| id.split_once('@')).expect("a Message-ID").1;
            let fields = ["From", "Reply-To", "Feedback-ID"].map(|name| header(&letter.bytes, name));
            (letter.from.clone(), id.to_owned(), fields)
        })
        .collect();
    let expect =
        [("news", "welcome:shop:marketing:pets-news"), ("orders", "thanks:shop:transactional:orders.shop.example")]
            .map(|(name, feedback_id)| {
                let address = format!("{name}@{name}.shop.example");
                let fields = [format!("Shop <{address}>"), "help@shop.example".into(), feedback_id.to_owned()];
                (address, format!("{name}.shop.example>"), fields)
            });
    assert_eq!(told, expect);
    books::check(&daemon).await;
}
