//! Rules that came into force after a customer's last input: what would have started them by time alone before that is old news.
//!
//! Invariant: until the customer's time reaches the moment of the change, such rules start by no condition, move, segment or date,
//! and stays count from then on; also if the answer to a wish for a promo code is waited for meanwhile.
//!
//! Not here: what a change does to runs under way (`change`).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::advance::Run;
use super::pause::hash_of;
use super::rule::{Rule, Trigger};
use super::time::Timestamp;

/// The rules that are new to a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewRules {
    /// Since when they are in force for the customer.
    pub since: Timestamp,
    /// Which.
    pub rules: BTreeSet<String>,
}

impl Trigger {
    /// Whether it is written like another one.
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Enter { stage: a }, Self::Enter { stage: b })
            | (Self::Leave { stage: a }, Self::Leave { stage: b })
            | (Self::Join { segment: a }, Self::Join { segment: b })
            | (Self::Quit { segment: a }, Self::Quit { segment: b }) => a == b,
            (Self::Stay { stage: a, span: x }, Self::Stay { stage: b, span: y }) => (a, x) == (b, y),
            (Self::Becomes { condition: a }, Self::Becomes { condition: b }) => a.text() == b.text(),
            (Self::Date(a), Self::Date(b)) => a == b,
            // Time alone starts none of the others here.
            _ => false,
        }
    }
}

impl Run<'_> {
    /// Notes which rules are new to the customer, who stood under `before` and whose time has not reached the change yet.
    pub(super) fn note_new_rules(&mut self, before: &str, moment: Timestamp) {
        let (book, before) = (self.book, hash_of(before));
        if before == book.hash || moment <= self.customer.now {
            return;
        }
        let earlier = book.earlier.get(before);
        let known = |rule: &Rule| match earlier {
            Some(earlier) => earlier.rules.get(&rule.id).is_some_and(|known| known.trigger.is_like(&rule.trigger)),
            // Nobody can tell what it was; what is remembered of the customer must do.
            None => match &rule.trigger {
                Trigger::Date(_) => self.customer.dates.contains_key(&rule.id),
                Trigger::Becomes { .. } => self.customer.truths.contains_key(&rule.id),
                _ => true,
            },
        };
        let rules = book.rules.values().filter(|rule| !known(rule)).map(|rule| rule.id.clone()).collect();
        self.customer.new_rules = Some(NewRules { since: moment, rules });
    }

    /// From when on time alone starts a rule, if that is later than now.
    pub(super) fn starts_from(&self, rule: &Rule) -> Option<Timestamp> {
        let new = self.customer.new_rules.as_ref().filter(|new| new.since > self.customer.now)?;
        new.rules.contains(&rule.id).then_some(new.since)
    }
}
