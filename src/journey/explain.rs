//! Why, and why not: what a rule would do for a customer now, condition by condition, and what would have to change.

mod remedy;

use std::collections::BTreeSet;

use serde::Serialize;

use super::attention::{self, Held};
use super::book::Rulebook;
use super::condition::{Facts, Part};
use super::customer::Customer;
use super::effect::PolicyVerdict;
use super::obstacles::{Obstacle, Question, obstacles};
use super::policy::{self, Verdict};
use super::promo::WhenEmpty;
use super::rule::{Action, Rule, Trigger};
use super::time::Timestamp;
use super::waiting::waits_for;

/// One rule held against one customer at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// Rule.
    pub rule: String,
    /// What starts it, in words.
    pub trigger: String,
    /// Whether it could start now if it were triggered, and if not why, in words.
    pub could_start: Result<(), Vec<String>>,
    /// What must happen or change for it to start, all of it together; nothing, where it never can.
    pub would_start_if: Vec<String>,
    /// The parts of `when`; those that read the event are the event's to decide.
    pub when: Vec<Part>,
    /// The run under way.
    pub running: Option<Running>,
    /// How often it ran.
    pub runs: u64,
    /// How the last ended run ended, in words.
    pub last_end: Option<String>,
    /// Its pools that have no code left, each with what becomes of a run that comes to it; empty where nobody asked the ledger.
    pub without_codes: Vec<String>,
    /// What the policies would say of a letter of this rule now; nothing if it sends none.
    pub policies: Vec<PolicyVerdict>,
    /// Whether such a letter would be sent now; else the reason.
    pub would_withhold: Option<String>,
    /// Whether such a letter would have to wait for a limit.
    pub would_wait: Option<Held>,
    /// What would let such a letter go, where it would not.
    pub would_send_if: Option<String>,
    /// When a condition's answer flips by itself, if one does.
    pub flips_at: Option<Timestamp>,
}

/// A run under way.
#[derive(Clone, Debug, Serialize)]
pub struct Running {
    /// Enrollment id.
    pub enrollment: String,
    /// Began.
    pub started_at: Timestamp,
    /// The step it stands at.
    pub step: String,
    /// Goes on; by this clock, if the rule is paused and the clock stands still.
    pub wakes_at: Option<Timestamp>,
    /// Since when its clock stands still.
    pub parked_since: Option<Timestamp>,
    /// What it waits for besides, in words; `wakes_at` is then the time-out, or when a pool is asked for a code again.
    pub waits_for: Option<String>,
    /// Letters planned and not yet handed over.
    pub pending: Vec<String>,
}

/// Explains one rule for one customer. `suppressed` is whether the customer's address is on the suppression list.
pub fn explain(book: &Rulebook, rule: &Rule, customer: &Customer, suppressed: bool, now: Timestamp) -> Explanation {
    let zone = book.shop.zone;
    let facts = Facts::new(customer, None, now, zone);
    let question = Question { book, rule, customer, now, occasion: None };
    let in_the_way: Vec<Obstacle<'_>> = obstacles(question).collect();
    let running = customer.enrollments.iter().find(|e| e.rule == rule.id);
    let past = customer.past.get(&rule.id);
    let when = rule.when.as_ref().map(|when| when.trace_before_event(facts)).unwrap_or_default();
    let flips_at = rule.when.as_ref().and_then(|condition| condition.evaluate(facts).flips_at);
    let inputs = running.map(|run| (run.step.clone(), run.inputs()));
    let letter = inputs.as_ref().map(|(step, inputs)| policy::Letter { step, inputs });
    let sends = rule.steps.iter().any(|step| matches!(step.action, Action::Send { .. }));
    let mut verdict = Verdict::default();
    if sends {
        verdict = policy::at_planning(book, customer, rule, letter.as_ref());
        policy::suppression(&mut verdict, suppressed);
    }
    let mut waits = None;
    if sends
        && verdict.withhold.is_none()
        && let Some(slot) = attention::slot_of_new(book, rule, customer, now)
    {
        verdict.verdicts.extend(slot.verdicts);
        verdict.withhold = slot.withhold;
        waits = slot.by.filter(|_| verdict.withhold.is_none()).map(|by| Held { until: slot.at, by });
    }
    Explanation {
        rule: rule.id.clone(),
        trigger: trigger_in_words(&rule.trigger),
        would_start_if: remedy::to_start(&question, &in_the_way),
        could_start: if in_the_way.is_empty() {
            Ok(())
        } else {
            Err(in_the_way.iter().map(|obstacle| obstacle.in_words(zone)).collect())
        },
        when,
        running: running.map(|run| Running {
            enrollment: run.id.clone(),
            started_at: run.started_at,
            step: run.step.clone(),
            wakes_at: run.wake_at,
            parked_since: run.parked,
            waits_for: waits_for(book, run).map(|(what, _)| what),
            pending: customer.pending.iter().filter(|p| p.enrollment == run.id).map(|p| p.message.clone()).collect(),
        }),
        runs: past.map_or(0, |p| p.runs),
        last_end: past
            .and_then(|p| p.reason.as_ref().zip(p.ended_at))
            .map(|(reason, at)| format!("{reason} ({})", at.in_words(zone))),
        without_codes: Vec::new(),
        would_withhold: verdict.withhold.as_ref().map(ToString::to_string),
        would_wait: waits,
        would_send_if: verdict.withhold.as_ref().and_then(|reason| remedy::to_send(reason, &rule.purpose)),
        policies: verdict.verdicts,
        flips_at,
    }
}

/// What an empty pool means for a rule, in words. `empty` are the pools that have no code left.
pub fn without_codes(rule: &Rule, empty: &BTreeSet<String>) -> Vec<String> {
    let told = rule.steps.iter().filter_map(|step| {
        let Action::Promo { pool, when_empty } = &step.action else { return None };
        let then = match when_empty {
            WhenEmpty::End => "a run ends where it asks for one".to_owned(),
            WhenEmpty::Withhold => "letters that show one are withheld".to_owned(),
            WhenEmpty::Hold { at_most } => format!("a run waits for one, {at_most} at most, and ends then"),
        };
        empty.contains(pool).then(|| format!("the pool {pool} has no code left: {then}"))
    });
    told.collect::<BTreeSet<_>>().into_iter().collect()
}

/// What starts a rule, in words.
pub fn trigger_in_words(trigger: &Trigger) -> String {
    match trigger {
        Trigger::Event { kind } => format!("the event {kind}"),
        Trigger::Enter { stage } => format!("coming to the stage {stage}"),
        Trigger::Leave { stage } => format!("leaving the stage {stage}"),
        Trigger::Stay { stage, span } => format!("being at the stage {stage} for {span}"),
        Trigger::Join { segment } => format!("joining the segment {segment}"),
        Trigger::Quit { segment } => format!("leaving the segment {segment}"),
        Trigger::Date(date) => {
            let when = match date.days {
                0 => String::new(),
                days @ ..0 => format!("{} days before ", days.unsigned_abs()),
                days => format!("{days} days after "),
            };
            let every = if date.yearly { ", every year" } else { "" };
            format!("{when}{} at {}{every}", date.fact, date.at.format("%H:%M"))
        }
        Trigger::Call => "a call of the API".into(),
        Trigger::Becomes { condition } => format!("this becoming true: {}", condition.text()),
        Trigger::Cron { schedule, segment } => {
            let whom = segment
                .as_ref()
                .map_or_else(|| "everyone on the map".to_owned(), |c| format!("whoever has {}", c.text()));
            format!("the schedule `{}` ({}), for {whom}", schedule.text, schedule.zone)
        }
    }
}
