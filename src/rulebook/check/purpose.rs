//! Purposes that nobody may ever have agreed to.

use std::collections::BTreeSet;

use super::Written;
use crate::journey::book::Shop;
use crate::journey::condition::Condition;
use crate::journey::rule::{Action, TRANSACTIONAL};
use crate::journey::spelling::nearest;
use crate::rulebook::diagnostic::Diagnostic;
use crate::rulebook::scenario::Scenario;

/// The purpose that every connection knows.
const MARKETING: &str = "marketing";

/// Warns of each rule whose letters need a consent that nothing here speaks of: no scenario tells of a customer who gives it, no
/// condition asks for it, and the settings don't assume it.
pub(in crate::rulebook) fn check_purposes<'c>(
    rules: &[Written<'_>],
    scenarios: &[Scenario],
    conditions: impl Iterator<Item = &'c Condition>,
    shop: &Shop,
    faults: &mut Vec<Diagnostic>,
) {
    let told = scenarios.iter().flat_map(|scenario| scenario.given.iter().chain(&scenario.events));
    let told = told.filter_map(|event| event.profile.as_ref()).flat_map(|profile| &profile.consents);
    let mut known: BTreeSet<&str> =
        told.filter(|(_, granted)| **granted).map(|(purpose, _)| purpose.as_str()).collect();
    known.extend(shop.assumed_purposes.iter().map(String::as_str));
    known.insert(MARKETING);
    let asked: BTreeSet<String> = conditions
        .flat_map(Condition::paths)
        .filter_map(|path| path.strip_prefix("consent.").map(str::to_owned))
        .collect();
    for written in rules {
        let Some(purpose) = &written.form.purpose else { continue };
        let name = purpose.value.as_str();
        let sends = written.rule.steps.iter().any(|step| matches!(step.action, Action::Send { .. }));
        // One that is misspelt is told where it is compiled.
        let near = nearest(name, [MARKETING, TRANSACTIONAL]).is_some_and(|meant| meant != name);
        if !sends || near || known.contains(name) || asked.contains(name) {
            continue;
        }
        let message = format!("nothing here tells of anybody who agreed to the purpose `{name}`");
        let fault = written.source.error("unknown-purpose", &purpose.place, message);
        faults.push(fault.warning().help(format!(
            "letters of this rule are withheld until a connection or your own calls say `consent: {{{name}: true}}`: show that in a \
             scenario, or name the purpose in `assumed` of [consent]"
        )));
    }
}
