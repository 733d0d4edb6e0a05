//! Which rules a happening may touch: looked up instead of walked over.
//!
//! Invariants: the index follows from the rules alone, and names for each happening the rules that a walk over all of them
//! would find, in the same order. A copy of a rulebook makes its own, so that what is changed in the copy is not missed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use super::book::Rulebook;
use super::event::kind;
use super::rule::{Action, Rule, Trigger};
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
    becomes: Vec<String>,
    /// Rules that a date starts.
    dates: Vec<String>,
}

impl Lists {
    fn of(book: &Rulebook) -> Self {
        let mut lists = Self::default();
        for rule in book.rules.values() {
            lists.add(rule);
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
            Trigger::Becomes { .. } => self.becomes.push(id()),
            Trigger::Date(_) => self.dates.push(id()),
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

    /// The rules that a condition starts.
    pub(super) fn started_by_truth(&self) -> impl Iterator<Item = &Rule> {
        self.named(Some(&self.lists().becomes))
    }

    /// The rules that a date starts.
    pub(super) fn started_by_date(&self) -> impl Iterator<Item = &Rule> {
        self.named(Some(&self.lists().dates))
    }
}
