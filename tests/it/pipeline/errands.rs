//! Webhooks out: signed, posted, tried again, given up, and never into networks that are nobody's business.

use milepost::engine::errands::retry_dead;
use milepost::insight::{self, ErrandFigures};
use milepost::journey::book::Shop;
use milepost::journey::errand::ErrandKind;
use milepost::journey::time::Span;
use milepost::rulebook::Book;
use milepost::settings::{Settings, WebhookSettings};
use milepost::store::{CodeState, ErrandFilter, ErrandRow, ErrandState};
use milepost::webhook::{Secrets, leads_to, signature};
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::{START, arrives, books, daemon_with};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, at, book_in};

both! {
    a_webhook_is_posted_once_and_signed,
    a_receiver_that_fails_is_asked_again_under_the_same_id,
    a_receiver_that_goes_on_failing_is_given_up_and_can_be_asked_again,
    a_receiver_says_when_to_come_back_or_never,
    private_networks_are_nobody_s_business,
    no_redirect_is_followed,
    a_receiver_that_hangs_holds_up_no_other,
    who_dies_with_an_errand_in_hand_is_followed_by_another,
    an_errand_for_nobody_is_given_up,
    a_code_that_a_webhook_told_is_not_given_again,
}

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

const CALL: &str = "
rule: call
on: {event: customer.created}
steps:
  - webhook: {to: sink, data: {email: customer.email, orders: orders.count, plan: \"'gold'\", weight: 3, kind: event.kind}}
  - send: hello
";

fn book(rule: &str) -> Book {
    let shop = Shop { webhooks: ["sink".to_owned(), "slow".to_owned()].into(), ..Shop::default() };
    let files = [
        ("shop/call.yaml", rule),
        ("shop/templates/hello.txt", "Subject: Hello\n\n{{ unsubscribe_url }}\n"),
        ("shop/promo/codes.csv", "code\nONLY\n"),
    ];
    book_in(shop, &files)
}

fn webhook(url: &str, allow_private: bool) -> WebhookSettings {
    WebhookSettings { url: url.to_owned(), secret: Some(SECRET.into()), allow_private }
}

fn to(url: String) -> impl FnOnce(&mut Settings) {
    move |settings| {
        settings.webhooks.insert("sink".into(), webhook(&url, true));
    }
}

/// A receiver that answers so.
async fn receiver(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(answer).mount(&server).await;
    server
}

async fn heard(server: &MockServer) -> Vec<Request> {
    server.received_requests().await.expect("requests are recorded")
}

fn header<'r>(request: &'r Request, name: &str) -> &'r str {
    request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

async fn errands(daemon: &Daemon) -> Vec<ErrandRow> {
    daemon.app.engine.store.errands(&ErrandFilter { limit: 100, ..ErrandFilter::default() }).await.expect("reads")
}

async fn only(daemon: &Daemon) -> ErrandRow {
    let mut rows = errands(daemon).await;
    assert_eq!(rows.len(), 1);
    rows.remove(0)
}

/// What the map shows of the rule's webhooks.
async fn figures(daemon: &Daemon) -> ErrandFigures {
    let book = daemon.app.engine.book.load_full();
    let figures = insight::figures(&daemon.app.engine.store, &book.rulebook, "shop").await.expect("reads");
    figures.and_then(|map| map.rule("call").cloned()).expect("the rule").webhooks
}

async fn a_webhook_is_posted_once_and_signed(place: &Place) {
    let server = receiver(ResponseTemplate::new(204)).await;
    let daemon = daemon_with(place, book(CALL), to(format!("{}/in?token=t", server.uri()))).await;
    daemon.accept(json!([arrives("anna"), arrives("anna")])).await;
    daemon.until("2026-03-11T09:00:00Z").await;
    let requests = heard(&server).await;
    assert_eq!(requests.len(), 1);
    let request = &requests[0];
    let row = only(&daemon).await;
    assert_eq!((row.state, row.code, row.attempts, row.kind), (ErrandState::Done, Some(204), 1, ErrandKind::Webhook));
    assert_eq!((header(request, "webhook-id"), header(request, "content-type")), (row.id.as_str(), "application/json"));
    let seconds = at(START).micros() / 1_000_000;
    assert_eq!(header(request, "webhook-timestamp"), seconds.to_string());
    let secrets = Secrets::parse(SECRET).expect("a secret");
    assert_eq!(header(request, "webhook-signature"), signature(&secrets, &row.id, seconds, &request.body));
    let body: Value = serde_json::from_slice(&request.body).expect("JSON");
    assert_eq!(body, row.body);
    assert_eq!((&body["type"], &body["timestamp"]), (&json!("rule.webhook"), &json!("2026-03-10T09:00:00.000000Z")));
    let data = &body["data"];
    assert_eq!((&data["rule"], &data["map"], &data["step"]), (&json!("call"), &json!("shop"), &json!("webhook-sink")));
    assert_eq!(data["customer"]["ids"], json!({"api": "anna"}));
    let values =
        json!({"email": "anna@mail.example", "orders": 0, "plan": "gold", "weight": 3, "kind": "customer.created"});
    assert_eq!(data["values"], values);
    assert_eq!(daemon.subjects(), ["Hello"], "the run goes on meanwhile");
    books::check(&daemon).await;
}

async fn a_receiver_that_fails_is_asked_again_under_the_same_id(place: &Place) {
    let server = MockServer::start().await;
    let answers = [ResponseTemplate::new(500).set_body_string("out\u{1b}of order"), ResponseTemplate::new(429)];
    for answer in answers {
        Mock::given(method("POST")).respond_with(answer).up_to_n_times(1).mount(&server).await;
    }
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    let daemon = daemon_with(place, book(CALL), to(server.uri())).await;
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    let row = only(&daemon).await;
    assert_eq!((row.state, row.code, row.reason.as_deref()), (ErrandState::Queued, Some(500), Some("out of order")));
    let next = row.next_at.expect("a next try");
    assert!(next >= at("2026-03-10T09:00:05Z") && next < at("2026-03-10T09:00:06Z"), "{next}");
    daemon.until("2026-03-10T12:00:00Z").await;
    let row = only(&daemon).await;
    assert_eq!((row.state, row.attempts), (ErrandState::Done, 3));
    let requests = heard(&server).await;
    assert_eq!(requests.len(), 3);
    for request in &requests {
        assert_eq!((header(request, "webhook-id"), &request.body), (row.id.as_str(), &requests[0].body));
    }
    assert_ne!(header(&requests[0], "webhook-timestamp"), header(&requests[2], "webhook-timestamp"));
}

async fn a_receiver_that_goes_on_failing_is_given_up_and_can_be_asked_again(place: &Place) {
    let server = receiver(ResponseTemplate::new(503)).await;
    let url = server.uri();
    let daemon = daemon_with(place, book(CALL), move |settings| {
        settings.webhooks.insert("sink".into(), webhook(&url, true));
        settings.errands.retry = vec![Span::seconds(10), Span::seconds(60)];
    })
    .await;
    daemon.accept(arrives("anna")).await;
    daemon.until("2026-03-12T09:00:00Z").await;
    let row = only(&daemon).await;
    assert_eq!((row.state, row.attempts, row.next_at), (ErrandState::Dead, 3, None));
    server.reset().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    let store = &daemon.app.engine.store;
    assert_eq!(figures(&daemon).await, ErrandFigures { asked: 1, failed: 1, ..ErrandFigures::default() });
    let again = [row.id, "none".into()];
    assert_eq!(retry_dead(store, &again, daemon.clock.now()).await.expect("works"), 1);
    assert_eq!(figures(&daemon).await, ErrandFigures { asked: 1, ..ErrandFigures::default() });
    daemon.settle().await;
    assert_eq!(only(&daemon).await.state, ErrandState::Done);
    assert_eq!(retry_dead(store, &again, daemon.clock.now()).await.expect("works"), 0);
    assert_eq!(figures(&daemon).await, ErrandFigures { asked: 1, done: 1, ..ErrandFigures::default() });
}

async fn a_receiver_says_when_to_come_back_or_never(place: &Place) {
    let later = receiver(ResponseTemplate::new(503).insert_header("retry-after", "3600")).await;
    let daemon = daemon_with(place, book(CALL), to(later.uri())).await;
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    assert_eq!(only(&daemon).await.next_at, Some(at("2026-03-10T10:00:00Z")));
    later.reset().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(410).set_body_string("bye")).mount(&later).await;
    daemon.until("2026-03-10T10:00:00Z").await;
    let row = only(&daemon).await;
    assert_eq!((row.state, row.code, row.reason.as_deref()), (ErrandState::Dead, Some(410), Some("bye")));
}

async fn private_networks_are_nobody_s_business(place: &Place) {
    let server = receiver(ResponseTemplate::new(200)).await;
    let port = server.address().port();
    // An address, a name that leads to one, and addresses in disguise.
    let hosts = ["127.0.0.1", "localhost", "2130706433", "127.1", "[::ffff:127.0.0.1]"];
    let names: Vec<String> = (0..hosts.len()).map(|n| format!("h{n}")).collect();
    let steps = names.iter().map(|name| format!("{{webhook: {name}}}")).collect::<Vec<_>>().join(", ");
    let rule = format!("rule: call\non: {{event: customer.created}}\nsteps: [{steps}]\n");
    let shop = Shop { webhooks: names.iter().cloned().collect(), ..Shop::default() };
    let daemon = daemon_with(place, book_in(shop, &[("shop/call.yaml", &rule)]), |settings| {
        for (name, host) in names.iter().zip(hosts) {
            settings.webhooks.insert(name.clone(), webhook(&format!("http://{host}:{port}/"), false));
        }
    })
    .await;
    daemon.accept(arrives("anna")).await;
    daemon.until("2026-03-20T09:00:00Z").await;
    let rows = errands(&daemon).await;
    assert_eq!(rows.len(), hosts.len());
    for row in rows {
        assert_eq!((row.state, row.attempts), (ErrandState::Dead, 1), "{}", row.target);
        assert!(row.reason.as_deref().is_some_and(|reason| reason.contains("private network")), "{:?}", row.reason);
    }
    assert!(heard(&server).await.is_empty());
}

async fn no_redirect_is_followed(place: &Place) {
    let server = MockServer::start().await;
    let moved = ResponseTemplate::new(307).insert_header("location", "/elsewhere");
    Mock::given(path("/in")).respond_with(moved).mount(&server).await;
    Mock::given(path("/elsewhere")).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    let daemon = daemon_with(place, book(CALL), to(format!("{}/in", server.uri()))).await;
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    assert_eq!((only(&daemon).await.state, only(&daemon).await.code), (ErrandState::Queued, Some(307)));
    assert_eq!(heard(&server).await.len(), 1);
}

async fn a_receiver_that_hangs_holds_up_no_other(place: &Place) {
    let rule = "rule: call\non: {event: customer.created}\nsteps: [{webhook: slow}, {webhook: sink}]\n";
    let sink = receiver(ResponseTemplate::new(200)).await;
    // Nobody ever answers here: it listens, and that is all.
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a socket");
    let (url, hung) = (sink.uri(), format!("http://{}/", silent.local_addr().expect("an address")));
    let daemon = daemon_with(place, book(rule), move |settings| {
        settings.webhooks.insert("sink".into(), webhook(&url, true));
        settings.webhooks.insert("slow".into(), webhook(&hung, true));
        settings.errands.timeout_seconds = 1;
    })
    .await;
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    let rows = errands(&daemon).await;
    let state = |target: &str| rows.iter().find(|row| row.target == target).map(|row| (row.state, row.code));
    assert_eq!(state("sink"), Some((ErrandState::Done, Some(200))));
    assert_eq!(state("slow"), Some((ErrandState::Queued, None)));
}

async fn who_dies_with_an_errand_in_hand_is_followed_by_another(place: &Place) {
    let server = receiver(ResponseTemplate::new(200)).await;
    let url = server.uri();
    let first = daemon_with(place, book(CALL), to(url.clone())).await;
    first.accept(arrives("anna")).await;
    let engine = first.engine();
    engine.process_bodies().await.expect("works");
    // It has claimed and posted, and dies before it has recorded that.
    let mut tx = engine.store.begin().await.expect("begins");
    let lease = at("2026-03-10T09:30:00Z");
    let target = (ErrandKind::Webhook, "sink");
    let claimed = tx.claim_errands(target, "dead", at(START), lease, 10).await.expect("claims");
    assert_eq!(tx.claim_errands(target, "other", at(START), lease, 10).await.expect("claims"), [], "one at a time");
    tx.commit().await.expect("commits");
    let mailbox = first.mailbox.clone();
    drop((first, engine));
    let second = Daemon::start_at(mailbox, place.url(), book(CALL), at("2026-03-10T09:00:07Z"), to(url)).await;
    second.until("2026-03-10T10:00:00Z").await;
    assert_eq!(only(&second).await.state, ErrandState::Done);
    let requests = heard(&server).await;
    assert_eq!((requests.len(), header(&requests[0], "webhook-id")), (1, claimed[0].id.as_str()));
    books::check(&second).await;
}

async fn an_errand_for_nobody_is_given_up(place: &Place) {
    let daemon = daemon_with(place, book(CALL), |_| {}).await;
    daemon.accept(arrives("anna")).await;
    daemon.until("2026-03-10T09:59:00Z").await;
    daemon.app.engine.tend_errands().await.expect("works");
    assert_eq!(only(&daemon).await.state, ErrandState::Queued, "a node with other settings may be about to come");
    daemon.until("2026-03-10T10:00:01Z").await;
    daemon.app.engine.tend_errands().await.expect("works");
    let row = only(&daemon).await;
    assert_eq!((row.state, row.reason.as_deref()), (ErrandState::Dead, Some("the settings have no such target")));
}

async fn a_code_that_a_webhook_told_is_not_given_again(place: &Place) {
    let rule = "
rule: call
on: {event: customer.created}
steps: [{promo: codes}, {webhook: {to: sink, data: {code: promo.code}}}]
";
    let server = receiver(ResponseTemplate::new(200)).await;
    let daemon = daemon_with(place, book(rule), to(server.uri())).await;
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    let body: Value = serde_json::from_slice(&heard(&server).await[0].body).expect("JSON");
    assert_eq!(body["data"]["values"], json!({"code": "ONLY"}));
    let row = &daemon.app.engine.store.promo_codes("ONLY").await.expect("reads")[0];
    assert_eq!((row.state, row.returned), (CodeState::Sent, 0));
}

#[tokio::test]
async fn where_an_address_leads_is_told_without_posting() {
    let told = async |url: &str, allowed| leads_to(&webhook(url, allowed)).await;
    assert_eq!(told("https://127.0.0.1/", true).await, Ok("leads to 127.0.0.1, which is allowed".to_owned()));
    assert_eq!(told("https://1.1.1.1/", false).await, Ok("leads to 1.1.1.1".to_owned()));
    for refused in ["https://localhost/", "https://[::1]/", "https://2130706433/"] {
        assert!(told(refused, false).await.is_err_and(|why| why.contains("private network")), "{refused}");
    }
}
