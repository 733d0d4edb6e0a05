//! Hooks: stored as they came, and nothing told to strangers.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use milepost::store::Channel;

use super::site::{MAX_BODY, SECRET, Site, now};

#[tokio::test]
async fn a_hook_is_stored_as_it_came_and_then_accepted() {
    let site = Site::new().await;
    let request = Request::post(format!("/hooks/shop/{SECRET}?id=7&a=%D0%BF"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(vec![b'x', 0xff, b'=']))
        .expect("a request");
    assert_eq!(site.send(request).await.status, StatusCode::ACCEPTED);
    let bodies = site.bodies().await;
    let [body] = bodies.as_slice() else { panic!("one body expected") };
    assert_eq!((body.connection.as_str(), body.channel), ("shop", Channel::Hook));
    assert_eq!(body.content_type, "application/x-www-form-urlencoded");
    assert_eq!(body.query, "id=7&a=%D0%BF");
    assert_eq!(body.body, [b'x', 0xff, b'=']);
    assert_eq!(body.received_at, now());
}

#[tokio::test]
async fn get_says_something_too_but_head_is_only_a_probe() {
    let site = Site::new().await;
    let path = format!("/hooks/shop/{SECRET}?customer=5");
    assert_eq!(site.get(&path).await.status, StatusCode::ACCEPTED);
    assert!(site.ask(Method::HEAD, &path, Body::empty()).await.status.is_success());
    assert_eq!(site.bodies().await.len(), 1);
}

#[tokio::test]
async fn the_same_hook_twice_is_stored_twice_because_its_events_tell_duplicates() {
    let site = Site::new().await;
    for _ in 0..2 {
        let answer = site.ask(Method::POST, &format!("/hooks/shop/{SECRET}"), "order=1").await;
        assert_eq!(answer.status, StatusCode::ACCEPTED);
    }
    assert_eq!(site.bodies().await.len(), 2);
}

#[tokio::test]
async fn a_wrong_secret_and_an_unknown_connection_get_the_same_answer() {
    let site = Site::new().await;
    let wrong = site.ask(Method::POST, "/hooks/shop/not-the-secret", "{}").await;
    let unknown = site.ask(Method::POST, &format!("/hooks/elsewhere/{SECRET}"), "{}").await;
    assert_eq!(wrong.status, StatusCode::NOT_FOUND);
    assert_eq!((wrong.status, &wrong.headers, &wrong.body), (unknown.status, &unknown.headers, &unknown.body));
    assert!(site.bodies().await.is_empty());
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_and_one_at_the_limit_is_not() {
    let site = Site::new().await;
    let path = format!("/hooks/shop/{SECRET}");
    let answer = site.ask(Method::POST, &path, vec![b'x'; MAX_BODY + 1]).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.json()["error"]["code"], "too_large");
    // A stranger learns nothing of the limit.
    let stranger = site.ask(Method::POST, "/hooks/shop/wrong", vec![b'x'; MAX_BODY + 1]).await;
    assert_eq!(stranger.status, StatusCode::NOT_FOUND);
    assert_eq!(site.ask(Method::POST, &path, vec![b'x'; MAX_BODY]).await.status, StatusCode::ACCEPTED);
}
