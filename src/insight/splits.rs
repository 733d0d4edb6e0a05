//! How the arms of splits do, for the command line and the map.

use chrono_tz::Tz;
use serde::Serialize;

use crate::journey::book::Rulebook;
use crate::journey::rule::{Rule, SplitArm};
use crate::journey::split::{ArmCount, SplitStep};
use crate::journey::time::Timestamp;
use crate::store::{Result, Store};

/// A split with its figures.
#[derive(Clone, Debug, Serialize)]
pub struct SplitFigures {
    /// The rule.
    pub rule: String,
    /// The step.
    pub step: String,
    /// Its arms, in the order of the file.
    pub arms: Vec<ArmFigures>,
    /// How many answers of each arm must be known before a winner is picked; `None`: none is picked.
    pub after: Option<u64>,
    /// The winner.
    pub winner: Option<WinnerFigures>,
}

/// An arm with its figures.
#[derive(Clone, Debug, Serialize)]
pub struct ArmFigures {
    /// The arm.
    pub arm: String,
    /// Its share as written.
    pub share: String,
    /// Customers who took it.
    pub taken: u64,
    /// Of those, the ones whose answer is known.
    pub known: u64,
    /// Of those, the ones who reached the goal.
    pub reached: u64,
    /// The share of `reached` in `known`, from 0 to 1.
    pub conversion: f64,
    /// Between which shares the true conversion lies with a confidence of 95 %.
    pub interval: Option<(f64, f64)>,
}

/// A winner, with what was known when it was picked.
#[derive(Clone, Debug, Serialize)]
pub struct WinnerFigures {
    /// The arm.
    pub arm: String,
    /// Since when everybody takes it, as RFC 3339 has it.
    #[serde(serialize_with = "rfc3339")]
    pub since: Timestamp,
    /// What was known of each arm then.
    pub figures: Vec<ArmCount>,
    /// By how much it converted better than the next best arm, with a confidence of 95 %; from -1 to 1.
    pub ahead: Option<(f64, f64)>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn rfc3339<S: serde::Serializer>(at: &Timestamp, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_str(&at.rfc3339())
}

/// How the arms of a split have done by now, in the order of the file.
pub async fn counts(store: &Store, split: &SplitStep<'_>, now: Timestamp) -> Result<Vec<ArmCount>> {
    let mut counts = store.arm_counts(split.rule, split.step, now).await?;
    let count = |arm: &SplitArm| {
        counts.remove(&arm.name).unwrap_or_else(|| ArmCount { arm: arm.name.clone(), ..ArmCount::default() })
    };
    Ok(split.arms.iter().map(count).collect())
}

/// The splits of the rules that are `wanted`, with how their arms have done by now.
pub async fn figures(
    store: &Store,
    book: &Rulebook,
    now: Timestamp,
    wanted: impl Fn(&Rule) -> bool,
) -> Result<Vec<SplitFigures>> {
    let rows = store.winner_rows().await?;
    let mut all = Vec::new();
    // Counting reads a row a customer, so only what is shown is counted.
    for split in book.splits().filter(|split| book.rules.get(split.rule).is_some_and(&wanted)) {
        let counted = counts(store, &split, now).await?;
        let row = rows.iter().find(|row| row.rule == split.rule && row.step == split.step);
        let winner = row.filter(|_| split.pick.is_some() && book.winner(split.rule, split.step, split.arms).is_some());
        let winner = winner.map(|row| WinnerFigures {
            arm: row.arm.clone(),
            since: row.at,
            ahead: ahead(&row.arm, &row.figures),
            figures: row.figures.clone(),
        });
        all.push(SplitFigures {
            rule: split.rule.to_owned(),
            step: split.step.to_owned(),
            arms: arms(&split, counted),
            after: split.pick.map(|pick| pick.after),
            winner,
        });
    }
    Ok(all)
}

fn arms(split: &SplitStep<'_>, counts: Vec<ArmCount>) -> Vec<ArmFigures> {
    let arm = |(arm, count): (&SplitArm, ArmCount)| ArmFigures {
        share: arm.share.to_string(),
        conversion: count.conversion(),
        interval: count.interval(),
        taken: count.taken,
        known: count.known,
        reached: count.reached,
        arm: count.arm,
    };
    split.arms.iter().zip(counts).map(arm).collect()
}

/// By how much the winner was ahead of the best of the others.
fn ahead(winner: &str, figures: &[ArmCount]) -> Option<(f64, f64)> {
    let won = figures.iter().find(|count| count.arm == winner)?;
    let others = figures.iter().filter(|count| count.arm != winner);
    let next = others.max_by(|a, b| a.conversion().total_cmp(&b.conversion()))?;
    won.ahead_of(next)
}

impl SplitFigures {
    /// How it stands with the winner, in a sentence.
    pub fn in_words(&self, zone: Tz) -> String {
        if let Some(winner) = &self.winner {
            let points = |share: f64| format!("{:+.1}", share * 100.0);
            let sure = winner.ahead.map_or_else(String::new, |(low, high)| {
                let between = format!("ahead by {} to {} points (95 %)", points(low), points(high));
                if low > 0.0 { format!("; {between}") } else { format!("; {between}: it may be chance") }
            });
            return format!("everybody takes {} since {}{sure}", winner.arm, winner.since.in_words(zone));
        }
        match self.after {
            None => "no winner is picked".to_owned(),
            Some(after) => {
                let missing = self.arms.iter().map(|arm| after.saturating_sub(arm.known)).max().unwrap_or(0);
                if missing == 0 {
                    return "enough is known: the winner is picked within a minute".to_owned();
                }
                format!("a winner is picked when {after} answers of each arm are known: up to {missing} are missing")
            }
        }
    }
}
