//! The promises over random rulebooks and random logs, on the simulator.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono::Timelike as _;
use milepost::journey::effect::{Cause, Effect, EndReason, PlannedMessage};
use milepost::journey::event::Event;
use milepost::journey::rule::Trigger;
use milepost::journey::simulate::{Entry, Pools, Simulator, What};
use milepost::journey::time::{Span, Timestamp};
use milepost::rulebook::Book;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use super::books::{QUIET, Written, written};
use super::logs::{self, log};
use crate::support::at;

/// A Tuesday morning.
const START: &str = "2026-03-10T09:00:00Z";
/// How long the simulation goes on after the last event.
const AFTERWARDS: Span = Span::days(8);

/// What comes of a log; the clock is looked at every so many minutes, and at least at each event.
fn simulate(book: &Book, said: &[(String, Event)], every: Option<i64>) -> (Vec<Entry>, Vec<String>) {
    let pools = Pools::new(book.pools.clone());
    let mut world = Simulator::new(&book.rulebook, at(START), pools, HashSet::from(["c3@mail.example".to_owned()]));
    let mut record = Vec::new();
    let end = said.last().map_or(at(START), |(_, event)| event.received_at).after(AFTERWARDS);
    let mut look = at(START).after(Span::seconds(13));
    for (customer, event) in said {
        // Never at the moment of an event: what is accepted at a moment has its say in the letters of that moment.
        while every.is_some() && look < event.received_at {
            world.run_until(look, &mut record);
            look = look.after(Span::seconds(every.unwrap_or(60) * 60));
        }
        world.hear(customer, event, &mut record);
    }
    world.run_until(end, &mut record);
    let customers = (0..4).filter_map(|n| world.customer(&format!("c{n}")));
    (record, customers.map(|customer| serde_json::to_string(customer).expect("a document")).collect())
}

fn sent(record: &[Entry]) -> impl Iterator<Item = (&Entry, &PlannedMessage)> {
    record.iter().filter_map(|entry| if let What::Sent(message) = &entry.what { Some((entry, message)) } else { None })
}

/// One letter a step and pass, none of it twice.
fn one_letter_a_step(record: &[Entry]) -> Result<(), TestCaseError> {
    let mut ids: BTreeMap<(&str, &str, u32), &str> = BTreeMap::new();
    for entry in record {
        let (What::Sent(message) | What::Withheld { message, .. }) = &entry.what else { continue };
        let id = ids.entry((&message.enrollment, &message.step, message.pass)).or_insert(&message.id);
        prop_assert_eq!(&message.id, id, "two letters of one pass over a step");
    }
    let all: Vec<&str> = sent(record).map(|(_, message)| message.id.as_str()).collect();
    prop_assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "a letter went out twice");
    Ok(())
}

/// Runs begin and end once, one of a rule and of a group at a time, and none of those that were ended sends anything after its end.
fn runs_end_when_they_end(written: &Written, record: &[Entry]) -> Result<(), TestCaseError> {
    let mut running: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    let mut stopped: BTreeSet<&str> = BTreeSet::new();
    for entry in record {
        match &entry.what {
            What::Effect(Effect::Enrolled { rule, enrollment, .. }) => {
                let group = |rule: &str| written.groups.get(rule);
                let beside: Vec<&str> =
                    running.values().filter(|(who, _)| *who == entry.customer).map(|(_, rule)| *rule).collect();
                let twice = !written.keyed.contains(rule) && beside.contains(&rule.as_str());
                prop_assert!(!twice, "two runs of {rule} at once");
                let rival =
                    beside.iter().find(|other| **other != rule && group(rule).is_some() && group(other) == group(rule));
                prop_assert!(rival.is_none(), "{rule} beside {rival:?} of its group");
                prop_assert!(running.insert(enrollment, (&entry.customer, rule)).is_none(), "one run began twice");
            }
            What::Effect(Effect::Ended { rule, enrollment, reason, .. }) => {
                prop_assert!(running.remove(enrollment.as_str()).is_some(), "{rule} ended without having begun");
                let ran_out = matches!(reason, EndReason::Finished | EndReason::ExitStep | EndReason::NoPromoCode);
                if !ran_out {
                    stopped.insert(enrollment);
                }
            }
            What::Sent(message) => {
                prop_assert!(!stopped.contains(message.enrollment.as_str()), "a letter after the end of its run");
            }
            _ => {}
        }
    }
    Ok(())
}

/// What the last word of a customer was on marketing at a moment; at one moment the refusal wins.
fn agreed(said: &[(String, Event)], customer: &str, moment: Timestamp) -> bool {
    let words = said.iter().filter(|(who, event)| who == customer && event.received_at <= moment);
    let words = words.filter_map(|(_, event)| {
        let granted = *event.profile.as_ref()?.consents.get("marketing")?;
        Some((event.received_at, granted))
    });
    words.max_by_key(|(at, granted)| (*at, !granted)).is_some_and(|(_, granted)| granted)
}

/// Consent, suppression, caps and quiet hours hold at the moment of sending.
fn limits_hold(written: &Written, said: &[(String, Event)], record: &[Entry]) -> Result<(), TestCaseError> {
    let mut times: BTreeMap<&str, Vec<Timestamp>> = BTreeMap::new();
    for (entry, message) in sent(record) {
        prop_assert!(entry.customer != "c3", "a suppressed address was written to");
        if message.purpose != "marketing" {
            continue;
        }
        prop_assert!(agreed(said, &entry.customer, entry.at), "a marketing letter without consent");
        let hour = entry.at.utc().hour();
        prop_assert!(!written.quiet || !QUIET.contains(&hour), "a letter in quiet hours, at {}", entry.at);
        times.entry(&entry.customer).or_default().push(entry.at);
    }
    let Some(cap) = written.cap else { return Ok(()) };
    for (customer, times) in times {
        for window in times.windows(cap.most + 1) {
            let span = window[cap.most].since(window[0]);
            prop_assert!(span >= Span::seconds(cap.hours * 3_600), "{customer} got more than {cap:?}: {window:?}");
        }
    }
    Ok(())
}

/// A customer takes the same arm of a split every time, and joins and leaves a segment by turns.
fn shares_and_memberships_hold(record: &[Entry]) -> Result<(), TestCaseError> {
    let mut arms: BTreeMap<(&str, &str, &str), &str> = BTreeMap::new();
    let mut members: BTreeSet<(&str, &str)> = BTreeSet::new();
    for entry in record {
        match &entry.what {
            What::Effect(Effect::ArmTaken { rule, step, arm, .. }) => {
                let known = arms.entry((&entry.customer, rule, step)).or_insert(arm);
                prop_assert_eq!(*known, arm.as_str(), "another arm of {} this time", step);
            }
            What::Effect(Effect::SegmentMoved(moved)) => {
                let member = (entry.customer.as_str(), moved.segment.as_str());
                let news = if moved.joined { members.insert(member) } else { members.remove(&member) };
                prop_assert!(news, "{member:?} moved twice the same way");
            }
            _ => {}
        }
    }
    Ok(())
}

/// One errand a step and pass.
fn errands_are_asked_once(record: &[Entry]) -> Result<(), TestCaseError> {
    let mut ids = BTreeSet::new();
    for entry in record {
        if let What::Effect(Effect::Errand(errand)) = &entry.what {
            prop_assert!(ids.insert(&errand.id), "an errand was asked for twice");
        }
    }
    Ok(())
}

/// No run is older at its end than its rule lets it be, and none sends a letter after that.
fn runs_keep_within_their_life(book: &Book, record: &[Entry]) -> Result<(), TestCaseError> {
    let mut began: BTreeMap<&str, Timestamp> = BTreeMap::new();
    for entry in record {
        match &entry.what {
            What::Effect(Effect::Enrolled { enrollment, at, .. }) => drop(began.insert(enrollment, *at)),
            What::Effect(Effect::Ended { enrollment, rule, at, .. }) => {
                let life = book.rulebook.rules[rule].max_life;
                let over = began.get(enrollment.as_str()).zip(life).map(|(began, life)| began.after(life));
                prop_assert!(over.is_none_or(|over| *at <= over), "{rule} lived too long");
            }
            _ => {}
        }
    }
    Ok(())
}

/// No code is shown by letters of two runs; one that no letter showed may serve another.
fn codes_are_given_once(record: &[Entry]) -> Result<(), TestCaseError> {
    let mut given: BTreeMap<&str, &str> = BTreeMap::new();
    for (_, message) in sent(record) {
        let Some(code) = message.code.as_deref() else { continue };
        let run = given.entry(code).or_insert(&message.enrollment);
        prop_assert_eq!(&message.enrollment, run, "the code {} was given twice", code);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn the_promises_hold_whatever_the_rules_and_the_log(written in written(), log in log(40)) {
        let book = written.book();
        let said = logs::events(&log, at(START));
        let (record, customers) = simulate(&book, &said, None);
        one_letter_a_step(&record)?;
        runs_end_when_they_end(&written, &record)?;
        shares_and_memberships_hold(&record)?;
        errands_are_asked_once(&record)?;
        runs_keep_within_their_life(&book, &record)?;
        limits_hold(&written, &said, &record)?;
        codes_are_given_once(&record)?;
        // The same again, and with a clock that is looked at all the time.
        let again = simulate(&book, &said, None);
        prop_assert_eq!(&again.0, &record);
        let often = simulate(&book, &said, Some(97));
        prop_assert_eq!(&often.0, &record);
        prop_assert_eq!(&often.1, &customers);
    }
}

#[test]
fn random_rulebooks_do_a_little_of_everything() {
    // A property that nothing is sent under would hold for nothing.
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..400 {
        let book = written().new_tree(&mut runner).expect("a rulebook").current().book();
        let log = log(40).new_tree(&mut runner).expect("a log").current();
        for entry in simulate(&book, &logs::events(&log, at(START)), None).0 {
            let what = match &entry.what {
                What::Sent(message) if message.code.is_some() => "a code".to_owned(),
                What::Sent(_) => "a letter".to_owned(),
                What::Held(_) => "a letter that waits".to_owned(),
                What::Withheld { reason, .. } => reason.code().to_owned(),
                What::Effect(Effect::SegmentMoved(_)) => "a segment".to_owned(),
                What::Effect(Effect::ArmTaken { .. }) => "an arm".to_owned(),
                What::Effect(Effect::Errand(errand)) => errand.kind.as_str().to_owned(),
                What::Effect(Effect::Converted { .. }) => "a goal".to_owned(),
                What::Effect(Effect::Ended { reason, .. }) => format!("ends: {}", reason.code()),
                What::Effect(Effect::Enrolled { rule, cause, .. }) => match (&book.rulebook.rules[rule].trigger, cause)
                {
                    (_, Cause::Rule { .. }) => "enrolled".to_owned(),
                    (Trigger::Date(_), _) => "a date".to_owned(),
                    (Trigger::Call, _) => "a call".to_owned(),
                    (Trigger::Join { .. } | Trigger::Quit { .. }, _) => "by segment".to_owned(),
                    _ => "a run".to_owned(),
                },
                What::Effect(Effect::Decided(decision)) if decision.about == "wait" => decision.outcome.clone(),
                _ => continue,
            };
            *seen.entry(what).or_default() += 1;
        }
    }
    for what in [
        "a letter",
        "a letter that waits",
        "a code",
        "a segment",
        "an arm",
        "webhook",
        "a goal",
        "a run",
        "enrolled",
        "a date",
        "a call",
        "by segment",
        "met",
        "timeout",
        "no_consent",
        "held_out",
        "stale",
        "frequency_cap",
        "ends: finished",
        "ends: expired",
        "ends: left",
        "ends: outranked",
        "ends: exit_event",
    ] {
        assert!(seen.get(what).is_some_and(|times| *times > 2), "{what}: {seen:#?}");
    }
}
