//! What happened in a scenario, in words: read when an expectation was not met.

use chrono_tz::Tz;

use crate::journey::effect::{Cause, Decision, Effect};
use crate::journey::simulate::What;

/// A line for something that happened; `None` for what would only fill the page.
pub(super) fn line(what: &What, zone: Tz) -> Option<String> {
    Some(match what {
        What::Effect(Effect::StageMoved(moved)) => match (&moved.from, &moved.to) {
            (Some(from), Some(to)) => format!("moves from {from} to {to} on {}", moved.map),
            (None, Some(to)) => format!("comes to {to} on {}", moved.map),
            (Some(from), None) => format!("leaves {from} and the map {}", moved.map),
            (None, None) => return None,
        },
        What::Effect(Effect::Enrolled { rule, cause, .. }) => format!("{rule} begins{}", cause_in_words(cause)),
        What::Effect(Effect::Ended { rule, reason, .. }) => format!("{rule} ends: {reason}"),
        What::Effect(Effect::Converted { rule, .. }) => format!("{rule} reaches its goal"),
        What::Effect(Effect::Decided(decision)) => return decided(decision),
        What::Held(message) => {
            let held = message.held.as_ref()?;
            format!("the letter {} waits until {}: {}", message.letter, held.until.in_words(zone), held.by.code())
        }
        What::Withheld { message, reason } => format!("the letter {} is withheld: {reason}", message.letter),
        What::Effect(_) | What::Walked(_) | What::Sent(_) => return None,
    })
}

fn decided(decision: &Decision) -> Option<String> {
    let Decision { rule, about, outcome, note, .. } = decision;
    match (about.as_str(), outcome.as_str()) {
        ("trigger", "enrolled") => None,
        ("trigger", _) => Some(format!("{rule} does not begin: {note}")),
        _ => Some(format!("{rule}: {note}")),
    }
}

fn cause_in_words(cause: &Cause) -> String {
    if let Cause::Event { kind, .. } = cause { format!(" with {kind}") } else { String::new() }
}
