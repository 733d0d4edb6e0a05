//! Policies between a planned letter and the relay: exit, what must still hold, consent, the map's letters, address, holdout,
//! suppression, limits.
//!
//! They are asked when a letter is planned and again at the last moment before it is handed over.

mod still;

use email_address::{EmailAddress, Options};
use serde_json::Value;

use super::attention::{self, Held};
use super::book::Rulebook;
use super::condition::Facts;
use super::customer::Customer;
use super::effect::{EndReason, PolicyVerdict, WithheldReason};
use super::holdout::held_out;
use super::rule::Rule;
use super::time::Timestamp;

use still::ask_still;
pub(super) use still::still_parts;

/// What the policies say of one letter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// Set if the letter must not go out.
    pub withhold: Option<WithheldReason>,
    /// Set if it must wait.
    pub hold: Option<Held>,
    /// What each policy said, in order, up to the one that withheld.
    pub verdicts: Vec<PolicyVerdict>,
}

impl Verdict {
    /// Whether the letter may go now.
    pub fn lets_go(&self) -> bool {
        self.withhold.is_none() && self.hold.is_none()
    }

    pub(super) fn ask(&mut self, policy: &str, note: String, reason: Option<WithheldReason>) {
        if self.withhold.is_some() {
            return;
        }
        self.verdicts.push(PolicyVerdict { policy: policy.to_owned(), pass: reason.is_none(), note, limit: None });
        self.withhold = reason;
    }
}

/// What a letter brings along to its check.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    /// The step that sends it.
    pub step: &'a str,
    /// What it may read besides the customer: `event`, `promo`, and what the run captured.
    pub inputs: &'a Value,
}

/// The verdict when a letter is planned; without a letter at hand, what its rule alone says.
///
/// Limits on attention are not asked here: what they say depends on the other letters of the same decision, and is settled at
/// its end ([`attention::reschedule`]).
pub fn at_planning(book: &Rulebook, customer: &Customer, rule: &Rule, letter: Option<&Letter<'_>>) -> Verdict {
    let mut verdict = Verdict { withhold: None, hold: None, verdicts: Vec::new() };
    if let Some(letter) = letter {
        ask_still(&mut verdict, book, customer, rule, letter, customer.now);
    }
    consent_and_address(&mut verdict, book, customer, (&rule.purpose, Some(rule)));
    holdout(&mut verdict, book, customer, Some(rule));
    verdict
}

/// The verdict at the last moment. `suppressed` is whether the address is on the suppression list now.
pub fn at_sending(
    book: &Rulebook,
    customer: &Customer,
    message: &str,
    letter: &Letter<'_>,
    suppressed: bool,
    now: Timestamp,
) -> Verdict {
    let mut verdict = Verdict { withhold: None, hold: None, verdicts: Vec::new() };
    let Some(pending) = customer.pending.iter().find(|p| p.message == message) else {
        verdict.ask("exit", "the letter is not pending any more".into(), Some(WithheldReason::NotPending));
        return verdict;
    };
    let exit = match book.rule_under(&pending.rulebook, &pending.rule) {
        None => Some(EndReason::RuleGone),
        Some(rule) => {
            let facts = Facts::new(customer, None, now, book.shop.zone);
            rule.exit_when.iter().any(|c| c.evaluate(facts).holds).then_some(EndReason::ExitCondition)
        }
    };
    let note = exit.as_ref().map_or_else(|| "nothing ended the run".to_owned(), ToString::to_string);
    verdict.ask("exit", note, exit.map(|end| WithheldReason::Exited { end }));
    if let Some(rule) = book.rule_under(&pending.rulebook, &pending.rule) {
        ask_still(&mut verdict, book, customer, rule, letter, now);
    }
    let rule = book.rule_under(&pending.rulebook, &pending.rule);
    consent_and_address(&mut verdict, book, customer, (&pending.purpose, rule));
    suppression(&mut verdict, suppressed);
    holdout(&mut verdict, book, customer, rule);
    if verdict.withhold.is_none() {
        limits(&mut verdict, book, customer, message, now);
    }
    verdict
}

/// Adds what the suppression list says of the address.
pub(super) fn suppression(verdict: &mut Verdict, suppressed: bool) {
    let note = if suppressed { "the address is on the suppression list" } else { "the address is not suppressed" };
    verdict.ask("suppression", note.into(), suppressed.then_some(WithheldReason::Suppressed));
}

/// The verdict at the last moment, taken over by the customer's document: a letter that must not go is not pending any more,
/// and one that must wait remembers for what.
pub fn last_check(
    book: &Rulebook,
    customer: &mut Customer,
    message: &str,
    letter: &Letter<'_>,
    suppressed: bool,
    now: Timestamp,
) -> Verdict {
    if let Some(pending) = customer.pending.iter_mut().find(|pending| pending.message == message) {
        // Whatever it failed of has been mended, or it would not be tried again.
        pending.stuck = false;
    }
    let verdict = at_sending(book, customer, message, letter, suppressed, now);
    if verdict.withhold.is_some() {
        customer.pending.retain(|pending| pending.message != message);
    } else if let Some(pending) = customer.pending.iter_mut().find(|pending| pending.message == message) {
        pending.held.clone_from(&verdict.hold);
    }
    verdict
}

fn holdout(verdict: &mut Verdict, book: &Rulebook, customer: &Customer, rule: Option<&Rule>) {
    let of = rule.and_then(|rule| held_out(book, rule, &customer.id));
    let note = of.as_ref().map_or_else(|| "not held out".to_owned(), |of| format!("held out from the letters of {of}"));
    verdict.ask("holdout", note, of.map(|of| WithheldReason::HeldOut { of }));
}

fn limits(verdict: &mut Verdict, book: &Rulebook, customer: &Customer, message: &str, now: Timestamp) {
    let slots = attention::slots(book, customer, now);
    let Some(slot) = slots.into_iter().find(|slot| slot.message == message) else { return };
    verdict.verdicts.extend(slot.verdicts);
    verdict.withhold = slot.withhold;
    if verdict.withhold.is_none() {
        verdict.hold = slot.by.map(|by| Held { until: slot.at, by });
    }
}

fn consent_and_address(
    verdict: &mut Verdict,
    book: &Rulebook,
    customer: &Customer,
    (purpose, rule): (&str, Option<&Rule>),
) {
    let deleted = customer.deleted_at.map(|_| WithheldReason::Deleted);
    let note = if deleted.is_some() { "deleted in the source" } else { "not deleted" };
    verdict.ask("exists", note.into(), deleted);
    let (note, reason) = match (customer.consents.get(purpose), customer.asked.get(purpose)) {
        (_, Some(asked)) => {
            let on = asked.at.in_words(book.shop.zone);
            let note = format!("{purpose} was agreed to on {on} ({}) and is not confirmed", asked.source);
            (note, Some(WithheldReason::NotConfirmed))
        }
        (Some(said), None) => {
            let answer = if said.granted { "agreed to" } else { "refused" };
            let on = said.at.in_words(book.shop.zone);
            let refused = (!said.granted).then_some(WithheldReason::ConsentRefused);
            (format!("{answer} {purpose} on {on} ({})", said.source), refused)
        }
        (None, None) if book.shop.assumed_purposes.contains(purpose) => {
            (format!("{purpose} needs no explicit agreement"), None)
        }
        (None, None) => (format!("never agreed to {purpose}"), Some(WithheldReason::NoConsent)),
    };
    verdict.ask("consent", note, reason);
    if let Some(rule) = rule
        && let Some(since) = customer.preferences.refuses(&rule.map, purpose)
    {
        let note = format!("no letters of the map {} are wanted since {}", rule.map, since.in_words(book.shop.zone));
        verdict.ask("map", note, Some(WithheldReason::MapRefused));
    }
    let (note, reason) = match customer.email() {
        None => ("no e-mail address".to_owned(), Some(WithheldReason::NoAddress)),
        Some(address) if is_address(address) => ("the address is valid".to_owned(), None),
        Some(_) => ("the address is not valid".to_owned(), Some(WithheldReason::BadAddress)),
    };
    verdict.ask("address", note, reason);
}

/// Whether mail can go to an address: RFC 5321 form with a domain name, no display name, no control characters.
pub fn is_address(address: &str) -> bool {
    let options = Options::default().without_display_text().without_domain_literal();
    address.len() <= 254
        && !address.chars().any(|c| c.is_control() || c.is_whitespace())
        && EmailAddress::parse_with_options(address, options).is_ok()
}
