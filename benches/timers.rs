//! A million customers in the middle of a wait: what the daemon holds in memory for them, and how late a letter is whose
//! wait is over.
//!
//! `cargo bench --bench timers` fills a database, starts the real daemon on it and looks at the clock of the sink. What is
//! measured, and how to read it, stands in docs/benchmarks.md. Run without `--bench` it does nothing.
#![expect(
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a bench prints its figures, counts in small numbers and has nobody to recover for"
)]

#[path = "pipeline/daemon.rs"]
#[expect(dead_code, reason = "nothing is posted here, and nothing counted")]
mod daemon;
#[path = "pipeline/hooks.rs"]
#[expect(dead_code, reason = "only the addresses are of use here")]
mod hooks;
#[path = "pipeline/options.rs"]
mod options;
#[path = "pipeline/sinks.rs"]
#[expect(dead_code, reason = "only the sink that looks at the clock is of use here")]
mod sinks;

use std::time::{Duration, Instant};

use daemon::{Daemon, Folder};
use milepost::clock::Clock;
use milepost::journey::advance::{Input, advance};
use milepost::journey::customer::Customer;
use milepost::journey::event::{Event, Key, Profile};
use milepost::journey::time::{Span, Timestamp};
use milepost::rulebook::{Book, load};
use milepost::settings::load::Loaded;
use milepost::store::Store;
use options::Options;
use secrecy::ExposeSecret as _;
use sinks::TimingSink;

/// Documents of one transaction.
const BATCH: u64 = 5_000;
/// From when on waits end, after the database was filled: the daemon must be up by then.
const LEAD: Span = Span::seconds(20);
/// How far the ends of two waits are apart.
const APART_MICROS: i64 = 20_000;
/// A rule whose runs wait, and write when they have waited.
const RULE: &str = "rule: bench-wait\non: {event: bench.wait}\npurpose: transactional\nsteps:\n  - wait: 30d\n  - send: order-placed\n";

fn main() {
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let options = Options::from_arguments();
    let due = options.letters.min(1_000);
    let folder = Folder::make();
    folder.write("rules/pet-shop/bench-wait.yaml", RULE);
    let sink = TimingSink::start();
    daemon::settings(&options, &folder, sink.port(), daemon::free_address());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let began = Instant::now();
    let moments = runtime.block_on(fill(&folder, options.customers, due));
    println!(
        "{} customers in the middle of a wait, filled in {:.0} s",
        options.customers,
        began.elapsed().as_secs_f64()
    );
    let daemon = Daemon::start(&options, &folder, sink.port());
    let mut late = sink.latencies(&moments, options.customers - due);
    late.sort_unstable();
    let at = |percent: usize| late[(late.len() * percent / 100).min(late.len() - 1)].as_secs_f64() * 1_000.0;
    println!("{} waits ended: letters {:.1} ms late p50, {:.1} ms p99, {:.1} ms at most", due, at(50), at(99), at(100));
    println!("peak memory {:.0} MiB", daemon.peak_memory_mib());
    daemon.stop();
}

/// Customers whose waits end in a month, and so many whose waits end soon; tells of those when each does.
async fn fill(folder: &Folder, customers: u64, due: u64) -> Vec<(u64, Instant)> {
    let loaded = Loaded::read(&folder.path().join("config/milepost.toml"), &[]).expect("settings");
    let book = load(&folder.path().join("rules"), loaded.shop()).book.expect("a rulebook");
    let clock = Clock::system();
    let waiting = waiting(&book, clock.now());
    let store = Store::open(loaded.database_url().expose_secret()).await.expect("a database");
    let mut written = 0;
    while written < customers - due {
        let until = (written + BATCH).min(customers - due);
        save(&store, (written..until).map(|n| (n, None)), &waiting).await;
        written = until;
    }
    let first = clock.now().after(LEAD);
    let origin = Instant::now();
    let start = clock.now();
    let soon = |n: u64| first.after(Span::from_micros(APART_MICROS * i64::try_from(n).expect("a small number")));
    save(&store, (0..due).map(|n| (customers - due + n, Some(soon(n)))), &waiting).await;
    store.close().await;
    (0..due)
        .map(|n| {
            let wait = soon(n).since(start).micros();
            (customers - due + n, origin + Duration::from_micros(u64::try_from(wait).expect("a time to come")))
        })
        .collect()
}

async fn save(store: &Store, numbers: impl Iterator<Item = (u64, Option<Timestamp>)>, waiting: &Customer) {
    let documents: Vec<Customer> = numbers.map(|(n, ends)| numbered(waiting, n, ends)).collect();
    let all: Vec<&Customer> = documents.iter().collect();
    let mut tx = store.begin().await.expect("a transaction");
    tx.save_customers(&all).await.expect("saved");
    tx.commit().await.expect("committed");
}

/// A customer in the middle of the wait.
fn waiting(book: &Book, now: Timestamp) -> Customer {
    let attributes = serde_json::json!({"email": "c0@cats.example", "first_name": "Ann", "locale": "en"});
    let event = Event {
        source: "bench".into(),
        id: "wait".into(),
        kind: "bench.wait".into(),
        occurred_at: now,
        received_at: now,
        keys: vec![Key::source("bench", 1)],
        merged: Vec::new(),
        touchpoint: None,
        profile: Some(Profile {
            attributes: attributes.as_object().cloned().unwrap_or_default(),
            ..Profile::default()
        }),
        order: None,
        cart: None,
        data: serde_json::Map::new(),
    };
    let state = advance(&book.rulebook, Customer::new("c", now), &Input::Event(&event), now).state;
    assert!(state.enrollments.first().is_some_and(|run| run.wake_at.is_some()), "the customer waits");
    state
}

/// The same customer under another name, with another end of the wait.
fn numbered(waiting: &Customer, n: u64, ends: Option<Timestamp>) -> Customer {
    let mut customer = waiting.clone();
    customer.id = format!("0197aaaa-0000-7000-8000-{n:012}");
    if let Some(email) = customer.attributes.get_mut("email") {
        email.value = format!("c{n}@cats.example").into();
    }
    for run in &mut customer.enrollments {
        run.id = format!("0197bbbb-0000-7000-8000-{n:012}");
        if ends.is_some() {
            run.wake_at = ends;
        }
    }
    customer
}
