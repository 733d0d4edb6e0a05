//! Promo codes: each is given once, to one run of a rule, and never again.

use std::collections::BTreeSet;

use super::db::{Arg, Row};
use super::rows::Many;
use super::{Engine, Result, Store, Tx};
use crate::journey::time::Timestamp;

/// How many codes a pool has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolStock {
    /// Pool.
    pub pool: String,
    /// All that were ever loaded.
    pub total: u64,
    /// Those not yet given.
    pub left: u64,
}

impl Tx {
    /// Adds codes to a pool; those it has already are left as they are, given or not. Tells how many are new.
    pub async fn load_pool(&mut self, pool: &str, codes: &[String], at: Timestamp) -> Result<u64> {
        const MANY: Many = Many {
            what: "load promo codes",
            head: "INSERT INTO promo_codes (pool, code, loaded_at) VALUES",
            tail: "ON CONFLICT (pool, code) DO NOTHING",
        };
        let mut seen = BTreeSet::new();
        let rows = codes
            .iter()
            .filter(|code| seen.insert(code.as_str()))
            .map(|code| [Arg::text(pool), Arg::indexed(code), Arg::time(at)])
            .collect();
        self.execute_many(&MANY, rows).await
    }

    /// Takes the next code of a pool for a run; the same run is given the same code again. `None` when none is left.
    pub async fn take_code(
        &mut self,
        pool: &str,
        customer: &str,
        rule: &str,
        enrollment: &str,
        at: Timestamp,
    ) -> Result<Option<String>> {
        const GIVEN: &str = "SELECT code FROM promo_codes WHERE pool = $1 AND enrollment = $2";
        const TAKE: &str =
            "UPDATE promo_codes SET customer = $2, rule = $3, enrollment = $4, given_at = $5 WHERE id = (
            SELECT id FROM promo_codes WHERE pool = $1 AND enrollment IS NULL ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
            ) RETURNING code";
        // The codes left may all be in other takers' hands, and come back if those roll back: wait and see.
        const WAIT: &str =
            "UPDATE promo_codes SET customer = $2, rule = $3, enrollment = $4, given_at = $5 WHERE id = (
            SELECT id FROM promo_codes WHERE pool = $1 AND enrollment IS NULL ORDER BY id LIMIT 1 FOR UPDATE
            ) RETURNING code";
        let given = self
            .look("look for a promo code given before", GIVEN, vec![Arg::text(pool), Arg::text(enrollment)])
            .await?;
        if let Some(row) = given.first() {
            return row.fields().text().map(Some);
        }
        let args = vec![Arg::text(pool), Arg::text(customer), Arg::text(rule), Arg::text(enrollment), Arg::time(at)];
        let mut taken = self.fetch("take a promo code", TAKE, args.clone()).await?;
        if taken.is_empty() && self.engine() == Engine::Postgres {
            taken = self.fetch("wait for a promo code", WAIT, args).await?;
        }
        taken.first().map(|row| row.fields().text()).transpose()
    }
}

impl Store {
    /// What every pool has, by name.
    pub async fn pool_stock(&self) -> Result<Vec<PoolStock>> {
        const SQL: &str = "SELECT pool, COUNT(*), COUNT(*) - COUNT(enrollment) FROM promo_codes GROUP BY pool";
        let stock = |row: &Row| {
            let mut fields = row.fields();
            Ok(PoolStock { pool: fields.text()?, total: fields.count()?, left: fields.count()? })
        };
        let rows = self.read("count promo codes", SQL, vec![]).await?;
        let mut pools = rows.iter().map(stock).collect::<Result<Vec<_>>>()?;
        // Sorted here: the engines do not sort text alike.
        pools.sort_unstable_by(|a, b| a.pool.cmp(&b.pool));
        Ok(pools)
    }
}
