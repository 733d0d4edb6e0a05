//! The ways through a rule's steps.

use std::collections::BTreeSet;

use crate::journey::rule::{Action, Step};

/// Most that is followed of one rule; what is known is then a part of all there is.
const MOST: usize = 20_000;

/// One way on from a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    /// Where it leads.
    pub(super) to: usize,
    /// It is taken when the time of a wait is over.
    pub(super) in_vain: bool,
}

/// Where a run may go on from a step; nowhere if it ends there.
fn ways_from(steps: &[Step], at: usize) -> Vec<Way> {
    let plain = |to: &usize| Way { to: *to, in_vain: false };
    match steps.get(at).map(|step| &step.action) {
        None | Some(Action::Exit) => Vec::new(),
        Some(Action::Jump { to }) => vec![plain(to)],
        Some(Action::Branch { arms, otherwise }) => {
            arms.iter().map(|(_, to)| to).chain([otherwise]).filter(|to| **to <= steps.len()).map(plain).collect()
        }
        Some(Action::Await(wait)) => vec![plain(&wait.then), Way { to: wait.timeout, in_vain: true }],
        Some(Action::Split { arms, .. }) => arms.iter().map(|arm| plain(&arm.to)).collect(),
        Some(_) => vec![plain(&(at + 1))],
    }
}

/// What can be known of a run at each step, and at its end, over all ways to it.
pub(super) struct Known<K> {
    pub(super) at: Vec<BTreeSet<K>>,
    /// Every way was followed to its end.
    pub(super) whole: bool,
}

/// Follows every way: `step` says what a step makes of what was known before it, on one of the ways on from it.
pub(super) fn known_at<K: Ord + Clone>(steps: &[Step], begin: K, step: impl Fn(usize, Way, &K) -> K) -> Known<K> {
    let mut known: Vec<BTreeSet<K>> = vec![BTreeSet::new(); steps.len() + 1];
    let mut waiting = vec![(0, begin)];
    let mut left = MOST;
    while let Some((at, before)) = waiting.pop() {
        left -= 1;
        if left == 0 {
            return Known { at: known, whole: false };
        }
        if known[at].contains(&before) {
            continue;
        }
        waiting.extend(ways_from(steps, at).into_iter().map(|way| (way.to, step(at, way, &before))));
        known[at].insert(before);
    }
    Known { at: known, whole: true }
}
