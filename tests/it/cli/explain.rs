//! `explain` and its API: one story, told the same way to both.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{milepost, started, text};
use crate::support::{Daemon, TOKEN, at};

/// A daemon over the starter's rules: Anna came at nine, was welcomed, and waits for the next letter.
async fn welcomed() -> (TempDir, Daemon) {
    let folder = started();
    let shop = milepost::journey::book::Shop { zone: chrono_tz::Europe::Berlin, ..Default::default() };
    let book = milepost::rulebook::load(&folder.path().join("rules"), shop);
    let database = format!("sqlite:{}", folder.path().join("data/milepost.db").display());
    let daemon = Daemon::start(&database, book.book.expect("a book"), at("2026-03-10T09:00:00Z")).await;
    let anna = json!({"external_id": "anna", "email": "anna@mail.example", "consent": {"marketing": true}});
    daemon.accept(json!({"id": "1", "kind": "customer.created", "customer": anna})).await;
    daemon.until("2026-03-10T09:30:00Z").await;
    (folder, daemon)
}

async fn ask(daemon: &Daemon, path: &str, token: &str) -> (StatusCode, Value) {
    let request = Request::get(path).header("authorization", format!("Bearer {token}"));
    let answer = daemon.ask(request.body(Body::empty()).expect("a request")).await;
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
}

#[tokio::test]
async fn the_api_tells_the_whole_story_of_a_rule() {
    let (_folder, daemon) = welcomed().await;
    let path = "/api/v1/customers/anna@mail.example/explain?rule=welcome";
    let (status, story) = ask(&daemon, path, TOKEN).await;
    assert_eq!(status, StatusCode::OK, "{story}");
    assert_eq!(story["letters"][0]["letter"], "welcome");
    assert_eq!(story["letters"][0]["state"], "sent");
    let policies: Vec<&str> = story["letters"][0]["verdicts"]
        .as_array()
        .expect("verdicts")
        .iter()
        .filter_map(|verdict| verdict["policy"].as_str())
        .collect();
    assert!(policies.contains(&"consent") && policies.contains(&"address"), "{policies:?}");
    let outcomes: Vec<&str> =
        story["decisions"].as_array().expect("decisions").iter().filter_map(|d| d["outcome"].as_str()).collect();
    assert!(outcomes.contains(&"enrolled"), "{outcomes:?}");
    let now = &story["now"][0];
    assert_eq!(now["rule"], "welcome");
    assert!(now["running"]["wakes_at"].is_i64(), "{now}");
    assert_eq!(now["would_start_if"], json!([]), "the rule runs once in a life");
    assert_eq!(story["foreseen"], json!([]));

    // The second letter is two days and an hour of the day away, if nothing happens.
    let (_, story) = ask(&daemon, &format!("{path}&at=2026-03-20T00:00:00Z"), TOKEN).await;
    let seen: Vec<&str> =
        story["foreseen"].as_array().expect("a list").iter().filter_map(|seen| seen["what"].as_str()).collect();
    assert!(seen.contains(&"the letter welcome-choose goes out"), "{seen:?}");
    assert!(seen.contains(&"the run ends: every step was taken"), "{seen:?}");
    assert_eq!(daemon.mailbox.letters().len(), 1, "looking ahead sends nothing");
}

#[tokio::test]
async fn questions_that_cannot_be_answered_are_told() {
    let (_folder, daemon) = welcomed().await;
    for (path, token, status, code) in [
        ("/api/v1/customers/anna@mail.example/explain", "wrong", StatusCode::UNAUTHORIZED, "unauthorized"),
        ("/api/v1/customers/boris@mail.example/explain", TOKEN, StatusCode::NOT_FOUND, "unknown_customer"),
        ("/api/v1/customers/external=anna/explain?rule=welcom", TOKEN, StatusCode::NOT_FOUND, "unknown_rule"),
        ("/api/v1/customers/external=anna/explain?at=soon", TOKEN, StatusCode::BAD_REQUEST, "bad_query"),
        ("/api/v1/customers/external=anna/explain?rul=x", TOKEN, StatusCode::BAD_REQUEST, "bad_query"),
    ] {
        let (told, body) = ask(&daemon, path, token).await;
        assert_eq!((told, body["error"]["code"].as_str()), (status, Some(code)), "{path}: {body}");
    }
}

#[tokio::test]
async fn command_line_and_api_tell_the_same() {
    let (folder, daemon) = welcomed().await;
    let (_, by_api) = ask(&daemon, "/api/v1/customers/external=anna/explain?at=2026-03-10T09:20:00Z", TOKEN).await;
    drop(daemon);
    let explain = |args: &[&str]| {
        let run =
            milepost(folder.path()).args(["explain", "--customer", "external=anna"]).args(args).assert().success();
        run.get_output().stdout.clone()
    };
    let by_hand: Value = serde_json::from_slice(&explain(&["--at", "2026-03-10T09:20:00Z", "--json"])).expect("JSON");
    assert_eq!(by_api, by_hand);
    assert_eq!(by_hand["now"], json!([]), "what a rule would have done then is not known");
    let before: Value = serde_json::from_slice(&explain(&["--at", "2026-03-10T08:00:00Z", "--json"])).expect("JSON");
    assert_eq!((&before["decisions"], &before["letters"]), (&json!([]), &json!([])));

    let said = text(&explain(&["--rule", "welcome", "--at", "2026-03-10T09:20:00Z"]));
    assert!(said.contains("As of 2026-03-10 10:20:00 CET, from the record"), "{said}");
    let said = text(&explain(&["--rule", "spring-promo", "--at", "+30d"]));
    for part in ["If nothing happens until", "would start if", "the schedule fires: next on", "consent: passes"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}
