//! Starting rules: what happened is held against every rule's trigger, each refusal with its reason.

use serde_json::Value;

use super::advance::Run;
use super::condition::{Answer, Part};
use super::customer::{Enrollment, StayTimer};
use super::effect::{Cause, Decision, Effect, EndReason};
use super::event::kind;
use super::facts::fold::Happening;
use super::facts::seen::{self, Seen};
use super::facts::view;
use super::holdout::held_out;
use super::obstacles::{Obstacle, Question, obstacles};
use super::rule::{Rule, Trigger};
use super::time::Timestamp;
use super::{ids, placement};

/// What may start rules, besides events.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Moved {
    /// A stage of a map was entered.
    Entered { map: String, stage: String },
    /// A stage of a map was left.
    Left { map: String, stage: String },
}

/// The reasons for which rules are asked to start.
#[derive(Clone, Debug)]
pub(super) struct Occasion<'a> {
    /// When it happened; old news starts nothing.
    pub(super) at: Timestamp,
    /// Why we are asking.
    pub(super) cause: &'a Cause,
    /// The event as conditions read it.
    pub(super) event: Option<&'a Seen<'a>>,
}

/// The rule that a call of the API names.
fn called(event: Option<&Value>) -> Option<&str> {
    event?.get("rule")?.as_str()
}

impl Run<'_> {
    /// Starts every rule that an event's happenings trigger.
    pub(super) fn start_on_events(&mut self, happened: &[Happening], occasion: &Occasion<'_>) {
        let book = self.book;
        for happening in happened {
            for rule in book.started_by(&happening.kind) {
                let starts = match &rule.trigger {
                    Trigger::Event { kind } => *kind == happening.kind,
                    Trigger::Call => {
                        happening.kind == kind::RULE_CALLED && called(seen::value(occasion.event)) == Some(&rule.id)
                    }
                    _ => false,
                };
                if starts {
                    self.try_start(rule, &Occasion { at: happening.at, ..occasion.clone() });
                }
            }
        }
    }

    /// Starts every rule that a move triggers, and sets or drops the timers of stays.
    pub(super) fn start_on_move(&mut self, moved: &Moved, occasion: &Occasion<'_>) {
        let book = self.book;
        // Changing the rules or merging customers moves people without anything having happened to them.
        let silent = matches!(occasion.cause, Cause::Rulebook | Cause::Merge);
        let (Moved::Entered { map, .. } | Moved::Left { map, .. }) = moved;
        for rule in book.moved_on(map) {
            let new = self.starts_from(rule);
            match (&rule.trigger, moved) {
                (Trigger::Enter { stage: wanted }, Moved::Entered { map, stage })
                | (Trigger::Leave { stage: wanted }, Moved::Left { map, stage })
                    if !silent && new.is_none() && *map == rule.map && wanted == stage =>
                {
                    self.try_start(rule, occasion);
                }
                (Trigger::Stay { stage, span }, Moved::Entered { map, stage: entered })
                    if *map == rule.map && stage == entered && occasion.at.after(rule.max_age) >= self.customer.now =>
                {
                    let since = new.unwrap_or(self.customer.now);
                    self.customer.stays.push(StayTimer { rule: rule.id.clone(), since, at: since.after(*span) });
                }
                (Trigger::Stay { stage, .. }, Moved::Left { map, stage: left })
                    if *map == rule.map && stage == left =>
                {
                    self.customer.stays.retain(|stay| stay.rule != rule.id);
                }
                _ => {}
            }
        }
    }

    /// Starts the rules whose `becomes` condition turned true.
    pub(super) fn start_on_truths(&mut self, occasion: &Occasion<'_>) {
        let book = self.book;
        for rule in book.started_by_truth(&self.touched) {
            let Trigger::Becomes { condition } = &rule.trigger else { continue };
            let Answer { holds, flips_at } = condition.evaluate(self.facts(None));
            self.flips = placement::earliest(self.flips, flips_at);
            let before = self.customer.truths.insert(rule.id.clone(), holds);
            // A rule that is new to this customer takes the present answer as known: adding a rule mails nobody.
            let silent = matches!(occasion.cause, Cause::Rulebook | Cause::Merge);
            if holds && before != Some(true) && !silent && self.starts_from(rule).is_none() {
                self.try_start(rule, occasion);
            }
        }
    }

    /// Starts the rules whose `stay` is over at this moment.
    pub(super) fn start_on_stays(&mut self, now: Timestamp) {
        let (due, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.customer.stays).into_iter().partition(|s| s.at <= now);
        self.customer.stays = rest;
        let book = self.book;
        for stay in due {
            if let Some(rule) = book.rules.get(&stay.rule) {
                self.try_start(rule, &Occasion { at: stay.at, cause: &Cause::Time, event: None });
            }
        }
    }

    /// Starts one rule if everything allows it; says why not otherwise.
    pub(super) fn try_start(&mut self, rule: &Rule, occasion: &Occasion<'_>) {
        let question = Question {
            book: self.book,
            rule,
            customer: &self.customer,
            now: self.customer.now,
            occasion: Some((occasion.at, seen::value(occasion.event))),
        };
        let Some(obstacle) = obstacles(question).next() else { return self.start(rule, occasion) };
        // Of customers who are gone nothing more is put on record.
        if obstacle == Obstacle::Deleted {
            return;
        }
        let (outcome, note) = (obstacle.code(), obstacle.in_words(self.book.shop.zone));
        let when = rule.when.as_ref().filter(|_| matches!(obstacle, Obstacle::ConditionFalse { .. }));
        let parts = when.map(|when| when.trace(self.facts(seen::value(occasion.event)))).unwrap_or_default();
        self.decide(rule, "trigger", outcome, note, parts, occasion.cause);
    }

    /// Ends the runs of its group that a rule outranks.
    fn outrank(&mut self, rule: &Rule) {
        let Some(group) = &rule.group else { return };
        let book = self.book;
        let below = |other: &Enrollment| {
            other.rule != rule.id && book.rule_of(other).is_some_and(|other| other.group.as_ref() == Some(group))
        };
        self.end_where(&EndReason::Outranked { rule: rule.id.clone() }, |e, _| below(e));
    }

    fn start(&mut self, rule: &Rule, occasion: &Occasion<'_>) {
        let now = self.customer.now;
        self.outrank(rule);
        let past = self.customer.past.entry(rule.id.clone()).or_default();
        past.runs += 1;
        past.started_at = now;
        let key = rule.key_of(seen::value(occasion.event));
        if let Some(key) = &key {
            past.keys.insert(key.clone(), now);
            past.forget_keys();
        }
        let id = ids::enrollment(now, &self.customer.id, &rule.id, past.runs);
        let stage = self.customer.stages.get(&rule.map).map(|at| at.stage.clone());
        self.effects.push(Effect::Enrolled {
            enrollment: id.clone(),
            rule: rule.id.clone(),
            map: rule.map.clone(),
            stage,
            at: now,
            cause: occasion.cause.clone(),
            held_out: held_out(self.book, rule, &self.customer.id).is_some(),
        });
        let parts =
            rule.when.as_ref().map(|when| when.trace(self.facts(seen::value(occasion.event)))).unwrap_or_default();
        self.decide(rule, "trigger", "enrolled", "the run begins".into(), parts, occasion.cause);
        self.customer.enrollments.push(Enrollment {
            id: id.clone(),
            rule: rule.id.clone(),
            key,
            started_at: now,
            rulebook: self.book.hash.clone(),
            step: rule.steps.first().map(|s| s.id.clone()).unwrap_or_default(),
            passes: std::collections::BTreeMap::default(),
            wake_at: None,
            parked: None,
            lives_from: None,
            skips: false,
            awaits: None,
            ends_at: rule.max_life.map(|life| now.after(life)),
            promo: None,
            wants_promo: None,
            promo_until: None,
            without_code: false,
            event: seen::value(occasion.event).cloned().unwrap_or(Value::Null),
            captured: view::document(&self.customer, None, |root| rule.capture.iter().any(|kept| kept == root)),
        });
        self.moment = occasion.at;
        self.began |= !rule.exit_when.is_empty();
        self.walk(&id);
    }

    pub(super) fn decide(
        &mut self,
        rule: &Rule,
        about: &str,
        outcome: &str,
        note: String,
        parts: Vec<Part>,
        cause: &Cause,
    ) {
        self.effects.push(Effect::Decided(Decision {
            rule: rule.id.clone(),
            at: self.customer.now,
            about: about.to_owned(),
            outcome: outcome.to_owned(),
            note,
            parts,
            cause: cause.clone(),
        }));
    }
}
