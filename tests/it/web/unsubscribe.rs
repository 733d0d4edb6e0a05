//! The public unsubscribe page: a button for people, one click for mail clients, nothing for scanners.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use milepost::journey::event::{Event, Key, kind};
use milepost::mail::LinkSigner;
use milepost::store::Channel;

use super::site::Site;

fn path(site: &Site) -> String {
    format!("/u/{}", site.links.sign_unsubscribe("customer-1", "marketing", "message-1"))
}

async fn own_events(site: &Site) -> Vec<Event> {
    let bodies = site.bodies().await;
    assert!(bodies.iter().all(|b| b.channel == Channel::Own && b.connection == "milepost"));
    bodies.iter().flat_map(|b| serde_json::from_slice::<Vec<Event>>(&b.body).expect("events")).collect()
}

#[tokio::test]
async fn looking_at_the_page_unsubscribes_nobody() {
    let site = Site::new().await;
    let path = path(&site);
    for method in [Method::GET, Method::HEAD] {
        assert_eq!(site.ask(method, &path, Body::empty()).await.status, StatusCode::OK);
    }
    let page = site.get(&path).await.text();
    assert!(page.contains("<form method=\"post\">") && page.contains("Paws &amp; Bowls"), "{page}");
    assert!(site.bodies().await.is_empty());
}

#[tokio::test]
async fn the_button_and_one_click_say_the_same_refusal() {
    for (body, by) in [("confirm=yes", "link"), ("List-Unsubscribe=One-Click", "one-click")] {
        let site = Site::new().await;
        let answer = site.ask(Method::POST, &path(&site), body).await;
        assert_eq!(answer.status, StatusCode::OK, "RFC 8058 wants no redirect");
        assert!(answer.text().contains("data-step=\"done\""));
        let events = own_events(&site).await;
        let [event] = events.as_slice() else { panic!("one event expected") };
        assert_eq!((event.source.as_str(), event.kind.as_str()), ("milepost", kind::UNSUBSCRIBED));
        assert_eq!(event.keys, [Key { kind: "milepost".into(), value: "customer-1".into() }]);
        let consents = event.profile.as_ref().map(|p| p.consents.clone()).unwrap_or_default();
        assert_eq!(consents.get("marketing"), Some(&false));
        assert_eq!((event.data["by"].as_str(), event.data["message"].as_str()), (Some(by), Some("message-1")));
    }
}

#[tokio::test]
async fn a_request_repeated_at_once_is_the_same_refusal() {
    let site = Site::new().await;
    for _ in 0..3 {
        assert_eq!(site.ask(Method::POST, &path(&site), "confirm=yes").await.status, StatusCode::OK);
    }
    assert_eq!(own_events(&site).await.len(), 1);
}

#[tokio::test]
async fn the_page_speaks_the_customer_s_language() {
    let site = Site::new().await;
    site.customer("customer-1", "ru-RU").await;
    let page = site.get(&path(&site)).await.text();
    assert!(page.contains("<html lang=\"ru\">") && page.contains("Отписаться"), "{page}");
    let done = site.ask(Method::POST, &path(&site), "").await.text();
    assert!(done.contains("Вы отписаны"), "{done}");
}

#[tokio::test]
async fn a_link_that_is_not_ours_does_nothing() {
    let site = Site::new().await;
    let forged = path(&site).replacen("/u/", "/u/A", 1);
    for path in [forged.as_str(), "/u/x", "/u/%00", "/u/%D0%BF"] {
        for method in [Method::GET, Method::POST] {
            let answer = site.ask(method, path, "List-Unsubscribe=One-Click").await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        }
    }
    assert!(site.bodies().await.is_empty());
}

#[tokio::test]
async fn the_link_of_a_test_letter_says_so_and_changes_nothing() {
    let site = Site::new().await;
    let token = LinkSigner::of_previews().sign_unsubscribe("customer-1", "marketing", "message-1");
    for method in [Method::GET, Method::POST] {
        let answer = site.ask(method, &format!("/u/{token}"), "List-Unsubscribe=One-Click").await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.text().contains("This letter was a test"), "{}", answer.text());
    }
    assert!(site.bodies().await.is_empty());
}
