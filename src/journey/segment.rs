//! Segments: named conditions of a map, who is in them, and what joining and leaving them starts.
//!
//! Invariants: a customer is in a segment exactly while its condition holds and the customer is not deleted; every change is
//! an effect, so that figures can be kept by adding. Changing the rules and merging customers change memberships without
//! starting anything. A segment that is gone from the rulebook is left by everybody.

use super::advance::Run;
use super::condition::Condition;
use super::effect::{Cause, Effect, SegmentMove};
use super::placement::earliest;
use super::rule::Trigger;
use super::trigger::Occasion;

/// A named condition of one map. Written in `rules/<map>/segments.yaml`.
#[derive(Clone, Debug)]
pub struct Segment {
    /// The map it belongs to.
    pub map: String,
    /// Its name, unique in the map.
    pub name: String,
    /// A sentence for people.
    pub description: Option<String>,
    /// Who is in it.
    pub condition: Condition,
}

impl Segment {
    /// What names it among the segments of all maps.
    pub fn key(&self) -> String {
        segment_key(&self.map, &self.name)
    }
}

/// What names a segment among those of all maps.
pub fn segment_key(map: &str, name: &str) -> String {
    format!("{map}/{name}")
}

impl Run<'_> {
    /// Brings memberships into line with the facts; gives those that changed.
    pub(super) fn resegment(&mut self, cause: &Cause) -> Vec<SegmentMove> {
        let book = self.book;
        let now = self.customer.now;
        let mut moved = Vec::new();
        let gone: Vec<String> =
            self.customer.segments.keys().filter(|key| !book.segments.contains_key(*key)).cloned().collect();
        for key in gone {
            let since = self.customer.segments.remove(&key);
            let (map, segment) = key.split_once('/').unwrap_or((&key, ""));
            let (map, segment) = (map.to_owned(), segment.to_owned());
            moved.push(SegmentMove { map, segment, joined: false, since, at: now, cause: cause.clone() });
        }
        for (key, segment) in book.segments_concerned(&self.touched) {
            let answer = segment.condition.evaluate(self.facts(None));
            self.flips = earliest(self.flips, answer.flips_at);
            let joined = answer.holds && self.customer.deleted_at.is_none();
            let since = self.customer.segments.get(key).copied();
            if joined == since.is_some() {
                continue;
            }
            if joined {
                self.customer.segments.insert(key.to_owned(), now);
            } else {
                self.customer.segments.remove(key);
            }
            let (map, segment) = (segment.map.clone(), segment.name.clone());
            moved.push(SegmentMove { map, segment, joined, since, at: now, cause: cause.clone() });
        }
        self.effects.extend(moved.iter().cloned().map(Effect::SegmentMoved));
        moved
    }

    /// Starts every rule that joining or leaving a segment triggers.
    pub(super) fn start_on_segment(&mut self, moved: &SegmentMove, occasion: &Occasion<'_>) {
        // Changing the rules or merging customers moves people without anything having happened to them.
        if matches!(occasion.cause, Cause::Rulebook | Cause::Merge) {
            return;
        }
        let book = self.book;
        for rule in book.moved_on(&moved.map) {
            let starts = match &rule.trigger {
                Trigger::Join { segment } => moved.joined && *segment == moved.segment,
                Trigger::Quit { segment } => !moved.joined && *segment == moved.segment,
                _ => false,
            };
            if starts && self.starts_from(rule).is_none() {
                self.try_start(rule, occasion);
            }
        }
    }
}
