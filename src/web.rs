//! HTTP: hooks and events in, public pages, the map, health.
//!
//! Invariants: a 2xx to a hook or an event is said after the commit, never before; a wrong secret and an unknown
//! connection are told apart by nobody; a GET changes nothing but what a CRM says by GET; pages load nothing from elsewhere.
//!
//! Not here: parsing what hooks say (`crm`), applying events (`engine`), TLS (a reverse proxy's).

pub mod assets;
pub mod auth;
pub mod calls;
pub mod confirm;
pub mod consents;
pub mod events;
pub mod explain;
pub mod headers;
pub mod health;
pub mod hooks;
pub mod intake;
pub mod maps;
pub mod pages;
pub mod preferences;
pub mod problem;
pub mod providers;
pub mod track;
pub mod unsubscribe;

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::extract::DefaultBodyLimit;
use axum::middleware::map_response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use metrics_exporter_prometheus::PrometheusHandle;

use crate::clock::Clock;
use crate::crm::Connection;
use crate::engine::ingest::Ingest;
use crate::mail::links::LinkSigner;
use crate::mail::tracking::Noted;
use crate::rulebook::Book;
use crate::settings::{ApiSettings, IngestSettings, ShopSettings};
use crate::store::Store;

pub use pages::{Pages, PagesError};

/// All that the handlers need, handed in by `app`.
pub struct WebState {
    /// Counters and customers are read from here.
    pub store: Store,
    /// Where accepted bodies go.
    pub ingest: Ingest,
    /// CRMs and shops by id.
    pub connections: Arc<BTreeMap<String, Connection>>,
    /// Providers that tell what became of letters.
    pub providers: Arc<providers::Providers>,
    /// The rulebook in force.
    pub book: Arc<ArcSwap<Book>>,
    /// Checks the links of letters.
    pub links: LinkSigner,
    /// What is noted of letters; another once the settings change.
    pub noted: Arc<ArcSwap<Noted>>,
    /// The header in which a reverse proxy tells who asked.
    pub address_header: Option<String>,
    /// The time.
    pub clock: Clock,
    /// The shop, as pages and amounts need it.
    pub shop: ShopSettings,
    /// Tokens of the events API.
    pub api: ApiSettings,
    /// Limits of what comes in.
    pub limits: IngestSettings,
    /// What `/metrics` shows.
    pub metrics: PrometheusHandle,
    /// Templates of the pages.
    pub pages: Pages,
}

type App = Arc<WebState>;

/// The whole server.
pub fn router(state: WebState) -> Router {
    let limit = DefaultBodyLimit::max(state.limits.max_body_bytes);
    let intake = Extension(intake::Intake::new(state.limits.max_body_bytes));
    let tokens = auth::Tokens::new(&state.api);
    let state: App = Arc::new(state);
    // Hooks stay outside the layer of page headers: they are the hot path and nobody renders their answers.
    let hooks = Router::new()
        .route("/hooks/{connection}/{secret}", get(hooks::take).post(hooks::take))
        .route("/hooks/mail/{provider}/{secret}", post(providers::take));
    let others = Router::new()
        .route("/api/v1/events", post(events::take).layer(Extension(tokens.clone())).fallback(events::only_post))
        .route("/api/v1/customers/{key}/explain", get(explain::tell).layer(Extension(tokens.clone())))
        .route("/api/v1/customers/{key}/consents", get(consents::tell).layer(Extension(tokens.clone())))
        .route("/api/v1/rules/{rule}/start", post(calls::start).layer(Extension(tokens)).fallback(calls::only_post))
        .route("/api/v1/maps/{map}", get(maps::figures))
        .route(
            "/u/{token}",
            get(unsubscribe::show).post(unsubscribe::act).layer(DefaultBodyLimit::max(unsubscribe::MAX_BODY)),
        )
        .route(
            "/p/{token}",
            get(preferences::show).post(preferences::act).layer(DefaultBodyLimit::max(preferences::MAX_BODY)),
        )
        .route("/d/{token}", get(confirm::show).post(confirm::act).layer(DefaultBodyLimit::max(unsubscribe::MAX_BODY)))
        .route("/c/{token}", get(track::click))
        .route("/o/{name}", get(track::open))
        .route("/", get(maps::home))
        .route("/maps", get(maps::index))
        .route("/maps/{map}", get(maps::show))
        .route("/assets/{name}", get(assets::serve))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .fallback(pages::not_found)
        .layer(map_response(headers::protect));
    hooks.merge(others).layer(limit).layer(intake).with_state(state)
}
