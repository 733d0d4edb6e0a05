//! What has another name and is the same thing, told by its content.

use std::collections::BTreeMap;

use similar::{Algorithm, capture_diff_slices, get_diff_ratio};

use super::Subject;
use super::item::{Item, Key};

/// How much of two texts must be the same for one to be the other under a new name.
const ALIKE: f32 = 0.7;
/// Most pairs that are compared by content, and most lines of one.
const MOST_PAIRS: usize = 2_500;
const MOST_LINES: usize = 1_000;

/// Pairs of what is gone and what is new that are one thing; the most alike first, each in one pair.
pub(super) fn pairs(
    old: &BTreeMap<Key, Item<'_>>,
    new: &BTreeMap<Key, Item<'_>>,
    which: impl Fn(Subject) -> bool,
) -> Vec<(Key, Key)> {
    let gone = || old.iter().filter(|(key, _)| which(key.0) && !new.contains_key(key));
    let come = || new.iter().filter(|(key, _)| which(key.0) && !old.contains_key(key));
    if gone().count() * come().count() > MOST_PAIRS {
        return Vec::new();
    }
    let mut found: Vec<(f32, &Key, &Key)> = gone()
        .flat_map(|(from, item)| come().map(move |(to, now)| (likeness(item, now), from, to)))
        .filter(|(likeness, ..)| *likeness >= ALIKE)
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| (a.1, a.2).cmp(&(b.1, b.2))));
    let mut pairs: Vec<(Key, Key)> = Vec::new();
    for (_, from, to) in found {
        if pairs.iter().all(|(one, other)| one != from && other != to) {
            pairs.push((from.clone(), to.clone()));
        }
    }
    pairs
}

/// Puts everything of a map under the name that the map has now.
pub(super) fn in_map(items: &mut BTreeMap<Key, Item<'_>>, from: &str, to: &str) {
    let keys: Vec<Key> = items.iter().filter(|(_, item)| item.map == from).map(|(key, _)| key.clone()).collect();
    for key in keys {
        let Some(mut item) = items.remove(&key) else { continue };
        // The map itself keeps its name until it is told that it has another.
        if item.what != Subject::Map {
            to.clone_into(&mut item.map);
        }
        if item.what == Subject::Segments {
            to.clone_into(&mut item.name);
        }
        items.insert(item.key(), item);
    }
}

/// From 0 to 1.
fn likeness(old: &Item<'_>, new: &Item<'_>) -> f32 {
    if old.what != new.what || old.suffix() != new.suffix() {
        return 0.0;
    }
    if old.source.text == new.source.text {
        return 1.0;
    }
    let (before, now): (Vec<&str>, Vec<&str>) = (old.source.text.lines().collect(), new.source.text.lines().collect());
    if before.len().max(now.len()) > MOST_LINES {
        return 0.0;
    }
    get_diff_ratio(&capture_diff_slices(Algorithm::Myers, &before, &now), before.len(), now.len())
}
