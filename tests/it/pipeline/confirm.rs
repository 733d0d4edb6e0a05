//! Double opt-in: from a form on a shop's site, through the letter that asks, to the proof.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use milepost::journey::book::Shop;
use milepost::journey::consents::DoubleOptIn;
use milepost::rulebook::Book;
use milepost::store::ConsentFilter;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{books, daemon};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Answer, Daemon, MAP, book_beside};

both! {
    nothing_is_sent_before_the_customer_confirms,
    the_proof_names_the_letter_its_text_and_the_address,
    a_link_confirms_only_for_the_address_it_went_to,
    who_refuses_meanwhile_has_nothing_to_confirm,
    some_need_not_confirm,
    an_old_link_agrees_for_no_other_address,
}

const CONFIRM: &str = "{rule: confirm, on: {event: consent.requested}, purpose: transactional, reenter: always, steps: [{send: confirm}]}";
const WELCOME: &str = "{rule: welcome, on: {event: consent.confirmed}, steps: [{send: welcome}]}";
const NEWS: &str = "{rule: news, on: {event: shop.news}, reenter: always, steps: [{send: news}]}";
const LETTER: &str =
    "Subject: Please confirm\n\nYes, I would like to have them:\n{{ confirm_url }}\n{{ preferences_url }}\n";

fn book() -> Book {
    let double_opt_in =
        DoubleOptIn { purposes: ["marketing".to_owned()].into(), confirmed_by: ["trusted".to_owned()].into() };
    let shop = Shop { double_opt_in, ..Shop::default() };
    book_beside(MAP, &[CONFIRM, WELCOME, NEWS], &[("shop/templates/confirm.txt", LETTER)], shop)
}

async fn says(daemon: &Daemon, id: &str, kind: &str, customer: Value) {
    let mut customer = customer;
    customer["id"] = json!("anna");
    let data = json!({"by": "form", "page": "https://shop.example/join", "text": "I would like to have news."});
    daemon.accept(json!({"id": id, "kind": kind, "customer": customer, "data": data})).await;
    daemon.settle().await;
}

/// Anna asks for news by a form.
async fn asks(daemon: &Daemon, id: &str, email: &str) {
    says(daemon, id, "customer.updated", json!({"email": email, "consent": {"marketing": true}})).await;
}

/// The path of the link in the nth letter.
fn link(daemon: &Daemon, number: usize) -> String {
    let text = String::from_utf8(daemon.mailbox.letters()[number].bytes.clone()).expect("7-bit").replace("=\r\n", "");
    let at = text.find("https://post.shop.example/d/").expect("the link");
    text[at + "https://post.shop.example".len()..].lines().next().expect("a line").trim().to_owned()
}

async fn press(daemon: &Daemon, path: &str) -> Answer {
    let request = Request::post(path).header("user-agent", "Firefox").body(Body::from("confirm=yes"));
    let answer = daemon.ask(request.expect("a request")).await;
    daemon.settle().await;
    answer
}

async fn look(daemon: &Daemon, path: &str) -> String {
    let answer = daemon.ask(Request::get(path).body(Body::empty()).expect("a request")).await;
    daemon.settle().await;
    String::from_utf8(answer.body).expect("UTF-8")
}

async fn history(daemon: &Daemon) -> Vec<milepost::store::ConsentRow> {
    daemon.app.engine.store.consents(&ConsentFilter { limit: 100, ..ConsentFilter::default() }).await.expect("reads")
}

async fn nothing_is_sent_before_the_customer_confirms(place: &Place) {
    let daemon = daemon(place, book()).await;
    asks(&daemon, "1", "anna@mail.example").await;
    says(&daemon, "2", "shop.news", json!({})).await;
    assert_eq!(daemon.subjects(), ["Please confirm"]);
    let withheld = daemon.record().await.into_iter().find(|row| row.rule == "news").expect("a letter");
    assert_eq!(withheld.reason.as_deref(), Some("not_confirmed"));
    let path = link(&daemon, 0);
    // Scanners look, and nothing follows; so do forged links.
    let page = look(&daemon, &path).await;
    assert!(page.contains("data-step=\"ask\"") && page.contains("news and offers"), "{page}");
    let forged = path.replacen("/d/", "/d/A", 1);
    assert_eq!(press(&daemon, &forged).await.status, StatusCode::NOT_FOUND);
    assert!(!daemon.customer("anna").await.consents.contains_key("marketing"));
    daemon.until("2026-03-10T10:00:00Z").await;
    let done = press(&daemon, &path).await;
    assert!(String::from_utf8(done.body).expect("UTF-8").contains("data-step=\"done\""));
    assert_eq!(daemon.subjects().len(), 2);
    assert!(daemon.subjects()[1].starts_with("welcome"), "{:?}", daemon.subjects());
    says(&daemon, "3", "shop.news", json!({})).await;
    assert_eq!(daemon.subjects().len(), 3);
    // Pressed again it says the same, and nothing begins anew.
    assert!(look(&daemon, &path).await.contains("data-step=\"done\""));
    press(&daemon, &path).await;
    assert_eq!((daemon.subjects().len(), history(&daemon).await.len()), (3, 2));
    // Whoever has agreed and confirmed is not asked again.
    daemon.until("2026-03-11T10:00:00Z").await;
    asks(&daemon, "4", "anna@mail.example").await;
    assert_eq!(daemon.subjects().len(), 3);
    assert!(look(&daemon, &path).await.contains("data-step=\"done\""));
    books::check(&daemon).await;
}

async fn the_proof_names_the_letter_its_text_and_the_address(place: &Place) {
    let daemon = daemon(place, book()).await;
    asks(&daemon, "1", "anna@mail.example").await;
    daemon.until("2026-03-10T10:00:00Z").await;
    press(&daemon, &link(&daemon, 0)).await;
    let history = history(&daemon).await;
    let told: Vec<_> =
        history.iter().map(|row| (row.answer.as_str(), row.at.to_string(), row.source.as_str())).collect();
    assert_eq!(
        told,
        [
            ("asked", "2026-03-10T09:00:00Z".to_owned(), "api"),
            ("agreed", "2026-03-10T10:00:00Z".to_owned(), "milepost")
        ]
    );
    let asked = json!({"by": "form", "page": "https://shop.example/join", "text": "I would like to have news."});
    assert_eq!(Value::Object(history[0].proof.clone()), asked);
    let letter = &daemon.record().await[0];
    let bytes = &daemon.mailbox.letters()[0].bytes;
    let proof = json!({"by": "confirmation", "message": letter.id, "letter": "confirm", "agent": "Firefox",
        "address": "anna@mail.example", "sha256": hex::encode(Sha256::digest(bytes))});
    assert_eq!(Value::Object(history[1].proof.clone()), proof);
    books::check(&daemon).await;
}

async fn a_link_confirms_only_for_the_address_it_went_to(place: &Place) {
    let daemon = daemon(place, book()).await;
    asks(&daemon, "1", "somebody@mail.example").await;
    daemon.until("2026-03-10T09:10:00Z").await;
    asks(&daemon, "2", "anna@mail.example").await;
    assert_eq!(daemon.subjects().len(), 2);
    let first = link(&daemon, 0);
    assert!(look(&daemon, &first).await.contains("data-step=\"over\""));
    press(&daemon, &first).await;
    assert!(!daemon.customer("anna").await.consents.contains_key("marketing"));
    press(&daemon, &link(&daemon, 1)).await;
    assert!(daemon.customer("anna").await.consents["marketing"].granted);
    books::check(&daemon).await;
}

async fn who_refuses_meanwhile_has_nothing_to_confirm(place: &Place) {
    let daemon = daemon(place, book()).await;
    asks(&daemon, "1", "anna@mail.example").await;
    daemon.until("2026-03-10T09:10:00Z").await;
    says(&daemon, "2", "customer.updated", json!({"consent": {"marketing": false}})).await;
    daemon.until("2026-03-10T09:20:00Z").await;
    let path = link(&daemon, 0);
    assert!(look(&daemon, &path).await.contains("data-step=\"over\""));
    press(&daemon, &path).await;
    assert!(!daemon.customer("anna").await.consents["marketing"].granted);
    let told: Vec<_> = history(&daemon).await.iter().map(|row| row.answer.as_str()).collect();
    assert_eq!(told, ["asked", "refused"]);
    // An agreement that is older than the refusal and comes late asks for nothing.
    let late = json!({"id": "3", "kind": "customer.updated", "occurred_at": "2026-03-10T09:05:00Z",
        "customer": {"id": "anna", "consent": {"marketing": true}}});
    daemon.accept(late).await;
    daemon.settle().await;
    assert_eq!(daemon.subjects().len(), 1);
    // A later one does.
    asks(&daemon, "4", "anna@mail.example").await;
    assert_eq!(daemon.subjects().len(), 2);
    books::check(&daemon).await;
}

/// The path of the page of preferences in the nth letter.
fn preferences(daemon: &Daemon, number: usize) -> String {
    let text = String::from_utf8(daemon.mailbox.letters()[number].bytes.clone()).expect("7-bit").replace("=\r\n", "");
    let at = text.find("https://post.shop.example/p/").expect("the link");
    text[at + "https://post.shop.example".len()..].lines().next().expect("a line").trim().to_owned()
}

/// Agrees to news on that page.
async fn agrees(daemon: &Daemon, page: &str) -> String {
    let form = Body::from("shown_purpose=marketing&purpose=marketing");
    let answer = daemon.ask(Request::post(page).body(form).expect("a request")).await;
    daemon.settle().await;
    String::from_utf8(answer.body).expect("UTF-8")
}

async fn an_old_link_agrees_for_no_other_address(place: &Place) {
    let daemon = daemon(place, book()).await;
    asks(&daemon, "1", "old@mail.example").await;
    let page = preferences(&daemon, 0);
    daemon.until("2026-03-10T09:10:00Z").await;
    says(&daemon, "2", "customer.updated", json!({"email": "anna@mail.example"})).await;
    let shown = agrees(&daemon, &page).await;
    assert!(!shown.contains("name=\"was_purpose\" value=\"marketing\""), "it does not count yet: {shown}");
    let anna = daemon.customer("anna").await;
    assert!(!anna.consents.contains_key("marketing"), "{:?}", anna.consents);
    assert_eq!(daemon.subjects().len(), 2, "whoever reads the new address is asked");
    daemon.until("2026-03-10T09:20:00Z").await;
    press(&daemon, &link(&daemon, 1)).await;
    assert!(daemon.customer("anna").await.consents["marketing"].granted);
    books::check(&daemon).await;
}

async fn some_need_not_confirm(place: &Place) {
    let daemon = daemon(place, book()).await;
    // Another purpose.
    says(&daemon, "1", "customer.updated", json!({"email": "anna@mail.example", "consent": {"news": true}})).await;
    assert!(daemon.customer("anna").await.consents["news"].granted);
    // Whoever agrees on a page of Milepost's own came by the link of a letter.
    asks(&daemon, "2", "anna@mail.example").await;
    let page = link(&daemon, 0).replace("/d/", "/p/");
    assert_eq!(press(&daemon, &page).await.status, StatusCode::NOT_FOUND, "a link is good for one thing");
    daemon.until("2026-03-10T09:10:00Z").await;
    agrees(&daemon, &preferences(&daemon, 0)).await;
    let anna = daemon.customer("anna").await;
    assert!(anna.consents["marketing"].granted && anna.asked.is_empty());
    assert_eq!(daemon.subjects().len(), 1);
    books::check(&daemon).await;
}
