//! Splits: which arm each customer took, how the arms have done, and which one everybody takes from then on.

use std::collections::BTreeMap;

use super::db::{Arg, Row};
use super::rows::Many;
use super::{Result, Store, Tx};
use crate::journey::split::{ArmCount, Winner, Winners};
use crate::journey::time::Timestamp;

/// An arm that a customer took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArmRow {
    /// The customer.
    pub customer: String,
    /// The run.
    pub enrollment: String,
    /// Its rule.
    pub rule: String,
    /// The split.
    pub step: String,
    /// The arm.
    pub arm: String,
    /// When.
    pub at: Timestamp,
    /// When it is known what came of it; `None` if that is not asked.
    pub until: Option<Timestamp>,
}

/// A winner as it was picked.
#[derive(Clone, Debug, PartialEq)]
pub struct WinnerRow {
    /// The rule.
    pub rule: String,
    /// The split.
    pub step: String,
    /// The arm.
    pub arm: String,
    /// When.
    pub at: Timestamp,
    /// What was known of each arm then, in the order of the file.
    pub figures: Vec<ArmCount>,
}

impl Tx {
    /// Records arms that were taken: of each customer the first of a split.
    pub async fn put_arms(&mut self, arms: &[ArmRow]) -> Result<()> {
        const MANY: Many = Many {
            what: "record arms of splits",
            head: "INSERT INTO split_arms (rule, step, customer, enrollment, arm, taken_at, until) VALUES",
            tail: "ON CONFLICT (rule, step, customer) DO NOTHING",
        };
        let rows = arms.iter().map(|row| {
            [
                Arg::text(&row.rule),
                Arg::text(&row.step),
                Arg::text(&row.customer),
                Arg::text(&row.enrollment),
                Arg::text(&row.arm),
                Arg::time(row.at),
                Arg::maybe_time(row.until),
            ]
        });
        self.execute_many(&MANY, rows.collect()).await.map(drop)
    }

    /// Records that runs reached the goal in the time that counts for their arms: (enrollment, rule, split).
    pub async fn reach_arms(&mut self, reached: &[(String, String, String)]) -> Result<()> {
        const MANY: Many = Many {
            what: "record what came of arms of splits",
            head: "WITH v (v_enrollment, v_rule, v_step) AS (VALUES",
            tail: ") UPDATE split_arms SET reached = 1 FROM v
                WHERE rule = v_rule AND step = v_step AND enrollment = v_enrollment",
        };
        let rows = reached.iter().map(|(enrollment, rule, step)| [enrollment, rule, step].map(|text| Arg::text(text)));
        self.execute_many(&MANY, rows.collect()).await.map(drop)
    }

    /// Records the winner of a split. `false`: there is one already, and nothing was written.
    pub async fn put_winner(&mut self, winner: &WinnerRow) -> Result<bool> {
        const WHAT: &str = "record the winner of a split";
        const SQL: &str = "INSERT INTO split_winners (rule, step, arm, at, figures) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (rule, step) DO NOTHING";
        let args = vec![
            Arg::text(&winner.rule),
            Arg::text(&winner.step),
            Arg::text(&winner.arm),
            Arg::time(winner.at),
            Arg::json(WHAT, &winner.figures)?,
        ];
        Ok(self.execute(WHAT, SQL, args).await? > 0)
    }

    /// Takes back the winner of a split.
    pub async fn forget_winner(&mut self, rule: &str, step: &str) -> Result<bool> {
        const SQL: &str = "DELETE FROM split_winners WHERE rule = $1 AND step = $2";
        let args = vec![Arg::text(rule), Arg::text(step)];
        Ok(self.execute("take back the winner of a split", SQL, args).await? > 0)
    }
}

impl Store {
    /// How the arms of a split have done by `now`, by their names. An arm that nobody took is not among them.
    pub async fn arm_counts(&self, rule: &str, step: &str, now: Timestamp) -> Result<BTreeMap<String, ArmCount>> {
        const SQL: &str = "SELECT arm, COUNT(*), COUNT(CASE WHEN until <= $3 THEN 1 END),
            COUNT(CASE WHEN until <= $3 AND reached = 1 THEN 1 END)
            FROM split_arms WHERE rule = $1 AND step = $2 GROUP BY arm";
        let args = vec![Arg::text(rule), Arg::text(step), Arg::time(now)];
        let rows = self.read("count arms of a split", SQL, args).await?;
        rows.iter()
            .map(|row| {
                let mut fields = row.fields();
                let arm = fields.text()?;
                let [taken, known, reached] = [fields.count()?, fields.count()?, fields.count()?];
                Ok((arm.clone(), ArmCount { arm, taken, known, reached }))
            })
            .collect()
    }

    /// Every winner that was picked, with the figures by which it was.
    pub async fn winner_rows(&self) -> Result<Vec<WinnerRow>> {
        const SQL: &str = "SELECT rule, step, arm, at, figures FROM split_winners ORDER BY rule, step";
        let read = |row: &Row| {
            let mut fields = row.fields();
            Ok(WinnerRow {
                rule: fields.text()?,
                step: fields.text()?,
                arm: fields.text()?,
                at: fields.time()?,
                figures: fields.json()?,
            })
        };
        self.read("read winners of splits", SQL, vec![]).await?.iter().map(read).collect()
    }

    /// Every winner that was picked.
    pub async fn winners(&self) -> Result<Winners> {
        let rows = self.winner_rows().await?.into_iter().map(|row| {
            let arms = row.figures.into_iter().map(|count| count.arm).collect();
            ((row.rule, row.step), Winner { arm: row.arm, arms, at: row.at })
        });
        Ok(rows.collect())
    }
}
