//! Changes in the CRM: written once, in order, and no news when they come back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use milepost::engine::errands::retry_dead;
use milepost::journey::book::Shop;
use milepost::journey::errand::ErrandKind;
use milepost::rulebook::Book;
use milepost::store::{ErrandFilter, ErrandRow, ErrandState};
use serde_json::{Value, json};

use super::{KEY, arrives, books, connect, daemon_with, post_hook};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, at, book_in};

both! {
    a_change_is_written_and_its_coming_back_starts_nothing,
    what_is_so_already_is_not_written,
    changes_of_one_customer_are_made_in_order,
    a_change_that_is_refused_is_shown_and_can_be_made_again,
    who_is_not_known_to_the_crm_is_left_alone,
}

/// A RetailCRM with one customer, whom everybody may change.
#[derive(Clone, Default)]
struct Crm(Arc<Mutex<Account>>);

#[derive(Default)]
struct Account {
    tags: Vec<String>,
    fields: BTreeMap<String, Value>,
    city: String,
    rows: Vec<Value>,
    edits: Vec<Value>,
    answer: Option<StatusCode>,
}

impl Crm {
    async fn start(&self) -> String {
        let router = Router::new()
            .route("/api/v5/customers", get(customers))
            .route("/api/v5/customers/{id}/edit", post(edit))
            .route("/api/v5/customers/history", get(history))
            .route("/api/v5/orders/history", get(|| async { page(&[]) }))
            .with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    fn with<T>(&self, look: impl FnOnce(&mut Account) -> T) -> T {
        look(&mut self.0.lock().expect("not poisoned"))
    }

    /// Somebody in the shop gives the customer another city.
    fn moves_to(&self, city: &str) {
        self.with(|account| {
            city.clone_into(&mut account.city);
            account.note("address.city", false);
        });
    }

    fn edits(&self) -> Vec<Value> {
        self.with(|account| account.edits.clone())
    }
}

impl Account {
    fn note(&mut self, field: &str, ours: bool) {
        let row = json!({"id": self.rows.len() + 1, "createdAt": "2026-03-10 09:00:00", "source": "api", "field": field,
            "apiKey": {"current": ours}, "customer": {"id": 7, "site": "pets"}});
        self.rows.push(row);
    }
}

async fn customers(State(crm): State<Crm>) -> Json<Value> {
    let customer = crm.with(|account| {
        let tags: Vec<Value> = account.tags.iter().map(|tag| json!({"name": tag})).collect();
        json!({"id": 7, "site": "pets", "createdAt": "2026-03-01 09:00:00", "firstName": "Anna",
            "email": "anna@mail.example", "tags": tags, "customFields": account.fields, "address": {"city": account.city}})
    });
    Json(json!({"success": true, "pagination": {"totalPageCount": 1}, "customers": [customer]}))
}

fn page(rows: &[Value]) -> Json<Value> {
    Json(json!({"success": true, "history": rows, "pagination": {"totalCount": rows.len(), "totalPageCount": 1}}))
}

async fn history(State(crm): State<Crm>, Query(query): Query<BTreeMap<String, String>>) -> Json<Value> {
    let since: usize = query.get("filter[sinceId]").and_then(|id| id.parse().ok()).unwrap_or(0);
    crm.with(|account| page(account.rows.get(since..).unwrap_or_default()))
}

async fn edit(
    State(crm): State<Crm>,
    Path(id): Path<String>,
    headers: axum::http::HeaderMap,
    Form(form): Form<BTreeMap<String, String>>,
) -> Response {
    assert_eq!(headers.get("x-api-key").map(axum::http::HeaderValue::as_bytes), Some(KEY.as_bytes()));
    assert_eq!((form["by"].as_str(), id.as_str(), form["site"].as_str()), ("id", "7", "pets"));
    let change: Value = serde_json::from_str(&form["customer"]).expect("JSON in a field of the form");
    crm.with(|account| {
        if let Some(status) = account.answer {
            return (status, Json(json!({"success": false, "errorMsg": "Not today"}))).into_response();
        }
        for tag in change["addTags"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            account.tags.push(tag.to_owned());
        }
        for tag in change["removeTags"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            account.tags.retain(|known| known != tag);
        }
        for (name, value) in change["customFields"].as_object().into_iter().flatten() {
            account.fields.insert(name.clone(), value.clone());
        }
        account.note("tags", true);
        account.edits.push(change);
        Json(json!({"success": true, "id": 7})).into_response()
    })
}

fn book(rule: &str) -> Book {
    let shop = Shop { connections: ["crm".to_owned()].into(), ..Shop::default() };
    book_in(shop, &[("shop/loyal.yaml", rule)])
}

/// A rule that writes at every change of the customer: the worst there can be.
const ALWAYS: &str = "
rule: loyal
on: {event: customer.updated}
reenter: always
steps:
  - crm: {tags: {add: [reached], remove: [cold]}, fields: {loyalty: gold}}
";

async fn start(place: &Place, crm: &Crm, rule: &str) -> Daemon {
    let url = crm.start().await;
    let daemon = daemon_with(place, book(rule), move |settings| connect(settings, Some(&url))).await;
    hook(&daemon).await;
    daemon
}

/// The CRM's trigger tells that the customer changed.
async fn hook(daemon: &Daemon) {
    assert_eq!(post_hook(daemon, "customer_id=7").await.status, StatusCode::ACCEPTED);
    daemon.settle().await;
}

async fn errands(daemon: &Daemon) -> Vec<ErrandRow> {
    daemon.app.engine.store.errands(&ErrandFilter { limit: 100, ..ErrandFilter::default() }).await.expect("reads")
}

async fn a_change_is_written_and_its_coming_back_starts_nothing(place: &Place) {
    let crm = Crm::default();
    crm.with(|account| account.tags = vec!["cold".into(), "vet".into()]);
    let daemon = start(place, &crm, ALWAYS).await;
    assert!(crm.edits().is_empty(), "coming to be known is no change");
    crm.moves_to("Omsk");
    hook(&daemon).await;
    let written = json!({"addTags": ["reached"], "removeTags": ["cold"], "customFields": {"loyalty": "gold"}});
    assert_eq!(crm.edits(), [written]);
    let rows = errands(&daemon).await;
    assert_eq!((rows.len(), rows[0].state, rows[0].kind), (1, ErrandState::Done, ErrandKind::Crm));
    let customer = daemon.app.engine.store.customer(&rows[0].customer).await.expect("reads").expect("is known");
    assert_eq!(customer.attribute("tags"), Some(&json!(["vet", "reached"])), "it is known here at once");
    // The CRM's trigger fires for our own change, too, and the history has it.
    for turn in 1..4 {
        daemon.clock.set(at("2026-03-10T09:00:00Z").after(milepost::journey::time::Span::seconds(turn * 60)));
        hook(&daemon).await;
        daemon.app.run_dry(true).await.expect("runs dry");
    }
    assert_eq!(crm.edits().len(), 1, "its coming back is no news");
    books::check(&daemon).await;
}

async fn what_is_so_already_is_not_written(place: &Place) {
    let crm = Crm::default();
    crm.with(|account| account.tags = vec!["reached".into()]);
    let rule = ALWAYS.replace(", fields: {loyalty: gold}", "");
    let daemon = start(place, &crm, &rule).await;
    crm.moves_to("Omsk");
    hook(&daemon).await;
    assert!(crm.edits().is_empty() && errands(&daemon).await.is_empty());
    let store = &daemon.app.engine.store;
    let id = books::everyone(store).await[0].id.clone();
    let decisions = store.decisions(&id, Some("loyal"), 10).await.expect("reads");
    assert!(decisions.iter().any(|decision| decision.outcome == "nothing_to_change"), "{decisions:?}");
    // Half of it is so: the other half is written.
    crm.with(|account| account.tags.push("cold".into()));
    crm.moves_to("Tomsk");
    daemon.clock.set(at("2026-03-10T09:01:00Z"));
    hook(&daemon).await;
    assert_eq!(crm.edits(), [json!({"removeTags": ["cold"]})]);
}

async fn changes_of_one_customer_are_made_in_order(place: &Place) {
    let rule = "
rule: loyal
on: {event: customer.updated}
steps:
  - crm: {tags: {add: [first]}, connection: crm}
  - wait: 1m
  - crm: {tags: {add: [second], remove: [first]}}
";
    let crm = Crm::default();
    let daemon = start(place, &crm, rule).await;
    crm.with(|account| account.answer = Some(StatusCode::INTERNAL_SERVER_ERROR));
    crm.moves_to("Omsk");
    hook(&daemon).await;
    daemon.until("2026-03-10T09:02:00Z").await;
    let states: Vec<_> = errands(&daemon).await.iter().map(|row| (row.state, row.attempts)).collect();
    assert_eq!(states, [(ErrandState::Queued, 0), (ErrandState::Queued, 2)], "the later one waits for the earlier");
    crm.with(|account| account.answer = None);
    daemon.until("2026-03-10T12:00:00Z").await;
    assert_eq!(crm.edits(), [json!({"addTags": ["first"]}), json!({"addTags": ["second"], "removeTags": ["first"]})]);
    assert_eq!(crm.with(|account| account.tags.clone()), ["second"]);
}

async fn a_change_that_is_refused_is_shown_and_can_be_made_again(place: &Place) {
    let crm = Crm::default();
    let daemon = start(place, &crm, ALWAYS).await;
    crm.with(|account| account.answer = Some(StatusCode::FORBIDDEN));
    crm.moves_to("Omsk");
    hook(&daemon).await;
    let row = errands(&daemon).await.remove(0);
    assert_eq!((row.state, row.code, row.attempts), (ErrandState::Dead, Some(403), 1));
    assert!(row.reason.as_deref().is_some_and(|reason| reason.contains("Not today")), "{:?}", row.reason);
    crm.with(|account| account.answer = None);
    retry_dead(&daemon.app.engine.store, &[row.id], daemon.clock.now()).await.expect("works");
    daemon.settle().await;
    assert_eq!(crm.edits().len(), 1);
    assert_eq!(errands(&daemon).await[0].state, ErrandState::Done);
}

async fn who_is_not_known_to_the_crm_is_left_alone(place: &Place) {
    let crm = Crm::default();
    let rule = "rule: loyal\non: {event: customer.created}\nsteps: [{crm: {tags: {add: [reached]}}}]\n";
    let url = crm.start().await;
    let daemon = daemon_with(place, book(rule), move |settings| connect(settings, Some(&url))).await;
    daemon.accept(arrives("bella")).await;
    daemon.settle().await;
    assert!(errands(&daemon).await.is_empty());
    let customer = daemon.customer("bella").await;
    let decisions = daemon.app.engine.store.decisions(&customer.id, Some("loyal"), 10).await.expect("reads");
    assert!(decisions.iter().any(|decision| decision.outcome == "not_known"), "{decisions:?}");
}
