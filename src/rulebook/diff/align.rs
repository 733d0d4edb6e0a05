//! Two lists of named things side by side.

use std::collections::BTreeSet;

use similar::{Algorithm, DiffOp, capture_diff_slices};

/// What became of one of them; numbers are places in the old list and in the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is there still, perhaps under another name.
    Both(usize, usize),
    /// It stands elsewhere now.
    Moved(usize, usize),
    Gone(usize),
    New(usize),
}

/// Aligns two lists by name, in the order of the new one. Where names differ, what stands in the same gap and is `alike` is one
/// thing; names that are in both lists are never taken for others.
pub(super) fn align(old: &[String], new: &[String], alike: impl Fn(usize, usize) -> bool) -> Vec<Step> {
    let (before, now): (BTreeSet<&String>, BTreeSet<&String>) = (old.iter().collect(), new.iter().collect());
    let mut steps = Vec::new();
    for op in capture_diff_slices(Algorithm::Patience, old, new) {
        match op {
            DiffOp::Equal { old_index, new_index, len } => {
                steps.extend((0..len).map(|n| Step::Both(old_index + n, new_index + n)));
            }
            DiffOp::Delete { old_index, old_len, .. } => {
                steps.extend((old_index..old_index + old_len).map(Step::Gone));
            }
            DiffOp::Insert { new_index, new_len, .. } => {
                steps.extend((new_index..new_index + new_len).map(Step::New));
            }
            DiffOp::Replace { old_index, old_len, new_index, new_len } => {
                let mut next = old_index;
                let end = old_index + old_len;
                for (place, name) in new.iter().enumerate().skip(new_index).take(new_len) {
                    let fits = |from: &usize| !now.contains(&old[*from]) && alike(*from, place);
                    let found = (next..end).find(fits).filter(|_| !before.contains(name));
                    if let Some(from) = found {
                        steps.extend((next..from).map(Step::Gone));
                        steps.push(Step::Both(from, place));
                        next = from + 1;
                    } else {
                        steps.push(Step::New(place));
                    }
                }
                steps.extend((next..end).map(Step::Gone));
            }
        }
    }
    moved(steps, old, new)
}

/// What is gone at one place and new at another has moved.
fn moved(steps: Vec<Step>, old: &[String], new: &[String]) -> Vec<Step> {
    let gone: Vec<usize> =
        steps.iter().filter_map(|step| if let Step::Gone(at) = step { Some(*at) } else { None }).collect();
    let from = |at: usize| gone.iter().copied().find(|from| old[*from] == new[at]);
    let to: BTreeSet<usize> =
        steps.iter().filter_map(|step| if let Step::New(at) = step { from(*at) } else { None }).collect();
    let one = |step: Step| match step {
        Step::New(at) => Some(from(at).map_or(step, |from| Step::Moved(from, at))),
        Step::Gone(at) if to.contains(&at) => None,
        other => Some(other),
    };
    steps.into_iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::Step::{Both, Gone, Moved, New};
    use super::*;

    #[test]
    fn names_are_kept_and_what_is_alike_in_their_gaps_is_one_thing() {
        let check = |old: &str, new: &str, expected: &[Step]| {
            let list = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            let (old, new) = (list(old), list(new));
            let found = align(&old, &new, |a, b| old[a].as_bytes().first() == new[b].as_bytes().first());
            assert_eq!(found, expected, "{old:?} {new:?}");
        };
        check("a b", "a b", &[Both(0, 0), Both(1, 1)]);
        check("a w1 b", "a w2 b", &[Both(0, 0), Both(1, 1), Both(2, 2)]);
        check("a b", "a x b", &[Both(0, 0), New(1), Both(1, 2)]);
        check("a x b", "a b", &[Both(0, 0), Gone(1), Both(2, 1)]);
        check("a b c", "c a b", &[Moved(2, 0), Both(0, 1), Both(1, 2)]);
        check("a x b", "a y b", &[Both(0, 0), New(1), Gone(1), Both(2, 2)]);
    }
}
