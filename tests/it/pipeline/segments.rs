//! Segments through the whole daemon: live counts, letters by joining, merges and changed rules.

use std::collections::BTreeMap;

use milepost::insight::segments::segment_figures;
use milepost::journey::book::Shop;
use milepost::rulebook::Book;
use serde_json::json;

use super::{arrives, books, daemon, orders};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, MAP, book_beside};

both! {
    live_counts_follow_every_change,
}

const SEGMENTS: &str = "loyal: orders.count >= 2\nrecent: \"within(orders.last_at, '30d')\"\n";

fn book(segments: &str) -> Book {
    let rule = "{rule: dear, on: {join: loyal}, steps: [{send: dear}]}";
    let rules = if segments.contains("loyal") { &[rule][..] } else { &[] };
    book_beside(MAP, rules, &[("shop/segments.yaml", segments)], Shop::default())
}

/// Every segment's figure, which must agree with a count of the documents.
async fn counts(daemon: &Daemon) -> BTreeMap<String, i64> {
    let book = daemon.app.engine.book.load_full();
    let store = &daemon.app.engine.store;
    let figures = segment_figures(&book.rulebook, "shop", &store.counts("shop").await.expect("reads"));
    let everyone = books::everyone(store).await;
    for figure in &figures {
        let key = format!("shop/{}", figure.segment);
        let in_it = everyone.iter().filter(|customer| customer.segments.contains_key(&key)).count();
        assert_eq!(i64::try_from(in_it), Ok(figure.here), "{key}");
        assert_eq!(figure.joined - figure.left, figure.here, "{key}");
    }
    figures.into_iter().map(|figure| (figure.segment, figure.here)).collect()
}

fn are(expected: &[(&str, i64)]) -> BTreeMap<String, i64> {
    expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

async fn live_counts_follow_every_change(place: &Place) {
    let daemon = daemon(place, book(SEGMENTS)).await;
    let all = ["anna", "anya", "boris"].map(arrives);
    daemon.accept(json!(all)).await;
    daemon.settle().await;
    assert_eq!(counts(&daemon).await, are(&[("loyal", 0), ("recent", 0)]));
    daemon.accept(json!([orders("1", "anna", "o1"), orders("2", "anya", "o2"), orders("3", "boris", "o3")])).await;
    daemon.accept(orders("4", "boris", "o4")).await;
    daemon.settle().await;
    assert_eq!(counts(&daemon).await, are(&[("loyal", 1), ("recent", 3)]));
    // Two who are one are counted as one, and become loyal without a letter about it.
    let same = json!({"id": "5", "kind": "customer.updated", "customer": {"id": "anna", "email": "anya@mail.example"}});
    daemon.accept(same).await;
    daemon.settle().await;
    assert_eq!(counts(&daemon).await, are(&[("loyal", 2), ("recent", 2)]));
    assert_eq!(daemon.subjects(), ["dear for boris"]);
    // Time alone.
    daemon.until("2026-05-01T00:00:00Z").await;
    assert_eq!(counts(&daemon).await, are(&[("loyal", 2), ("recent", 0)]));
    // Other rules: a segment that is gone is left by everybody, one that is new is joined, and nobody gets a letter.
    daemon.swap(book("recent: orders.count > 0\nmany: orders.count > 5\n")).await;
    daemon.settle().await;
    assert_eq!(counts(&daemon).await, are(&[("recent", 2), ("many", 0)]));
    daemon.swap(book(SEGMENTS)).await;
    daemon.settle().await;
    assert_eq!(counts(&daemon).await, are(&[("loyal", 2), ("recent", 0)]));
    assert_eq!(daemon.subjects(), ["dear for boris"]);
    books::check(&daemon).await;
}
