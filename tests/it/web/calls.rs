//! Rules that are started by a call: once for each key, by a letter that reads what the call brought, and never by a slip.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::support::{Daemon, TOKEN, at, book, person};

const RULES: [&str; 2] = [
    "{rule: quote, on: {call: true}, reenter: always, when: 'event.sum > 10', steps: [{send: quote}]}",
    "{rule: hi, on: {event: customer.created}, steps: [{send: hello}]}",
];

async fn call(daemon: &Daemon, rule: &str, key: Option<&str>, body: &str) -> (StatusCode, Value) {
    let mut request =
        Request::post(format!("/api/v1/rules/{rule}/start")).header("authorization", format!("Bearer {TOKEN}"));
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    let answer = daemon.ask(request.body(Body::from(body.to_owned())).expect("a request")).await;
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
}

#[tokio::test]
async fn a_call_starts_a_rule_once() {
    let daemon = Daemon::start("sqlite::memory:", book(&RULES), at("2026-03-10T09:00:00Z")).await;
    let body = json!({"customer": person("anna"), "data": {"sum": 12}}).to_string();
    let (status, said) = call(&daemon, "quote", Some("k1"), &body).await;
    assert_eq!((status, &said["status"]), (StatusCode::ACCEPTED, &json!("accepted")), "{said}");
    let (status, said) = call(&daemon, "quote", Some("k1"), &body).await;
    assert_eq!((status, &said["status"]), (StatusCode::ACCEPTED, &json!("duplicate")), "{said}");
    daemon.settle().await;
    assert_eq!(daemon.subjects(), ["quote for anna"]);
    // The key may stand in the body, and another key is another call.
    let body = json!({"id": "k2", "customer": {"id": "anna"}, "data": {"sum": 13}}).to_string();
    assert_eq!(call(&daemon, "quote", None, &body).await.0, StatusCode::ACCEPTED);
    // What the rule does not want does not start it.
    let body = json!({"id": "k3", "customer": {"id": "anna"}, "data": {"sum": 3}}).to_string();
    assert_eq!(call(&daemon, "quote", None, &body).await.0, StatusCode::ACCEPTED);
    daemon.settle().await;
    assert_eq!(daemon.subjects(), ["quote for anna", "quote for anna"]);
}

#[tokio::test]
async fn a_call_that_cannot_be_is_refused() {
    let daemon = Daemon::start("sqlite::memory:", book(&RULES), at("2026-03-10T09:00:00Z")).await;
    let body = json!({"customer": person("anna")}).to_string();
    for (rule, key, body, status, part) in [
        ("quot", Some("k"), body.as_str(), StatusCode::NOT_FOUND, "Did you mean `quote`?"),
        ("hi", Some("k"), &body, StatusCode::CONFLICT, "not_callable"),
        ("quote", None, &body, StatusCode::BAD_REQUEST, "Idempotency-Key"),
        ("quote", Some(" "), &body, StatusCode::BAD_REQUEST, "bad_key"),
        ("quote", Some("k"), "{", StatusCode::BAD_REQUEST, "not_json"),
        ("quote", Some("k"), "{}", StatusCode::BAD_REQUEST, "customer"),
        ("quote", Some("k"), r#"{"id": "x", "customer": {"id": "a"}}"#, StatusCode::BAD_REQUEST, "one of them"),
        (
            "quote",
            Some("k"),
            r#"{"customer": {"id": "a"}, "data": {"rule": "hi"}}"#,
            StatusCode::BAD_REQUEST,
            "data.rule",
        ),
        ("quote", Some("k"), r#"{"customer": {"id": "a"}, "dta": {}}"#, StatusCode::BAD_REQUEST, "did you mean `data`"),
    ] {
        let (found, said) = call(&daemon, rule, key, body).await;
        assert_eq!(found, status, "{rule} {body}: {said}");
        assert!(said.to_string().contains(part), "{said}");
    }
    let answer = daemon.ask(Request::get("/api/v1/rules/quote/start").body(Body::empty()).expect("a request")).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    let answer =
        daemon.ask(Request::post("/api/v1/rules/quote/start").body(Body::from(body)).expect("a request")).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    // By the events API nobody calls a rule.
    let (status, said) = daemon.say(json!({"id": "1", "kind": "rule.called", "customer": {"id": "a"}})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{said}");
    daemon.settle().await;
    assert_eq!(daemon.subjects(), [""; 0]);
}
