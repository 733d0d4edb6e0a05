//! The daemon and the simulator over the same log come to the same letters, on both engines.

use std::collections::{BTreeMap, HashSet};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use milepost::engine::backtest::backtest;
use milepost::journey::backtest::Window;
use milepost::journey::event::Event;
use milepost::journey::simulate::{Entry, Pools, Simulator, What};
use milepost::journey::time::Span;
use milepost::store::MessageState;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::Value;

use super::{START, books, daemon};
use crate::journey::properties::{books as rulebooks, logs};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, TOKEN, at};

both! {
    daemon_and_simulator_come_to_the_same_letters,
    daemon_and_simulator_come_to_the_same_letters_where_rules_wait_and_split,
    daemon_and_simulator_come_to_the_same_letters_where_dates_and_segments_begin_rules,
    daemon_and_simulator_come_to_the_same_letters_where_calls_begin_rules_and_webhooks_go_out,
}

/// How long the clock runs on after the last event.
const AFTERWARDS: Span = Span::days(4);
/// Just before a moment.
const MOMENT: i64 = 1;

async fn daemon_and_simulator_come_to_the_same_letters(place: &Place) {
    compare(place, &[]).await;
}

async fn daemon_and_simulator_come_to_the_same_letters_where_rules_wait_and_split(place: &Place) {
    compare(place, &["\"up_to\"", "\"split\""]).await;
}

async fn daemon_and_simulator_come_to_the_same_letters_where_dates_and_segments_begin_rules(place: &Place) {
    compare(place, &["\"date\"", "\"join\""]).await;
}

async fn daemon_and_simulator_come_to_the_same_letters_where_calls_begin_rules_and_webhooks_go_out(place: &Place) {
    compare(place, &["{\"call\"", "\"webhook\""]).await;
}

/// Tells one log to both, under one rulebook that has all of these in it.
async fn compare(place: &Place, with: &[&str]) {
    let mut runner = TestRunner::deterministic();
    // One that does something: what comes of nothing is the same everywhere.
    let busy = (0..3_000).find_map(|_| {
        let written = rulebooks::written().new_tree(&mut runner).ok()?.current();
        let text = written.files.values().map(|file| String::from_utf8_lossy(file)).collect::<String>();
        // Calls are for the first rule.
        let first = String::from_utf8_lossy(&written.files["shop/rule0.yaml"]).into_owned();
        if !with.iter().all(|part| if part.starts_with('{') { first.contains(part) } else { text.contains(part) }) {
            return None;
        }
        let log = logs::log(24).new_tree(&mut runner).ok()?.current();
        let said = logs::events(&log, at(START));
        let letters = simulated(&written, &said);
        let states = letters.values().map(|(state, _)| state).collect::<HashSet<_>>();
        (letters.len() > 8 && states.len() > 1 && written.cap.is_some()).then_some((written, log))
    });
    let (written, log) = busy.expect("a rulebook and a log that come to letters");
    let daemon = daemon(place, written.book()).await;
    for (moment, _, said) in logs::told(&log, at(START)) {
        // What is accepted at a moment has its say in the letters of that moment.
        daemon.until_moment(moment.before(Span::from_micros(MOMENT))).await;
        daemon.clock.set(moment);
        if said.get("call").is_some() {
            // Where nothing listens to calls, nothing is taken.
            calls(&daemon, &logs::call(&said)).await;
        } else {
            daemon.accept(said).await;
        }
        daemon.settle().await;
    }
    daemon.until_moment(daemon.clock.now().after(AFTERWARDS)).await;

    let live = on_record(&daemon).await;
    let said = heard(&daemon).await;
    assert_eq!(live, simulated(&written, &said), "left: the daemon, right: the simulator");
    books::check(&daemon).await;

    // A backtest of the rules in force over the stored events comes to the letters that really went out.
    let window = Window { known_until: at(START), from: at(START), until: daemon.clock.now() };
    let book = std::sync::Arc::new(written.book());
    let mut read = Vec::new();
    let found = backtest(&daemon.app.engine.store, window, &book, &book, |done, all| read.push((done, all)));
    let found = found.await.expect("reads");
    let sent = live.values().filter(|(state, _)| *state == "sent").count();
    assert_eq!(found.rules.iter().map(|rule| rule.present).sum::<u64>(), sent as u64);
    assert_eq!((found.more, found.fewer, found.other), (0, 0, 0));
    assert_eq!(read, [(said.len() as u64, said.len() as u64)]);
}

async fn calls(daemon: &Daemon, body: &Value) {
    let request = Request::post(format!("/api/v1/rules/{}/start", logs::CALLED))
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .expect("a request");
    let status = daemon.ask(request).await.status;
    assert!(matches!(status, StatusCode::ACCEPTED | StatusCode::CONFLICT), "{status}");
}

/// What became of each letter, by its id: its state and reason.
type Letters = BTreeMap<String, (&'static str, String)>;

async fn on_record(daemon: &Daemon) -> Letters {
    let rows = daemon.record().await.into_iter().filter_map(|row| {
        let state = match row.state {
            MessageState::Sent => "sent",
            MessageState::Withheld => "withheld",
            _ => return None,
        };
        Some((row.id, (state, format!("{} {}", row.letter, row.reason.unwrap_or_default()))))
    });
    rows.collect()
}

/// The events as the daemon applied them, with the ids that it gave to customers.
async fn heard(daemon: &Daemon) -> Vec<(String, Event)> {
    let store = &daemon.app.engine.store;
    let stored = store.events_after(0, 10_000).await.expect("reads");
    stored.into_iter().map(|(_, stored)| (stored.customer, stored.event)).collect()
}

fn simulated(written: &rulebooks::Written, said: &[(String, Event)]) -> Letters {
    let book = written.book();
    let mut world = Simulator::new(&book.rulebook, at(START), Pools::new(book.pools.clone()), HashSet::new());
    let mut record: Vec<Entry> = Vec::new();
    for (customer, event) in said {
        world.hear(customer, event, &mut record);
    }
    world.run_until(world.now().after(AFTERWARDS), &mut record);
    let letters = record.into_iter().filter_map(|entry| match entry.what {
        What::Sent(message) => Some((message.id, ("sent", format!("{} ", message.letter)))),
        What::Withheld { message, reason } => {
            Some((message.id, ("withheld", format!("{} {}", message.letter, reason.code()))))
        }
        _ => None,
    });
    letters.collect()
}
