//! Identity: which customer an event is about.
//!
//! Keys resolve to one customer, created at need; customers that an event's keys show to be one are merged, into the one
//! that the source's own id names. A telephone number counts only where nothing better is said: families share one.

use std::collections::{BTreeMap, BTreeSet};

use crate::journey::event::{Event, Key};

/// The prefix of the key kind for the source's own id.
const SOURCE_ID: &str = "id:";
/// The key kind for Milepost's own id of a customer, as links in letters carry it.
pub const OWN: &str = "milepost";

/// The events of one customer in one batch.
#[derive(Debug, Default, PartialEq)]
pub struct Group {
    /// The customer.
    pub customer: String,
    /// Whether it must be created.
    pub is_new: bool,
    /// Customers to merge into it first.
    pub gone: Vec<String>,
    /// Keys to (re)point to it.
    pub keys: Vec<Key>,
    /// Its events: positions in the batch.
    pub events: Vec<usize>,
}

/// The keys of an event that identify.
pub fn identifying(keys: &[Key]) -> Vec<&Key> {
    let strong: Vec<&Key> = keys.iter().filter(|key| key.kind != "phone" && !key.value.is_empty()).collect();
    if strong.is_empty() { keys.iter().filter(|key| !key.value.is_empty()).collect() } else { strong }
}

/// Groups a batch's events by customer. `known` holds the keys that are known; `fresh` makes ids.
pub fn group(events: &[&Event], known: &BTreeMap<Key, String>, mut fresh: impl FnMut() -> String) -> Vec<Group> {
    // Which customer each key means within this batch; merging renames.
    let mut meaning: BTreeMap<Key, String> = known.clone();
    let mut renamed: BTreeMap<String, String> = BTreeMap::new();
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    let mut order: Vec<String> = Vec::new();
    let mut created: BTreeSet<String> = BTreeSet::new();
    for (position, event) in events.iter().enumerate() {
        let keys = identifying(&event.keys);
        let merged = identifying(&event.merged);
        let find = |key: &Key, meaning: &BTreeMap<Key, String>, renamed: &BTreeMap<String, String>| {
            let direct = meaning.get(key).cloned().or_else(|| (key.kind == OWN).then(|| key.value.clone()));
            direct.map(|id| follow(&id, renamed))
        };
        let mut ids: Vec<String> = Vec::new();
        let ranked = keys
            .iter()
            .filter(|k| k.kind.starts_with(SOURCE_ID))
            .chain(keys.iter().filter(|k| !k.kind.starts_with(SOURCE_ID)));
        for key in ranked.copied().chain(merged.iter().copied()) {
            if let Some(id) = find(key, &meaning, &renamed)
                && !ids.contains(&id)
            {
                ids.push(id);
            }
        }
        let customer = ids.first().cloned().unwrap_or_else(|| {
            let id = fresh();
            created.insert(id.clone());
            id
        });
        if !groups.contains_key(&customer) {
            order.push(customer.clone());
            let is_new = created.contains(&customer);
            groups.insert(customer.clone(), Group { customer: customer.clone(), is_new, ..Group::default() });
        }
        for other in ids.iter().skip(1) {
            renamed.insert(other.clone(), customer.clone());
            let absorbed = groups.remove(other);
            if let Some(group) = groups.get_mut(&customer) {
                if !created.contains(other) {
                    group.gone.push(other.clone());
                }
                if let Some(absorbed) = absorbed {
                    group.gone.extend(absorbed.gone);
                    group.keys.extend(absorbed.keys);
                    group.events.extend(absorbed.events);
                }
            }
        }
        if let Some(group) = groups.get_mut(&customer) {
            group.events.push(position);
            for key in keys.into_iter().chain(merged).filter(|k| k.kind != OWN) {
                if meaning.get(key) != Some(&customer) {
                    meaning.insert(key.clone(), customer.clone());
                    group.keys.push(key.clone());
                }
            }
        }
    }
    order.into_iter().filter_map(|id| groups.remove(&id)).collect()
}

fn follow(id: &str, renamed: &BTreeMap<String, String>) -> String {
    let mut at = id;
    // Merging always points to a live group, so chains are short and can't turn.
    while let Some(next) = renamed.get(at) {
        at = next;
    }
    at.to_owned()
}
