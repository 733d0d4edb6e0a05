//! When a promo pool will be empty, by how fast its codes went lately.
//!
//! Invariant: pure and total.

use crate::journey::time::{MICROS_PER_SECOND, Span, Timestamp};
use crate::store::PoolStock;

/// How far back a forecast looks.
pub const LATELY: Span = Span::days(7);

const MICROS_PER_DAY: f64 = 86_400.0 * MICROS_PER_SECOND as f64;

/// How fast a pool empties.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// Codes given a day.
    pub per_day: f64,
    /// When none will be left at that pace.
    pub dry_at: Timestamp,
}

/// The forecast of a pool, whose codes given lately were counted from [`LATELY`] before `now` on. None where no code was
/// given lately: then nobody can tell.
pub fn forecast(stock: &PoolStock, now: Timestamp) -> Option<Forecast> {
    if stock.given_lately == 0 {
        return None;
    }
    let from = stock.first_given_at.unwrap_or(now).max(now.before(LATELY));
    // A pool that was opened an hour ago did not give its first codes at the pace of an hour.
    let days = (now.since(from).micros() as f64 / MICROS_PER_DAY).max(1.0);
    let per_day = stock.given_lately as f64 / days;
    #[expect(clippy::cast_possible_truncation, reason = "a moment too far away becomes the last moment there is")]
    let left = Span::from_micros((stock.left as f64 / per_day * MICROS_PER_DAY) as i64);
    Some(Forecast { per_day, dry_at: now.after(left) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(left: u64, lately: u64, first_days_ago: i64, expected: Option<(f64, i64)>) {
        let now = Timestamp::from_seconds(1_790_000_000).expect("in range");
        let first_given_at = Some(now.before(Span::days(first_days_ago)));
        let stock = PoolStock { left, given_lately: lately, first_given_at, ..PoolStock::default() };
        let expected =
            expected.map(|(per_day, days)| Forecast { per_day, dry_at: now.after(Span::seconds(days * 86_400)) });
        assert_eq!(forecast(&stock, now), expected);
    }

    #[test]
    fn a_pool_lasts_as_long_as_its_pace_lets_it() {
        check(100, 70, 30, Some((10.0, 10)));
        check(100, 20, 2, Some((10.0, 10)));
        check(100, 20, 0, Some((20.0, 5)));
        check(0, 70, 30, Some((10.0, 0)));
        check(100, 0, 30, None);
    }
}
