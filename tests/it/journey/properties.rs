//! Promises of the core over random histories: replay, no step twice, one stage a map, latest facts never move back.

pub mod books;
pub mod logs;
mod simulated;

use std::collections::{BTreeMap, BTreeSet};

use milepost::journey::advance::{Input, advance};
use milepost::journey::book::Rulebook;
use milepost::journey::customer::Customer;
use milepost::journey::effect::Effect;
use milepost::journey::event::{Event, Phase, Profile};
use milepost::journey::facts::fold;
use milepost::journey::time::Timestamp;
use proptest::prelude::*;

use crate::support::{arrival, at, cart, event, order, rulebook, span};

const RULES: [&str; 8] = [
    "{rule: welcome, on: {event: customer.created}, exit_on: [order.created], reenter: always, steps: [{wait: 1h}, {send: one}, {wait: {for: 1d, at: '10:00'}}, {send: two}]}",
    "{rule: cart, stage: cart, on: {event: cart.updated}, exit_on: [order.created, cart.cleared], goal: {event: order.created, within: 3d, value: order.total}, reenter: {after: 2d}, steps: [{wait: 1h}, {send: reminder}, {branch: [{if: 'cart.total >= 50', then: [{promo: codes}, {send: code}]}, {else: [{set: {vip: true}}, {wait: 2h}, {send: last}]}]}]}",
    "{rule: bought, on: {enter: buyer}, reenter: always, purpose: transactional, steps: [{send: thanks}]}",
    "{rule: stayed, on: {stay: cart, for: 5h}, reenter: always, steps: [{send: still-there}]}",
    "{rule: quiet, on: {becomes: \"older_than(orders.last_at, '10d')\"}, reenter: always, exit_when: \"within(orders.last_at, '1d')\", steps: [{wait: 3h}, {send: miss}, {wait: 1d}, {send: miss-more}]}",
    "{rule: waits, on: {event: cart.updated}, reenter: always, steps: [{wait: {event: order.created, when: 'event.order.total > 1002', up_to: 1d, then: [{send: yes}, {wait: {condition: \"older_than(orders.last_at, '2d') || cart.total > 80\", up_to: 3d, timeout: [{send: quiet}]}}], timeout: [{promo: codes}, {send: no}, {wait: {cron: '0 9 * * 1-5'}}]}}, {send: after}]}",
    "{rule: tries, on: {event: cart.cleared}, reenter: always, steps: [{split: [{share: 50%, name: a, then: [{leave: cart}, {enroll: quiet}]}, {share: 50%, name: b, then: [{wait: 1h}, {enroll: waits}]}]}, {set: {tags: {add: [split]}}}, {send: tried}]}",
    "{rule: weekly, on: {cron: '0 10 * * 2', segment: 'orders.count > 0'}, reenter: always, steps: [{send: news}]}",
];

/// One thing that happens, `gap` minutes after the one before.
#[derive(Clone, Debug)]
enum Happens {
    Arrives,
    Cart(i64),
    Cleared,
    Order(u8, u8),
    Consent(bool),
    /// An event of the shop's own that concerns no rule.
    Looks,
    Time,
    Cron,
}

fn happens() -> impl Strategy<Value = (u32, Happens)> {
    let what = prop_oneof![
        1 => Just(Happens::Arrives),
        4 => (0_i64..10_000).prop_map(Happens::Cart),
        1 => Just(Happens::Cleared),
        3 => (0_u8..6, 0_u8..3).prop_map(|(id, phase)| Happens::Order(id, phase)),
        1 => any::<bool>().prop_map(Happens::Consent),
        2 => Just(Happens::Looks),
        2 => Just(Happens::Time),
        1 => Just(Happens::Cron),
    ];
    (0_u32..3_000, what)
}

fn to_event(n: usize, what: &Happens, now: Timestamp) -> Option<Event> {
    let made = match what {
        Happens::Arrives => arrival(now),
        Happens::Cart(cents) => cart(now, *cents),
        Happens::Cleared => event("cart.cleared", now),
        Happens::Order(id, phase) => {
            let phase = [Phase::Open, Phase::Complete, Phase::Cancelled][usize::from(*phase)];
            let kind = if phase == Phase::Open { "order.created" } else { "order.status" };
            order(kind, now, &id.to_string(), phase, 1_000 + i64::from(*id))
        }
        Happens::Consent(granted) => {
            let consents = BTreeMap::from([("marketing".to_owned(), *granted)]);
            Event { profile: Some(Profile { consents, ..Profile::default() }), ..event("customer.updated", now) }
        }
        Happens::Looks => event("page.seen", now),
        Happens::Time | Happens::Cron => return None,
    };
    Some(Event { id: n.to_string(), ..made })
}

/// What came of a history.
#[derive(Default)]
struct Outcome {
    customer: Customer,
    effects: Vec<Effect>,
}

impl Outcome {
    fn take(&mut self, book: &Rulebook, input: &Input<'_>, now: Timestamp) {
        loop {
            let done = advance(book, std::mem::take(&mut self.customer), input, now);
            self.customer = done.state;
            let wants = |e: &Effect| {
                if let Effect::PromoWanted { enrollment, .. } = e { Some(enrollment.clone()) } else { None }
            };
            let wanted: Vec<String> = done.effects.iter().filter_map(wants).collect();
            self.effects.extend(done.effects);
            for enrollment in wanted {
                let asked_at = self.customer.now;
                self.take(book, &Input::Promo { enrollment: &enrollment, code: Some(&enrollment) }, asked_at);
            }
            if done.taken {
                return;
            }
        }
    }
}

/// Runs a history; after every `batch` inputs the state goes through its stored form, and idle moments in between are
/// looked at too, as a daemon's timers do.
fn run(book: &Rulebook, history: &[(u32, Happens)], batch: usize, idle: bool) -> Outcome {
    run_with(book, history, batch, idle, |_| {})
}

/// The same with a change of the state before every input.
fn run_with(
    book: &Rulebook,
    history: &[(u32, Happens)],
    batch: usize,
    idle: bool,
    before: impl Fn(&mut Customer),
) -> Outcome {
    let start = at("2026-03-20T00:00:00Z");
    let mut outcome = Outcome { customer: Customer::new("c1", start), effects: Vec::new() };
    let mut now = start;
    for (n, (gap, what)) in history.iter().enumerate() {
        let next = now.after(span(&format!("{gap}m")));
        if idle {
            // A daemon that is awake takes every due moment when it comes.
            while let Some(due) = outcome.customer.due_at().filter(|due| *due <= next) {
                outcome.take(book, &Input::Due, due);
            }
        }
        now = next;
        before(&mut outcome.customer);
        match to_event(n, what, now) {
            Some(event) => outcome.take(book, &Input::Event(&event), now),
            None if matches!(what, Happens::Cron) => outcome.take(book, &Input::Cron { rule: "weekly", at: now }, now),
            None => outcome.take(book, &Input::Due, now),
        }
        if n % batch == 0 {
            let stored = serde_json::to_string(&outcome.customer).expect("serialises");
            outcome.customer = serde_json::from_str(&stored).expect("reads back");
        }
    }
    outcome
}

fn letters(effects: &[Effect]) -> Vec<(String, Timestamp)> {
    effects
        .iter()
        .filter_map(|e| if let Effect::MessagePlanned(m) = e { Some((m.id.clone(), m.due_at)) } else { None })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn a_history_comes_to_the_same_however_it_is_cut(history in prop::collection::vec(happens(), 1..60), batch in 1_usize..20) {
        let book = rulebook(&RULES);
        let one = run(&book, &history, 1, true);
        let other = run(&book, &history, batch, true);
        prop_assert_eq!(&one.customer, &other.customer);
        prop_assert_eq!(&one.effects, &other.effects);
        // A daemon that was asleep between the inputs decides the same, only later.
        let asleep = run(&book, &history, batch, false);
        prop_assert_eq!(letters(&one.effects), letters(&asleep.effects));
        prop_assert_eq!(&one.customer, &asleep.customer);
    }

    #[test]
    fn what_touches_nothing_may_be_passed_over(history in prop::collection::vec(happens(), 1..60)) {
        let book = rulebook(&RULES);
        let passed_over = run(&book, &history, 1, true);
        let looked_at = run_with(&book, &history, 1, true, |customer| customer.unsettled = true);
        prop_assert_eq!(&passed_over.effects, &looked_at.effects);
        // Of what was not asked anew it is known only that it does not flip before what was known for all: looking there early
        // finds nothing.
        let (early, exact) = (passed_over.customer.flip_at, looked_at.customer.flip_at);
        prop_assert!(exact.is_none_or(|exact| early.is_some_and(|early| early <= exact)), "{early:?} {exact:?}");
        prop_assert_eq!(&passed_over.customer.truths, &looked_at.customer.truths);
    }

    #[test]
    fn no_step_twice_and_one_stage_a_map(history in prop::collection::vec(happens(), 1..80)) {
        let book = rulebook(&RULES);
        let outcome = run(&book, &history, 7, true);
        let planned = letters(&outcome.effects);
        let ids: BTreeSet<&String> = planned.iter().map(|(id, _)| id).collect();
        prop_assert_eq!(ids.len(), planned.len(), "a letter was planned twice");
        let mut stage: Option<String> = None;
        let mut running: BTreeSet<String> = BTreeSet::new();
        for effect in &outcome.effects {
            match effect {
                Effect::StageMoved(moved) => {
                    prop_assert_eq!(&moved.from, &stage, "a move begins where the last one ended");
                    stage.clone_from(&moved.to);
                }
                Effect::Enrolled { rule, .. } => prop_assert!(running.insert(rule.clone()), "two runs of {} at once", rule),
                Effect::Ended { rule, .. } => prop_assert!(running.remove(rule), "{} ended without having begun", rule),
                _ => {}
            }
        }
        prop_assert_eq!(outcome.customer.stages.get("shop").map(|s| s.stage.clone()), stage);
        let open: BTreeSet<String> = outcome.customer.enrollments.iter().map(|e| e.rule.clone()).collect();
        prop_assert_eq!(open, running);
    }

    #[test]
    fn time_never_moves_back_and_due_moments_lie_ahead(history in prop::collection::vec(happens(), 1..60)) {
        let book = rulebook(&RULES);
        let outcome = run(&book, &history, 1, true);
        if let Some(due) = outcome.customer.due_at() {
            prop_assert!(due > outcome.customer.now, "{} is not after {}", due, outcome.customer.now);
        }
        let mut last = Timestamp::MIN;
        for (_, due) in letters(&outcome.effects) {
            prop_assert!(due >= last);
            last = due;
        }
    }

    #[test]
    fn facts_do_not_depend_on_the_order_of_arrival(
        history in prop::collection::vec(happens(), 1..25),
        shuffle in prop::collection::vec(any::<u32>(), 25),
    ) {
        let start = at("2026-03-20T00:00:00Z");
        let mut now = start;
        let mut events: Vec<(u32, Event)> = Vec::new();
        for (n, (gap, what)) in history.iter().enumerate() {
            now = now.after(span(&format!("{}m", gap + 1)));
            // A status needs its order first to be more than a first sight; totals and counts must agree all the same.
            events.extend(to_event(n, what, now).map(|event| (shuffle[n], event)));
        }
        let fold_all = |events: &[&Event]| {
            let mut customer = Customer::new("c1", start);
            for event in events {
                fold::apply(&mut customer, event);
            }
            customer
        };
        let in_order: Vec<&Event> = events.iter().map(|(_, e)| e).collect();
        let mut sorted = events.clone();
        sorted.sort_by_key(|(key, _)| *key);
        let mixed: Vec<&Event> = sorted.iter().map(|(_, e)| e).collect();
        let (a, b) = (fold_all(&in_order), fold_all(&mixed));
        prop_assert_eq!(&a.attributes, &b.attributes);
        prop_assert_eq!(&a.consents, &b.consents);
        prop_assert_eq!(&a.cart.content, &b.cart.content);
        let statuses = |c: &Customer| c.orders.recent.iter().map(|o| (o.key.clone(), o.phase)).collect::<BTreeMap<_, _>>();
        prop_assert_eq!(statuses(&a), statuses(&b));
        prop_assert_eq!((a.orders.count, a.orders.cancelled_count, a.orders.completed_count), (b.orders.count, b.orders.cancelled_count, b.orders.completed_count));
        prop_assert_eq!(&a.orders.totals, &b.orders.totals);
    }
}
