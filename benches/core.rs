//! What one decision costs: `advance` for an event that touches no rule, one and three; conditions; a customer's document.
//!
//! `cargo bench --bench core`. The figures and how to read them stand in docs/benchmarks.md. Run without `--bench` (as
//! `cargo test --all-targets` does) it does nothing.
#![expect(clippy::expect_used, reason = "a bench has nobody to recover for")]

use std::hint::black_box;
use std::time::Duration;

use chrono_tz::Tz;
use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput};
use milepost::journey::advance::{Input, advance};
use milepost::journey::book::Shop;
use milepost::journey::condition::{Condition, Facts};
use milepost::journey::customer::Customer;
use milepost::journey::event::{Event, Item, Key, Order, Phase, Profile, kind};
use milepost::journey::facts::{Scope, view};
use milepost::journey::money::Money;
use milepost::journey::time::{Span, Timestamp};
use milepost::rulebook::{Book, Files, load_files, starters};
use milepost::store::Store;
use serde_json::json;

/// Orders that the customer of the bench has behind it.
const ORDERS: i64 = 5;
/// Rules of a large shop.
const MANY: usize = 200;
/// Customers that are loaded and saved at once, as the processor does.
const BATCH: usize = 256;

fn main() {
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let mut criterion = Criterion::default()
        .measurement_time(Duration::from_secs(3))
        .warm_up_time(Duration::from_secs(1))
        .configure_from_args();
    decisions(&mut criterion);
    among_many(&mut criterion);
    conditions(&mut criterion);
    documents(&mut criterion);
    criterion.final_summary();
}

/// An order of a known customer on the starter's map (five stages, four rules of its own that it does not start).
fn decisions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("advance");
    group.throughput(Throughput::Elements(1));
    for (name, rules) in [("no rule", 0), ("one rule", 1), ("three rules", 3)] {
        let book = book(rules);
        let state = customer(&book);
        let event = order_created(ORDERS);
        decision(&mut group, name, (&book, &state), &event, rules);
    }
    group.finish();
}

/// The same among 200 rules of all kinds: an event that nobody listens to, what changes facts and starts no rule, and an order
/// that starts three.
fn among_many(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("advance among 200 rules");
    group.throughput(Throughput::Elements(1));
    let book = book_among(3, MANY);
    assert_eq!(book.rulebook.rules.len(), MANY);
    let mut state = customer(&book);
    let seen = |number: i64| Event {
        id: format!("seen/{number}"),
        kind: "page.seen".into(),
        profile: None,
        order: None,
        ..order_created(number)
    };
    for number in 0..2 {
        state = advance(&book.rulebook, state, &Input::Event(&seen(ORDERS + number)), state_time(number)).state;
    }
    let order = order_created(ORDERS + 3);
    let mut moved = seen(ORDERS + 2);
    moved.profile = order.profile.clone().map(|mut profile| {
        profile.attributes.insert("phone".into(), json!("+49 30 1234"));
        profile
    });
    let mut status = order.clone();
    status.order = order.order.clone().map(|order| Order {
        id: "0".into(),
        status: Some("packed".into()),
        created_at: Some(order_created(0).occurred_at),
        ..order
    });
    status.kind = kind::ORDER_STATUS.into();
    let cases =
        [("no rule", seen(ORDERS + 2)), ("a telephone number", moved), ("a status", status), ("three rules", order)];
    for (name, event) in cases {
        decision(&mut group, name, (&book, &state), &event, if name == "three rules" { 3 } else { 0 });
    }
    group.finish();
}

/// What an event of a customer costs that starts so many rules.
fn decision(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    (book, state): (&Book, &Customer),
    event: &Event,
    starts: usize,
) {
    let decide = |state| advance(&book.rulebook, state, &Input::Event(event), event.received_at);
    assert_eq!(decide(state.clone()).state.pending.len(), starts, "{name}");
    group.bench_function(name, |bencher| bencher.iter_batched(|| state.clone(), decide, BatchSize::SmallInput));
}

fn state_time(number: i64) -> Timestamp {
    order_created(ORDERS + number).received_at
}

fn conditions(criterion: &mut Criterion) {
    let book = book(0);
    let customer = customer(&book);
    let event = view::event(&order_created(ORDERS));
    let facts = Facts::new(&customer, Some(&event), customer.now, Tz::UTC);
    let scope = Scope { event: true, ..Scope::default() };
    let mut group = criterion.benchmark_group("condition");
    group.throughput(Throughput::Elements(1));
    for (name, text) in [
        ("constant", "true"),
        ("comparison", "orders.count >= 3"),
        ("text", "customer.city == 'Berlin'"),
        ("list", "cart.items.size() > 0"),
        ("age", "older_than(orders.last_at, '14d')"),
        ("event", "event.order.total > 100"),
        (
            "four parts",
            "orders.count >= 3 && customer.city == 'Berlin' && cart.items.size() == 0 && orders.open_count > 0",
        ),
    ] {
        let condition = Condition::compile(text, &scope).expect("a sound condition");
        group.bench_function(name, |bencher| bencher.iter(|| black_box(&condition).evaluate(black_box(facts))));
    }
    group.finish();
}

/// A customer's document: to text and back, and the same through SQLite for a batch of them.
fn documents(criterion: &mut Criterion) {
    let book = book(1);
    let customer = customer(&book);
    let text = serde_json::to_string(&customer).expect("a document");
    let mut group = criterion.benchmark_group("document");
    group.throughput(Throughput::Elements(1));
    group.bench_function("read", |bencher| {
        bencher.iter(|| serde_json::from_str::<Customer>(black_box(&text)).expect("a document"));
    });
    group.bench_function("write", |bencher| {
        bencher.iter(|| serde_json::to_string(black_box(&customer)).expect("a document"));
    });

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let store = runtime.block_on(Store::open("sqlite::memory:")).expect("a database");
    let many: Vec<Customer> =
        (0..BATCH).map(|n| Customer { id: format!("customer-{n:05}"), ..customer.clone() }).collect();
    let all: Vec<&Customer> = many.iter().collect();
    let ids: Vec<String> = many.iter().map(|customer| customer.id.clone()).collect();
    let save = async || {
        let mut tx = store.begin().await.expect("a transaction");
        tx.save_customers(&all).await.expect("saved");
        tx.commit().await.expect("committed");
    };
    let load = async || {
        let mut tx = store.begin().await.expect("a transaction");
        assert_eq!(tx.load_customers(&ids).await.expect("loaded").len(), BATCH);
    };
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("save 256", |bencher| bencher.iter(|| runtime.block_on(save())));
    group.bench_function("load 256", |bencher| bencher.iter(|| runtime.block_on(load())));
    group.finish();
}

/// The starter, with so many rules more that answer an order.
fn book(rules: usize) -> Book {
    load(&files(rules))
}

/// The same among others, `all` in all, that begin and end by other happenings.
fn book_among(rules: usize, all: usize) -> Book {
    let mut files = files(rules);
    let own = load(&files).rulebook.rules.len();
    for number in 0..all - own {
        let on = match number % 6 {
            0 => format!("{{event: shop.kind-{number}}}"),
            1 => format!("{{enter: {}}}", ["search", "alternatives", "purchase", "experience"][number % 4]),
            2 => format!("{{event: cart.updated}}\nwhen: cart.total > {number}"),
            3 => "{date: customer.birthday, yearly: true}".to_owned(),
            4 => format!("{{becomes: \"customer.city == 'town {number}'\"}}"),
            _ => format!("{{cron: '{} 10 * * *'}}", number % 60),
        };
        let rule = format!(
            "rule: other-{number}\non: {on}\nexit_on: [shop.end-{number}]\nreenter: always\nsteps: [{{wait: 1h}}]\n"
        );
        files.insert(format!("pet-shop/other-{number}.yaml"), rule.into_bytes());
    }
    load(&files)
}

fn files(rules: usize) -> Files {
    let mut files: Files =
        starters()[0].files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    files.insert("pet-shop/templates/order-placed.txt".into(), include_bytes!("shop/order-placed.txt").to_vec());
    let rule = include_str!("shop/order-placed.yaml");
    for number in 0..rules {
        let name = format!("order-placed-{number}");
        let text = rule.replace("rule: order-placed", &format!("rule: {name}\nwhen: \"orders.count > 0\""));
        files.insert(format!("pet-shop/{name}.yaml"), text.into_bytes());
    }
    files
}

fn load(files: &Files) -> Book {
    let loaded = load_files(files, Shop::default());
    loaded.book.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))
}

/// A customer with a profile and some orders.
fn customer(book: &Book) -> Customer {
    let mut state = Customer::new("0197aaaa-0000-7000-8000-000000000001", start());
    for number in 0..ORDERS {
        let event = order_created(number);
        // Old news, so that no rule starts.
        let later = event.received_at.after(Span::days(3));
        state = advance(&book.rulebook, state, &Input::Event(&event), later).state;
    }
    state
}

fn order_created(number: i64) -> Event {
    let at = start().after(Span::days(30 * number));
    let item = |id: &str, name: &str, price: i64| Item {
        id: Some(id.into()),
        name: name.into(),
        quantity: 1.0,
        price: Some(Money::new(price, "EUR".to_owned())),
        link: Some(format!("https://shop.example/{id}")),
        image: None,
    };
    let attributes =
        json!({"email": "ann@cats.example", "first_name": "Ann", "city": "Berlin", "locale": "en", "site": "pets"});
    Event {
        source: "shop".into(),
        id: format!("order/{number}/created"),
        kind: kind::ORDER_CREATED.into(),
        occurred_at: at,
        received_at: at,
        keys: vec![Key::source("shop", 1), Key::external("shop-1"), Key::email("ann@cats.example")],
        merged: Vec::new(),
        touchpoint: Some("site".into()),
        profile: Some(Profile {
            attributes: attributes.as_object().cloned().unwrap_or_default(),
            ..Profile::default()
        }),
        order: Some(Order {
            id: number.to_string(),
            number: Some(format!("{number}C")),
            status: Some("new".into()),
            phase: Some(Phase::Open),
            created_at: Some(at),
            total: Some(Money::new(13_480, "EUR".to_owned())),
            paid: None,
            items: Some(vec![item("feeder-4", "Feeder Four Meals", 9_990), item("bowl-s", "Steel bowl", 1_500)]),
            promo_code: None,
        }),
        cart: None,
        data: serde_json::Map::new(),
    }
}

/// 2026-01-01T00:00:00Z.
fn start() -> Timestamp {
    Timestamp::from_micros(1_767_225_600_000_000)
}
