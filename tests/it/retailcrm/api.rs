//! The API over HTTP: pages, cursors, limits and what else a server may answer.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use milepost::crm::{ApiError, By, Connection, Fetch, Parsed, Via};
use serde_json::{Value, json};
use wiremock::matchers::{header, method, path, query_param, query_param_is_missing};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::{connection, fixture, parse, raw};

fn cursors(customers: &str, orders: &str) -> BTreeMap<String, String> {
    [("customers".to_owned(), customers.to_owned()), ("orders".to_owned(), orders.to_owned())].into()
}

fn json(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

async fn serve(server: &MockServer, at: &str, name: &str) {
    Mock::given(method("GET"))
        .and(path(at))
        .and(header("X-API-KEY", "key"))
        .respond_with(json(&fixture(name)))
        .mount(server)
        .await;
}

fn fast(connection: Connection) -> Connection {
    connection.with_requests_per_second(std::num::NonZeroU32::new(1_000).expect("not zero"))
}

#[tokio::test]
async fn a_poll_walks_both_histories_by_their_last_id() {
    let server = MockServer::start().await;
    for (history, since, page) in [("customers", "99", "customers-history"), ("orders", "199", "orders-history")] {
        Mock::given(path(format!("/api/v5/{history}/history")))
            .and(query_param("filter[sinceId]", since))
            .and(query_param_is_missing("page"))
            .respond_with(json(&fixture(page)))
            .expect(1)
            .mount(&server)
            .await;
        Mock::given(path(format!("/api/v5/{history}/history")))
            .respond_with(json(&fixture("history-empty")))
            .mount(&server)
            .await;
    }
    serve(&server, "/api/v5/customers", "customers").await;
    serve(&server, "/api/v5/orders", "orders").await;
    serve(&server, "/api/v5/customer-interaction/pets/cart/501", "cart").await;
    let connection = fast(connection(Some(&server.uri()), ""));
    let page = connection.poll(&cursors("99", "199")).await.expect("a page");
    assert_eq!(page.cursors, cursors("106", "206"));
    assert!(!page.more);
    assert_eq!(page.bodies.len(), 7, "one an entity");
    // The survivor of a merge is read with both of the merged: the ids tell that it is the same news.
    let mut told = BTreeMap::new();
    for body in &page.bodies {
        if let Parsed::Events(events) = parse(&connection, &raw(Via::Poll, "", "", body)) {
            told.extend(events.into_iter().map(|event| (event.id, event.kind)));
        }
    }
    for (kind, count) in [
        ("customer.created", 2),
        ("customer.deleted", 1),
        ("customer.merged", 1),
        ("order.created", 2),
        ("order.status", 2),
        ("cart.updated", 1),
    ] {
        assert_eq!(told.values().filter(|known| *known == kind).count(), count, "{kind} in {told:?}");
    }
    let again = connection.poll(&page.cursors).await.expect("a page");
    assert_eq!((again.cursors, again.bodies.len()), (page.cursors, 0));
}

/// A history of as many rows as wanted, with gaps between their ids.
async fn serve_history(server: &MockServer, ids: Vec<i64>) {
    let answer = move |request: &Request| {
        let since = request
            .url
            .query_pairs()
            .find(|(name, _)| name == "filter[sinceId]")
            .and_then(|(_, id)| id.parse().ok())
            .unwrap_or(0);
        let rest: Vec<i64> = ids.iter().copied().filter(|id| *id > since).collect();
        let rows: Vec<Value> = rest.iter().take(100).map(|id| json!({"id": id, "createdAt": "2026-01-01 10:00:00", "field": "x", "apiKey": {"current": true}, "customer": {"id": 1}, "order": {"id": 1}})).collect();
        let pages = rest.len().div_ceil(100);
        json(
            &json!({"success": true, "history": rows, "pagination": {"limit": 100, "totalCount": rest.len(), "currentPage": 1, "totalPageCount": pages}}),
        )
    };
    Mock::given(wiremock::matchers::path_regex("/history$")).respond_with(answer).mount(server).await;
}

#[tokio::test]
async fn a_first_poll_from_now_finds_the_end_with_few_requests() {
    for ids in [
        vec![],
        vec![7],
        (1..=100).collect(),
        (2_600..=31_000).collect(),
        (1..=3_000).map(|n| n * 137).collect(),
        (1..=900).map(|n: i64| n * n * 31).collect::<Vec<i64>>(),
        (1..=150).chain(1_000_000..1_000_120).collect(),
    ] {
        let last = ids.last().copied().unwrap_or(0);
        let server = MockServer::start().await;
        serve_history(&server, ids).await;
        let page = fast(connection(Some(&server.uri()), "")).poll(&BTreeMap::new()).await.expect("a page");
        assert_eq!(page.cursors, cursors(&last.to_string(), &last.to_string()));
        assert!(page.bodies.is_empty());
        let requests = server.received_requests().await.expect("recorded").len();
        assert!(requests <= 60, "{requests} requests for an end at {last}");
    }
}

#[tokio::test]
async fn a_first_poll_of_everything_begins_at_the_first_row() {
    let server = MockServer::start().await;
    serve_history(&server, (1..=250).collect()).await;
    let connection = fast(connection(Some(&server.uri()), "history = \"all\""));
    let mut known = BTreeMap::new();
    let mut pages = 0;
    loop {
        let page = connection.poll(&known).await.expect("a page");
        known = page.cursors;
        pages += 1;
        if !page.more {
            break;
        }
    }
    assert_eq!((pages, known), (3, cursors("250", "250")));
}

#[tokio::test]
async fn limits_are_waited_for_and_then_reported() {
    for (status, tries) in [(503, 2), (429, 3)] {
        let server = MockServer::start().await;
        let seen = AtomicUsize::new(0);
        let answer = move |_: &Request| {
            if seen.fetch_add(1, Ordering::SeqCst) < tries {
                ResponseTemplate::new(status).set_body_raw("<html>too many</html>", "text/html")
            } else {
                json(&fixture("credentials"))
            }
        };
        Mock::given(path("/api/credentials")).respond_with(answer).mount(&server).await;
        let verdicts = connection(Some(&server.uri()), "").check(false).await.expect("an answer at last");
        assert!(verdicts.iter().all(|verdict| verdict.ok), "{verdicts:?}");
    }
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(503).insert_header("Retry-After", "90"))
        .expect(1)
        .mount(&server)
        .await;
    let error = connection(Some(&server.uri()), "").references().await.expect_err("limited");
    assert!(error.is_temporary());
    assert_eq!(error.retry_after(), Some(Duration::from_secs(90)));
}

#[tokio::test]
async fn ten_requests_a_second_and_no_more() {
    let server = MockServer::start().await;
    serve(&server, "/api/credentials", "credentials").await;
    let connection = connection(Some(&server.uri()), "");
    let began = Instant::now();
    futures_util::future::join_all((0..8).map(|_| connection.check(false))).await;
    assert!(began.elapsed() >= Duration::from_millis(690), "{:?}", began.elapsed());
}

#[tokio::test]
async fn what_is_no_json_is_told_apart() {
    for (status, body, temporary) in [
        (405, "<html>405 Not Allowed</html>", false),
        (200, "<html>maintenance</html>", true),
        (500, "{}", true),
        (502, "<html>bad gateway</html>", true),
        (403, r#"{"success":false,"errorMsg":"Access denied."}"#, false),
        (400, r#"{"success":false,"errorMsg":"Bad","errors":["x"]}"#, false),
        (200, r#"{"success":false,"errorMsg":"Wrong \"apiKey\" value."}"#, false),
        (200, r#"{"success":true,"statuses":"many"}"#, false),
        (200, "5", true),
    ] {
        let server = MockServer::start().await;
        Mock::given(method("GET"))
            .respond_with(ResponseTemplate::new(status).set_body_string(body))
            .mount(&server)
            .await;
        let error = connection(Some(&server.uri()), "").references().await.expect_err(body);
        assert_eq!(error.is_temporary(), temporary, "{status} {body}: {error}");
        assert!(!error.to_string().contains("key\""), "{error}");
    }
    let error = connection(Some("http://127.0.0.1:1"), "").references().await.expect_err("nobody there");
    assert!(matches!(error, ApiError::Unreachable(_)) && error.is_temporary());
}

#[tokio::test]
async fn statuses_have_groups() {
    let server = MockServer::start().await;
    serve(&server, "/api/v5/reference/statuses", "statuses").await;
    serve(&server, "/api/v5/reference/status-groups", "status-groups").await;
    let refs = connection(Some(&server.uri()), "").references().await.expect("references");
    for (status, group) in [("3", "complete"), ("handed-over", "complete"), ("lost", "cancel"), ("new", "new")] {
        assert_eq!(refs.statuses.get(status).map(String::as_str), Some(group), "{status}");
    }
    let kept: milepost::crm::References =
        serde_json::from_str(&serde_json::to_string(&refs).expect("JSON")).expect("read");
    assert_eq!(kept, refs);
}

#[tokio::test]
async fn what_a_hook_named_is_read_back_in_batches() {
    let server = MockServer::start().await;
    serve(&server, "/api/v5/customers", "customers").await;
    serve(&server, "/api/v5/orders", "orders").await;
    serve(&server, "/api/v5/customer-interaction/pets/cart/501", "cart").await;
    let connection = fast(connection(Some(&server.uri()), ""));
    let id = |id: &str| By::Id(id.into());
    let wanted = [
        Fetch::Customer(id("501")),
        Fetch::Customer(id("999")),
        Fetch::Order(id("8001")),
        Fetch::Cart { site: None, customer: id("501") },
        Fetch::Cart { site: Some("pets".into()), customer: id("998") },
    ];
    let body = connection.fetch(&wanted).await.expect("a body");
    let Parsed::Events(events) = parse(&connection, &raw(Via::Read, "", "", &body)) else { panic!("events expected") };
    for kind in ["customer.created", "order.created", "order.status", "cart.updated"] {
        assert!(events.iter().any(|event| event.kind == kind), "{kind}");
    }
    assert_eq!(server.received_requests().await.expect("recorded").len(), 4);
    let gone =
        connection.fetch(&[Fetch::Cart { site: Some("pets".into()), customer: id("998") }]).await.expect("a body");
    assert_eq!(
        parse(&connection, &raw(Via::Read, "", "", &gone)),
        Parsed::Ignored("not in the CRM: cart of 998".into())
    );
}

#[tokio::test]
async fn a_check_names_what_is_missing() {
    let server = MockServer::start().await;
    let mut answer = fixture("credentials");
    answer["scopes"] = json!(["order_read"]);
    Mock::given(path("/api/credentials")).respond_with(json(&answer)).mount(&server).await;
    let verdicts = connection(Some(&server.uri()), "site = \"cars\"").check(false).await.expect("verdicts");
    let bad: Vec<_> = verdicts.iter().filter(|verdict| !verdict.ok).map(|verdict| verdict.note.as_str()).collect();
    assert_eq!(bad, ["missing: customer_read, reference_read", "the key does not see `cars`"]);
    assert!(connection(None, "").check(false).await.is_err());
}

#[tokio::test]
async fn who_writes_needs_a_permission_more() {
    let server = MockServer::start().await;
    serve(&server, "/api/credentials", "credentials").await;
    let connection = connection(Some(&server.uri()), "");
    let notes = |verdicts: Vec<milepost::crm::Verdict>| -> Vec<String> {
        verdicts.into_iter().filter(|verdict| !verdict.ok).map(|verdict| verdict.note).collect()
    };
    assert!(notes(connection.check(false).await.expect("verdicts")).is_empty());
    assert_eq!(notes(connection.check(true).await.expect("verdicts")), ["missing: customer_write"]);
}
