//! The splits of a map's rules as the template shows them: what came of each arm, and which one won. They are counted when the
//! page is asked for, not with its live figures: counting reads a row a customer.

use chrono_tz::Tz;
use serde::Serialize;

use crate::insight::format;
use crate::insight::splits::{ArmFigures, SplitFigures};

/// One split.
#[derive(Debug, Serialize)]
pub struct SplitView {
    rule: String,
    step: String,
    arms: Vec<ArmView>,
    /// How it stands with the winner, in a sentence.
    standing: String,
}

/// One arm.
#[derive(Debug, Serialize)]
struct ArmView {
    name: String,
    share: String,
    won: bool,
    /// Customers who took it, and of how many the answer is known.
    customers: String,
    conversion: String,
    interval: Option<Interval>,
}

/// Between which shares the true conversion lies, in words and on a scale that all arms share (0 to 100).
#[derive(Debug, Serialize)]
struct Interval {
    words: String,
    from: f64,
    width: f64,
    middle: f64,
}

impl SplitView {
    /// Puts a split together.
    pub fn new(split: &SplitFigures, zone: Tz) -> Self {
        let most = split.arms.iter().filter_map(|arm| arm.interval).map(|(_, high)| high).fold(0.0, f64::max);
        let winner = split.winner.as_ref().map(|winner| winner.arm.as_str());
        Self {
            rule: split.rule.clone(),
            step: split.step.clone(),
            arms: split.arms.iter().map(|arm| ArmView::new(arm, winner == Some(&arm.arm), most)).collect(),
            standing: split.in_words(zone),
        }
    }
}

impl ArmView {
    fn new(arm: &ArmFigures, won: bool, most: f64) -> Self {
        let at = |share: f64| (share / most * 1_000.0).round() / 10.0;
        let count = |number: u64| format::count(i64::try_from(number).unwrap_or(i64::MAX));
        Self {
            name: arm.arm.clone(),
            share: arm.share.clone(),
            won,
            customers: format!("{} customers, {} known", count(arm.taken), count(arm.known)),
            conversion: format::percent((arm.known > 0).then_some(arm.conversion)),
            interval: arm.interval.map(|(low, high)| Interval {
                words: format!("{} to {}", format::percent(Some(low)), format::percent(Some(high))),
                from: at(low),
                width: at(high) - at(low),
                middle: at(arm.conversion),
            }),
        }
    }
}
