//! Tending promo pools: codes whose time is over, and pools that run low.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use super::{Engine, Result};
use crate::insight::promo::{Forecast, LATELY, forecast};
use crate::store::PoolStock;

/// Most codes marked as expired at once.
const CHUNK: usize = 1_000;

/// A pool with too few codes left.
#[derive(Clone, Debug, PartialEq)]
pub struct LowPool {
    /// The pool.
    pub pool: String,
    /// Codes left.
    pub left: u64,
    /// When it will be empty, if that can be told.
    pub forecast: Option<Forecast>,
}

impl Engine {
    /// Marks promo codes whose time is over; tells how many of them.
    pub async fn expire_codes(&self) -> Result<u64> {
        // In turn with whatever else changes codes: nobody then waits for anybody in a circle.
        let mut tx = self.store.begin_recording().await?;
        let expired = tx.expire_codes(self.clock.now(), CHUNK).await?;
        tx.commit().await?;
        Ok(expired)
    }

    /// Warns of each pool that has come to have fewer codes left than its `low_stock`; gives those that did since it was
    /// last asked.
    pub async fn watch_pools(&self) -> Result<Vec<LowPool>> {
        let book = self.book.load_full();
        let mut low = Vec::new();
        for (pool, rules) in &book.rulebook.pools {
            let Some(fewest) = rules.low_stock.filter(|_| rules.pattern.is_none()) else { continue };
            let left = self.store.codes_left(pool).await?;
            metrics::gauge!("milepost_promo_codes_left", "pool" => pool.clone()).set(left as f64);
            if left < fewest {
                low.push((pool.clone(), left));
            }
        }
        let fresh = self.newly_low(&low);
        if fresh.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.clock.now();
        let stock = self.store.pool_stock(now.before(LATELY)).await?;
        let mut told = Vec::new();
        for (pool, left) in low.into_iter().filter(|(pool, _)| fresh.contains(pool)) {
            let of_pool = stock.iter().find(|stock| stock.pool == pool);
            let forecast = of_pool.and_then(|stock: &PoolStock| forecast(stock, now));
            let dry = forecast.map(|forecast| forecast.dry_at.in_words(book.rulebook.shop.zone));
            tracing::warn!(
                promo.pool = pool,
                codes.left = left,
                codes.per_day = forecast.map(|forecast| forecast.per_day),
                codes.dry_at = dry,
                "a promo pool runs low; `milepost promo import` adds codes"
            );
            told.push(LowPool { pool, left, forecast });
        }
        Ok(told)
    }

    /// Of pools that are low, those that were not when last asked; the others are forgotten.
    fn newly_low(&self, low: &[(String, u64)]) -> BTreeSet<String> {
        let now: BTreeSet<String> = low.iter().map(|(pool, _)| pool.clone()).collect();
        let mut known = self.low_pools.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = now.difference(&known).cloned().collect();
        *known = now;
        fresh
    }
}
