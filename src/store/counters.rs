//! The map's figures: sums that are added to in the transaction of what they count.
//!
//! A figure is spread over a few rows (shards), so that nodes that add to it at once need not wait for each other.

use std::collections::BTreeMap;

use super::db::Arg;
use super::rows::Many;
use super::{Result, Store, Tx};

/// Over how many rows a figure is spread.
const SHARDS: i64 = 8;

/// Something added to a figure, or the figure's sum.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Count {
    /// Map.
    pub map: String,
    /// `stage:<id>` or `rule:<id>`.
    pub subject: String,
    /// Figure's name.
    pub figure: String,
    /// What the figure is divided by; empty if by nothing.
    pub detail: String,
    /// How much.
    pub by: i64,
}

impl Tx {
    /// Adds to figures, in the rows of one shard (any number; it is folded into the few there are).
    pub async fn add_counts(&mut self, shard: i64, counts: &[Count]) -> Result<()> {
        const MANY: Many = Many {
            what: "add to the figures",
            head: "INSERT INTO counters (map, subject, figure, detail, shard, amount) VALUES",
            tail: "ON CONFLICT (map, subject, figure, detail, shard) DO UPDATE SET amount = counters.amount + excluded.amount",
        };
        // Sorted by the map, so that two transactions take the rows in the same order.
        let mut sums: BTreeMap<[&str; 4], i64> = BTreeMap::new();
        for count in counts {
            let sum = sums.entry([&count.map, &count.subject, &count.figure, &count.detail]).or_default();
            *sum = sum.saturating_add(count.by);
        }
        let shard = shard.rem_euclid(SHARDS);
        let rows = sums
            .into_iter()
            .filter(|(_, by)| *by != 0)
            .map(|([map, subject, figure, detail], by)| {
                [
                    Arg::text(map),
                    Arg::text(subject),
                    Arg::text(figure),
                    Arg::text(detail),
                    Arg::int(shard),
                    Arg::int(by),
                ]
            })
            .collect();
        self.execute_many(&MANY, rows).await.map(drop)
    }
}

impl Store {
    /// The figures of a map, summed, in the order of subject, figure and detail.
    pub async fn counts(&self, map: &str) -> Result<Vec<Count>> {
        const SQL: &str = "SELECT subject, figure, detail, CAST(SUM(amount) AS BIGINT) FROM counters WHERE map = $1
            GROUP BY subject, figure, detail";
        let rows = self.read("read the figures", SQL, vec![Arg::text(map)]).await?;
        let counts: Result<Vec<Count>> = rows
            .iter()
            .map(|row| {
                let mut fields = row.fields();
                Ok(Count {
                    map: map.to_owned(),
                    subject: fields.text()?,
                    figure: fields.text()?,
                    detail: fields.text()?,
                    by: fields.int()?,
                })
            })
            .collect();
        // Sorted here: the engines do not sort text alike.
        let mut counts = counts?;
        counts.sort_unstable();
        Ok(counts)
    }
}
