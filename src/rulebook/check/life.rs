//! Steps that no run lives to see: they come later than the rule's `max_life`, however short the way to them.

use super::Written;
use super::least::{Clock, least, seconds};
use super::ways::known_at;
use crate::journey::rule::{Action, Step};
use crate::journey::time::Span;
use crate::rulebook::diagnostic::Diagnostic;

/// Warns of the waits behind which a run is over in any case, where something would follow.
pub(in crate::rulebook) fn check_life(written: &Written<'_>, faults: &mut Vec<Diagnostic>) {
    let Some(life) = written.rule.max_life else { return };
    let steps = &written.rule.steps;
    let begin = (0, Clock::Unknown);
    let known = known_at(steps, begin, |at, way, (age, clock): &(i64, Clock)| {
        let (takes, clock) = least(steps, at, way, clock);
        (age + takes, clock)
    });
    if !known.whole {
        // What was not followed might be a shorter way.
        return;
    }
    let least_at = |at: usize| known.at.get(at).and_then(|known| known.iter().map(|(age, _)| *age).min());
    let life_seconds = seconds(life);
    let lost = |to: usize| least_at(to).filter(|least| *least >= life_seconds && follows(steps, to));
    for (at, place) in written.steps.iter().enumerate() {
        if least_at(at).is_none_or(|least| least >= life_seconds) {
            // Told at the wait before.
            continue;
        }
        let (message, help) = match steps.get(at).map(|step| &step.action) {
            Some(Action::Wait(_)) => {
                let Some(least) = lost(at + 1) else { continue };
                let after = Span::seconds(least);
                (
                    format!(
                        "this wait is over after {after} at the soonest, and a run of the rule is over after {life}"
                    ),
                    "wait less, or give the rule a longer `max_life`: what stands behind is never done",
                )
            }
            Some(Action::Await(wait)) if wait.timeout != wait.then => {
                let Some(least) = lost(wait.timeout) else { continue };
                let after = Span::seconds(least);
                (
                    format!(
                        "the time of this wait is over after {after} at the soonest, and a run of the rule is over after {life}"
                    ),
                    "shorten `up_to`, or give the rule a longer `max_life`: `timeout` is never done",
                )
            }
            _ => continue,
        };
        faults.push(written.source.error("outlived", place, message).help(help).warning());
    }
}

/// Whether anything would be done from a step on.
fn follows(steps: &[Step], mut at: usize) -> bool {
    for _ in 0..=steps.len() {
        match steps.get(at).map(|step| &step.action) {
            None | Some(Action::Exit) => return false,
            Some(Action::Jump { to }) => at = *to,
            Some(_) => return true,
        }
    }
    false
}
