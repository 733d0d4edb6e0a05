//! Batches that overlap: one is thought about while the one before it is written.

use std::time::Duration;

use milepost::journey::event::Key;
use milepost::mail::mailbox::{Action, Stage};
use milepost::store::{BodyFilter, BodyState};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{THANKS, books, daemon};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, book};

both! {
    whoever_is_met_in_several_batches_stays_one,
    a_body_that_cannot_be_applied_holds_up_none_behind_it,
}

/// Several batches of 128.
const EVENTS: usize = 900;
const PEOPLE: usize = 5;
/// From here on an event tells that an address and a number are one person's.
const LINKED: usize = 400;
const PATIENCE: Duration = Duration::from_mins(1);

/// An order of one of few people, named by number or by address in turn.
fn order(n: usize) -> Value {
    let (number, address) = (format!("p{}", n % PEOPLE), format!("p{}@mail.example", n % PEOPLE));
    let customer = match n {
        LINKED.. if n.is_multiple_of(7) => json!({"external_id": number, "email": address}),
        // A receipt goes to an address: only those with one get letters before they are linked.
        _ if (n / PEOPLE).is_multiple_of(2) => json!({"email": address}),
        _ => json!({"external_id": number}),
    };
    json!({"id": format!("e{n}"), "kind": "order.created", "customer": customer,
        "order": {"id": format!("o{n}"), "phase": "open", "total": "1.00"}})
}

async fn whoever_is_met_in_several_batches_stays_one(place: &Place) {
    let daemon = daemon(place, book(&[THANKS])).await;
    run_through(&daemon).await;

    let store = &daemon.app.engine.store;
    for person in 0..PEOPLE {
        let by_number = store.customer_by_key(&Key::external(format!("p{person}"))).await.expect("reads");
        let by_address = store.customer_by_key(&Key::email(&format!("p{person}@mail.example"))).await.expect("reads");
        let (by_number, by_address) = (by_number.expect("is known"), by_address.expect("is known"));
        assert_eq!(by_number.id, by_address.id, "one person");
        let orders = i64::try_from(EVENTS / PEOPLE).expect("few");
        assert_eq!(by_number.orders.count, orders, "each order counts once");
    }
    assert_eq!(books::everyone(store).await.len(), PEOPLE + 1);
    books::check(&daemon).await;
}

async fn a_body_that_cannot_be_applied_holds_up_none_behind_it(place: &Place) {
    let daemon = daemon(place, book(&[THANKS])).await;
    // The database takes no event of this name any more.
    for statement in [
        "INSERT INTO events (source, event, customer, occurred_at, doc) VALUES ('elsewhere', 'e7', 'nobody', 0, '{}')",
        "CREATE UNIQUE INDEX one_e7 ON events (event) WHERE event = 'e7'",
    ] {
        place.run(statement).await.expect("the statement runs");
    }
    run_through(&daemon).await;
    let filter = BodyFilter { state: Some(BodyState::Dead), limit: 10, ..BodyFilter::default() };
    let dead = daemon.app.engine.store.bodies(&filter).await.expect("reads");
    assert_eq!(dead.len(), 1, "{dead:?}");
    assert!(String::from_utf8_lossy(&dead[0].body).contains("\"e7\""), "{dead:?}");
}

/// Lets the daemon's loops run until the last of many orders is answered.
async fn run_through(daemon: &Daemon) {
    daemon.accept(json!((0..EVENTS).map(order).collect::<Vec<_>>())).await;
    let last = json!({"id": "last", "kind": "order.created", "customer": {"email": "last@mail.example"},
        "order": {"id": "last", "phase": "open", "total": "1.00"}});
    daemon.accept(last).await;
    let (seen, mut letters) = watch::channel(false);
    daemon.mailbox.follow(move |moment| {
        if moment.stage == Stage::Dot && moment.to.iter().any(|to| to.contains("last@")) {
            seen.send_replace(true);
        }
        Action::Go
    });
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    daemon.engine().start(&daemon.app.recorder, &stop, &tasks);
    tasks.close();
    let came = tokio::time::timeout(PATIENCE, letters.wait_for(|came| *came)).await;
    came.expect("the last order is answered when all before it are applied").expect("the mailbox lives");
    stop.cancel();
    tokio::time::timeout(PATIENCE, tasks.wait()).await.expect("it stops");
    daemon.settle().await;
}
