//! Splits: which arm a customer takes.
//!
//! Invariant: the same customer takes the same arm of the same step every time, on every machine; steps and rules are
//! independent of each other.

use super::rule::SplitArm;
use super::share::Share;

/// The arm that a customer takes of a step of a rule.
pub fn choose<'a>(arms: &'a [SplitArm], customer: &str, rule: &str, step: &str) -> Option<&'a SplitArm> {
    let mut up_to = Share::NONE;
    let taken = arms.iter().find(|arm| {
        up_to = up_to.plus(arm.share);
        up_to.holds(&["split", customer, rule, step])
    });
    taken.or(arms.last())
}
