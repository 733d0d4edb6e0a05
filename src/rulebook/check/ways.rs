//! The ways through a rule's steps.

use std::collections::BTreeSet;

use crate::journey::rule::{Action, Step};

/// Most that is followed of one rule; what is known is then a part of all there is.
const MOST: usize = 20_000;

/// Where a run may go on from a step; nowhere if it ends there.
pub(super) fn next_of(steps: &[Step], at: usize) -> Vec<usize> {
    match steps.get(at).map(|step| &step.action) {
        None | Some(Action::Exit) => Vec::new(),
        Some(Action::Jump { to }) => vec![*to],
        Some(Action::Branch { arms, otherwise }) => {
            arms.iter().map(|(_, to)| *to).chain([*otherwise]).filter(|to| *to <= steps.len()).collect()
        }
        Some(Action::Await(wait)) => vec![wait.then, wait.timeout],
        Some(Action::Split { arms, .. }) => arms.iter().map(|arm| arm.to).collect(),
        Some(_) => vec![at + 1],
    }
}

/// What can be known of a run at each step, over all ways to it: `step` says what a step makes of what was known before it.
pub(super) fn known_at<K: Ord + Clone>(steps: &[Step], begin: K, step: impl Fn(usize, &K) -> K) -> Vec<BTreeSet<K>> {
    let mut known: Vec<BTreeSet<K>> = vec![BTreeSet::new(); steps.len() + 1];
    let mut waiting = vec![(0, begin)];
    let mut left = MOST;
    while let Some((at, before)) = waiting.pop() {
        left -= 1;
        if left == 0 {
            break;
        }
        if !known[at].insert(before.clone()) || at == steps.len() {
            continue;
        }
        let after = step(at, &before);
        waiting.extend(next_of(steps, at).into_iter().map(|to| (to, after.clone())));
    }
    known
}
