//! The events API: strict at the edge, an answer for every event.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use milepost::journey::event::Event;
use milepost::store::Channel;
use serde_json::{Value, json};

use super::site::{Answer, MAX_BODY, Site, TOKEN};
use crate::support::rulebook;

async fn post(site: &Site, body: impl Into<Body>) -> Answer {
    let request = Request::post("/api/v1/events").header("authorization", format!("Bearer {TOKEN}"));
    site.send(request.body(body.into()).expect("a request")).await
}

fn event(id: &str) -> Value {
    json!({"id": id, "kind": "page.viewed", "customer": {"email": "ann@shop.example"}})
}

fn statuses(answer: &Answer) -> Vec<String> {
    let json = answer.json();
    let events = json["events"].as_array().expect("verdicts");
    events.iter().map(|e| e["status"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn an_accepted_event_is_stored_as_the_core_s_own() {
    let site = Site::new().await;
    let answer = post(&site, event("1").to_string()).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
    let bodies = site.bodies().await;
    let [body] = bodies.as_slice() else { panic!("one body expected") };
    assert_eq!((body.connection.as_str(), body.channel), ("api", Channel::Api));
    let events: Vec<Event> = serde_json::from_slice(&body.body).expect("events of the core");
    assert_eq!((events.len(), events[0].source.as_str(), events[0].id.as_str()), (1, "api", "1"));
}

#[tokio::test]
async fn a_kind_that_means_nothing_here_is_taken_and_told() {
    let rule = "{rule: wish, on: {event: wish.made}, exit_on: [wish.gone], steps: [{wait: 1h}, {send: reminder}]}";
    let site = Site::with(rulebook(&[rule]), &[]).await;
    let mut events = ["1", "2", "3", "4", "5"].map(event);
    for (event, kind) in events[1..].iter_mut().zip(["customer.craeted", "customer.created", "wish.made", "wish.gone"])
    {
        event["kind"] = json!(kind);
    }
    let answer = post(&site, json!(events).to_string()).await;
    assert_eq!(statuses(&answer), ["accepted"; 5]);
    let json = answer.json();
    assert_eq!(json["events"][0]["note"], "no rule listens to `page.viewed`");
    assert_eq!(json["events"][1]["note"], "no rule listens to `customer.craeted`: did you mean `customer.created`?");
    for known in 2..5 {
        assert_eq!(json["events"][known].get("note"), None, "{}", json["events"][known]);
    }
}

#[tokio::test]
async fn every_event_of_a_batch_gets_its_own_answer() {
    let site = Site::new().await;
    let batch = json!({"events": [event("1"), {"id": "2"}, event("1"), event("3")]});
    let answer = post(&site, batch.to_string()).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(statuses(&answer), ["accepted", "refused", "duplicate", "accepted"]);
    let json = answer.json();
    assert_eq!((&json["accepted"], &json["duplicate"], &json["refused"]), (&json!(2), &json!(1), &json!(1)));
    assert_eq!(json["events"][1]["faults"][0]["path"], "kind");
    let again = post(&site, json!([event("1")]).to_string()).await;
    assert_eq!((again.status, statuses(&again)), (StatusCode::ACCEPTED, vec!["duplicate".to_owned()]));
    assert_eq!(site.bodies().await.len(), 2);
}

#[tokio::test]
async fn a_call_that_can_do_nothing_is_a_bad_request() {
    let site = Site::new().await;
    let many: Vec<Value> = (0..1_001).map(|n| json!(n)).collect();
    let deep = "[".repeat(100_000);
    let cases = [
        ("not json", "not_json".to_owned()),
        ("\"text\"", "bad_batch".to_owned()),
        ("[]", "empty_batch".to_owned()),
        ("{\"events\": {}}", "bad_batch".to_owned()),
        ("{\"events\": [], \"more\": 1}", "bad_batch".to_owned()),
        (&*json!(many).to_string(), "batch_too_long".to_owned()),
        (&deep[..MAX_BODY], "not_json".to_owned()),
        ("{\"id\": 1e999}", "not_json".to_owned()),
    ];
    for (body, code) in cases {
        let answer = post(&site, body.to_owned()).await;
        let shown: String = body.chars().take(40).collect();
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{shown}");
        assert_eq!(answer.json()["error"]["code"], code, "{shown}");
    }
    let refused = post(&site, "{}").await;
    assert_eq!((refused.status, statuses(&refused)), (StatusCode::BAD_REQUEST, vec!["refused".to_owned()]));
    assert!(site.bodies().await.is_empty());
}

#[tokio::test]
async fn only_a_known_token_may_speak() {
    let site = Site::new().await;
    let anonymous = site.ask(Method::POST, "/api/v1/events", event("1").to_string()).await;
    assert_eq!(anonymous.status, StatusCode::UNAUTHORIZED);
    assert_eq!(anonymous.headers["www-authenticate"], "Bearer");
    let request = Request::post("/api/v1/events").header("authorization", "Bearer wrong");
    let wrong = site.send(request.body(Body::from("{}")).expect("a request")).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert!(site.bodies().await.is_empty());
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let site = Site::new().await;
    assert_eq!(post(&site, vec![b' '; MAX_BODY + 1]).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn another_method_is_told_what_to_do() {
    let site = Site::new().await;
    let answer = site.ask(Method::GET, "/api/v1/events", "").await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.headers["allow"], "POST");
    assert_eq!(answer.json()["error"]["code"], "method_not_allowed", "{}", answer.text());
}
