//! The promises over random rulebooks and random logs, on the simulator.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono::Timelike as _;
use milepost::journey::effect::{Effect, EndReason, PlannedMessage};
use milepost::journey::event::Event;
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

/// Runs begin and end once, one of a rule at a time, and none of those that were ended sends anything after its end.
fn runs_end_when_they_end(record: &[Entry]) -> Result<(), TestCaseError> {
    let mut running: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut stopped: BTreeSet<&str> = BTreeSet::new();
    for entry in record {
        match &entry.what {
            What::Effect(Effect::Enrolled { rule, .. }) => {
                prop_assert!(running.insert((&entry.customer, rule)), "two runs of {rule} at once");
            }
            What::Effect(Effect::Ended { rule, enrollment, reason, .. }) => {
                prop_assert!(running.remove(&(entry.customer.as_str(), rule)), "{rule} ended without having begun");
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
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_promises_hold_whatever_the_rules_and_the_log(written in written(), log in log(40)) {
        let book = written.book();
        let said = logs::events(&log, at(START));
        let (record, customers) = simulate(&book, &said, None);
        one_letter_a_step(&record)?;
        runs_end_when_they_end(&record)?;
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
fn random_rulebooks_send_letters() {
    // A property that nothing is sent under would hold for nothing.
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut letters, mut withheld) = (0, 0);
    for _ in 0..20 {
        let book = written().new_tree(&mut runner).expect("a rulebook").current().book();
        let log = log(40).new_tree(&mut runner).expect("a log").current();
        let (record, _) = simulate(&book, &logs::events(&log, at(START)), None);
        letters += sent(&record).count();
        withheld += record.iter().filter(|entry| matches!(entry.what, What::Withheld { .. })).count();
    }
    assert!(letters > 50 && withheld > 20, "{letters} letters, {withheld} withheld");
}
