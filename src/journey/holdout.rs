//! Holdouts: customers who get no letters on purpose, so that it can be seen what letters change.
//!
//! Invariants: whether a customer is held out is a hash of the customer and of whom the holdout is of, so it stays the same
//! for good; those whom a smaller share holds out are among those of a larger one; the holdouts of the shop and of maps leave
//! transactional letters alone.

use super::book::Rulebook;
use super::rule::{Rule, TRANSACTIONAL};
use super::share::Share;

/// Whose holdout keeps a rule's letters from a customer, in words; `None` if no one's does.
pub fn held_out(book: &Rulebook, rule: &Rule, customer: &str) -> Option<String> {
    let holds = |share: Option<Share>, kind: &str, name: &str| {
        share.is_some_and(|share| share.holds(&["holdout", kind, name, customer]))
    };
    if holds(rule.attention.holdout, "rule", &rule.id) {
        return Some(format!("the rule {}", rule.id));
    }
    if rule.purpose == TRANSACTIONAL {
        return None;
    }
    let map = book.maps.get(&rule.map).and_then(|map| map.attention.holdout);
    if holds(map, "map", &rule.map) {
        return Some(format!("the map {}", rule.map));
    }
    holds(book.attention.holdout, "shop", "").then(|| "the shop".to_owned())
}
