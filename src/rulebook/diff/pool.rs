//! Pools of promo codes: how many are new and gone. Codes themselves are nothing to print.

use std::collections::BTreeSet;

use super::Point;
use crate::rulebook::pools::read;
use crate::rulebook::source::Source;

pub(super) fn differences(before: &Source, now: &Source) -> Vec<Point> {
    let (old, new) = (codes(before), codes(now));
    let (come, gone) = (new.difference(&old).count(), old.difference(&new).count());
    if come + gone == 0 {
        return Vec::new();
    }
    vec![Point { at: format!("codes: {come} new, {gone} gone, {} now", new.len()), ..Point::default() }]
}

pub(super) fn summary(source: &Source) -> Vec<Point> {
    vec![Point { at: format!("codes: {}", codes(source).len()), ..Point::default() }]
}

fn codes(source: &Source) -> BTreeSet<String> {
    read(source, &mut Vec::new()).into_iter().collect()
}
