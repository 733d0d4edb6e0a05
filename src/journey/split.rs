//! Splits: which arm a customer takes.
//!
//! Invariant: the same customer takes the same arm of the same step every time, on every machine; steps and rules are
//! independent of each other.

use super::ids;
use super::rule::{SplitArm, WHOLE};

/// The arm that a customer takes of a step of a rule.
pub fn choose<'a>(arms: &'a [SplitArm], customer: &str, rule: &str, step: &str) -> Option<&'a SplitArm> {
    let mut rest = ids::portion("split", &[customer, rule, step], WHOLE);
    for arm in arms {
        if rest < arm.share {
            return Some(arm);
        }
        rest -= arm.share;
    }
    arms.last()
}
