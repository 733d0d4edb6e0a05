//! Preferences: from the link in a letter, through the page and the API, to the letters that then come or don't.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use milepost::journey::book::Shop;
use milepost::rulebook::Book;
use serde_json::json;

use super::{arrives, books, daemon};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, MAP, book_beside, person};

both! {
    what_is_chosen_on_the_page_holds_from_the_next_letter_on,
    wishes_come_by_the_api_too,
    a_link_goes_on_working_after_two_customers_became_one,
}

const WELCOME: &str = "{rule: welcome, on: {event: customer.created}, steps: [{send: welcome}]}";
const NEWS: &str = "{rule: news, on: {event: shop.news}, reenter: always, steps: [{wait: 1h}, {send: news}]}";
const TEXT: &str = "Subject: Welcome\n\nHello.\n{{ preferences_url }}\n{{ unsubscribe_url }}\n";

fn book() -> Book {
    book_beside(
        MAP,
        &[WELCOME, NEWS],
        &[("shop/templates/welcome.txt", TEXT), ("shop/templates/welcome.ru.txt", TEXT)],
        Shop::default(),
    )
}

/// The path of the first letter's link to the page.
fn page(daemon: &Daemon) -> String {
    let text = String::from_utf8(daemon.mailbox.letters()[0].bytes.clone()).expect("7-bit");
    let text = text.replace("=\r\n", "");
    let at = text.find("https://post.shop.example/p/").expect("the link");
    text[at + "https://post.shop.example".len()..].lines().next().expect("a line").trim().to_owned()
}

async fn choose(daemon: &Daemon, path: &str, form: &'static str) {
    let answer = daemon.ask(Request::post(path).body(Body::from(form)).expect("a request")).await;
    assert_eq!(answer.status, StatusCode::OK);
    daemon.settle().await;
}

async fn news(daemon: &Daemon, id: &str) {
    daemon.accept(json!({"id": id, "kind": "shop.news", "customer": person("anna")})).await;
    daemon.settle().await;
}

/// State and reason of each letter of the rule `news`, oldest first.
async fn states(daemon: &Daemon) -> Vec<String> {
    let record = daemon.record().await;
    record
        .iter()
        .filter(|row| row.rule == "news")
        .map(|row| format!("{} {}", row.state, row.reason.as_deref().unwrap_or_default()))
        .collect()
}

async fn what_is_chosen_on_the_page_holds_from_the_next_letter_on(place: &Place) {
    let daemon = daemon(place, book()).await;
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    let path = page(&daemon);
    // The languages are those of the letters, and the shop's own stands for letters that name none.
    let shown = daemon.ask(Request::get(&path).body(Body::empty()).expect("a request")).await;
    let shown = String::from_utf8(shown.body).expect("UTF-8");
    let languages: Vec<&str> =
        shown.split("<option value=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(languages, ["en", "ru"], "{shown}");
    // The letter is due in a second when the map is refused.
    news(&daemon, "n1").await;
    daemon.until("2026-03-10T09:59:59Z").await;
    choose(&daemon, &path, "shown_map=shop&was_map=shop").await;
    daemon.until("2026-03-10T10:00:00Z").await;
    assert_eq!(states(&daemon).await, ["withheld map_refused"]);
    choose(&daemon, &path, "shown_map=shop&map=shop&was_often=&often=1").await;
    // The welcome counts, too: the next one may come a week after it.
    news(&daemon, "n2").await;
    daemon.until("2026-03-17T08:59:59Z").await;
    assert_eq!(states(&daemon).await[1], "held customer_cap");
    daemon.until("2026-03-17T09:00:00Z").await;
    assert_eq!(states(&daemon).await[1], "sent ");
    choose(&daemon, &path, "was_often=1&often=&pause=begin").await;
    news(&daemon, "n3").await;
    daemon.until("2026-03-17T10:00:00Z").await;
    assert_eq!(states(&daemon).await[2], "withheld customer_pause");
    choose(&daemon, &path, "pause=end").await;
    news(&daemon, "n4").await;
    daemon.until("2026-03-17T11:00:00Z").await;
    assert_eq!(states(&daemon).await[3], "sent ");
    books::check(&daemon).await;
}

async fn wishes_come_by_the_api_too(place: &Place) {
    let daemon = daemon(place, book()).await;
    let mut anna = arrives("anna");
    anna["customer"]["preferences"] =
        json!({"paused_until": "2026-03-12T09:00:00Z", "most_a_week": 2, "maps": {"other": false}});
    daemon.accept(anna).await;
    daemon.settle().await;
    assert_eq!(daemon.record().await[0].reason.as_deref(), Some("customer_pause"));
    let zone = chrono_tz::Tz::UTC;
    let wishes = daemon.customer("anna").await.preferences;
    let told = wishes.in_words(crate::support::at("2026-03-10T10:00:00Z"), zone);
    assert_eq!(told, ["no letters until 2026-03-12 09:00:00 UTC", "at most 2 a week", "none of other"]);
    let mut back = arrives("anna");
    back["id"] = json!("back");
    back["kind"] = json!("customer.updated");
    back["customer"]["preferences"] = json!({"paused_until": null, "most_a_week": null});
    daemon.until("2026-03-10T09:10:00Z").await;
    daemon.accept(back).await;
    news(&daemon, "n1").await;
    daemon.until("2026-03-10T10:10:00Z").await;
    assert_eq!(states(&daemon).await, ["sent "]);
    for (wrong, path) in [
        (json!({"most_a_week": 0}), "customer.preferences.most_a_week"),
        (json!({"paused_until": "tomorrow"}), "customer.preferences.paused_until"),
        (json!({"maps": {"shop": "no"}}), "customer.preferences.maps.shop"),
        (json!({"pause": null}), "customer.preferences.pause"),
    ] {
        let mut event = arrives("anna");
        event["id"] = json!(path);
        event["customer"]["preferences"] = wrong;
        let (status, said) = daemon.say(event).await;
        assert_eq!(
            (status, &said["events"][0]["faults"][0]["path"]),
            (StatusCode::BAD_REQUEST, &json!(path)),
            "{said}"
        );
    }
    books::check(&daemon).await;
}

async fn a_link_goes_on_working_after_two_customers_became_one(place: &Place) {
    let daemon = daemon(place, book()).await;
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    let path = page(&daemon);
    // Another source knows her by an id that is found to be the same person's.
    daemon.accept(json!({"id": "1", "kind": "page.seen", "customer": {"external_id": "77"}})).await;
    daemon.settle().await;
    daemon.accept(json!({"id": "2", "kind": "page.seen", "customer": {"external_id": "77", "id": "anna"}})).await;
    daemon.settle().await;
    choose(&daemon, &path, "shown_map=shop&was_map=shop").await;
    news(&daemon, "n1").await;
    daemon.until("2026-03-10T10:00:00Z").await;
    assert_eq!(states(&daemon).await, ["withheld map_refused"]);
    books::check(&daemon).await;
}
