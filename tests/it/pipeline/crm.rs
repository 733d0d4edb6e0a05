//! A RetailCRM that says everything twice: by hook and in its histories.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use milepost::demo::shop::{API_KEY, HookCall, Shop, ShopOptions};
use milepost::journey::customer::Customer;
use milepost::journey::time::{Span, Timestamp};
use milepost::settings::Settings;

use super::{SECRET, START, THANKS, WELCOME, books, connect, daemon_with};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, at, book};

both! {
    hook_and_history_tell_it_once,
    history_alone_tells_the_same,
    a_crm_that_is_down_for_half_a_day_is_caught_up_with,
}

/// A simulated shop behind HTTP that can be switched off.
struct Crm {
    shop: Shop,
    url: String,
    down: Arc<AtomicBool>,
}

impl Crm {
    async fn start(seed: u64) -> Self {
        let options = ShopOptions {
            customers_per_day: 12,
            customers_before: 5,
            limited_every: 0,
            ..ShopOptions::new(seed, at(START), chrono_tz::UTC)
        };
        let shop = Shop::with(options);
        let down = Arc::new(AtomicBool::new(false));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = shop.router().layer(from_fn_with_state(Arc::clone(&down), gate));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { shop, url, down }
    }

    fn settings(&self) -> impl FnOnce(&mut Settings) {
        let url = self.url.clone();
        move |settings| {
            connect(settings, Some(&url));
            settings.connections.get_mut("crm").expect("is there").api_key = Some(API_KEY.into());
        }
    }

    /// Lives until a moment; the daemon hears hooks if `hooks`, and polls every quarter of an hour if `polls`.
    async fn live(&self, daemon: &Daemon, end: Timestamp, hooks: bool, polls: bool) {
        let mut poll_at = daemon.clock.now();
        loop {
            let now = self.shop.next_at().min(poll_at);
            if now > end {
                break;
            }
            daemon.until_moment(now).await;
            for call in self.shop.step(now) {
                if hooks {
                    assert_eq!(post(daemon, call).await, StatusCode::ACCEPTED);
                }
            }
            if now == poll_at {
                poll_at = now.after(Span::seconds(900));
                if polls {
                    daemon.app.run_dry(true).await.expect("runs dry");
                }
            }
        }
        daemon.until_moment(end).await;
    }
}

async fn gate(State(down): State<Arc<AtomicBool>>, request: Request, next: Next) -> Response {
    if down.load(Ordering::SeqCst) {
        return (StatusCode::BAD_GATEWAY, "<html>maintenance</html>").into_response();
    }
    next.run(request).await
}

async fn post(daemon: &Daemon, call: HookCall) -> StatusCode {
    let mark = if call.query.is_empty() { "" } else { "?" };
    let mut request = Request::builder().method(call.method).uri(format!("/hooks/crm/{SECRET}{mark}{}", call.query));
    if let Some(kind) = call.content_type {
        request = request.header("content-type", kind);
    }
    daemon.ask(request.body(Body::from(call.body)).expect("a request")).await.status
}

/// What is known of each customer, by the CRM's number; without what depends on when it was heard.
async fn known(daemon: &Daemon) -> BTreeMap<String, (i64, i64, i64, i64, Option<bool>, bool)> {
    let essence = |customer: &Customer| {
        let orders = &customer.orders;
        let agreed = customer.consents.get("marketing").map(|said| said.granted);
        (
            orders.count,
            orders.cancelled_count,
            orders.paid_count,
            orders.completed_count,
            agreed,
            customer.deleted_at.is_some(),
        )
    };
    let everyone = books::everyone(&daemon.app.engine.store).await;
    let named = |customer: &Customer| {
        let mut numbers: Vec<&str> =
            customer.keys.iter().filter(|key| key.kind == "id:crm").map(|key| key.value.as_str()).collect();
        numbers.sort_unstable();
        numbers.join("+")
    };
    everyone.iter().map(|customer| (named(customer), essence(customer))).collect()
}

/// Every event was applied once, every order is known, nobody was welcomed twice.
async fn told_once(daemon: &Daemon, crm: &Crm) {
    let store = &daemon.app.engine.store;
    let (mut events, mut orders) = (BTreeSet::new(), 0);
    for customer in books::everyone(store).await {
        orders += customer.orders.count + customer.orders.cancelled_count;
        for stored in store.events_of(&customer.id, 100_000).await.expect("reads") {
            let key = (stored.event.source, stored.event.id);
            assert!(events.insert(key.clone()), "{key:?} was applied twice");
        }
    }
    assert_eq!(orders, i64::try_from(crm.shop.figures().orders).expect("few"));
    let subjects = daemon.subjects();
    let mut addresses = BTreeSet::new();
    for letter in daemon.mailbox.letters().iter().zip(&subjects).filter(|(_, subject)| subject.starts_with("welcome")) {
        assert!(addresses.insert(letter.0.to.clone()), "{:?} was welcomed twice", letter.0.to);
    }
    let thanks = subjects.iter().filter(|subject| subject.starts_with("thanks")).count();
    assert!(thanks <= crm.shop.figures().orders && thanks > 0 && !addresses.is_empty(), "{subjects:?}");
    let counts = store.count_bodies().await.expect("counts");
    assert_eq!((counts.pending, counts.waiting, counts.dead), (0, 0, 0));
    books::check(daemon).await;
}

async fn hook_and_history_tell_it_once(place: &Place) {
    let crm = Crm::start(11).await;
    let daemon = daemon_with(place, book(&[WELCOME, THANKS]), crm.settings()).await;
    crm.live(&daemon, at("2026-03-11T21:00:00Z"), true, true).await;
    daemon.app.run_dry(true).await.expect("runs dry");
    told_once(&daemon, &crm).await;
}

async fn history_alone_tells_the_same(place: &Place) {
    let (both, alone) = (Crm::start(12).await, Crm::start(12).await);
    let end = at("2026-03-11T21:00:00Z");
    let first = daemon_with(place, book(&[WELCOME, THANKS]), both.settings()).await;
    both.live(&first, end, true, true).await;
    first.app.run_dry(true).await.expect("runs dry");
    let by_both = known(&first).await;
    let elsewhere = place.empty().await;
    let second = Daemon::start_with(&elsewhere, book(&[WELCOME, THANKS]), at(START), alone.settings()).await;
    alone.live(&second, end, false, true).await;
    second.app.run_dry(true).await.expect("runs dry");
    told_once(&second, &alone).await;
    assert_eq!(known(&second).await, by_both);
}

async fn a_crm_that_is_down_for_half_a_day_is_caught_up_with(place: &Place) {
    let crm = Crm::start(13).await;
    let daemon = daemon_with(place, book(&[WELCOME, THANKS]), crm.settings()).await;
    crm.live(&daemon, at("2026-03-10T15:00:00Z"), true, true).await;
    crm.down.store(true, Ordering::SeqCst);
    crm.live(&daemon, at("2026-03-11T03:00:00Z"), true, true).await;
    assert!(daemon.app.engine.store.count_bodies().await.expect("counts").waiting > 0, "hooks of ids wait");
    crm.down.store(false, Ordering::SeqCst);
    crm.live(&daemon, at("2026-03-11T15:00:00Z"), true, true).await;
    // What waited for the CRM is read when its turn comes.
    daemon.clock.set(at("2026-03-12T03:00:00Z"));
    daemon.app.run_dry(true).await.expect("runs dry");
    told_once(&daemon, &crm).await;
}
