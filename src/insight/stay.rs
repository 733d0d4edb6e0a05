//! How long customers stay at a stage: a histogram whose buckets grow by a constant factor.
//!
//! Four buckets an octave: any answer is within a tenth of the true median, from one second to centuries, in about 130
//! buckets at most. Counters of buckets can be added in any order on any node, which a true median could not.

use std::collections::BTreeMap;

use crate::journey::time::{MICROS_PER_SECOND, Span};

const BUCKETS_PER_OCTAVE: f64 = 4.0;

/// The bucket of a stay: 0 below one second, then four for each doubling.
pub fn stay_bucket(stay: Span) -> u32 {
    if stay < Span::seconds(1) {
        return 0;
    }
    let seconds = stay.micros() as f64 / MICROS_PER_SECOND as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "log2 of an i64 is below 64")]
    let step = (seconds.log2() * BUCKETS_PER_OCTAVE).floor() as u32;
    step + 1
}

/// The stay that stands for a bucket: its geometric middle.
pub fn bucket_middle(bucket: u32) -> Span {
    let Some(step) = bucket.checked_sub(1) else { return Span::ZERO };
    // Buckets above 250 come from no stay; the cap keeps a damaged counter from overflowing.
    let octaves = (f64::from(step.min(250)) + 0.5) / BUCKETS_PER_OCTAVE;
    #[expect(clippy::cast_possible_truncation, reason = "`as` stops at the largest i64, which is what is wanted")]
    let seconds = octaves.exp2().round() as i64;
    Span::seconds(seconds)
}

/// The median of a histogram of stays; `None` when nobody has left yet.
pub fn median_stay(histogram: &BTreeMap<u32, i64>) -> Option<Span> {
    let total: i64 = histogram.values().filter(|n| **n > 0).sum();
    let mut seen = 0;
    for (bucket, n) in histogram.iter().filter(|(_, n)| **n > 0) {
        seen += n;
        if seen * 2 >= total {
            return Some(bucket_middle(*bucket));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_s_middle_is_within_a_tenth_of_every_stay_in_it() {
        for seconds in [1, 2, 3, 10, 59, 60, 3_599, 86_400, 604_800, 31_536_000, 3_000_000_000] {
            let stay = Span::seconds(seconds);
            let middle = bucket_middle(stay_bucket(stay)).micros() as f64 / stay.micros() as f64;
            // Below ten seconds rounding to whole seconds weighs more than the bucket's width.
            let slack = if seconds < 10 { 0.5 } else { 0.1 };
            assert!((middle - 1.0).abs() <= slack, "{seconds} s became {middle} of itself");
        }
    }

    #[test]
    fn buckets_grow_with_stays_and_extremes_do_not_overflow() {
        assert_eq!(stay_bucket(Span::ZERO), 0);
        assert_eq!(stay_bucket(Span::seconds(1)), 1);
        assert!(stay_bucket(Span::days(1)) < stay_bucket(Span::days(2)));
        assert!(bucket_middle(stay_bucket(Span::from_micros(i64::MAX))) > Span::days(300_000));
        assert!(bucket_middle(u32::MAX) > Span::days(300_000));
    }

    #[test]
    fn the_median_is_the_middle_stay_and_nothing_without_stays() {
        let day = stay_bucket(Span::days(1));
        let week = stay_bucket(Span::days(7));
        assert_eq!(median_stay(&BTreeMap::new()), None);
        assert_eq!(median_stay(&BTreeMap::from([(day, 3), (week, 2)])), Some(bucket_middle(day)));
        assert_eq!(median_stay(&BTreeMap::from([(day, 2), (week, 3)])), Some(bucket_middle(week)));
        assert_eq!(median_stay(&BTreeMap::from([(day, -4), (week, 1)])), Some(bucket_middle(week)));
    }
}
