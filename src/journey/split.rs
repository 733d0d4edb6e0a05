//! Splits: which arm a customer takes, what came of each, and which one is the best.
//!
//! Invariants: the same customer takes the same arm of the same step every time, on every machine, until a winner is picked;
//! steps and rules are independent of each other. All arms are measured by the same length of time from the moment at which an
//! arm is taken, whatever the arm does: an arm that writes later or not at all is not measured by less. Those who are held out
//! from letters take an arm and are not counted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::advance::Run;
use super::book::Rulebook;
use super::customer::{Enrollment, Trial};
use super::effect::{Cause, Effect};
use super::exit::LATE;
use super::facts::fold::Happening;
use super::facts::seen::Seen;
use super::holdout::held_out;
use super::rule::{Action, PickWinner, Rule, SplitArm};
use super::share::Share;
use super::time::Timestamp;

/// Winners of splits, by rule and step.
pub type Winners = BTreeMap<(String, String), Winner>;

/// The arm that everybody takes from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Winner {
    /// The arm.
    pub arm: String,
    /// The arms it was the best of, in the order of the file: of other arms it is not the winner.
    pub arms: Vec<String>,
    /// Since when.
    pub at: Timestamp,
}

/// A split of a rulebook.
#[derive(Clone, Copy, Debug)]
pub struct SplitStep<'b> {
    /// Its rule.
    pub rule: &'b str,
    /// Its step.
    pub step: &'b str,
    /// Its arms.
    pub arms: &'b [SplitArm],
    /// When a winner is picked, if one is.
    pub pick: Option<PickWinner>,
}

/// How an arm has done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArmCount {
    /// The arm.
    pub arm: String,
    /// Customers who took it.
    pub taken: u64,
    /// Of those, the ones whose time is over, so that their answer is known.
    pub known: u64,
    /// Of those, the ones who reached the goal in that time.
    pub reached: u64,
}

impl ArmCount {
    /// The share of customers who reached the goal, of those whose answer is known; 0 if of none.
    pub fn conversion(&self) -> f64 {
        if self.known == 0 { 0.0 } else { self.reached as f64 / self.known as f64 }
    }

    /// Between which shares the true conversion lies with a confidence of 95 %: the score interval of Wilson (1927). `None`
    /// while nothing is known.
    pub fn interval(&self) -> Option<(f64, f64)> {
        if self.known == 0 {
            return None;
        }
        let (n, p) = (self.known as f64, self.conversion());
        let square = NORMAL_95 * NORMAL_95;
        let middle = (p + square / (2.0 * n)) / (1.0 + square / n);
        let half = NORMAL_95 / (1.0 + square / n) * (p * (1.0 - p) / n + square / (4.0 * n * n)).sqrt();
        Some(((middle - half).max(0.0), (middle + half).min(1.0)))
    }

    /// By how much the conversion of `self` is above that of another, as an interval with a confidence of 95 %: Newcombe (1998),
    /// method 10, from the score intervals of both. `None` while nothing is known of either.
    pub fn ahead_of(&self, other: &Self) -> Option<(f64, f64)> {
        let ((low, high), (low_other, high_other)) = (self.interval()?, other.interval()?);
        let (p, q) = (self.conversion(), other.conversion());
        let below = ((p - low).powi(2) + (high_other - q).powi(2)).sqrt();
        let above = ((high - p).powi(2) + (q - low_other).powi(2)).sqrt();
        Some((p - q - below, p - q + above))
    }
}

/// The point of the normal distribution beyond which 2.5 % lie.
const NORMAL_95: f64 = 1.959_963_984_540_054;

/// The best arm, once so many answers are known of each; of equals the first. `None` before.
pub fn best<'a>(counts: &'a [ArmCount], pick: &PickWinner) -> Option<&'a ArmCount> {
    if counts.iter().any(|count| count.known < pick.after) {
        return None;
    }
    let above = |one: &ArmCount, other: &ArmCount| {
        u128::from(one.reached) * u128::from(other.known) > u128::from(other.reached) * u128::from(one.known)
    };
    counts.iter().reduce(|best, count| if above(count, best) { count } else { best })
}

/// The arm that a customer takes of a step of a rule.
pub fn choose<'a>(arms: &'a [SplitArm], customer: &str, rule: &str, step: &str) -> Option<&'a SplitArm> {
    let mut up_to = Share::NONE;
    let taken = arms.iter().find(|arm| {
        up_to = up_to.plus(arm.share);
        up_to.holds(&["split", customer, rule, step])
    });
    taken.or(arms.last())
}

impl Rulebook {
    /// Every split, by rule, in the order of the steps.
    pub fn splits(&self) -> impl Iterator<Item = SplitStep<'_>> {
        self.rules.values().flat_map(|rule| {
            rule.steps.iter().filter_map(|step| match &step.action {
                Action::Split { arms, pick } => Some(SplitStep { rule: &rule.id, step: &step.id, arms, pick: *pick }),
                _ => None,
            })
        })
    }

    /// The winner of a split, if one is picked of just these arms.
    pub fn winner(&self, rule: &str, step: &str, arms: &[SplitArm]) -> Option<&Winner> {
        if self.winners.is_empty() {
            return None;
        }
        let winner = self.winners.get(&(rule.to_owned(), step.to_owned()))?;
        winner.arms.iter().eq(arms.iter().map(|arm| &arm.name)).then_some(winner)
    }
}

impl Run<'_> {
    /// Where a run goes on from a split.
    pub(super) fn take_split(
        &mut self,
        (rule, step): (&Rule, &str),
        (arms, pick): (&[SplitArm], Option<&PickWinner>),
        enrollment: &Enrollment,
    ) -> Option<usize> {
        let (now, zone) = (self.customer.now, self.book.shop.zone);
        let winner = pick.and_then(|_| self.book.winner(&rule.id, step, arms));
        if let Some((winner, arm)) =
            winner.and_then(|winner| Some((winner, arms.iter().find(|arm| arm.name == winner.arm)?)))
        {
            let note = format!("took the arm {} of {step}, the winner since {}", arm.name, winner.at.in_words(zone));
            self.decide(rule, "split", "winner", note, Vec::new(), &Cause::Time);
            return Some(arm.to);
        }
        let arm = choose(arms, &self.customer.id, &rule.id, step)?;
        self.decide(rule, "split", "arm", format!("took the arm {} of {step}", arm.name), Vec::new(), &Cause::Time);
        if held_out(self.book, rule, &self.customer.id).is_none() {
            let within = pick.map(|pick| pick.within).or(rule.goal.as_ref().map(|goal| goal.within));
            let until = within.map(|within| now.after(within));
            self.effects.push(Effect::ArmTaken {
                enrollment: enrollment.id.clone(),
                rule: rule.id.clone(),
                step: step.to_owned(),
                arm: arm.name.clone(),
                at: now,
                until,
            });
            // A customer is counted once.
            let on_trial = self.customer.trials.iter().any(|trial| trial.rule == rule.id && trial.step == step);
            self.customer.trials.extend(until.filter(|_| !on_trial).map(|until| Trial {
                enrollment: enrollment.id.clone(),
                rule: rule.id.clone(),
                step: step.to_owned(),
                key: enrollment.key.clone(),
                from: now,
                until,
            }));
        }
        Some(arm.to)
    }

    /// Counts for the arms that customers took of splits that the goal is reached.
    pub(super) fn reach_on_trial(&mut self, event: Option<&Seen<'_>>, happened: &[Happening]) {
        let (book, now) = (self.book, self.customer.now);
        for trial in std::mem::take(&mut self.customer.trials) {
            let Some(rule) = book.rules.get(&trial.rule) else { continue };
            match self.reaching(rule, trial.from..=trial.until, trial.key.as_deref(), (event, happened)) {
                Some(_) => {
                    self.effects.push(Effect::ArmReached {
                        enrollment: trial.enrollment,
                        rule: trial.rule,
                        step: trial.step,
                    });
                }
                None if trial.until.after(LATE) >= now => self.customer.trials.push(trial),
                None => {}
            }
        }
    }
}
