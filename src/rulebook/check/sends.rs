//! Letters against the rules that send them: a way to unsubscribe, a promo code that was taken.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::Written;
use crate::journey::rule::{Action, TRANSACTIONAL};
use crate::rulebook::diagnostic::Diagnostic;
use crate::rulebook::letters::LetterFacts;

/// Checks every letter that a rule sends, and warns of letters that no rule sends.
pub(in crate::rulebook) fn check_sends(
    rules: &[Written<'_>],
    letters: &BTreeMap<String, BTreeMap<String, LetterFacts<'_>>>,
    all_rules_read: bool,
    faults: &mut Vec<Diagnostic>,
) {
    let mut told: BTreeSet<PathBuf> = BTreeSet::new();
    let mut sent: BTreeSet<(&str, &str)> = BTreeSet::new();
    for written in rules {
        let mut promo = false;
        for (step, place) in written.rule.steps.iter().zip(&written.steps) {
            let Action::Send { letter, .. } = &step.action else {
                promo |= matches!(step.action, Action::Promo { .. });
                continue;
            };
            let Some(facts) = letters.get(&written.rule.map).and_then(|letters| letters.get(letter)) else { continue };
            sent.insert((&written.rule.map, letter));
            if written.rule.purpose != TRANSACTIONAL {
                check_unsubscribe(&written.rule.id, facts, &mut told, faults);
            }
            if facts.reads("promo") && !promo {
                let message =
                    format!("the letter `{letter}` shows a promo code, and no step before this one takes one");
                let fault = written.source.error("no-promo", place, message);
                faults.push(fault.help("put `- promo: <pool>` before it"));
            }
        }
    }
    if all_rules_read {
        warn_of_unsent(letters, &sent, faults);
    }
}

fn check_unsubscribe(rule: &str, facts: &LetterFacts<'_>, told: &mut BTreeSet<PathBuf>, faults: &mut Vec<Diagnostic>) {
    for (source, roots) in &facts.files {
        if !roots.contains("unsubscribe_url") && told.insert(source.path.clone()) {
            let message =
                format!("this letter offers no way to unsubscribe, and the rule `{rule}` needs a consent to send it");
            let end = source.text.find('\n').unwrap_or(source.text.len());
            faults.push(source.error("no-unsubscribe", &(0..end), message).help(
                "show `{{ unsubscribe_url }}` here or in its layout; only `purpose: transactional` goes without",
            ));
        }
    }
}

fn warn_of_unsent(
    letters: &BTreeMap<String, BTreeMap<String, LetterFacts<'_>>>,
    sent: &BTreeSet<(&str, &str)>,
    faults: &mut Vec<Diagnostic>,
) {
    for (map, letters) in letters {
        for (letter, facts) in letters.iter().filter(|(letter, _)| !sent.contains(&(map.as_str(), letter.as_str()))) {
            if let Some((source, _)) = facts.files.first() {
                let message = format!("no rule of the map `{map}` sends the letter `{letter}`");
                faults.push(source.error("unsent-letter", &(0..0), message).warning());
            }
        }
    }
}
