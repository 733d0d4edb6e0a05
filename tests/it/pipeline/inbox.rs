//! What comes in and is not simply applied: refused at the door, dead, waiting for the CRM.

use std::pin::pin;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt, poll};
use milepost::journey::event::Key;
use milepost::store::{Body as Kept, BodyFilter, BodyState, Channel, NewBody};
use serde_json::{Value, json};
use wiremock::matchers::{path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{SECRET, THANKS, arrives, books, connect, daemon_with, post_hook};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, at, book};

both! {
    what_cannot_be_read_is_kept_and_applied_after_a_fix,
    a_dead_letter_holds_up_nobody,
    a_wrong_secret_is_nobody,
    what_is_too_large_is_refused,
    overload_is_said_before_memory_grows,
    a_hook_of_ids_is_read_back,
    a_hook_waits_while_the_crm_is_down,
    a_hook_that_waited_too_long_is_dead_and_can_be_retried,
    a_hook_about_nothing_is_done,
}

async fn dead(daemon: &Daemon) -> Vec<Kept> {
    let filter = BodyFilter { state: Some(BodyState::Dead), limit: 100, ..BodyFilter::default() };
    daemon.app.engine.store.bodies(&filter).await.expect("reads")
}

async fn retry(daemon: &Daemon, ids: &[i64]) -> u64 {
    let mut tx = daemon.app.engine.store.begin().await.expect("begins");
    let retried = tx.retry_bodies(ids).await.expect("writes");
    tx.commit().await.expect("commits");
    retried
}

/// Anna as the CRM shows her, and an order of hers.
fn anna() -> Value {
    json!({"id": 501, "externalId": "u-501", "site": "pets", "createdAt": "2026-03-10 08:59:00", "firstName": "Anna",
        "email": "anna@mail.example"})
}

fn order() -> Value {
    json!({"id": 8001, "number": "8001A", "createdAt": "2026-03-10 09:00:00", "statusUpdatedAt": "2026-03-10 09:00:00",
        "status": "new", "totalSumm": 49.9, "currency": "EUR", "site": "pets", "customer": anna(), "items": []})
}

/// A CRM that knows both.
async fn serve(server: &MockServer) {
    let pages = |count: usize| json!({"limit": 100, "totalCount": count, "currentPage": 1, "totalPageCount": 1});
    let found = |name: &str, entity: Value| {
        ResponseTemplate::new(200).set_body_json(json!({"success": true, name: [entity], "pagination": pages(1)}))
    };
    let of = |at: &str, answer| Mock::given(path(at.to_owned())).respond_with(answer);
    Mock::given(path("/api/v5/orders"))
        .and(query_param("filter[ids][]", "8001"))
        .respond_with(found("orders", order()))
        .mount(server)
        .await;
    of("/api/v5/customers", found("customers", anna())).mount(server).await;
    let statuses =
        json!({"success": true, "statuses": {"new": {"name": "New", "code": "new", "active": true, "group": "new"}}});
    of("/api/v5/reference/statuses", ResponseTemplate::new(200).set_body_json(statuses)).mount(server).await;
    let groups = json!({"success": true, "statusGroups": {}});
    of("/api/v5/reference/status-groups", ResponseTemplate::new(200).set_body_json(groups)).mount(server).await;
}

async fn what_cannot_be_read_is_kept_and_applied_after_a_fix(place: &Place) {
    let first = daemon_with(place, book(&[THANKS]), |settings| connect(settings, None)).await;
    for body in ["colour=red&size=4", "order_id=8001", "{\"order\": "] {
        let answer = post_hook(&first, body).await;
        assert_eq!((answer.status, answer.body.len()), (StatusCode::ACCEPTED, 0), "{body}");
    }
    let binary = post_hook(&first, vec![0xff, 0xfe, 0x00, b'=', 0x80]).await;
    assert_eq!(binary.status, StatusCode::ACCEPTED);
    first.settle().await;
    let listed = dead(&first).await;
    assert_eq!(listed.len(), 4);
    assert!(listed.iter().all(|body| body.reason.as_deref().is_some_and(|reason| reason.len() > 10)), "{listed:?}");
    let reason =
        |text: &str| listed.iter().find(|b| b.body == text.as_bytes()).and_then(|b| b.reason.clone()).expect(text);
    assert!(reason("colour=red&size=4").contains("colour, size"), "{}", reason("colour=red&size=4"));
    assert!(reason("order_id=8001").contains("api_key"), "{}", reason("order_id=8001"));

    // The fix: the connection is told where its API is.
    let server = MockServer::start().await;
    serve(&server).await;
    let mailbox = first.mailbox.clone();
    drop(first);
    let uri = server.uri();
    let change = |settings: &mut _| connect(settings, Some(&uri));
    let second = Daemon::start_at(mailbox, place.url(), book(&[THANKS]), at("2026-03-10T12:00:00Z"), change).await;
    second.settle().await;
    assert_eq!(dead(&second).await.len(), 4, "nothing is retried by itself");
    let ids: Vec<i64> = listed.iter().map(|body| body.id).collect();
    assert_eq!(retry(&second, &ids).await, 4);
    second.settle().await;
    assert_eq!(dead(&second).await.len(), 3, "the others are as they were");
    assert_eq!(second.subjects(), ["thanks for Anna"]);
    assert_eq!(retry(&second, &ids).await, 3);
    second.settle().await;
    assert_eq!(second.subjects(), ["thanks for Anna"]);
    books::check(&second).await;
}

async fn a_dead_letter_holds_up_nobody(place: &Place) {
    let daemon = daemon_with(place, book(&[super::WELCOME, super::REMINDER]), |settings| connect(settings, None)).await;
    daemon.accept(super::fills_cart("1", "boris")).await;
    daemon.settle().await;
    daemon.clock.set(at("2026-03-10T09:30:00Z"));
    post_hook(&daemon, "colour=red").await;
    daemon.accept(arrives("anna")).await;
    post_hook(&daemon, "colour=blue").await;
    daemon.until("2026-03-10T10:00:00Z").await;
    assert_eq!(daemon.subjects(), ["welcome for anna", "reminder for boris"]);
    let counts = daemon.app.engine.store.count_bodies().await.expect("counts");
    assert_eq!((counts.pending, counts.waiting, counts.dead, counts.done), (0, 0, 2, 2));
    books::check(&daemon).await;
}

async fn a_wrong_secret_is_nobody(place: &Place) {
    let daemon = daemon_with(place, book(&[]), |settings| connect(settings, None)).await;
    for path in ["/hooks/crm/a-secret-of-some-lengtH", "/hooks/crm/x", "/hooks/other/a-secret-of-some-length"] {
        for request in [Request::post(path), Request::get(path)] {
            let answer = daemon.ask(request.body(Body::from("order_id=1")).expect("a request")).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
            assert_eq!(answer.body, nothing_here(&daemon).await, "one answer for every reason");
        }
    }
    let counts = daemon.app.engine.store.count_bodies().await.expect("counts");
    assert_eq!(counts.pending, 0);
}

async fn nothing_here(daemon: &Daemon) -> Vec<u8> {
    daemon.ask(Request::get("/hooks/no/thing").body(Body::empty()).expect("a request")).await.body
}

async fn what_is_too_large_is_refused(place: &Place) {
    let limited = |settings: &mut milepost::settings::Settings| {
        connect(settings, None);
        settings.ingest.max_body_bytes = 1_000;
    };
    let daemon = daemon_with(place, book(&[]), limited).await;
    assert_eq!(post_hook(&daemon, "x".repeat(1_001)).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let pieces = futures_util::stream::iter((0..20).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 100])));
    let untold = post_hook(&daemon, Body::from_stream(pieces)).await;
    assert_eq!(untold.status, StatusCode::PAYLOAD_TOO_LARGE, "nor one that does not say its length");
    assert_eq!(post_hook(&daemon, "x".repeat(1_000)).await.status, StatusCode::ACCEPTED);
    let (status, _) = daemon.say(json!([{"id": "1", "kind": "a.b", "data": {"x": "x".repeat(1_000)}}])).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(daemon.app.engine.store.count_bodies().await.expect("counts").pending, 1);
}

async fn overload_is_said_before_memory_grows(place: &Place) {
    let narrow = |settings: &mut milepost::settings::Settings| {
        connect(settings, None);
        settings.ingest.queue = 1;
    };
    let daemon = daemon_with(place, book(&[]), narrow).await;
    // The disk is slow: another transaction holds what the writer needs.
    let mut slow = daemon.app.engine.store.begin().await.expect("begins");
    let same = NewBody {
        connection: "api".into(),
        channel: Channel::Api,
        content_type: "application/json".into(),
        query: String::new(),
        body: b"[]".to_vec(),
        received_at: daemon.clock.now(),
        dedupe: Some("arrival/anna".into()),
    };
    slow.put_bodies(&[same]).await.expect("writes");
    let mut waiting = pin!(daemon.say(arrives("anna")));
    assert!(poll!(&mut waiting).is_pending());
    let mut others: FuturesUnordered<_> = (0..8).map(|_| post_hook(&daemon, "order_id=1")).collect();
    while let Some(answer) = others.next().await {
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        let seconds = answer.headers.get("retry-after").and_then(|value| value.to_str().ok()?.parse::<u32>().ok());
        assert!(seconds.is_some_and(|seconds| seconds > 0), "{:?}", answer.headers);
    }
    assert!(poll!(&mut waiting).is_pending(), "nothing is promised that is not on disk");
    drop(slow);
    let (status, said) = waiting.await;
    assert_eq!((status, &said["accepted"]), (StatusCode::ACCEPTED, &json!(1)), "{said}");
    assert_eq!(post_hook(&daemon, "order_id=1").await.status, StatusCode::ACCEPTED, "there is room again");
    assert_eq!(daemon.app.engine.store.count_bodies().await.expect("counts").pending, 2);
}

async fn a_hook_of_ids_is_read_back(place: &Place) {
    let server = MockServer::start().await;
    serve(&server).await;
    let daemon = daemon_with(place, book(&[THANKS]), |settings| connect(settings, Some(&server.uri()))).await;
    assert_eq!(post_hook(&daemon, "order_id=8001").await.status, StatusCode::ACCEPTED);
    let query = Request::get(format!("/hooks/crm/{SECRET}?order_id=8001")).body(Body::empty()).expect("a request");
    assert_eq!(daemon.ask(query).await.status, StatusCode::ACCEPTED, "a second trigger says the same by GET");
    daemon.settle().await;
    assert_eq!(daemon.subjects(), ["thanks for Anna"]);
    let anna = daemon.app.engine.store.customer_by_key(&Key::source("crm", 501)).await.expect("reads").expect("known");
    assert_eq!(anna.orders.count, 1);
    // The same order in full, by another trigger.
    let whole = Request::post(format!("/hooks/crm/{SECRET}"))
        .header("content-type", "application/json")
        .body(Body::from(json!({"order": order()}).to_string()))
        .expect("a request");
    daemon.ask(whole).await;
    daemon.settle().await;
    assert_eq!(daemon.subjects(), ["thanks for Anna"]);
    books::check(&daemon).await;
}

async fn a_hook_waits_while_the_crm_is_down(place: &Place) {
    let server = MockServer::start().await;
    Mock::given(path("/api/v5/orders"))
        .respond_with(ResponseTemplate::new(502).set_body_string("<html>bad gateway</html>"))
        .mount(&server)
        .await;
    let daemon = daemon_with(place, book(&[THANKS]), |settings| connect(settings, Some(&server.uri()))).await;
    assert_eq!(post_hook(&daemon, "order_id=8001").await.status, StatusCode::ACCEPTED);
    daemon.settle().await;
    let store = &daemon.app.engine.store;
    assert_eq!(store.count_bodies().await.expect("counts").waiting, 1);
    let filter = BodyFilter { state: Some(BodyState::Waiting), limit: 1, ..BodyFilter::default() };
    let waits = &store.bodies(&filter).await.expect("reads")[0];
    assert!(waits.reason.as_deref().is_some_and(|reason| reason.contains("502")), "{:?}", waits.reason);
    assert_eq!(waits.next_at, Some(at("2026-03-10T09:00:05Z")));
    // Others are not held up meanwhile.
    daemon.accept(super::orders("1", "boris", "o1")).await;
    daemon.settle().await;
    assert_eq!(daemon.subjects(), ["thanks for boris"]);
    server.reset().await;
    serve(&server).await;
    daemon.until("2026-03-10T09:00:05Z").await;
    assert_eq!(daemon.subjects(), ["thanks for boris", "thanks for Anna"]);
    assert_eq!(store.count_bodies().await.expect("counts").waiting, 0);
    books::check(&daemon).await;
}

async fn a_hook_that_waited_too_long_is_dead_and_can_be_retried(place: &Place) {
    let server = MockServer::start().await;
    let down = || Mock::given(path("/api/v5/orders")).respond_with(ResponseTemplate::new(500));
    down().mount(&server).await;
    let daemon = daemon_with(place, book(&[THANKS]), |settings| connect(settings, Some(&server.uri()))).await;
    post_hook(&daemon, "order_id=8001").await;
    for _ in 0..20 {
        daemon.settle().await;
        daemon.clock.set(daemon.clock.now().after(crate::support::span("12h")));
    }
    let listed = dead(&daemon).await;
    assert!(listed[0].reason.as_deref().is_some_and(|reason| reason.contains("500")), "{listed:?}");
    server.reset().await;
    serve(&server).await;
    retry(&daemon, &[listed[0].id]).await;
    daemon.settle().await;
    assert!(dead(&daemon).await.is_empty());
    let anna = daemon.app.engine.store.customer_by_key(&Key::source("crm", 501)).await.expect("reads").expect("known");
    assert_eq!(anna.orders.count, 1);
    assert!(daemon.mailbox.letters().is_empty(), "old news start no rule");
    books::check(&daemon).await;
}

async fn a_hook_about_nothing_is_done(place: &Place) {
    let daemon = daemon_with(place, book(&[THANKS]), |settings| connect(settings, None)).await;
    assert_eq!(post_hook(&daemon, "").await.status, StatusCode::ACCEPTED);
    daemon.settle().await;
    let counts = daemon.app.engine.store.count_bodies().await.expect("counts");
    assert_eq!((counts.done, counts.dead), (1, 0));
}
