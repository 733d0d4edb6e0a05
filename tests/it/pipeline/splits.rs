//! Splits through the whole daemon: figures from what customers do, a winner that lasts, and letters by it.

use std::collections::BTreeMap;

use milepost::insight::splits::{SplitFigures, figures};
use milepost::journey::book::Shop;
use milepost::rulebook::Book;
use serde_json::json;

use super::{arrives, books, daemon, orders};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, MAP, book_beside};

both! {
    a_winner_is_picked_by_what_customers_do,
}

fn book(arms: &str) -> Book {
    let rule = format!(
        "{{rule: welcome, on: {{event: customer.created}}, goal: {{event: order.created, within: 3d}}, steps: [{{split: \
         {{pick_winner: {{after: 10}}, arms: [{arms}]}}, id: subject}}]}}"
    );
    book_beside(MAP, &[&rule], &[], Shop::default())
}

const TWO: &str = "{share: 50%, name: warm, then: [{send: warm}]}, {share: 50%, name: cool, then: [{send: cool}]}";
const THREE: &str = "{share: 40%, name: warm, then: [{send: warm}]}, {share: 40%, name: cool, then: [{send: cool}]}, \
                     {share: 20%, name: new, then: [{send: new}]}";

async fn split(daemon: &Daemon) -> SplitFigures {
    let engine = &daemon.app.engine;
    let book = engine.book.load_full();
    let mut all = figures(&engine.store, &book.rulebook, daemon.clock.now(), |_| true).await.expect("reads");
    assert_eq!(all.len(), 1);
    all.remove(0)
}

fn told(figures: &SplitFigures) -> BTreeMap<&str, [u64; 3]> {
    figures.arms.iter().map(|arm| (arm.arm.as_str(), [arm.taken, arm.known, arm.reached])).collect()
}

async fn a_winner_is_picked_by_what_customers_do(place: &Place) {
    let daemon = daemon(place, book(TWO)).await;
    let names: Vec<String> = (0..40).map(|n| format!("customer{n}")).collect();
    daemon.accept(json!(names.iter().map(|name| arrives(name)).collect::<Vec<_>>())).await;
    daemon.settle().await;
    // Of those who got the cool letter half buy, of the others nobody.
    let cool: Vec<String> =
        daemon.subjects().iter().filter_map(|s| s.strip_prefix("cool for ")).map(str::to_owned).collect();
    let warm = 40 - cool.len();
    assert!(cool.len() >= 10 && warm >= 10, "{cool:?}");
    let buyers = cool.iter().step_by(2).map(|name| orders(&format!("buys/{name}"), name, &format!("o-{name}")));
    daemon.accept(json!(buyers.collect::<Vec<_>>())).await;
    daemon.settle().await;
    let (all, bought) = (cool.len() as u64, cool.len().div_ceil(2) as u64);
    let at_first = split(&daemon).await;
    assert_eq!(told(&at_first), BTreeMap::from([("warm", [warm as u64, 0, 0]), ("cool", [all, 0, 0])]));
    assert_eq!(
        at_first.in_words(chrono_tz::UTC),
        "a winner is picked when 10 answers of each arm are known: up to 10 are missing"
    );
    assert_eq!(daemon.app.engine.pick_winners().await.expect("reads"), 0);
    // Their time is over; only now is it known who did not buy.
    let later = daemon.clock.now().after("3d".parse().expect("a time"));
    daemon.until_moment(later).await;
    daemon.clock.set(later);
    let known = split(&daemon).await;
    assert_eq!(told(&known), BTreeMap::from([("warm", [warm as u64, warm as u64, 0]), ("cool", [all, all, bought])]));
    assert_eq!(daemon.app.engine.pick_winners().await.expect("writes"), 1);
    assert_eq!(daemon.app.engine.pick_winners().await.expect("reads"), 0);
    let won = split(&daemon).await;
    let words = won.in_words(chrono_tz::UTC);
    assert!(words.starts_with("everybody takes cool since 2026-") && words.contains("ahead by +"), "{words}");
    // Everybody who comes now gets the cool letter, and is not counted.
    let later = ["dora", "egon", "fritz", "greta", "hans", "ida", "jan", "kira"];
    daemon.accept(json!(later.map(arrives))).await;
    daemon.settle().await;
    let subjects = daemon.subjects();
    assert!(later.iter().all(|name| subjects.contains(&format!("cool for {name}"))), "{subjects:?}");
    assert_eq!(told(&split(&daemon).await), told(&known));
    books::check(&daemon).await;
    // The winner stands in the database, for every process.
    let kept = daemon.app.engine.store.winner_rows().await.expect("reads");
    assert_eq!((kept.len(), kept[0].arm.as_str(), kept[0].figures.len()), (1, "cool", 2));
    // Other arms: it is open again who wins.
    daemon.swap(book(THREE)).await;
    daemon.settle().await;
    let open = split(&daemon).await;
    assert!(open.winner.is_none() && told(&open)["new"] == [0, 0, 0]);
    assert_eq!(daemon.app.engine.pick_winners().await.expect("reads"), 0);
}
