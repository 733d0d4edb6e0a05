//! Another rulebook comes into force: what becomes of the runs, letters and goals that the one before left.
//!
//! Invariants: a run goes on with the new rule where its step is still there; where it is not, the rule's `on_change` says
//! whether it ends or finishes under the rulebook that it ran under so far. The same holds for a letter on its way and an open
//! goal whose rule is gone. Nothing starts, and nobody takes a step twice.
//!
//! Not here: placement, which is asked again like after any other input (`advance`).

use std::collections::{BTreeMap, BTreeSet};

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::advance::Run;
use super::book::Rulebook;
use super::customer::{Customer, Enrollment};
use super::effect::{Cause, Effect, EndReason};
use super::pause::hash_of;
use super::rule::{OnChange, Rule, WhenUncertain};
use super::time::Timestamp;

impl Rulebook {
    /// The rulebook by which something goes on that was begun under the one of this hash: this one, unless it finishes as an
    /// earlier one has it.
    pub fn under(&self, rulebook: &str) -> &Self {
        self.earlier.get(rulebook).map_or(self, |earlier| earlier)
    }

    /// The rule by which something goes on.
    pub fn rule_under(&self, rulebook: &str, rule: &str) -> Option<&Rule> {
        self.under(rulebook).rules.get(rule)
    }

    /// Whether a letter whose hand-over was in doubt goes out again: by its rule, where that is known still.
    pub fn resends(&self, rulebook: &str, rule: &str) -> bool {
        self.rule_under(rulebook, rule).is_some_and(|rule| rule.when_uncertain == WhenUncertain::Resend)
    }

    /// A rule by its id alone, as this rulebook has it, else as an earlier one has it as which something finishes.
    pub fn known_rule(&self, rule: &str) -> Option<&Rule> {
        self.rules.get(rule).or_else(|| self.earlier.values().find_map(|earlier| earlier.rules.get(rule)))
    }

    /// The rule of a run.
    pub fn rule_of(&self, run: &Enrollment) -> Option<&Rule> {
        self.rule_under(&run.rulebook, &run.rule)
    }

    /// Whether a change lets what a rule has begun finish as it was. What is written now counts; of a rule that is gone, what
    /// was written last.
    fn finishes(&self, under: &str, rule: &str) -> bool {
        let before = self.earlier.get(under).and_then(|earlier| earlier.rules.get(rule));
        before.is_some_and(|before| self.rules.get(rule).unwrap_or(before).on_change == OnChange::Finish)
    }
}

impl Customer {
    /// The rulebooks besides the one that the document stands under by which its runs, letters and goals go on.
    pub fn earlier(&self) -> BTreeSet<&str> {
        let runs = self.enrollments.iter().map(|run| run.rulebook.as_str());
        let letters = self.pending.iter().map(|pending| pending.rulebook.as_str());
        let goals = self.goals.iter().map(|goal| goal.rulebook.as_str());
        let mut all: BTreeSet<&str> = runs.chain(letters).chain(goals).collect();
        all.remove("");
        all.remove(hash_of(&self.rulebook));
        all
    }
}

/// A customer whose runs, letters and goals are taken over from the rulebook that the document stands under; nothing else
/// is done.
pub(super) fn taken_over(book: &Rulebook, customer: Customer, now: Timestamp, effects: &mut Vec<Effect>) -> Customer {
    if customer.rulebook.is_empty() || customer.rulebook == book.edition() {
        return customer;
    }
    let before = hash_of(&customer.rulebook).to_owned();
    let mut run = Run::of(book, customer);
    run.customer.now = run.customer.now.max(now);
    run.take_over(&before);
    run.heed_pauses();
    effects.append(&mut run.effects);
    run.customer
}

/// The step of a changed rule at which a run goes on that waits at a step of the old one. An id that is written is the step's
/// own. Those that are made are the same for steps that do the same, and one step more or less gives them to others: such a
/// step is found by the steps around it.
fn counterpart<'r>(old: Option<&Rule>, now: &'r Rule, step: &str) -> Option<&'r str> {
    let by_id = || now.position(step);
    let place = match old.and_then(|old| Some((old, old.position(step)?))) {
        Some((old, place)) if old.steps[place].made.is_some() => {
            let kept = kept(old, now);
            // One that stands elsewhere now goes by its id, unless that is another's.
            kept.get(&place).copied().or_else(|| by_id().filter(|at| !kept.values().any(|taken| taken == at)))
        }
        _ => by_id(),
    };
    place.map(|place| now.steps[place].id.as_str())
}

/// What the steps of a rule are called, and whether that is made from what they do.
fn names(rule: &Rule) -> Vec<(bool, &str)> {
    rule.steps.iter().map(|step| (step.made.is_some(), step.made.as_deref().unwrap_or(&step.id))).collect()
}

/// Which step of a rule is which of another, where they are in the same order.
fn kept(old: &Rule, now: &Rule) -> BTreeMap<usize, usize> {
    let same = capture_diff_slices(Algorithm::Myers, &names(old), &names(now)).into_iter().filter_map(|op| match op {
        DiffOp::Equal { old_index, new_index, len } => Some((0..len).map(move |n| (old_index + n, new_index + n))),
        _ => None,
    });
    same.flatten().collect()
}

impl Run<'_> {
    /// Takes runs, letters and goals over from the rulebook `before`.
    pub(super) fn take_over(&mut self, before: &str) {
        let book = self.book;
        let mut lost = Vec::new();
        for mut run in std::mem::take(&mut self.customer.enrollments) {
            let under = if book.earlier.contains_key(&run.rulebook) { run.rulebook.clone() } else { before.to_owned() };
            let old = book.earlier.get(&under).and_then(|earlier| earlier.rules.get(&run.rule));
            if let Some(step) = book.rules.get(&run.rule).and_then(|now| counterpart(old, now, &run.step)) {
                step.clone_into(&mut run.step);
                run.rulebook.clone_from(&book.hash);
                self.customer.enrollments.push(run);
                continue;
            }
            let stands = |rule: &&Rule| rule.position(&run.step).is_some();
            let Some(old) = old.filter(stands).filter(|_| book.finishes(&under, &run.rule)) else {
                lost.push(run);
                continue;
            };
            if run.rulebook != under || under == before {
                let note = format!("finishes as the rule was: the step {} is not in it any more", run.step);
                self.decide(old, "change", "finishes", note, Vec::new(), &Cause::Rulebook);
            }
            run.rulebook = under;
            self.customer.enrollments.push(run);
        }
        for run in lost {
            self.finish(&run, &EndReason::RuleGone);
        }
        self.take_letters_over(before);
    }

    /// Letters and goals go with their run; where that is over, with their rule.
    fn take_letters_over(&mut self, before: &str) {
        let book = self.book;
        let runs: BTreeMap<&str, &str> =
            self.customer.enrollments.iter().map(|run| (run.id.as_str(), run.rulebook.as_str())).collect();
        let under = |rulebook: &str, enrollment: &str, rule: &str| {
            if book.earlier.contains_key(rulebook) {
                return rulebook.to_owned();
            }
            match runs.get(enrollment) {
                Some(under) if book.earlier.contains_key(*under) => (*under).to_owned(),
                None if !book.rules.contains_key(rule) && book.finishes(before, rule) => before.to_owned(),
                _ => String::new(),
            }
        };
        for pending in &mut self.customer.pending {
            pending.rulebook = under(&pending.rulebook, &pending.enrollment, &pending.rule);
        }
        for goal in &mut self.customer.goals {
            goal.rulebook = under(&goal.rulebook, &goal.enrollment, &goal.rule);
        }
    }
}
