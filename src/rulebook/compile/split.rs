//! The arms of a split: names, and shares that come to a whole.

use std::collections::BTreeSet;

use super::Unit;
use crate::journey::rule::WHOLE;
use crate::rulebook::forms::{SplitArmForm, SplitForm, Text};

/// The name and share of each arm; `None` for one that is at fault.
pub(super) fn compile_shares(form: &SplitForm, unit: &mut Unit<'_>) -> Vec<Option<(String, u32)>> {
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
    let shares: Vec<Option<u32>> = form.arms.iter().map(|arm| compile_share(arm, unit)).collect();
    let sum: Option<u32> = shares.iter().copied().sum();
    if let Some(sum) = sum.filter(|sum| *sum != WHOLE && form.arms.len() > 1) {
        let message = format!("the shares come to {}, not to 100 %", percent(sum));
        unit.fault("bad-share", &form.place, message);
    }
    let arms = form.arms.iter().zip(shares);
    arms.map(|(arm, share)| Some((arm.name.0.as_ref()?.value.clone(), share?))).collect()
}

fn compile_share(arm: &SplitArmForm, unit: &mut Unit<'_>) -> Option<u32> {
    let text = arm.share.0.as_ref()?;
    match hundredths(text) {
        Some(0) => {
            unit.fault_help("bad-share", &text.place, "nobody takes an arm without a share", "leave the arm out");
            None
        }
        Some(share) => Some(share),
        None => {
            let message = format!("`{}` is not a share", text.value);
            unit.fault_help("bad-share", &text.place, message, "write a number with `%`, for example `33.4%`");
            None
        }
    }
}

/// A share in hundredths of a per cent.
fn hundredths(text: &Text) -> Option<u32> {
    let number = text.value.trim().strip_suffix('%')?.trim_end();
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 2 {
        return None;
    }
    let whole: u32 = whole.parse().ok().filter(|whole| *whole <= 100)?;
    let part: u32 = format!("{part:0<2}").parse().ok()?;
    Some(whole * 100 + part)
}

fn percent(hundredths: u32) -> String {
    let (whole, part) = (hundredths / 100, hundredths % 100);
    if part == 0 { format!("{whole} %") } else { format!("{whole}.{part:02} %") }
}
