//! Which steps and arms of the rules no scenario ever took.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::journey::advance::Walked;
use crate::journey::book::Rulebook;
use crate::journey::rule::{Action, Rule};

/// The steps that scenarios took.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    taken: BTreeMap<String, BTreeSet<(usize, Option<usize>)>>,
}

/// What of a rule was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleCoverage {
    /// Map.
    pub map: String,
    /// Rule.
    pub rule: String,
    /// Its steps and arms.
    pub all: usize,
    /// Those of them that were taken.
    pub taken: usize,
    /// The steps that no scenario took, by id.
    pub steps_never_taken: Vec<String>,
    /// The arms that no scenario took: the step's id, and which.
    pub arms_never_taken: Vec<String>,
}

impl Coverage {
    /// Adds the steps of a scenario.
    pub fn add(&mut self, walked: &[Walked]) {
        for step in walked {
            self.taken.entry(step.rule.clone()).or_default().insert((step.step, step.to));
        }
    }

    /// Every rule with what of it was taken, by map and rule.
    pub fn rules(&self, book: &Rulebook) -> Vec<RuleCoverage> {
        let mut rules: Vec<RuleCoverage> = book.rules.values().map(|rule| self.rule(rule)).collect();
        rules.sort_by(|a, b| (&a.map, &a.rule).cmp(&(&b.map, &b.rule)));
        rules
    }

    fn rule(&self, rule: &Rule) -> RuleCoverage {
        let none = BTreeSet::new();
        let taken = self.taken.get(&rule.id).unwrap_or(&none);
        let (mut all, mut steps, mut arms) = (0, Vec::new(), Vec::new());
        for (position, step) in rule.steps.iter().enumerate() {
            // A jump is how the end of an arm is written down; nobody wrote it.
            if matches!(step.action, Action::Jump { .. }) {
                continue;
            }
            all += 1;
            if !taken.iter().any(|(at, _)| *at == position) {
                steps.push(step.id.clone());
            }
            for (arm, to) in arms_of(&step.action) {
                all += 1;
                if !taken.contains(&(position, Some(to))) {
                    arms.push(format!("{}: {arm}", step.id));
                }
            }
        }
        RuleCoverage {
            map: rule.map.clone(),
            rule: rule.id.clone(),
            all,
            taken: all - steps.len() - arms.len(),
            steps_never_taken: steps,
            arms_never_taken: arms,
        }
    }
}

/// The ways on from a step that has several, and where each leads.
fn arms_of(action: &Action) -> Vec<(String, usize)> {
    match action {
        Action::Branch { arms, otherwise } => {
            let written = arms.iter().map(|(condition, to)| match condition {
                Some(condition) => (format!("if {}", condition.text()), *to),
                None => ("else".to_owned(), *to),
            });
            let total = arms.iter().any(|(condition, _)| condition.is_none());
            written.chain((!total).then(|| ("no arm holds".to_owned(), *otherwise))).collect()
        }
        Action::Split { arms, .. } => arms.iter().map(|arm| (format!("arm {}", arm.name), arm.to)).collect(),
        Action::Await(wait) if wait.then != wait.timeout => {
            vec![("it happens".to_owned(), wait.then), ("it does not happen in time".to_owned(), wait.timeout)]
        }
        _ => Vec::new(),
    }
}
