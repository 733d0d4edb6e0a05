//! Which rules a happening may touch: looked up instead of walked over.
//!
//! Invariants: the index follows from the rulebook alone, and names for each happening the rules that a walk over all of them
//! would find, in the same order; of conditions it passes over those only whose facts are as they were when they were last asked.
//! A copy of a rulebook makes its own, so that what is changed in the copy is not missed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use super::book::Rulebook;
use super::condition::Condition;
use super::event::kind;
use super::facts::topic::{Topic, Touched};
use super::map::JourneyMap;
use super::rule::{Action, Rule, Trigger};
use super::segment::Segment;
use super::wait::Awaited;

/// The index of a rulebook's rules, made when it is first asked.
#[derive(Debug, Default)]
pub struct Index(OnceLock<Box<Lists>>);

impl Clone for Index {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// Ids of rules by what touches them, each list in the order of the ids.
#[derive(Debug, Default)]
struct Lists {
    /// Rules that events of a kind may start.
    started: BTreeMap<String, Vec<String>>,
    /// Kinds of events that may end runs, by exit or goal, or that runs wait for.
    ending: BTreeSet<String>,
    /// Rules that moves on a map, or into and out of its segments, may start.
    moved: BTreeMap<String, Vec<String>>,
    /// Rules that a condition starts.
    becomes: Readers,
    /// Rules that a date starts.
    dates: Readers,
    /// Maps, by what places customers on them.
    maps: Readers,
    /// Segments of all maps, by their keys.
    segments: Readers,
}

/// Who reads which facts, by name.
#[derive(Debug, Default)]
struct Readers {
    all: Vec<String>,
    by_topic: BTreeMap<Topic, Vec<String>>,
}

impl Readers {
    /// Names come in their order.
    fn add(&mut self, name: &str, topics: impl IntoIterator<Item = Topic>) {
        self.all.push(name.to_owned());
        for topic in topics.into_iter().collect::<BTreeSet<_>>() {
            self.by_topic.entry(topic).or_default().push(name.to_owned());
        }
    }

    /// Those for whom something may have changed, in their order.
    fn concerned(&self, touched: &Touched) -> Vec<&str> {
        let Touched::Topics(topics) = touched else { return self.all.iter().map(String::as_str).collect() };
        let mut names: Vec<&str> =
            topics.iter().filter_map(|topic| self.by_topic.get(topic)).flatten().map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// What conditions read.
fn read_by<'c>(conditions: impl IntoIterator<Item = &'c Condition>) -> Vec<Topic> {
    conditions.into_iter().flat_map(Condition::paths).filter_map(Topic::of).collect()
}

impl Lists {
    fn of(book: &Rulebook) -> Self {
        let mut lists = Self::default();
        for rule in book.rules.values() {
            lists.add(rule);
        }
        for map in book.maps.values() {
            lists.maps.add(&map.id, read_by(map.segment.iter().chain(map.stages.iter().map(|stage| &stage.enter))));
        }
        for (key, segment) in &book.segments {
            lists.segments.add(key, read_by([&segment.condition]));
        }
        lists
    }

    fn add(&mut self, rule: &Rule) {
        let id = || rule.id.clone();
        match &rule.trigger {
            Trigger::Event { kind } => self.started.entry(kind.clone()).or_default().push(id()),
            Trigger::Call => self.started.entry(kind::RULE_CALLED.to_owned()).or_default().push(id()),
            Trigger::Enter { .. }
            | Trigger::Leave { .. }
            | Trigger::Stay { .. }
            | Trigger::Join { .. }
            | Trigger::Quit { .. } => self.moved.entry(rule.map.clone()).or_default().push(id()),
            Trigger::Becomes { condition } => self.becomes.add(&rule.id, read_by([condition])),
            // The day may be that of the customer's own clock.
            Trigger::Date(date) => {
                let zone = Topic::Attribute("time_zone".to_owned());
                self.dates.add(&rule.id, Topic::of(&date.fact).into_iter().chain([zone]));
            }
            Trigger::Cron { .. } => {}
        }
        self.ending.extend(rule.exit_on.iter().map(|exit| exit.event.clone()));
        self.ending.extend(rule.goal.iter().map(|goal| goal.event.clone()));
        self.ending.extend(rule.steps.iter().filter_map(|step| match &step.action {
            Action::Await(wait) => match &wait.what {
                Awaited::Event { kind, .. } => Some(kind.clone()),
                Awaited::Condition(_) => None,
            },
            _ => None,
        }));
    }
}

impl Rulebook {
    fn lists(&self) -> &Lists {
        self.index.0.get_or_init(|| Box::new(Lists::of(self)))
    }

    fn named<'b>(&'b self, ids: Option<&'b Vec<String>>) -> impl Iterator<Item = &'b Rule> {
        ids.into_iter().flatten().filter_map(|id| self.rules.get(id))
    }

    /// Whether a rule begins, ends, goes on or counts as successful with events of a kind.
    pub fn listens_to(&self, kind: &str) -> bool {
        let lists = self.lists();
        lists.started.contains_key(kind) || lists.ending.contains(kind)
    }

    /// The rules that events of a kind may start.
    pub(super) fn started_by<'b>(&'b self, kind: &str) -> impl Iterator<Item = &'b Rule> {
        self.named(self.lists().started.get(kind))
    }

    /// The rules that moves on a map, or into and out of its segments, may start.
    pub(super) fn moved_on<'b>(&'b self, map: &str) -> impl Iterator<Item = &'b Rule> {
        self.named(self.lists().moved.get(map))
    }

    /// The rules that a condition starts which may have changed.
    pub(super) fn started_by_truth<'b>(&'b self, touched: &Touched) -> impl Iterator<Item = &'b Rule> + use<'b> {
        self.lists().becomes.concerned(touched).into_iter().filter_map(|id| self.rules.get(id))
    }

    /// The rules that a date starts which may have changed.
    pub(super) fn started_by_date<'b>(&'b self, touched: &Touched) -> impl Iterator<Item = &'b Rule> + use<'b> {
        self.lists().dates.concerned(touched).into_iter().filter_map(|id| self.rules.get(id))
    }

    /// The maps on which somebody's place may have changed.
    pub(super) fn maps_concerned<'b>(&'b self, touched: &Touched) -> impl Iterator<Item = &'b JourneyMap> + use<'b> {
        self.lists().maps.concerned(touched).into_iter().filter_map(|id| self.maps.get(id))
    }

    /// The segments in which somebody's membership may have changed, by their keys.
    pub(super) fn segments_concerned<'b>(
        &'b self,
        touched: &Touched,
    ) -> impl Iterator<Item = (&'b str, &'b Segment)> + use<'b> {
        self.lists().segments.concerned(touched).into_iter().filter_map(|key| Some((key, self.segments.get(key)?)))
    }
}
