//! Which of a customer's letters goes when: the higher ranked takes its moment first, the others what is left.

use super::earliest::Obstacle;
use super::{AtLimit, Held, LimitKind, Scope, limits_of};
use crate::journey::book::Rulebook;
use crate::journey::customer::{Customer, Pending};
use crate::journey::effect::{PolicyVerdict, WithheldReason};
use crate::journey::preferences::PATIENCE;
use crate::journey::rule::Rule;
use crate::journey::rule::TRANSACTIONAL;
use crate::journey::time::{Span, Timestamp};

/// Most limits that one letter is taken past; a year of days off comes near.
const MAX_STEPS: usize = 500;

/// The moment of one letter.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    /// Message id.
    pub message: String,
    /// When it may go.
    pub at: Timestamp,
    /// The limit that it waits for; `None` if it may go when it falls due.
    pub by: Option<LimitKind>,
    /// What the limits said, for the record: one entry for each that was met, or one that says that none was.
    pub verdicts: Vec<PolicyVerdict>,
    /// Set if it must not wait for that moment.
    pub withhold: Option<WithheldReason>,
}

/// What became of a letter when the moments were given out anew.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Message id.
    pub message: String,
    /// Its rule.
    pub rule: String,
    /// What the limits said.
    pub verdicts: Vec<PolicyVerdict>,
    /// What is to be done.
    pub what: Outcome,
}

/// What is to be done with a letter that waits.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is held.
    Held(Held),
    /// It is not held any more; it may go from this moment on.
    Free(Timestamp),
    /// It is withheld.
    Withheld(WithheldReason),
}

/// A letter that counts.
struct Taken<'a> {
    at: Timestamp,
    rule: &'a str,
    map: &'a str,
    purpose: &'a str,
}

/// The moment of each of a customer's pending letters, in the order of their rank: by the priority of the rule, then by when
/// they were planned.
pub fn slots(book: &Rulebook, customer: &Customer, now: Timestamp) -> Vec<Slot> {
    let map_of = |under: &str, rule: &str| book.rule_under(under, rule).map_or("", |rule| rule.map.as_str());
    let mut taken: Vec<Taken<'_>> = customer
        .handed_over
        .iter()
        .map(|past| Taken {
            at: past.at,
            rule: &past.rule,
            map: map_of(&past.rulebook, &past.rule),
            purpose: &past.purpose,
        })
        .collect();
    let mut waiting: Vec<&Pending> = customer.pending.iter().collect();
    let priority = |pending: &Pending| book.rule_under(&pending.rulebook, &pending.rule).map_or(0, Rule::rank);
    waiting.sort_by(|a, b| {
        priority(b).cmp(&priority(a)).then_with(|| (a.planned_at, &a.message).cmp(&(b.planned_at, &b.message)))
    });
    let mut slots = Vec::with_capacity(waiting.len());
    for pending in waiting {
        let slot = slot(book, customer, pending, now, &taken);
        // A letter that nobody can send takes no room from those that can be.
        if slot.withhold.is_none() && !pending.stuck && book.paused(&pending.rule).is_none() {
            let map = map_of(&pending.rulebook, &pending.rule);
            taken.push(Taken { at: slot.at, rule: &pending.rule, map, purpose: &pending.purpose });
        }
        slots.push(slot);
    }
    slots
}

fn slot(book: &Rulebook, customer: &Customer, pending: &Pending, now: Timestamp, taken: &[Taken<'_>]) -> Slot {
    let wished = customer.preferences.limits(&pending.purpose);
    let mut limits = limits_of(book, book.rule_under(&pending.rulebook, &pending.rule), &pending.purpose);
    limits.extend(wished.as_ref().map(|limits| (Scope::Customer, limits)));
    let due = pending.turn_at.unwrap_or(pending.planned_at);
    let mut slot =
        Slot { message: pending.message.clone(), at: now.max(due), by: None, verdicts: Vec::new(), withhold: None };
    if let Some(pause) = book.paused(&pending.rule) {
        let note = format!("the rule is paused since {}", pause.since.in_words(book.shop.zone));
        (slot.at, slot.by) = (Timestamp::MAX, Some(LimitKind::Paused));
        slot.verdicts.push(verdict(LimitKind::Paused.code(), false, note));
        return slot;
    }
    if due > now {
        slot.by = Some(LimitKind::Paused);
        let note = format!("its turn after a pause comes at {}", due.in_words(book.shop.zone));
        slot.verdicts.push(verdict(LimitKind::Paused.code(), false, note));
    }
    let shop = book.shop.zone;
    let counted: Vec<Vec<Timestamp>> = limits.iter().map(|(scope, _)| counted(*scope, pending, taken)).collect();
    for _ in 0..MAX_STEPS {
        let met = limits.iter().zip(&counted).filter_map(|((scope, limits), counted)| {
            let zone = limits.zone.of(customer, shop);
            limits.obstacle(*scope, slot.at, counted, zone).map(|obstacle| (obstacle, limits.at_limit))
        });
        let met = met.chain(rest(customer, &pending.purpose, slot.at));
        let Some((Obstacle { until, kind, limit }, at_limit)) = met.max_by_key(|(obstacle, _)| obstacle.until) else {
            if slot.verdicts.is_empty() && !limits.is_empty() {
                slot.verdicts.push(verdict("limits", true, "no limit is met".into()));
            }
            return slot;
        };
        let note = format!("{limit}: not before {}", until.in_words(shop));
        slot.verdicts.push(PolicyVerdict { limit: Some(limit), ..verdict(kind.code(), false, note) });
        (slot.at, slot.by) = (until, Some(kind));
        let patience = match at_limit {
            AtLimit::Withhold => Span::ZERO,
            AtLimit::Wait(most) => most,
        };
        if until > due.after(patience) {
            slot.withhold = Some(WithheldReason::Limit { by: kind });
            return slot;
        }
    }
    slot.withhold = slot.by.map(|by| WithheldReason::Limit { by });
    slot
}

/// The customer's pause, if a moment lies in one.
fn rest(customer: &Customer, purpose: &str, at: Timestamp) -> Option<(Obstacle, AtLimit)> {
    let until = customer.preferences.rests_until(purpose, at)?;
    let limit = "the customer wants no letters for a while".to_owned();
    Some((Obstacle { until, kind: LimitKind::Rest, limit }, AtLimit::Wait(PATIENCE)))
}

/// The moments of the letters that count for limits of a scope, in order.
fn counted(scope: Scope<'_>, pending: &Pending, taken: &[Taken<'_>]) -> Vec<Timestamp> {
    let counts = |other: &&Taken<'_>| {
        let same = other.purpose == pending.purpose;
        match scope {
            Scope::Shop => same,
            Scope::Map(map) => same && other.map == map,
            Scope::Rule(rule) => same && other.rule == rule,
            Scope::Customer => other.purpose != TRANSACTIONAL,
        }
    };
    let mut counted: Vec<Timestamp> = taken.iter().filter(counts).map(|other| other.at).collect();
    counted.sort_unstable();
    counted
}

fn verdict(policy: &str, pass: bool, note: String) -> PolicyVerdict {
    PolicyVerdict { policy: policy.to_owned(), pass, note, limit: None }
}

/// The moment that a letter of a rule would get if it were planned now.
pub fn slot_of_new(book: &Rulebook, rule: &Rule, customer: &Customer, now: Timestamp) -> Option<Slot> {
    let mut with_it = customer.clone();
    with_it.pending.push(Pending {
        message: String::new(),
        enrollment: String::new(),
        key: None,
        rule: rule.id.clone(),
        purpose: rule.purpose.clone(),
        planned_at: now,
        parked: None,
        turn_at: None,
        held: None,
        stuck: false,
        rulebook: String::new(),
    });
    slots(book, &with_it, now).into_iter().find(|slot| slot.message.is_empty())
}

/// Gives the moments of a customer's pending letters out anew, after something changed: what is held until another moment
/// than before, what is held no more, and what is withheld for it.
pub fn reschedule(book: &Rulebook, customer: &mut Customer, now: Timestamp) -> Vec<Change> {
    if customer.pending.is_empty() {
        return Vec::new();
    }
    let mut changes = Vec::new();
    for slot in slots(book, customer, now) {
        let Some(pending) = customer.pending.iter_mut().find(|pending| pending.message == slot.message) else {
            continue;
        };
        let held = slot.by.map(|by| Held { until: slot.at, by });
        let what = match (slot.withhold, held) {
            (Some(reason), _) => Outcome::Withheld(reason),
            (None, held) if held == pending.held => continue,
            (None, Some(held)) => Outcome::Held(held),
            (None, None) => Outcome::Free(slot.at),
        };
        let rule = pending.rule.clone();
        match &what {
            Outcome::Held(held) => pending.held = Some(held.clone()),
            Outcome::Free(_) => pending.held = None,
            Outcome::Withheld(_) => customer.pending.retain(|pending| pending.message != slot.message),
        }
        changes.push(Change { message: slot.message, rule, verdicts: slot.verdicts, what });
    }
    changes
}
