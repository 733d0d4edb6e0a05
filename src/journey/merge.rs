//! Two customers that turn out to be one.
//!
//! Invariants: nothing is forgotten and nothing counts twice; consents follow the stricter saying; a rule that both run goes
//! on once, with the survivor's run; an order that one placed ends the runs of the other that it would have ended.

use super::advance::{Advance, Input, advance};
use super::attention::forget;
use super::book::Rulebook;
use super::change::taken_over;
use super::consents;
use super::customer::{Awaiting, Customer, Enrollment, Orders, RECENT_ORDERS};
use super::effect::{Cause, Effect, EndReason, SegmentMove, StageMove, WithheldReason};
use super::event::{Phase, kind};
use super::exit::ended_by_order;
use super::promo;
use super::time::Timestamp;
use super::wait::Awaited;
use super::waiting::awaited;

/// Merges `gone` into `survivor`. The effects also take `gone` off its stages and out of its segments, and end what it must
/// not go on with.
pub fn merge(book: &Rulebook, survivor: Customer, gone: &Customer, now: Timestamp) -> Advance {
    let mut into = survivor;
    let mut effects: Vec<Effect> = gone
        .stages
        .iter()
        .map(|(map, at)| {
            Effect::StageMoved(StageMove {
                map: map.clone(),
                from: Some(at.stage.clone()),
                since: Some(at.since),
                to: None,
                at: now,
                cause: Cause::Merge,
            })
        })
        .collect();
    effects.extend(gone.segments.iter().filter_map(|(key, since)| {
        let (map, segment) = key.split_once('/')?;
        Some(Effect::SegmentMoved(SegmentMove {
            map: map.to_owned(),
            segment: segment.to_owned(),
            joined: false,
            since: Some(*since),
            at: now,
            cause: Cause::Merge,
        }))
    }));
    into.first_seen_at = into.first_seen_at.min(gone.first_seen_at);
    let keys = into.keys.len();
    for key in &gone.keys {
        if !into.keys.contains(key) {
            into.keys.push(key.clone());
        }
    }
    for (name, attribute) in &gone.attributes {
        if into.attributes.get(name).is_none_or(|known| attribute.at > known.at || known.value.is_null()) {
            into.attributes.insert(name.clone(), attribute.clone());
        }
    }
    for (purpose, consent) in &gone.consents {
        let stricter = into.consents.get(purpose).is_none_or(|known| known.granted && !consent.granted);
        if stricter {
            let was = into.consents.insert(purpose.clone(), consent.clone()).map(|known| known.granted);
            effects.extend(consents::changed(&into, purpose, was, None));
        }
    }
    for (purpose, asked) in &gone.asked {
        if into.consents.get(purpose).is_none_or(|known| known.at < asked.at) {
            into.asked.entry(purpose.clone()).or_insert_with(|| asked.clone());
        }
    }
    effects.extend(consents::known_to(&into, keys));
    into.preferences.merge(&gone.preferences);
    into.returns.merge(&gone.returns);
    let mut other = taken_over(book, gone.clone(), now, &mut effects);
    end_by_orders(book, &mut into, gone, now, &mut effects);
    end_by_orders(book, &mut other, &into, now, &mut effects);
    meet_by_orders(book, &mut into, &gone.orders, now);
    meet_by_orders(book, &mut other, &into.orders, now);
    let gone = &other;
    merge_orders(&mut into, gone);
    if gone.cart.said_at > into.cart.said_at {
        into.cart = gone.cart.clone();
    }
    merge_runs(&mut into, gone, now, &mut effects);
    forget(book, &mut into.handed_over, now);
    let settled = advance(book, into, &Input::Merged, now);
    effects.extend(settled.effects);
    // Placement is asked again with the next input if a promo code came between.
    Advance { state: settled.state, effects, taken: true, walked: settled.walked }
}

/// Ends the runs of one, and takes back its letters, that an order of the other would have ended.
fn end_by_orders(book: &Rulebook, one: &mut Customer, other: &Customer, now: Timestamp, effects: &mut Vec<Effect>) {
    let ended_by = |under: &str, rule: &str, since: Timestamp| {
        other.orders.recent.iter().find(|order| order.created_at > since)?;
        ended_by_order(book.rule_under(under, rule)?)
    };
    for pending in std::mem::take(&mut one.pending) {
        let began =
            one.enrollments.iter().find(|e| e.id == pending.enrollment).map_or(pending.planned_at, |e| e.started_at);
        match ended_by(&pending.rulebook, &pending.rule, began) {
            Some(end) => effects.push(Effect::MessageCancelled {
                message: pending.message,
                rule: pending.rule,
                at: now,
                reason: WithheldReason::Exited { end },
            }),
            None => one.pending.push(pending),
        }
    }
    for enrollment in std::mem::take(&mut one.enrollments) {
        match ended_by(&enrollment.rulebook, &enrollment.rule, enrollment.started_at) {
            Some(reason) => {
                let past = one.past.entry(enrollment.rule.clone()).or_default();
                past.ended_at = Some(now);
                past.reason = Some(reason.clone());
                effects.extend(promo::settled(&enrollment));
                effects.push(Effect::Ended { enrollment: enrollment.id, rule: enrollment.rule, at: now, reason });
            }
            None => one.enrollments.push(enrollment),
        }
    }
}

/// Lets the runs of one go on that wait for an order which the other placed meanwhile.
fn meet_by_orders(book: &Rulebook, one: &mut Customer, orders: &Orders, now: Timestamp) {
    for run in &mut one.enrollments {
        let Some((_, wait)) = awaited(book, run) else { continue };
        let began = run.awaits.as_ref().map_or(run.started_at, |awaits| awaits.since);
        let order = matches!(&wait.what, Awaited::Event { kind, when: None } if kind == kind::ORDER_CREATED);
        if order && orders.recent.iter().any(|order| order.created_at >= began) {
            run.awaits = Some(Awaiting { since: began, met: true });
            run.wake_at = Some(now);
        }
    }
}

fn merge_orders(into: &mut Customer, gone: &Customer) {
    let (a, b) = (&mut into.orders, &gone.orders);
    let shared: Vec<_> = b.recent.iter().filter(|o| a.recent.iter().any(|known| known.key == o.key)).collect();
    // What both know was counted on both sides.
    let twice = |phase: Phase| shared.iter().filter(|o| o.phase == phase).count().cast_signed() as i64;
    a.count += b.count - twice(Phase::Open) - twice(Phase::Complete);
    a.completed_count += b.completed_count - twice(Phase::Complete);
    a.cancelled_count += b.cancelled_count - twice(Phase::Cancelled);
    a.paid_count +=
        b.paid_count - shared.iter().filter(|o| o.paid && o.phase != Phase::Cancelled).count().cast_signed() as i64;
    for (currency, minor) in &b.totals {
        *a.totals.entry(currency.clone()).or_insert(0) += minor;
    }
    for order in shared.iter().filter(|o| o.phase != Phase::Cancelled) {
        if let Some(total) = &order.total {
            *a.totals.entry(total.currency.clone()).or_insert(0) -= total.minor;
        }
    }
    for order in &b.recent {
        if !a.recent.iter().any(|known| known.key == order.key) {
            a.recent.push(order.clone());
        }
    }
    a.recent.sort_by(|x, y| (x.created_at, &x.key).cmp(&(y.created_at, &y.key)));
    let excess = a.recent.len().saturating_sub(RECENT_ORDERS);
    a.recent.drain(..excess);
    a.first_at = super::placement::earliest(a.first_at, b.first_at);
    a.last_at = a.last_at.max(b.last_at);
    a.last_completed_at = a.last_completed_at.max(b.last_completed_at);
}

fn merge_runs(into: &mut Customer, gone: &Customer, now: Timestamp, effects: &mut Vec<Effect>) {
    for enrollment in &gone.enrollments {
        let same = |known: &Enrollment| (&known.rule, &known.key) == (&enrollment.rule, &enrollment.key);
        if into.enrollments.iter().any(same) {
            effects.push(Effect::Ended {
                enrollment: enrollment.id.clone(),
                rule: enrollment.rule.clone(),
                at: now,
                reason: EndReason::Merged,
            });
            effects.extend(promo::settled(enrollment));
        } else {
            into.enrollments.push(enrollment.clone());
        }
    }
    for pending in &gone.pending {
        if into.pending.iter().any(|known| (&known.rule, &known.key) == (&pending.rule, &pending.key)) {
            effects.push(Effect::MessageCancelled {
                message: pending.message.clone(),
                rule: pending.rule.clone(),
                at: now,
                reason: WithheldReason::Exited { end: EndReason::Merged },
            });
        } else {
            into.pending.push(pending.clone());
        }
    }
    for (rule, past) in &gone.past {
        let known = into.past.entry(rule.clone()).or_default();
        // Runs are added up so that ids derived from their number stay new.
        known.runs += past.runs;
        known.started_at = known.started_at.max(past.started_at);
        if past.ended_at > known.ended_at {
            known.ended_at = past.ended_at;
            known.reason.clone_from(&past.reason);
        }
        for (key, at) in &past.keys {
            let known = known.keys.entry(key.clone()).or_insert(*at);
            *known = (*known).max(*at);
        }
        known.forget_keys();
    }
    for (rule, truth) in &gone.truths {
        let known = into.truths.entry(rule.clone()).or_insert(false);
        *known |= truth;
    }
    for (rule, at) in &gone.firings {
        let known = into.firings.entry(rule.clone()).or_insert(*at);
        *known = (*known).max(*at);
    }
    into.message_count += gone.message_count;
    into.handed_over.extend(gone.handed_over.iter().cloned());
    into.handed_over.sort_by_key(|h| h.at);
    into.reading_hours.merge(&gone.reading_hours);
    into.reads.merge(&gone.reads);
    into.goals.extend(gone.goals.iter().cloned());
    into.trials.extend(gone.trials.iter().cloned());
    into.promo_codes.extend(gone.promo_codes.iter().cloned());
}
