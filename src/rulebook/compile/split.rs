//! The arms of a split: names, shares that come to a whole, and when the best is picked.

use std::collections::BTreeSet;

use super::Unit;
use super::ends::MAX_GOAL_WINDOW;
use crate::journey::rule::PickWinner;
use crate::journey::share::{Share, ShareError};
use crate::rulebook::forms::{PickWinnerForm, SplitArmForm, SplitForm};
use crate::rulebook::read::At;

/// Below so many answers of an arm, a winner is mostly luck: even 5 and 11 of 100 differ by no more than chance may bring (95 %).
const FEW: u64 = 100;

/// The name and share of each arm; `None` for one that is at fault.
pub(super) fn compile_shares(form: &SplitForm, unit: &mut Unit<'_>) -> Vec<Option<(String, Share)>> {
    if form.arms.len() < 2 {
        let message = "a split needs at least two arms";
        unit.fault_help("empty-steps", &form.place, message, "an arm that does nothing is `then: []`");
    }
    let mut names = BTreeSet::new();
    for name in form.arms.iter().filter_map(|arm| arm.name.0.as_ref()) {
        if unit.sound_id(name) && !names.insert(name.value.clone()) {
            unit.fault("duplicate-arm", &name.place, format!("the arm `{}` is there already", name.value));
        }
    }
    let shares: Vec<Option<Share>> = form.arms.iter().map(|arm| compile_share(arm, unit)).collect();
    let sum = shares.iter().try_fold(Share::NONE, |sum, share| share.map(|share| sum.plus(share)));
    if let Some(sum) = sum.filter(|sum| *sum != Share::ALL && form.arms.len() > 1) {
        unit.fault("bad-share", &form.place, format!("the shares come to {sum}, not to 100%"));
    }
    let arms = form.arms.iter().zip(shares);
    arms.map(|(arm, share)| Some((arm.name.0.as_ref()?.value.clone(), share?))).collect()
}

/// When the best arm is picked; `None` if that is at fault.
pub(super) fn compile_pick(form: &At<PickWinnerForm>, unit: &mut Unit<'_>) -> Option<PickWinner> {
    let Some(goal_within) = unit.goal_within else {
        let message = "a winner is picked by the rule's goal, and the rule has none";
        let help = "write a `goal` such as `goal: {event: order.created, within: 7d}`";
        unit.fault_help("no-goal", &form.place, message, help);
        return None;
    };
    let (after, within) = (form.value.after.0.as_ref()?, form.value.within.as_ref());
    if after.value == 0 {
        unit.fault("out-of-range", &after.place, "a winner is picked after one customer of each arm at least");
        return None;
    }
    if let Some(within) = within
        && (within.value.0.is_zero() || within.value.0 > MAX_GOAL_WINDOW)
    {
        let message = "the goal counts for an arm longer than nothing and at most 366 days";
        unit.fault("out-of-range", &within.place, message);
        return None;
    }
    if after.value < FEW {
        let message = format!("after {} customers of each arm chance picks the winner", after.value);
        let help = format!("ask for some hundreds; below {FEW} even twice as many conversions may be luck");
        unit.warn("few-answers", &after.place, message, help);
    }
    Some(PickWinner { after: after.value, within: within.map_or(goal_within, |within| within.value.0) })
}

fn compile_share(arm: &SplitArmForm, unit: &mut Unit<'_>) -> Option<Share> {
    let text = arm.share.0.as_ref()?;
    match text.value.parse() {
        Ok(Share::NONE) => {
            unit.fault_help("bad-share", &text.place, "nobody takes an arm without a share", "leave the arm out");
            None
        }
        Ok(share) => Some(share),
        Err(error) => {
            let error: ShareError = error;
            unit.fault("bad-share", &text.place, error.to_string());
            None
        }
    }
}
