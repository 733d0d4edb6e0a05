//! The arms of a split: names, and shares that come to a whole.

use std::collections::BTreeSet;

use super::Unit;
use crate::journey::share::{Share, ShareError};
use crate::rulebook::forms::{SplitArmForm, SplitForm};

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
