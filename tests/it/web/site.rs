//! The router over an empty store, asked without a socket.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use metrics_exporter_prometheus::PrometheusBuilder;
use milepost::clock::Clock;
use milepost::crm::Connection;
use milepost::engine::ingest::Ingest;
use milepost::journey::book::Rulebook;
use milepost::journey::customer::{Attribute, Customer};
use milepost::journey::time::Timestamp;
use milepost::mail::links::LinkSigner;
use milepost::mail::tracking::Noted;
use milepost::rulebook::Book;
use milepost::settings::{ApiSettings, ConnectionSettings, IngestSettings, ShopSettings, TrackingSettings};
use milepost::store::{self, Store};
use milepost::web::providers::Providers;
use milepost::web::{Pages, WebState, router};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::sample;

/// The secret of the connection `shop`.
pub const SECRET: &str = "a-hook-secret-of-the-shop";
/// The API's token.
pub const TOKEN: &str = "a-token-of-the-events-api";
/// The largest body.
pub const MAX_BODY: usize = 64 * 1024;

/// A server to be asked, and the store behind it.
pub struct Site {
    pub store: Store,
    pub links: LinkSigner,
    pub router: Router,
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Site {
    /// A site with the sample map, its figures, and one connection.
    pub async fn new() -> Self {
        Self::with(sample::rulebook(), &sample::counts()).await
    }

    /// A site with any rulebook and figures.
    pub async fn with(rulebook: Rulebook, counts: &[store::Count]) -> Self {
        Self::tracking(rulebook, counts, TrackingSettings::default()).await
    }

    /// The same, with opens and clicks noted as the settings say.
    pub async fn tracking(rulebook: Rulebook, counts: &[store::Count], tracking: TrackingSettings) -> Self {
        let store = Store::open("sqlite::memory:").await.expect("a store");
        let mut tx = store.begin().await.expect("a transaction");
        tx.add_counts(0, counts).await.expect("counts");
        tx.commit().await.expect("a commit");
        let links = LinkSigner::new(&[7; 32]);
        let mut api = ApiSettings::default();
        api.tokens.insert("test".into(), TOKEN.into());
        let state = WebState {
            ingest: Ingest::start(store.clone(), 64, Arc::default()).0,
            store: store.clone(),
            providers: Arc::new(Providers::new([], Arc::default()).expect("a client")),
            connections: Arc::new(BTreeMap::from([("shop".to_owned(), connection())])),
            book: Arc::new(ArcSwap::from_pointee(Book { rulebook, ..Book::default() })),
            links: links.clone(),
            noted: Arc::new(ArcSwap::from_pointee(Noted::new(&tracking).expect("a list"))),
            address_header: None,
            clock: Clock::manual(now()),
            shop: ShopSettings { name: "Paws & Bowls".into(), ..ShopSettings::default() },
            api,
            limits: IngestSettings { max_body_bytes: MAX_BODY, ..IngestSettings::default() },
            metrics: PrometheusBuilder::new().build_recorder().handle(),
            pages: Pages::new().expect("templates that parse"),
        };
        Self { store, links, router: router(state) }
    }

    /// Asks.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("a whole body").to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Asks with a method and a body.
    pub async fn ask(&self, method: Method, path: &str, body: impl Into<Body>) -> Answer {
        self.send(Request::builder().method(method).uri(path).body(body.into()).expect("a request")).await
    }

    /// Gets a page.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, Body::empty()).await
    }

    /// What was stored so far.
    pub async fn bodies(&self) -> Vec<store::Body> {
        self.store.pending_bodies(5_000).await.expect("bodies")
    }

    /// Stores a customer who speaks a language.
    pub async fn customer(&self, id: &str, locale: &str) {
        let mut customer = Customer::new(id, now());
        customer.attributes.insert("locale".into(), Attribute { value: json!(locale), at: now() });
        let mut tx = self.store.begin().await.expect("a transaction");
        tx.save_customers(&[&customer]).await.expect("a customer");
        tx.commit().await.expect("a commit");
    }
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// What the site's clock shows.
pub fn now() -> Timestamp {
    Timestamp::parse_rfc3339("2026-11-22T10:00:00Z").expect("a moment")
}

fn connection() -> Connection {
    let settings: ConnectionSettings =
        serde_json::from_value(json!({"kind": "retailcrm", "hook_secret": SECRET})).expect("settings");
    // A second install in the same process says so and changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().build().expect("a client");
    Connection::build("shop", &settings, chrono_tz::Tz::UTC, "EUR", http).expect("a connection")
}
