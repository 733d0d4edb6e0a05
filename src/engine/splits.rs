//! Splits: picking the best arm once enough is known of each.

use super::{Engine, Result};
use crate::insight::splits::counts;
use crate::journey::split::best;
use crate::store::WinnerRow;

impl Engine {
    /// Picks the winners of splits of which enough is known; tells how many.
    pub async fn pick_winners(&self) -> Result<usize> {
        let book = self.book.load_full();
        let now = self.clock.now();
        let mut picked = 0;
        for split in book.rulebook.splits() {
            let Some(pick) = split.pick else { continue };
            if book.rulebook.winner(split.rule, split.step, split.arms).is_some() {
                continue;
            }
            let figures = counts(&self.store, &split, now).await?;
            let Some(winner) = best(&figures, &pick) else { continue };
            let (rule, step, arm) = (split.rule.to_owned(), split.step.to_owned(), winner.arm.clone());
            let conversion = format!("{:.1} %", winner.conversion() * 100.0);
            let mut tx = self.store.begin().await?;
            if book.rulebook.winners.contains_key(&(rule.clone(), step.clone())) {
                // It was the winner of other arms.
                tx.forget_winner(&rule, &step).await?;
            }
            let row = WinnerRow { rule, step, arm, at: now, figures };
            let new = tx.put_winner(&row).await?;
            tx.commit().await?;
            if new {
                picked += 1;
                tracing::info!(
                    rule.id = row.rule,
                    step.id = row.step,
                    split.arm = row.arm,
                    conversion,
                    "a split has its winner: from now on everybody takes this arm"
                );
            }
        }
        if picked > 0 {
            self.follow().await?;
        }
        Ok(picked)
    }
}
