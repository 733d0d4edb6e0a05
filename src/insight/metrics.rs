//! The names of all figures, and the counts that each effect adds.
//!
//! To add a figure: a name here, a line in the function of the effect that changes it, a field in `figures`.
//!
//! Invariant: these functions are pure and total; the engine adds what they return in the transaction of the effect.

use crate::journey::effect::{Decision, EndReason, PlannedMessage, SegmentMove, StageMove, WithheldReason};
use crate::journey::errand::{Errand, ErrandKind};
use crate::journey::money::Money;
use crate::journey::reads::{Weighed, What};
use crate::store::{Count, ErrandOf, ErrandState};

pub use super::stay::{bucket_middle, stay_bucket};

/// Customers at a stage or in a segment now (a gauge: +1 in, -1 out).
pub const HERE: &str = "here";
/// Times that a customer came to a stage or joined a segment.
pub const ENTERED: &str = "entered";
/// Times that a customer left a stage or a segment; of a stage the detail is the one moved to, empty for "off the map".
pub const LEFT: &str = "left";
/// Stays at a stage by length; the detail is the bucket's number.
pub const STAY: &str = "stay";
/// Runs of a rule that began, but for those of customers who are held out.
pub const ENROLLED: &str = "enrolled";
/// Runs of a rule that ended; the detail is the reason's code.
pub const ENDED: &str = "ended";
/// Letters planned.
pub const PLANNED: &str = "planned";
/// Letters that a relay accepted.
pub const SENT: &str = "sent";
/// Letters withheld; the detail is the reason's code.
pub const WITHHELD: &str = "withheld";
/// Letters that a relay refused for good.
pub const REFUSED: &str = "refused";
/// Letters of which nobody knows whether the relay took them.
pub const UNCERTAIN: &str = "uncertain";
/// Letters that came back undelivered; the detail is the reason's code.
pub const BOUNCED: &str = "bounced";
/// Letters that were called spam.
pub const COMPLAINED: &str = "complained";
/// Letters that could not be composed or were given up.
pub const FAILED: &str = "failed";
/// Runs whose goal was reached within its window.
pub const CONVERTED: &str = "converted";
/// Runs of customers who are held out and get no letters.
pub const HELD_OUT: &str = "held_out";
/// Such runs whose goal was reached all the same.
pub const HELD_OUT_CONVERTED: &str = "held_out_converted";
/// What those were worth in minor units; the detail is the currency.
pub const HELD_OUT_VALUE: &str = "held_out_value";
/// What runs whose goal was reached were worth in minor units; the detail is the currency.
pub const VALUE: &str = "value";

/// Letters that customers opened.
pub const OPENED: &str = "opened";
/// Letters of which customers followed a link.
pub const CLICKED: &str = "clicked";
/// Opens and clicks by programs; the detail is what was done.
pub const BY_MACHINE: &str = "by_machine";

/// Webhooks out and changes in a CRM that were asked for; the detail is the kind, as of the three below.
pub const ERRANDS: &str = "errands";
/// Those that were carried out.
pub const ERRANDS_DONE: &str = "errands_done";
/// Those that are given up until somebody tries them again (a gauge).
pub const ERRANDS_FAILED: &str = "errands_failed";
/// Those that a step did not ask for: for a customer who is held out, say.
pub const ERRANDS_WITHHELD: &str = "errands_withheld";

/// What came of a letter that was planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetterOutcome {
    /// The relay said 250.
    Sent,
    /// The relay refused it for good.
    Refused,
    /// The connection was lost after the last byte.
    Uncertain,
    /// It could not be composed, or every try was used up.
    Failed,
}

/// The subject of a stage's figures.
pub fn stage_subject(stage: &str) -> String {
    format!("stage:{stage}")
}

/// The subject of a segment's figures.
pub fn segment_subject(segment: &str) -> String {
    format!("segment:{segment}")
}

/// The subject of a rule's figures.
pub fn rule_subject(rule: &str) -> String {
    format!("rule:{rule}")
}

/// A move on a map: one customer fewer where it was (with the length of the stay), one more where it is.
pub fn counts_of_move(moved: &StageMove) -> Vec<Count> {
    let mut counts = Vec::with_capacity(5);
    let mut add = |stage: &str, figure: &str, detail: String, by: i64| {
        counts.push(count(&moved.map, stage_subject(stage), figure, detail, by));
    };
    if let Some(from) = &moved.from {
        add(from, HERE, String::new(), -1);
        add(from, LEFT, moved.to.clone().unwrap_or_default(), 1);
        if let Some(since) = moved.since {
            add(from, STAY, stay_bucket(moved.at.since(since)).to_string(), 1);
        }
    }
    if let Some(to) = &moved.to {
        add(to, HERE, String::new(), 1);
        add(to, ENTERED, String::new(), 1);
    }
    counts
}

/// A segment was joined or left.
pub fn counts_of_segment(moved: &SegmentMove) -> Vec<Count> {
    let of = |figure, by| count(&moved.map, segment_subject(&moved.segment), figure, String::new(), by);
    if moved.joined { vec![of(HERE, 1), of(ENTERED, 1)] } else { vec![of(HERE, -1), of(LEFT, 1)] }
}

/// A run began.
pub fn counts_of_enrolled(map: &str, rule: &str, held_out: bool) -> Vec<Count> {
    let figure = if held_out { HELD_OUT } else { ENROLLED };
    vec![of_rule(map, rule, figure, "", 1)]
}

/// A run ended.
pub fn counts_of_ended(map: &str, rule: &str, reason: &EndReason) -> Vec<Count> {
    vec![of_rule(map, rule, ENDED, reason.code(), 1)]
}

/// A goal was reached, after a letter or without one.
pub fn counts_of_converted(map: &str, rule: &str, value: Option<&Money>, held_out: bool) -> Vec<Count> {
    let (reached, worth) = if held_out { (HELD_OUT_CONVERTED, HELD_OUT_VALUE) } else { (CONVERTED, VALUE) };
    let worth = value.map(|v| of_rule(map, rule, worth, &v.currency, v.minor));
    std::iter::once(of_rule(map, rule, reached, "", 1)).chain(worth).collect()
}

/// A letter was planned, or withheld at once.
pub fn counts_of_planned(letter: &PlannedMessage) -> Vec<Count> {
    let withheld =
        letter.withheld.as_ref().map(|reason| of_rule(&letter.map, &letter.rule, WITHHELD, reason.code(), 1));
    std::iter::once(of_rule(&letter.map, &letter.rule, PLANNED, "", 1)).chain(withheld).collect()
}

/// A planned letter was withheld later: cancelled by an event, or stopped at the moment of sending.
pub fn counts_of_withheld(map: &str, rule: &str, reason: &WithheldReason) -> Vec<Count> {
    vec![of_rule(map, rule, WITHHELD, reason.code(), 1)]
}

/// A letter's last word from the relay.
pub fn counts_of_outcome(map: &str, rule: &str, outcome: LetterOutcome) -> Vec<Count> {
    let figure = match outcome {
        LetterOutcome::Sent => SENT,
        LetterOutcome::Refused => REFUSED,
        LetterOutcome::Uncertain => UNCERTAIN,
        LetterOutcome::Failed => FAILED,
    };
    vec![of_rule(map, rule, figure, "", 1)]
}

/// What came back of a letter that a relay had taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Back<'a> {
    /// It was not delivered, for a reason by its code.
    Bounced(&'a str),
    /// It was called spam.
    Complained,
}

/// A letter that a relay had taken came back. It stays sent: that is what it was.
pub fn counts_of_back(map: &str, rule: &str, back: Back<'_>) -> Vec<Count> {
    let (figure, detail) = match back {
        Back::Bounced(reason) => (BOUNCED, reason),
        Back::Complained => (COMPLAINED, ""),
    };
    vec![of_rule(map, rule, figure, detail, 1)]
}

/// A letter that could not be composed is tried again: it counts by what comes of that.
pub fn counts_of_retried(map: &str, rule: &str) -> Vec<Count> {
    vec![of_rule(map, rule, FAILED, "", -1)]
}

/// A letter was opened or clicked, by whomever. A letter counts once for each, whoever followed a link has opened it.
pub fn counts_of_read(weighed: &Weighed) -> Vec<Count> {
    let Weighed { rule, map, read, first, opens } = weighed;
    if rule.is_empty() {
        return Vec::new();
    }
    if read.machine.is_some() {
        return vec![of_rule(map, rule, BY_MACHINE, read.what.as_str(), 1)];
    }
    let opened = opens.then(|| of_rule(map, rule, OPENED, "", 1));
    let clicked = (*first && read.what == What::Clicked).then(|| of_rule(map, rule, CLICKED, "", 1));
    opened.into_iter().chain(clicked).collect()
}

/// A step asked for an errand. What no rule asked for, such as telling a CRM of a refusal, is no rule's figure.
pub fn counts_of_errand(errand: &Errand) -> Vec<Count> {
    if errand.rule.is_empty() {
        return Vec::new();
    }
    vec![of_rule(&errand.map, &errand.rule, ERRANDS, errand.kind.as_str(), 1)]
}

/// A step asked for no errand though it is made to. That there is nothing to change in a CRM is no such case.
pub fn counts_of_decision(map: &str, decision: &Decision) -> Vec<Count> {
    let kind = ErrandKind::parse(&decision.about);
    let withheld = kind.filter(|_| matches!(decision.outcome.as_str(), "held_out" | "skipped" | "not_known"));
    withheld.map(|kind| of_rule(map, &decision.rule, ERRANDS_WITHHELD, kind.as_str(), 1)).into_iter().collect()
}

/// An errand that was queued or dead came to a state: what was given up before and is no more, counts back.
pub fn counts_of_errand_state(errand: &ErrandOf, state: ErrandState) -> Vec<Count> {
    if errand.rule.is_empty() {
        return Vec::new();
    }
    let of = |figure, by| of_rule(&errand.map, &errand.rule, figure, errand.kind.as_str(), by);
    let before = (errand.was == ErrandState::Dead).then(|| of(ERRANDS_FAILED, -1));
    let now = match state {
        ErrandState::Queued => None,
        ErrandState::Done => Some(of(ERRANDS_DONE, 1)),
        ErrandState::Dead => Some(of(ERRANDS_FAILED, 1)),
    };
    before.into_iter().chain(now).collect()
}

fn of_rule(map: &str, rule: &str, figure: &str, detail: &str, by: i64) -> Count {
    count(map, rule_subject(rule), figure, detail.to_owned(), by)
}

fn count(map: &str, subject: String, figure: &str, detail: String, by: i64) -> Count {
    Count { map: map.to_owned(), subject, figure: figure.to_owned(), detail, by }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journey::effect::Cause;
    use crate::journey::time::{Span, Timestamp};

    fn moved(from: Option<&str>, to: Option<&str>) -> Vec<String> {
        let at = Timestamp::from_micros(0).after(Span::days(30));
        let counts = counts_of_move(&StageMove {
            map: "shop".into(),
            from: from.map(str::to_owned),
            since: from.map(|_| at.before(Span::days(1))),
            to: to.map(str::to_owned),
            at,
            cause: Cause::Time,
        });
        counts.iter().map(|c| format!("{} {} [{}] {}", c.subject, c.figure, c.detail, c.by)).collect()
    }

    #[test]
    fn a_move_counts_on_both_sides_and_keeps_the_stay() {
        assert_eq!(moved(None, Some("a")), ["stage:a here [] 1", "stage:a entered [] 1"]);
        let day = stay_bucket(Span::days(1));
        assert_eq!(
            moved(Some("a"), None),
            ["stage:a here [] -1".to_owned(), "stage:a left [] 1".to_owned(), format!("stage:a stay [{day}] 1")]
        );
        assert_eq!(moved(Some("a"), Some("b")).len(), 5);
    }

    #[test]
    fn a_conversion_without_value_counts_no_money() {
        assert_eq!(counts_of_converted("m", "r", None, false).len(), 1);
        let counts = counts_of_converted("m", "r", Some(&Money::new(2_490, "EUR")), false);
        assert_eq!((counts[1].figure.as_str(), counts[1].detail.as_str(), counts[1].by), (VALUE, "EUR", 2_490));
    }
}
