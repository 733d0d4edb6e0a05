//! The best arm of a split: how arms are measured, when one is the best, and who takes it then.

use milepost::journey::advance::{Input, advance};
use milepost::journey::book::Rulebook;
use milepost::journey::customer::Customer;
use milepost::journey::effect::Effect;
use milepost::journey::event::{Event, Phase};
use milepost::journey::rule::PickWinner;
use milepost::journey::share::Share;
use milepost::journey::split::{ArmCount, Winner, best};
use milepost::journey::time::Span;

use crate::support::{arrival, at, order, rulebook};

const SPLIT: &str = "
rule: tried
on: {event: customer.created}
reenter: always
goal: {event: order.created, within: 7d}
steps:
  - split:
      pick_winner: {after: 100}
      arms:
        - {share: 50%, name: early, then: [{send: early}]}
        - {share: 50%, name: late, then: [{wait: 6d}, {send: late}]}
";

fn count(arm: &str, known: u64, reached: u64) -> ArmCount {
    ArmCount { arm: arm.into(), taken: known, known, reached }
}

fn near(interval: Option<(f64, f64)>, expected: (f64, f64)) {
    let (low, high) = interval.expect("an interval");
    assert!((low - expected.0).abs() < 5e-5 && (high - expected.1).abs() < 5e-5, "{low} {high}");
}

#[test]
fn intervals_are_those_of_the_papers() {
    // Newcombe, Statistics in Medicine 17 (1998): the examples of the table of single proportions (method 3), and of that of
    // differences (method 10).
    near(count("a", 263, 81).interval(), (0.2553, 0.3662));
    near(count("a", 148, 15).interval(), (0.0624, 0.1605));
    near(count("a", 20, 0).interval(), (0.0, 0.1611));
    near(count("a", 29, 1).interval(), (0.0061, 0.1718));
    near(count("a", 70, 56).ahead_of(&count("b", 80, 48)), (0.0524, 0.3339));
    near(count("a", 10, 9).ahead_of(&count("b", 10, 3)), (0.1705, 0.8090));
    near(count("a", 10, 0).ahead_of(&count("b", 20, 0)), (-0.1611, 0.2775));
    assert_eq!(count("a", 0, 0).interval(), None);
    assert_eq!(count("a", 0, 0).ahead_of(&count("b", 20, 0)), None);
}

#[test]
fn the_best_arm_is_known_when_enough_is_known_of_each() {
    let pick = PickWinner { after: 100, within: Span::days(7) };
    let winner = |counts: &[ArmCount]| best(counts, &pick).map(|count| count.arm.clone());
    for (counts, expected) in [
        (vec![count("a", 99, 90), count("b", 500, 1)], None),
        (vec![count("a", 100, 9), count("b", 100, 10)], Some("b")),
        // By the share, not by the number.
        (vec![count("a", 100, 10), count("b", 1_000, 90)], Some("a")),
        (vec![count("a", 100, 10), count("b", 200, 20), count("c", 100, 10)], Some("a")),
        (vec![count("a", 100, 0), count("b", 100, 0)], Some("a")),
    ] {
        assert_eq!(winner(&counts).as_deref(), expected, "{counts:?}");
    }
}

/// What is counted for a customer who goes through these.
fn counted(book: &Rulebook, id: &str, events: &[Event]) -> Vec<String> {
    let mut customer = Customer::new(id, at("2026-03-01T00:00:00Z"));
    let mut told = Vec::new();
    for event in events {
        let done = advance(book, customer, &Input::Event(event), event.received_at);
        customer = done.state;
        told.extend(done.effects.iter().filter_map(|effect| match effect {
            Effect::ArmTaken { arm, until, .. } => {
                Some(format!("{arm} until {}", until.map_or("-".into(), |until| until.to_string())))
            }
            Effect::ArmReached { step, .. } => Some(format!("reached at {step}")),
            Effect::Decided(decision) if decision.about == "split" => Some(decision.note.clone()),
            _ => None,
        }));
    }
    told
}

/// A customer who takes an arm.
fn who_takes(arm: &str) -> String {
    let book = rulebook(&[SPLIT]);
    let first = [arrival(at("2026-03-01T08:00:00Z"))];
    let mut names = (0..).map(|n| format!("customer-{n}"));
    names.find(|name| counted(&book, name, &first)[1].starts_with(arm)).expect("somebody")
}

#[test]
fn every_arm_is_measured_by_the_same_time_from_the_moment_it_is_taken() {
    let book = rulebook(&[SPLIT]);
    let arrives = arrival(at("2026-03-01T08:00:00Z"));
    let buys = |when: &str| order("order.created", at(when), "o1", Phase::Open, 4_990);
    for arm in ["early", "late"] {
        let who = who_takes(arm);
        let until = format!("{arm} until 2026-03-08T08:00:00Z");
        let took = format!("took the arm {arm} of split");
        // Whoever buys before the letter of a late arm has reached the goal as those have who got theirs at once.
        let told = counted(&book, &who, &[arrives.clone(), buys("2026-03-02T08:00:00Z")]);
        assert_eq!(told, [took.clone(), until.clone(), "reached at split".into()]);
        let told = counted(&book, &who, &[arrives.clone(), buys("2026-03-08T08:00:01Z")]);
        assert_eq!(told, [took.clone(), until.clone()]);
    }
}

#[test]
fn a_second_run_is_not_on_trial_beside_the_first() {
    let book = rulebook(&[SPLIT]);
    let who = who_takes("early");
    let mut again = arrival(at("2026-03-02T08:00:00Z"));
    again.id = "again".into();
    let buys = order("order.created", at("2026-03-03T08:00:00Z"), "o1", Phase::Open, 4_990);
    let told = counted(&book, &who, &[arrival(at("2026-03-01T08:00:00Z")), again, buys]);
    assert_eq!(told.iter().filter(|line| *line == "reached at split").count(), 1, "{told:?}");
}

#[test]
fn the_winner_is_taken_by_all_and_counted_for_nobody() {
    let mut book = rulebook(&[SPLIT]);
    let since = at("2026-02-01T00:00:00Z");
    let winner = |arms: &[&str]| Winner {
        arm: "late".into(),
        arms: arms.iter().map(|arm| (*arm).to_owned()).collect(),
        at: since,
    };
    let key = ("tried".to_owned(), "split".to_owned());
    book.winners.insert(key.clone(), winner(&["early", "late"]));
    let first = [arrival(at("2026-03-01T08:00:00Z"))];
    let who = who_takes("early");
    assert_eq!(counted(&book, &who, &first), ["took the arm late of split, the winner since 2026-02-01 00:00:00 UTC"]);
    // Of other arms it is not the winner; nor where the file picks none.
    book.winners.insert(key.clone(), winner(&["early", "late", "never"]));
    assert!(counted(&book, &who, &first)[0].ends_with("early of split"));
    let mut book = rulebook(&[&SPLIT.replace("pick_winner: {after: 100}\n", "\n")]);
    book.winners.insert(key, winner(&["early", "late"]));
    assert!(counted(&book, &who, &first)[0].ends_with("early of split"));
}

#[test]
fn the_held_out_are_not_counted_and_a_rule_without_a_goal_counts_who_took_what() {
    let first = [arrival(at("2026-03-01T08:00:00Z"))];
    let mut held_out = rulebook(&[SPLIT]);
    held_out.rules.get_mut("tried").expect("the rule").attention.holdout = Some(Share::ALL);
    assert_eq!(counted(&held_out, &who_takes("late"), &first), ["took the arm late of split"]);
    let plain = SPLIT.replace("goal: {event: order.created, within: 7d}\n", "");
    let plain = rulebook(&[&plain.replace("pick_winner: {after: 100}\n", "\n")]);
    assert_eq!(counted(&plain, &who_takes("late"), &first), ["took the arm late of split", "late until -"]);
}
