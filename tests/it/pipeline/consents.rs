//! What customers agree to and refuse: on record change by change, and told to the CRM once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use milepost::rulebook::Book;
use milepost::store::{ConsentFilter, ErrandFilter, ErrandState};
use serde_json::{Value, json};

use super::{KEY, books, connect, daemon, daemon_with, post_hook};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, book};

both! {
    every_change_is_on_record_with_what_proves_it,
    a_refusal_made_here_is_told_to_the_crm_once,
    a_crm_that_comes_to_know_the_customer_hears_what_was_said_before,
    what_the_crm_says_and_topics_it_does_not_know_are_not_told,
    two_who_become_one_are_on_record_together,
}

const WELCOME: &str = "{rule: welcome, on: {event: customer.created}, steps: [{send: welcome}]}";
const NEWS: &str = "{rule: news, on: {event: shop.news}, steps: [{send: news}]}";
/// Whoever complains is asked nothing any more.
const ANGRY: &str =
    "{rule: angry, on: {event: call.angry}, purpose: transactional, steps: [{set: {consent: {marketing: false}}}]}";

fn rules() -> Book {
    book(&[WELCOME, NEWS, ANGRY])
}

/// A RetailCRM that takes what it is told.
#[derive(Clone, Default)]
struct Crm(Arc<Mutex<(Vec<Value>, Option<StatusCode>)>>);

impl Crm {
    async fn start(&self) -> String {
        let router = Router::new()
            .route("/api/v5/customers/{id}/subscriptions", post(subscriptions))
            .route("/api/v5/customers/history", get(nothing))
            .route("/api/v5/orders/history", get(nothing))
            .with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    fn told(&self) -> Vec<Value> {
        self.0.lock().expect("not poisoned").0.clone()
    }

    fn answers(&self, status: Option<StatusCode>) {
        self.0.lock().expect("not poisoned").1 = status;
    }
}

async fn nothing() -> Json<Value> {
    Json(json!({"success": true, "history": [], "pagination": {"totalCount": 0, "totalPageCount": 0}}))
}

async fn subscriptions(
    State(crm): State<Crm>,
    Path(id): Path<String>,
    headers: axum::http::HeaderMap,
    Form(form): Form<BTreeMap<String, String>>,
) -> Response {
    assert_eq!(headers.get("x-api-key").map(axum::http::HeaderValue::as_bytes), Some(KEY.as_bytes()));
    assert_eq!((form["by"].as_str(), id.as_str(), form["site"].as_str()), ("id", "7", "pets"));
    let mut account = crm.0.lock().expect("not poisoned");
    if let Some(status) = account.1 {
        return (status, Json(json!({"success": false, "errorMsg": "Not today"}))).into_response();
    }
    account.0.push(serde_json::from_str(&form["subscriptions"]).expect("JSON in a field of the form"));
    Json(json!({"success": true})).into_response()
}

/// The CRM's trigger posts the whole customer.
async fn crm_says(daemon: &Daemon, subscribed: bool, changed_at: &str) {
    let topic = json!({"channel": "email", "code": "default_marketing", "active": true});
    let customer: Value = json!({"id": 7, "createdAt": "2026-03-10 08:00:00", "firstName": "Anna", "site": "pets",
        "email": "anna@mail.example",
        "customerSubscriptions": [{"subscription": topic, "subscribed": subscribed, "changedAt": changed_at}]});
    let form: String =
        form_urlencoded::Serializer::new(String::new()).append_pair("customer", &customer.to_string()).finish();
    let answer = post_hook(daemon, form).await;
    assert!(answer.status.is_success(), "{}", answer.status);
    daemon.settle().await;
}

/// Says something by the events API, where the customer is named by the address.
async fn says(daemon: &Daemon, id: &str, kind: &str, consent: Value, data: Value) {
    let customer = json!({"email": "anna@mail.example", "consent": consent});
    daemon.accept(json!({"id": id, "kind": kind, "customer": customer, "data": data})).await;
    daemon.settle().await;
}

/// Presses the button of the first letter's page.
async fn unsubscribes(daemon: &Daemon) {
    let text = String::from_utf8(daemon.mailbox.letters()[0].bytes.clone()).expect("7-bit").replace("=\r\n", "");
    let at = text.find("https://post.shop.example/u/").expect("the link");
    let path: String =
        text[at + "https://post.shop.example".len()..].chars().take_while(|c| !"> \r\n".contains(*c)).collect();
    let answer = daemon.ask(Request::post(&path).body(Body::from("confirm=yes")).expect("a request")).await;
    assert_eq!(answer.status, StatusCode::OK);
    daemon.settle().await;
}

/// Each change on record in a line.
async fn history(daemon: &Daemon) -> Vec<String> {
    let rows = daemon.app.engine.store.consents(&ConsentFilter { limit: 100, ..ConsentFilter::default() }).await;
    let line = |row: milepost::store::ConsentRow| {
        let was = row.was.map_or("-", milepost::journey::consents::Answer::as_str);
        let by = row.proof.get("by").and_then(Value::as_str).unwrap_or("-").to_owned();
        format!("{} {} from {was} at {} by {}/{by}", row.purpose, row.answer.as_str(), row.at, row.source)
    };
    rows.expect("reads").into_iter().map(line).collect()
}

async fn errands(daemon: &Daemon) -> Vec<ErrandState> {
    let all = daemon.app.engine.store.errands(&ErrandFilter { limit: 100, ..ErrandFilter::default() }).await;
    all.expect("reads").into_iter().map(|errand| errand.state).collect()
}

async fn every_change_is_on_record_with_what_proves_it(place: &Place) {
    let daemon = daemon(place, rules()).await;
    let text = "I would like to get news of Paws & Bowls by e-mail. I can say no at any time.";
    let form =
        json!({"by": "form", "page": "https://shop.example/join", "text": text, "agent": "Firefox", "other": "x"});
    says(&daemon, "1", "customer.created", json!({"marketing": true}), form).await;
    // Said again, it is no change; said late, it is none either.
    daemon.until("2026-03-10T09:05:00Z").await;
    says(&daemon, "2", "customer.updated", json!({"marketing": true}), json!({})).await;
    unsubscribes(&daemon).await;
    let late = json!({"id": "3", "kind": "customer.updated", "occurred_at": "2026-03-10T09:01:00Z",
        "customer": {"email": "anna@mail.example", "consent": {"marketing": true}}});
    daemon.accept(late).await;
    daemon.until("2026-03-10T09:06:00Z").await;
    says(&daemon, "4", "customer.updated", json!({"marketing": true, "news": false}), json!({"by": "phone"})).await;
    daemon.until("2026-03-10T09:07:00Z").await;
    says(&daemon, "5", "call.angry", json!({}), json!({})).await;
    let expected = [
        "marketing agreed from - at 2026-03-10T09:00:00Z by api/form",
        "marketing refused from agreed at 2026-03-10T09:05:00Z by milepost/link",
        "marketing agreed from refused at 2026-03-10T09:06:00Z by api/phone",
        "news refused from - at 2026-03-10T09:06:00Z by api/phone",
        "marketing refused from agreed at 2026-03-10T09:07:00Z by rule:angry/-",
    ];
    assert_eq!(history(&daemon).await, expected);
    // The API tells the same, with the whole of the proof.
    let ask = |path: &str, token: bool| {
        let request = Request::get(path.to_owned());
        let request =
            if token { request.header("authorization", format!("Bearer {}", crate::support::TOKEN)) } else { request };
        daemon.ask(request.body(Body::empty()).expect("a request"))
    };
    let answer = ask("/api/v1/customers/anna@mail.example/consents", true).await;
    let told: Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert_eq!(told["history"].as_array().map(Vec::len), Some(expected.len()));
    let proof = json!({"by": "form", "page": "https://shop.example/join", "text": text, "agent": "Firefox"});
    assert_eq!((&told["history"][0]["proof"], &told["history"][0]["event"]), (&proof, &json!("1")));
    let letter = daemon.record().await[0].id.clone();
    assert_eq!(told["history"][1]["proof"], json!({"by": "link", "message": letter}));
    let refused = json!({"granted": false, "at": "2026-03-10T09:07:00.000000Z", "source": "rule:angry"});
    assert_eq!((&told["now"]["marketing"], &told["asked"]), (&refused, &json!({})));
    assert_eq!(told["history"][0]["at"], json!("2026-03-10T09:00:00.000000Z"));
    assert_eq!(ask("/api/v1/customers/anna@mail.example/consents", false).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(ask("/api/v1/customers/nobody@mail.example/consents", true).await.status, StatusCode::NOT_FOUND);
    books::check(&daemon).await;
}

async fn a_refusal_made_here_is_told_to_the_crm_once(place: &Place) {
    let crm = Crm::default();
    let url = crm.start().await;
    let daemon = daemon_with(place, rules(), |settings| connect(settings, Some(&url))).await;
    crm_says(&daemon, true, "2026-03-10 09:00:00").await;
    says(&daemon, "0", "shop.news", json!({}), json!({})).await;
    assert_eq!(daemon.subjects().len(), 1);
    assert_eq!(crm.told(), [] as [Value; 0], "it said that itself");
    // The CRM is away for a while: the refusal holds here at once, and there as soon as it is back.
    crm.answers(Some(StatusCode::SERVICE_UNAVAILABLE));
    daemon.until("2026-03-10T09:10:00Z").await;
    unsubscribes(&daemon).await;
    assert!(!daemon.app.engine.store.customer_named("anna@mail.example").await.expect("reads").expect("Anna").consents["marketing"].granted);
    assert_eq!(errands(&daemon).await, [ErrandState::Queued]);
    crm.answers(None);
    daemon.until("2026-03-10T10:00:00Z").await;
    let refusal = json!([{"channel": "email", "subscription": "default_marketing", "active": false}]);
    assert_eq!(crm.told(), [refusal]);
    // It comes back as news of the CRM's, with the CRM's own date: no change here, and nothing more to tell.
    crm_says(&daemon, false, "2026-03-10 09:55:00").await;
    daemon.until("2026-03-10T11:00:00Z").await;
    assert_eq!((crm.told().len(), errands(&daemon).await), (1, vec![ErrandState::Done]));
    assert_eq!(history(&daemon).await.len(), 2);
    // An agreement made here is told, too.
    says(&daemon, "1", "customer.updated", json!({"marketing": true}), json!({"by": "form"})).await;
    daemon.until("2026-03-10T11:01:00Z").await;
    assert_eq!(crm.told()[1][0]["active"], json!(true));
    books::check(&daemon).await;
}

async fn a_crm_that_comes_to_know_the_customer_hears_what_was_said_before(place: &Place) {
    let crm = Crm::default();
    let url = crm.start().await;
    let daemon = daemon_with(place, rules(), |settings| connect(settings, Some(&url))).await;
    says(&daemon, "1", "customer.created", json!({"marketing": false, "news": true}), json!({})).await;
    daemon.until("2026-03-10T09:30:00Z").await;
    assert_eq!(errands(&daemon).await, [], "the CRM has no such customer yet");
    // A manager enters her, with the CRM's own idea of what she agreed to when she came.
    crm_says(&daemon, true, "2026-03-10 08:00:00").await;
    daemon.until("2026-03-10T09:31:00Z").await;
    assert_eq!(crm.told(), [json!([{"channel": "email", "subscription": "default_marketing", "active": false}])]);
    assert_eq!(history(&daemon).await.len(), 2, "the older saying changed nothing");
    books::check(&daemon).await;
}

async fn what_the_crm_says_and_topics_it_does_not_know_are_not_told(place: &Place) {
    let crm = Crm::default();
    let url = crm.start().await;
    let daemon = daemon_with(place, rules(), |settings| connect(settings, Some(&url))).await;
    crm_says(&daemon, true, "2026-03-10 09:00:00").await;
    crm_says(&daemon, false, "2026-03-10 09:01:00").await;
    says(&daemon, "1", "customer.updated", json!({"tracking": false, "transactional": false}), json!({})).await;
    daemon.until("2026-03-10T09:30:00Z").await;
    assert_eq!(errands(&daemon).await, []);
    assert_eq!(history(&daemon).await.len(), 4);
    books::check(&daemon).await;
    // Whoever wants nothing written there says so.
    let silent = |settings: &mut milepost::settings::Settings| {
        connect(settings, Some(&url));
        for connection in settings.connections.values_mut() {
            connection.write_consents.clear();
        }
    };
    drop(daemon);
    let daemon = daemon_with(place, rules(), silent).await;
    says(&daemon, "2", "customer.updated", json!({"marketing": true}), json!({})).await;
    daemon.until("2026-03-10T10:30:00Z").await;
    assert_eq!((errands(&daemon).await, crm.told().len()), (vec![], 0));
}

async fn two_who_become_one_are_on_record_together(place: &Place) {
    let daemon = daemon(place, rules()).await;
    let said = |id: &str, customer: Value| json!({"id": id, "kind": "customer.updated", "customer": customer});
    daemon.accept(said("1", json!({"id": "a", "consent": {"marketing": true}}))).await;
    daemon.accept(said("2", json!({"external_id": "b", "consent": {"marketing": false}}))).await;
    daemon.settle().await;
    daemon.until("2026-03-10T09:10:00Z").await;
    daemon.accept(said("3", json!({"id": "a", "external_id": "b"}))).await;
    daemon.settle().await;
    let id = daemon.customer("a").await.id;
    let filter = ConsentFilter { customer: Some(id), limit: 10, ..ConsentFilter::default() };
    let rows = daemon.app.engine.store.consents(&filter).await.expect("reads");
    assert_eq!(rows.len(), 3, "both that were said, and that the stricter holds: {rows:?}");
    assert_eq!((rows[2].answer.as_str(), rows[2].event.as_deref()), ("refused", None));
    assert!(!daemon.customer("a").await.consents["marketing"].granted);
    books::check(&daemon).await;
}
