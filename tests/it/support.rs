//! What several behaviours share: rulebooks from text, events, and a whole daemon on a clock that is moved by hand.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use milepost::app::App;
use milepost::clock::Clock;
use milepost::journey::book::{Rulebook, Shop};
use milepost::journey::customer::Customer;
use milepost::journey::event::{Cart, Event, Item, Key, Order, Phase, Profile};
use milepost::journey::money::Money;
use milepost::journey::time::{Span, Timestamp};
use milepost::mail::Mailbox;
use milepost::rulebook::{Book, Files, load_files, render};
use milepost::settings::{ApplyRules, RelaySecurity, RelaySettings, Settings};
use milepost::store::{MessageFilter, MessageRow, Store};
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// The token that test daemons take.
pub const TOKEN: &str = "a-token-of-the-tests";

/// A moment.
pub fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).expect("a moment in RFC 3339")
}

/// A span.
pub fn span(text: &str) -> Span {
    text.parse().expect("a span")
}

/// A map of three stages that most tests do with.
pub const MAP: &str = "
map: shop
stages:
  - {id: known, enter: 'true'}
  - {id: cart, enter: 'cart.items.size() > 0'}
  - {id: buyer, enter: 'orders.count > 0 && cart.items.size() == 0'}
";

/// A rulebook of [`MAP`] and rules; every letter they could send exists.
pub fn book(rules: &[&str]) -> Book {
    book_with(MAP, rules, Shop::default())
}

/// A rulebook of a map and rules; every letter they could send exists.
pub fn book_with(map: &str, rules: &[&str], shop: Shop) -> Book {
    loaded(&files(map, rules), shop)
}

/// The same with further files.
pub fn book_beside(map: &str, rules: &[&str], more: &[(&str, &str)], shop: Shop) -> Book {
    let mut files = files(map, rules);
    files.extend(more.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())));
    loaded(&files, shop)
}

/// The files of a map and rules, with every letter they could send and a pool of two codes.
pub fn files(map: &str, rules: &[&str]) -> Files {
    let mut files = Files::new();
    files.insert("shop/map.yaml".into(), map.into());
    for (n, rule) in rules.iter().enumerate() {
        files.insert(format!("shop/rule{n}.yaml"), rule.as_bytes().to_vec());
        for letter in rule
            .split("send: ")
            .skip(1)
            .chain(rule.split("letter: ").skip(1))
            .filter_map(|rest| rest.split(|c: char| !(c.is_alphanumeric() || c == '-')).next())
            .filter(|letter| !letter.is_empty())
        {
            let text = format!(
                "Subject: {letter} for {{{{ customer.first_name }}}}\n\nHello {{{{ customer.first_name }}}}!\n\n{{{{ unsubscribe_url }}}}\n"
            );
            files.insert(format!("shop/templates/{letter}.txt"), text.into());
        }
    }
    files.insert("shop/promo/codes.csv".into(), "code\nAAA-1\nAAA-2\n".into());
    files
}

/// A rulebook of [`MAP`] and these files.
pub fn book_of(files: &[(&str, &str)]) -> Book {
    book_in(Shop::default(), files)
}

/// The same, for a shop.
pub fn book_in(shop: Shop, files: &[(&str, &str)]) -> Book {
    let with_map = [("shop/map.yaml", MAP)].iter().chain(files);
    let files = with_map.map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    loaded(&files, shop)
}

fn loaded(files: &Files, shop: Shop) -> Book {
    let loaded = load_files(files, shop);
    loaded.book.unwrap_or_else(|| panic!("{}", render(&loaded.diagnostics, false)))
}

/// The rules alone.
pub fn rulebook(rules: &[&str]) -> Rulebook {
    book(rules).rulebook
}

/// An event of customer 7 of the shop.
pub fn event(kind: &str, when: Timestamp) -> Event {
    Event {
        source: "shop".into(),
        id: format!("{kind}@{when}"),
        kind: kind.into(),
        occurred_at: when,
        received_at: when,
        keys: vec![Key::source("shop", 7)],
        merged: Vec::new(),
        touchpoint: None,
        profile: None,
        order: None,
        cart: None,
        data: serde_json::Map::default(),
    }
}

/// A customer who agreed to marketing comes to be known.
pub fn arrival(when: Timestamp) -> Event {
    let attributes = json!({"email": "anna@mail.example", "first_name": "Anna"});
    Event {
        profile: Some(Profile {
            attributes: attributes.as_object().cloned().unwrap_or_default(),
            consents: BTreeMap::from([("marketing".to_owned(), true)]),
            ..Profile::default()
        }),
        ..event("customer.created", when)
    }
}

/// A cart with one feeder of this price in cents.
pub fn cart(when: Timestamp, cents: i64) -> Event {
    let price = Money::new(cents, "EUR");
    let item = Item { name: "Feeder".into(), quantity: 1.0, price: Some(price.clone()), ..Item::default() };
    Event { cart: Some(Cart { items: vec![item], total: Some(price), link: None }), ..event("cart.updated", when) }
}

/// An order.
pub fn order(kind: &str, when: Timestamp, id: &str, phase: Phase, cents: i64) -> Event {
    let order = Order {
        id: id.into(),
        number: None,
        status: Some(format!("{phase:?}").to_lowercase()),
        phase: Some(phase),
        created_at: Some(when),
        total: Some(Money::new(cents, "EUR")),
        paid: None,
        items: None,
        promo_code: None,
    };
    Event { order: Some(order), id: format!("{kind}/{id}@{when}"), ..event(kind, when) }
}

/// A whole daemon whose clock is moved by hand, with a mailbox that speaks SMTP.
pub struct Daemon {
    /// The daemon.
    pub app: App,
    /// Its clock.
    pub clock: Clock,
    /// Where its letters arrive.
    pub mailbox: Mailbox,
}

impl Daemon {
    /// A daemon over a database with these rules, at this moment.
    pub async fn start(database: &str, book: Book, now: Timestamp) -> Self {
        Self::start_with(database, book, now, |_| {}).await
    }

    /// The same, with settings of its own.
    pub async fn start_with(database: &str, book: Book, now: Timestamp, change: impl FnOnce(&mut Settings)) -> Self {
        let mailbox = Mailbox::start(([127, 0, 0, 1], 0).into()).await.expect("a mailbox");
        Self::start_at(mailbox, database, book, now, change).await
    }

    /// The same, with a mailbox that is there already: a daemon that comes back after its end.
    pub async fn start_at(
        mailbox: Mailbox,
        database: &str,
        book: Book,
        now: Timestamp,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut settings = Settings::default();
        // A daemon that starts again works with the rules it is given.
        settings.rules.apply = ApplyRules::Auto;
        settings.mail.from = "Shop <hello@shop.example>".into();
        settings.server.public_url = Some("https://post.shop.example".into());
        let relay = RelaySettings {
            host: mailbox.address().ip().to_string(),
            port: Some(mailbox.address().port()),
            security: RelaySecurity::None,
            connections: 4,
            timeout_seconds: 5,
            ..RelaySettings::default()
        };
        settings.mail.relays.insert("test".into(), relay);
        settings.api.tokens.insert("test".into(), TOKEN.into());
        change(&mut settings);
        let clock = Clock::manual(now);
        let app = Box::pin(App::build(&settings, book, database, clock.clone())).await.expect("a daemon");
        Self { app, clock, mailbox }
    }

    /// Does all that is to be done now.
    pub async fn settle(&self) {
        self.app.run_dry(false).await.expect("runs dry");
    }

    /// Moves the clock, stopping at every moment at which something falls due on the way.
    pub async fn until(&self, moment: &str) {
        self.until_moment(at(moment)).await;
    }

    /// The same for a moment at hand.
    pub async fn until_moment(&self, end: Timestamp) {
        loop {
            self.settle().await;
            let engine = &self.app.engine;
            let next = [
                engine.store.next_due().await.expect("reads"),
                engine.store.next_send_at().await.expect("reads"),
                engine.next_firing().await.expect("reads"),
                engine.next_errand_at().await.expect("reads"),
                engine.store.next_returned_at(false).await.expect("reads"),
                engine.store.next_returned_at(true).await.expect("reads"),
            ];
            match next.into_iter().flatten().filter(|next| *next > self.clock.now() && *next <= end).min() {
                Some(next) => self.clock.set(next),
                None => break,
            }
        }
        self.clock.set(end);
        self.settle().await;
    }

    /// Says something through the events API.
    pub async fn say(&self, events: Value) -> (StatusCode, Value) {
        let request = Request::post("/api/v1/events")
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("content-type", "application/json")
            .body(Body::from(events.to_string()))
            .expect("a request");
        let answer = self.ask(request).await;
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
    }

    /// Says events that must be accepted.
    pub async fn accept(&self, events: Value) {
        let (status, said) = self.say(events).await;
        assert_eq!((status, &said["refused"]), (StatusCode::ACCEPTED, &json!(0)), "{said}");
    }

    /// Asks the daemon's HTTP side.
    pub async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.app.router().oneshot(request).await.expect("an answer");
        let (head, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.expect("a body").to_vec();
        Answer { status: head.status, headers: head.headers, body }
    }

    /// Puts another rulebook in force, as a reload does.
    pub async fn swap(&self, book: Book) {
        self.app.engine.put_in_force(book).await.expect("comes into force");
    }

    /// The customer whom the events API knows by this id.
    pub async fn customer(&self, id: &str) -> Customer {
        self.app.engine.store.customer_by_key(&Key::source("api", id)).await.expect("reads").expect("a known customer")
    }

    /// Every letter on record, oldest first.
    pub async fn record(&self) -> Vec<MessageRow> {
        record(&self.app.engine.store).await
    }

    /// The subjects of what arrived, in order.
    pub fn subjects(&self) -> Vec<String> {
        self.mailbox.letters().iter().map(|letter| header(&letter.bytes, "Subject")).collect()
    }

    /// The daemon's loops' shared parts.
    pub fn engine(&self) -> Arc<milepost::engine::Engine> {
        Arc::clone(&self.app.engine)
    }
}

/// What the daemon's HTTP side said.
#[derive(Debug)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Vec<u8>,
}

/// A customer of the events API who agreed to marketing: for the `customer` of an event.
pub fn person(id: &str) -> Value {
    json!({"id": id, "email": format!("{id}@mail.example"), "first_name": id, "consent": {"marketing": true}})
}

/// Every letter on record, oldest first.
pub async fn record(store: &Store) -> Vec<MessageRow> {
    let mut rows = store.messages(&MessageFilter { limit: 100_000, ..MessageFilter::default() }).await.expect("reads");
    rows.sort_by(|a, b| (a.due_at, &a.id).cmp(&(b.due_at, &b.id)));
    rows
}

/// A header of a letter's source.
pub fn header(source: &[u8], name: &str) -> String {
    let text = String::from_utf8_lossy(source);
    let start = format!("{}:", name.to_lowercase());
    text.lines()
        .take_while(|line| !line.is_empty())
        .find(|line| line.to_lowercase().starts_with(&start))
        .map(|line| line[start.len()..].trim().to_owned())
        .unwrap_or_default()
}

/// The sources of the tests below a folder, as one text.
pub fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            text.push_str(&sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(path).expect("a source"));
        }
    }
    text
}
