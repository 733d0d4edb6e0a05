//! Waits for what ends the run: exits come first, so that such a wait is never met.

use super::Written;
use crate::journey::condition::Condition;
use crate::journey::rule::{Action, Rule};
use crate::journey::wait::Awaited;
use crate::rulebook::diagnostic::Diagnostic;

/// Warns of waits for an event of `exit_on`, or for a condition of `exit_when`.
pub(in crate::rulebook) fn check_exits(written: &Written<'_>, faults: &mut Vec<Diagnostic>) {
    let rule = &written.rule;
    for (step, place) in rule.steps.iter().zip(&written.steps) {
        let Action::Await(wait) = &step.action else { continue };
        let Some((what, key)) = ends_first(rule, &wait.what) else { continue };
        let message = format!("this wait is never met: {what} ends the run by `{key}`, and exits come first");
        let help =
            format!("take it out of `{key}`, or say by `when` which of them ends the run and which is waited for");
        faults.push(written.source.error("exits-first", place, message).help(help).warning());
    }
}

fn ends_first(rule: &Rule, what: &Awaited) -> Option<(String, &'static str)> {
    let same = |one: &Condition, other: &Condition| one.text().trim() == other.text().trim();
    match what {
        // Of a rule with a key, what ends one run may be what another waits for.
        Awaited::Event { .. } if rule.reenter.key().is_some() => None,
        Awaited::Event { kind, when } => {
            let ends = |exit: &crate::journey::rule::ExitEvent| {
                exit.event == *kind
                    && exit.when.as_ref().is_none_or(|exits| when.as_ref().is_some_and(|waits| same(exits, waits)))
            };
            rule.exit_on.iter().any(ends).then(|| (format!("`{kind}`"), "exit_on"))
        }
        Awaited::Condition(condition) => {
            let ends = rule.exit_when.iter().any(|exits| same(exits, condition));
            ends.then(|| (format!("`{}`", condition.text()), "exit_when"))
        }
    }
}
