//! What keeps a rule from starting for a customer: the one list that starting and explaining both ask.
//!
//! Invariant: a rule starts exactly when it is triggered and nothing of this list stands in the way. Starting stops at the
//! first; explaining tells all of them, and then what only an event can say is no obstacle.

use serde_json::Value;

use super::book::Rulebook;
use super::condition::Facts;
use super::customer::{Customer, Standing};
use super::rule::{Reenter, Rule, Trigger};
use super::time::{Span, Timestamp};

/// One thing in the way.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Obstacle<'a> {
    /// The customer is deleted in the source.
    Deleted,
    /// The rule is paused.
    Paused { since: Timestamp },
    /// What happened is old news.
    TooOld { at: Timestamp, max_age: Span },
    /// The customer is not on the rule's map.
    NotOnMap { map: &'a str },
    /// The customer is at another stage than the rule's.
    NotAtStage { stage: &'a str, at: Option<&'a Standing> },
    /// A rule of the same group runs that is not outranked.
    GroupTaken { by: &'a str },
    /// The event does not say by what runs are told apart.
    NoKey { path: &'a str },
    /// A run is under way.
    Running { since: Timestamp, key: Option<String> },
    /// It ran, and runs once.
    NeverAgain { began: Timestamp, key: Option<String> },
    /// It ran not long ago.
    NotAgainYet { began: Timestamp, again: Timestamp, key: Option<String> },
    /// Its condition does not hold.
    ConditionFalse { text: &'a str },
}

/// Whether a rule may start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    pub(super) book: &'a Rulebook,
    pub(super) rule: &'a Rule,
    pub(super) customer: &'a Customer,
    pub(super) now: Timestamp,
    /// When that happened which triggers it, and the event; nothing if the question is what would be if something did.
    pub(super) occasion: Option<(Timestamp, Option<&'a Value>)>,
}

type Check = for<'a> fn(&Question<'a>) -> Option<Obstacle<'a>>;

/// What is asked, in the order in which a refusal names its reason.
const CHECKS: [Check; 8] = [deleted, paused, too_old, elsewhere, group_taken, running, ran, condition_false];

/// Everything in the way, each asked as it is wanted.
pub(super) fn obstacles(question: Question<'_>) -> impl Iterator<Item = Obstacle<'_>> {
    CHECKS.iter().filter_map(move |check| check(&question))
}

impl Obstacle<'_> {
    /// A short stable code.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Paused { .. } => "paused",
            Self::TooOld { .. } => "too_old",
            Self::NotOnMap { .. } => "not_on_map",
            Self::NotAtStage { .. } => "not_at_stage",
            Self::GroupTaken { .. } => "group_taken",
            Self::NoKey { .. } => "no_key",
            Self::Running { .. } => "already_running",
            Self::NeverAgain { .. } => "never_again",
            Self::NotAgainYet { .. } => "not_again_yet",
            Self::ConditionFalse { .. } => "condition_false",
        }
    }

    /// In words, by the wall clock of a zone.
    pub(super) fn in_words(&self, zone: chrono_tz::Tz) -> String {
        let under = |key: &Option<String>| key.as_ref().map(|key| format!(" for {key}")).unwrap_or_default();
        match self {
            Self::Deleted => "the customer is deleted in the source".to_owned(),
            Self::Paused { since } => format!("the rule is paused since {}", since.in_words(zone)),
            Self::TooOld { at, max_age } => {
                format!("it happened at {}, longer ago than the rule's max_age of {max_age}", at.in_words(zone))
            }
            Self::NotOnMap { map } => format!("the customer is not on the map {map}"),
            Self::NotAtStage { stage, at: None } => {
                format!("the rule belongs to the stage {stage}, the customer is at no stage")
            }
            Self::NotAtStage { stage, at: Some(at) } => format!(
                "the rule belongs to the stage {stage}, the customer is at {} since {}",
                at.stage,
                at.since.in_words(zone)
            ),
            Self::GroupTaken { by } => {
                format!("a run of the rule {by} is not over, which is of the same group and ranks as high or higher")
            }
            Self::NoKey { path } => format!("runs are told apart by event.{path}, and the event has none"),
            Self::Running { since, key } => {
                format!("a run of this rule{} began at {} and is not over", under(key), since.in_words(zone))
            }
            Self::NeverAgain { began, key: None } => {
                format!("the customer ran it on {} and the rule runs once in a life", began.in_words(zone))
            }
            Self::NeverAgain { began, key } => {
                format!("the customer ran it{} on {}, and once is all", under(key), began.in_words(zone))
            }
            Self::NotAgainYet { began, again, key } => {
                let (on, again) = (began.in_words(zone), again.in_words(zone));
                format!("the customer ran it{} on {on}; again from {again}", under(key))
            }
            Self::ConditionFalse { text } => format!("its condition does not hold: {text}"),
        }
    }
}

impl<'a> Question<'a> {
    fn event(&self) -> Option<&'a Value> {
        self.occasion.and_then(|(_, event)| event)
    }

    /// The key of the run that would begin. Without an event nobody can say: another run may always begin, under another key.
    fn key(&self) -> Key<'a> {
        match (self.rule.reenter.key(), self.rule.key_of(self.event())) {
            (None, _) => Key::None,
            (Some(_), Some(key)) => Key::Is(key),
            (Some(path), None) if self.occasion.is_some() => Key::Missing(path),
            (Some(_), None) => Key::Any,
        }
    }
}

enum Key<'a> {
    None,
    Is(String),
    Missing(&'a str),
    Any,
}

fn deleted<'a>(question: &Question<'a>) -> Option<Obstacle<'a>> {
    question.customer.deleted_at.map(|_| Obstacle::Deleted)
}

fn paused<'a>(question: &Question<'a>) -> Option<Obstacle<'a>> {
    question.book.paused(&question.rule.id).map(|pause| Obstacle::Paused { since: pause.since })
}

fn too_old<'a>(question: &Question<'a>) -> Option<Obstacle<'a>> {
    let (at, _) = question.occasion?;
    let max_age = question.rule.max_age;
    (at.after(max_age) < question.now).then_some(Obstacle::TooOld { at, max_age })
}

fn elsewhere<'a>(question: &Question<'a>) -> Option<Obstacle<'a>> {
    let rule = question.rule;
    let at = question.customer.stages.get(&rule.map);
    // Whoever leaves a stage is not there any more; whoever quits a segment may have left the map with it.
    let left = matches!(&rule.trigger, Trigger::Leave { .. });
    if left {
        return None;
    }
    if at.is_none() && !matches!(&rule.trigger, Trigger::Quit { .. }) {
        return Some(Obstacle::NotOnMap { map: &rule.map });
    }
    let stage = rule.stage.as_deref()?;
    (at.map(|at| at.stage.as_str()) != Some(stage)).then_some(Obstacle::NotAtStage { stage, at })
}

/// A running rule of the same group that the rule does not outrank.
fn group_taken<'a>(question: &Question<'a>) -> Option<Obstacle<'a>> {
    let (book, rule) = (question.book, question.rule);
    let group = rule.group.as_ref()?;
    let running = question.customer.enrollments.iter().filter(|run| run.rule != rule.id);
    let mut others = running.filter_map(|run| book.rule_of(run));
    let above = others.find(|other| other.group.as_ref() == Some(group) && other.rank() >= rule.rank());
    above.map(|other| Obstacle::GroupTaken { by: &other.id })
}

fn running<'a>(question: &Question<'a>) -> Option<Obstacle<'a>> {
    let key = match question.key() {
        Key::None => None,
        Key::Is(key) => Some(key),
        Key::Missing(path) => return Some(Obstacle::NoKey { path }),
        Key::Any => return None,
    };
    let run = question.customer.enrollments.iter().find(|run| run.rule == question.rule.id && run.key == key)?;
    Some(Obstacle::Running { since: run.started_at, key })
}

fn ran<'a>(question: &Question<'a>) -> Option<Obstacle<'a>> {
    let past = question.customer.past.get(&question.rule.id)?;
    let (began, again, key) = match (&question.rule.reenter, question.key()) {
        (Reenter::Key { after, .. }, Key::Is(key)) => (*past.keys.get(&key)?, *after, Some(key)),
        (Reenter::After(span), _) => (past.started_at, Some(*span), None),
        (Reenter::Never, _) => (past.started_at, None, None),
        (Reenter::Always | Reenter::Key { .. }, _) => return None,
    };
    match again.map(|span| began.after(span)) {
        None => Some(Obstacle::NeverAgain { began, key }),
        Some(again) if again > question.now => Some(Obstacle::NotAgainYet { began, again, key }),
        Some(_) => None,
    }
}

fn condition_false<'a>(question: &Question<'a>) -> Option<Obstacle<'a>> {
    let when = question.rule.when.as_ref()?;
    let facts = Facts::new(question.customer, question.event(), question.now, question.book.shop.zone);
    let holds = match question.occasion {
        Some(_) => when.evaluate(facts).holds,
        None => when.told(facts) != Some(false),
    };
    (!holds).then(|| Obstacle::ConditionFalse { text: when.text() })
}
