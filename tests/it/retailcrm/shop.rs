//! The simulated shop against our own client: two weeks by hook and by polling tell the same story.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use chrono_tz::Tz;
use milepost::crm::{Connection, Parsed, Raw, References, Via};
use milepost::demo::shop::{API_KEY, HookCall, Reaction, Shop, ShopOptions};
use milepost::journey::event::{Event, Phase};
use milepost::journey::time::{Span, Timestamp};

use super::{at, http, settings};

const START: &str = "2026-03-20T06:00:00Z";

fn shop(seed: u64) -> Shop {
    Shop::new(seed, at(START), chrono_tz::Europe::Moscow)
}

fn run(shop: &Shop, days: i64) -> Vec<(Timestamp, HookCall)> {
    let end = at(START).after(Span::days(days));
    let mut calls = Vec::new();
    while shop.next_at() <= end {
        let now = shop.next_at();
        calls.extend(shop.step(now).into_iter().map(|call| (now, call)));
    }
    calls
}

fn read(
    connection: &Connection,
    refs: &References,
    channel: Via,
    call: (&str, &str, &[u8]),
    received_at: Timestamp,
) -> Parsed {
    let (content_type, query, body) = call;
    connection.parse(&Raw { channel, content_type, query, body, received_at }, refs).expect("is read")
}

async fn serve(shop: &Shop) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = shop.router();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

fn reader(url: &str) -> Connection {
    let mut settings = settings(Some(url), "history = \"all\"\npromo_field = \"promo\"");
    settings.api_key = Some(API_KEY.into());
    Connection::build("crm", &settings, Tz::UTC, "EUR", http())
        .expect("a connection")
        .with_requests_per_second(NonZeroU32::new(5_000).expect("not zero"))
}

async fn poll_all(
    connection: &Connection,
    refs: &References,
    known: &mut BTreeMap<String, String>,
    now: Timestamp,
) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        let page = connection.poll(known).await.expect("a page");
        for body in &page.bodies {
            if let Parsed::Events(found) = read(connection, refs, Via::Poll, ("", "", body), now) {
                events.extend(found);
            }
        }
        *known = page.cursors;
        if !page.more {
            return events;
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_shop() {
    let (one, two, three) = (shop(7), shop(7), shop(8));
    let calls = run(&one, 5);
    assert_eq!(calls, run(&two, 5));
    assert_ne!(calls, run(&three, 5));
    assert_eq!(one.figures(), two.figures());
}

#[test]
fn two_weeks_hold_what_a_demonstration_needs() {
    let shop = shop(1);
    let calls = run(&shop, 14);
    let figures = shop.figures();
    assert!((400..1_100).contains(&figures.customers), "{figures:?}");
    assert!(figures.orders > 150 && figures.cancelled > 10, "{figures:?}");
    assert_eq!(figures.hooks, calls.len());
    let forms: BTreeSet<_> = calls.iter().map(|(_, call)| (call.method, call.content_type)).collect();
    assert_eq!(forms.len(), 3, "query, form and JSON: {forms:?}");
    let distinct: BTreeSet<_> = calls.iter().map(|(_, call)| &call.body).collect();
    assert!(distinct.len() < calls.len(), "some are posted twice");
}

#[test]
fn letters_bring_customers_back() {
    let shop = shop(3);
    let calls = run(&shop, 3);
    let emails: BTreeSet<String> = calls
        .iter()
        .filter_map(|(_, call)| serde_json::from_slice::<serde_json::Value>(&call.body).ok())
        .filter_map(|body| Some(body.pointer("/customer/email")?.as_str()?.to_owned()))
        .collect();
    assert!(emails.len() > 20);
    let now = at(START).after(Span::days(3));
    let reactions: Vec<_> =
        emails.iter().map(|email| shop.letter_arrived(email, "Your cart", Some("SPRING"), now)).collect();
    assert!(reactions.contains(&Reaction::Orders), "{reactions:?}");
    assert_eq!(shop.letter_arrived("nobody@mail.example", "x", None, now), Reaction::Nothing);
    let before = shop.figures().with_promo;
    run(&shop, 5);
    assert!(shop.figures().with_promo > before);
}

#[tokio::test]
async fn hooks_and_polling_tell_the_same_story() {
    let shop =
        Shop::with(ShopOptions { customers_per_day: 20, ..ShopOptions::new(5, at(START), chrono_tz::Europe::Moscow) });
    let url = serve(&shop).await;
    let connection = reader(&url);
    let refs = connection.references().await.expect("references");
    assert_eq!(refs.statuses.get("no-call").map(String::as_str), Some("cancel"));
    assert!(connection.check(false).await.expect("verdicts").iter().all(|verdict| verdict.ok));

    let (mut by_hook, mut by_poll) = (Vec::new(), Vec::new());
    let mut known = BTreeMap::new();
    let end = at(START).after(Span::days(6));
    let mut poll_at = at(START);
    while shop.next_at() <= end {
        let now = shop.next_at();
        for call in shop.step(now) {
            let parts = (call.content_type.unwrap_or_default(), call.query.as_str(), call.body.as_slice());
            match read(&connection, &refs, Via::Hook, parts, now) {
                Parsed::Events(found) => by_hook.extend(found),
                Parsed::Fetch(wanted) => {
                    let body = connection.fetch(&wanted).await.expect("a body");
                    if let Parsed::Events(found) = read(&connection, &refs, Via::Read, ("", "", &body), now) {
                        by_hook.extend(found);
                    }
                }
                Parsed::Ignored(reason) => panic!("{reason}"),
            }
        }
        if now >= poll_at {
            by_poll.extend(poll_all(&connection, &refs, &mut known, now).await);
            poll_at = now.after(Span::seconds(900));
        }
    }
    by_poll.extend(poll_all(&connection, &refs, &mut known, end).await);

    let polled: BTreeSet<&str> = by_poll.iter().map(|event| event.id.as_str()).collect();
    let kinds: BTreeSet<&str> = by_poll.iter().map(|event| event.kind.as_str()).collect();
    for kind in ["customer.created", "customer.updated", "order.created", "order.status", "order.paid", "cart.updated"]
    {
        assert!(kinds.contains(kind), "{kind} in {kinds:?}");
    }
    for kind in ["customer.created", "order.created", "order.status", "order.paid"] {
        let missing: Vec<_> =
            by_hook.iter().filter(|event| event.kind == kind && !polled.contains(event.id.as_str())).collect();
        assert!(missing.is_empty(), "{kind} known by hook and not by polling: {:?}", missing.first());
        assert!(by_hook.iter().any(|event| event.kind == kind), "{kind}");
    }
    let placed: BTreeSet<&str> =
        by_poll.iter().filter(|event| event.kind == "order.created").map(|event| event.id.as_str()).collect();
    assert_eq!(placed.len(), shop.figures().orders);
    assert!(by_poll.iter().any(|event| event.order.as_ref().and_then(|order| order.phase) == Some(Phase::Complete)));
    assert!(by_poll.iter().all(|event| !event.id.contains("custom_stage")));
}
