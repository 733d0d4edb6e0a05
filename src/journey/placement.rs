//! Placement: which stage of each map a customer is at.
//!
//! Invariant: one stage of a map at most. The stage is the last in map order whose `enter` holds and that may be moved to
//! from the present one.

use super::advance::Run;
use super::book::Rulebook;
use super::condition::Facts;
use super::customer::Standing;
use super::effect::{Cause, Effect, StageMove};
use super::facts::topic::Touched;
use super::map::JourneyMap;
use super::time::Timestamp;
use super::trigger::Moved;

/// Where a customer belongs on one map, and when that may change by time alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    /// The stage, or `None` outside the map.
    pub stage: Option<String>,
    /// The earliest flip of a condition that was asked.
    pub flips_at: Option<Timestamp>,
}

/// Where a customer belongs on every map, in the order of the maps' ids; maps on which nothing can have changed are left out.
pub fn place(book: &Rulebook, facts: Facts<'_>, touched: &Touched) -> Vec<(String, Place)> {
    book.maps_concerned(touched).map(|map| (map.id.clone(), place_on(map, facts))).collect()
}

fn place_on(map: &JourneyMap, facts: Facts<'_>) -> Place {
    let mut place = Place::default();
    let mut ask = |condition: &super::condition::Condition| {
        let answer = condition.evaluate(facts);
        place.flips_at = earliest(place.flips_at, answer.flips_at);
        answer.holds
    };
    if map.segment.as_ref().is_some_and(|segment| !ask(segment)) {
        return place;
    }
    let current = facts.customer.stages.get(&map.id).map(|at| at.stage.as_str());
    let moves =
        current.and_then(|stage| map.stages.iter().find(|s| s.id == stage)).and_then(|stage| stage.moves.as_ref());
    let found = map
        .stages
        .iter()
        .rev()
        .filter(|stage| Some(stage.id.as_str()) == current || moves.is_none_or(|allowed| allowed.contains(&stage.id)))
        .find(|stage| ask(&stage.enter))
        .map(|stage| stage.id.clone());
    // Where no move is allowed the customer stays, though the stage's own condition no longer holds.
    place.stage = found.or_else(|| moves.and(current).map(str::to_owned));
    place
}

impl Run<'_> {
    /// Brings stages into line with the facts; gives the moves.
    pub(super) fn replace(&mut self, cause: &Cause) -> Vec<Moved> {
        let now = self.customer.now;
        let mut moved = Vec::new();
        let mut places = place(self.book, self.facts(None), &self.touched);
        for map in self.customer.stages.keys() {
            if !self.book.maps.contains_key(map) {
                places.push((map.clone(), Place::default()));
            }
        }
        for (map, place) in places {
            self.flips = earliest(self.flips, place.flips_at);
            let stage = place.stage.filter(|_| self.customer.deleted_at.is_none());
            let before = self.customer.stages.get(&map).cloned();
            if before.as_ref().map(|b| &b.stage) == stage.as_ref() {
                continue;
            }
            match &stage {
                Some(stage) => {
                    let standing = Standing { stage: stage.clone(), since: now };
                    self.customer.stages.insert(map.clone(), standing);
                }
                None => {
                    self.customer.stages.remove(&map);
                }
            }
            self.effects.push(Effect::StageMoved(StageMove {
                map: map.clone(),
                from: before.as_ref().map(|b| b.stage.clone()),
                since: before.as_ref().map(|b| b.since),
                to: stage.clone(),
                at: now,
                cause: cause.clone(),
            }));
            if let Some(before) = before {
                moved.push(Moved::Left { map: map.clone(), stage: before.stage });
            }
            if let Some(stage) = stage {
                moved.push(Moved::Entered { map, stage });
            }
        }
        moved
    }
}

/// The earlier of two moments, where there are any.
pub fn earliest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
