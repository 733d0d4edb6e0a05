//! The public page of preferences: what it shows, what it says, and whom it lets.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use milepost::journey::event::{Event, Key, kind};
use milepost::mail::LinkSigner;
use milepost::settings::{Track, TrackingSettings};
use serde_json::{Value, json};

use super::sample;
use super::site::{Site, now};

fn path(site: &Site) -> String {
    format!("/p/{}", site.links.sign_preferences("customer-1", "message-1"))
}

/// A site that knows the customer and notes clicks.
async fn site() -> Site {
    let tracking = TrackingSettings { clicks: Track::On, ..TrackingSettings::default() };
    let site = Site::tracking(sample::rulebook(), &[], tracking).await;
    site.customer("customer-1", "en").await;
    site
}

/// What the events so far say of the profile, with the first one's data.
async fn said(site: &Site) -> Vec<Value> {
    let bodies = site.bodies().await;
    let events = bodies.iter().flat_map(|b| serde_json::from_slice::<Vec<Event>>(&b.body).expect("events"));
    events
        .map(|event| {
            assert_eq!((event.source.as_str(), event.kind.as_str()), ("milepost", kind::CUSTOMER_UPDATED));
            assert_eq!(event.keys, [Key { kind: "milepost".into(), value: "customer-1".into() }]);
            assert_eq!((&event.data["by"], &event.data["message"]), (&json!("preferences"), &json!("message-1")));
            serde_json::to_value(event.profile.expect("a profile")).expect("JSON")
        })
        .collect()
}

#[tokio::test]
async fn looking_changes_nothing_and_shows_what_can_be_chosen() {
    let site = site().await;
    for method in [Method::GET, Method::HEAD] {
        assert_eq!(site.ask(method, &path(&site), Body::empty()).await.status, StatusCode::OK);
    }
    let page = site.get(&path(&site)).await.text();
    for part in [
        "<form method=\"post\">",
        "name=\"purpose\" value=\"marketing\"",
        "news and offers",
        "name=\"often\" value=\"1\"",
        "name=\"pause\" value=\"begin\"",
        "name=\"tracking\" value=\"yes\" checked",
        "Paws &amp; Bowls",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("transactional") && !page.contains("<script"), "{page}");
    assert!(site.bodies().await.is_empty());
}

#[tokio::test]
async fn only_what_was_changed_on_the_page_is_said() {
    // Sent back as it was shown: nothing.
    let as_shown = "shown_purpose=marketing&was_often=&often=&shown_tracking=yes&was_tracking=yes&tracking=yes";
    let cases = [
        (as_shown.to_owned(), None),
        (format!("{as_shown}&purpose=marketing"), Some(json!({"consents": {"marketing": true}}))),
        // It was shown as agreed, and is not any more: by what was shown, not by what is known here.
        ("shown_purpose=marketing&was_purpose=marketing".to_owned(), Some(json!({"consents": {"marketing": false}}))),
        ("was_often=&often=2".to_owned(), Some(json!({"preferences": {"most_a_week": 2}}))),
        ("was_often=2&often=".to_owned(), Some(json!({"preferences": {"most_a_week": null}}))),
        ("was_often=&often=999".to_owned(), None),
        (
            "pause=begin".to_owned(),
            Some(json!({"preferences": {"paused_until": now().micros() + 30 * 86_400_000_000_i64}})),
        ),
        ("pause=end".to_owned(), None),
        ("shown_map=pet-shop&was_map=pet-shop".to_owned(), Some(json!({"preferences": {"maps": {"pet-shop": false}}}))),
        ("shown_tracking=yes&was_tracking=yes".to_owned(), Some(json!({"consents": {"tracking": false}}))),
        // What the page has not is not taken.
        ("shown_purpose=transactional&was_purpose=transactional".to_owned(), None),
        ("shown_map=other&was_map=other".to_owned(), None),
        ("was_locale=en&locale=xx".to_owned(), None),
        ("%ff=%00&&&".to_owned(), None),
        (String::new(), None),
    ];
    for (body, expected) in cases {
        let site = site().await;
        let answer = site.ask(Method::POST, &path(&site), body.clone()).await;
        assert_eq!(answer.status, StatusCode::OK, "{body}");
        assert!(answer.text().contains("data-step=\"saved\""), "{body}: {}", answer.text());
        assert_eq!(said(&site).await, expected.into_iter().collect::<Vec<_>>(), "{body}");
    }
}

#[tokio::test]
async fn the_page_shows_at_once_what_was_saved() {
    let site = site().await;
    let body =
        "shown_purpose=marketing&purpose=marketing&was_often=&often=1&pause=begin&shown_tracking=yes&was_tracking=yes";
    let page = site.ask(Method::POST, &path(&site), body).await.text();
    for part in [
        "name=\"was_purpose\" value=\"marketing\"",
        "name=\"was_often\" value=\"1\"",
        "You get no letters until 22 December 2026.",
        "name=\"pause\" value=\"end\"",
        "name=\"tracking\" value=\"yes\"><span>",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert_eq!(site.bodies().await.len(), 1, "all of it is one event");
}

#[tokio::test]
async fn the_page_speaks_the_customer_s_language() {
    for (locale, title) in
        [("ru-RU", "Какие письма вам присылать?"), ("de", "Welche E-Mails möchten Sie?"), ("fr", "Which e-mails")]
    {
        let site = site().await;
        site.customer("customer-1", locale).await;
        assert!(site.get(&path(&site)).await.text().contains(title), "{locale}");
    }
}

#[tokio::test]
async fn without_a_link_of_ours_nothing_is_shown_or_done() {
    let site = site().await;
    let other = LinkSigner::new(&[8; 32]).sign_preferences("customer-1", "message-1");
    let unsubscribe = site.links.sign_unsubscribe("customer-1", "marketing", "message-1");
    let nobody = site.links.sign_preferences("customer-9", "message-1");
    let forged = path(&site).replacen("/p/", "/p/A", 1);
    for path in [forged, format!("/p/{other}"), format!("/p/{unsubscribe}"), format!("/p/{nobody}"), "/p/x".into()] {
        for method in [Method::GET, Method::POST] {
            let answer = site.ask(method, &path, "pause=begin").await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        }
    }
    let token = LinkSigner::of_previews().sign_preferences("customer-1", "message-1");
    let answer = site.ask(Method::POST, &format!("/p/{token}"), "pause=begin").await;
    assert!(answer.text().contains("This letter was a test"), "{}", answer.text());
    assert!(site.bodies().await.is_empty());
}

#[tokio::test]
async fn who_unsubscribes_is_shown_the_way_to_fewer_letters() {
    let site = site().await;
    let unsubscribe = format!("/u/{}", site.links.sign_unsubscribe("customer-1", "marketing", "message-1"));
    for method in [Method::GET, Method::POST] {
        let page = site.ask(method, &unsubscribe, "").await.text();
        assert!(page.contains(&format!("href=\"{}\"", path(&site))), "{page}");
    }
}
