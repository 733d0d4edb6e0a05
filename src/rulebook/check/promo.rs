//! Promo codes along the ways through a rule: taken and never shown, shown twice, not there on some way.

use std::collections::BTreeMap;

use super::Written;
use super::ways::known_at;
use crate::journey::rule::Action;
use crate::rulebook::diagnostic::Diagnostic;
use crate::rulebook::letters::LetterFacts;

/// Most letters of a rule up to which it is followed which of them have shown a code.
const MOST_LETTERS: usize = 12;

/// What became of the code that a run holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Code {
    /// The step that took it; `None` before any did.
    taken: Option<usize>,
    /// Letters that showed it.
    shown: Vec<String>,
}

/// Warns of what becomes of a rule's codes.
pub(in crate::rulebook) fn check_promo(
    written: &Written<'_>,
    letters: &BTreeMap<String, LetterFacts<'_>>,
    faults: &mut Vec<Diagnostic>,
) {
    let steps = &written.rule.steps;
    let reads = |letter: &str| letters.get(letter).is_some_and(|facts| facts.reads("promo"));
    let takes = steps.iter().filter(|step| matches!(step.action, Action::Promo { .. })).count();
    let sends = steps.iter().filter(|step| matches!(step.action, Action::Send { .. })).count();
    if takes == 0 || sends > MOST_LETTERS {
        return;
    }
    let known = known_at(steps, Code::default(), |at, _, code| match &steps[at].action {
        Action::Promo { .. } => Code { taken: Some(at), shown: Vec::new() },
        Action::Send { letter, .. } if code.taken.is_some() && reads(letter) && !code.shown.contains(letter) => {
            let mut shown = code.shown.clone();
            shown.push(letter.clone());
            shown.sort();
            Code { taken: code.taken, shown }
        }
        _ => code.clone(),
    })
    .at;
    for (at, (step, place)) in steps.iter().zip(&written.steps).enumerate() {
        let mut warn = |code, message: String, help: &str| {
            faults.push(written.source.error(code, place, message).help(help).warning());
        };
        match &step.action {
            Action::Promo { pool, .. } => {
                let unseen = |code: &Code| {
                    code.shown.is_empty() && code.taken.is_some_and(|taken| pool_of(steps, taken) == Some(pool))
                };
                if known[at].iter().any(unseen) {
                    let message = format!("a code of `{pool}` was taken before this one, and no letter has shown it");
                    warn(
                        "promo-twice",
                        message,
                        "take one code, or send a letter with `{{ promo.code }}` between the two",
                    );
                }
            }
            Action::Send { letter, .. } if reads(letter) => {
                if known[at].iter().any(|code| code.shown.contains(letter)) {
                    let message = format!("the letter `{letter}` shows a code here that it has shown before");
                    warn(
                        "promo-twice",
                        message,
                        "take another code before it with `- promo: <pool>`, or send another letter",
                    );
                }
                let without = known[at].iter().any(|code| code.taken.is_none());
                if without && known[at].iter().any(|code| code.taken.is_some()) {
                    let message =
                        format!("the letter `{letter}` shows a promo code, and on some ways to it none was taken");
                    warn(
                        "no-promo",
                        message,
                        "put `- promo: <pool>` on every way to it, or ask with `{% if promo.code %}`",
                    );
                }
            }
            _ => {}
        }
    }
}

fn pool_of(steps: &[crate::journey::rule::Step], at: usize) -> Option<&String> {
    match steps.get(at).map(|step| &step.action) {
        Some(Action::Promo { pool, .. }) => Some(pool),
        _ => None,
    }
}
