//! What would have to change: for a rule to start, for a letter of it to go.

use crate::journey::book::Rulebook;
use crate::journey::condition::{Condition, Facts};
use crate::journey::effect::WithheldReason;
use crate::journey::map::JourneyMap;
use crate::journey::obstacles::{Obstacle, Question};
use crate::journey::rule::{Rule, Trigger};
use crate::journey::segment::segment_key;

/// All that must be so for a rule to start and is not so now; its trigger comes first. Nothing where nothing can.
pub(super) fn to_start(question: &Question<'_>, obstacles: &[Obstacle<'_>]) -> Vec<String> {
    let &Question { book, rule, customer, now, .. } = question;
    let facts = Facts::new(customer, None, now, book.shop.zone);
    let for_good = |obstacle: &Obstacle<'_>| matches!(obstacle, Obstacle::Deleted | Obstacle::NeverAgain { .. });
    if obstacles.iter().any(for_good) {
        return Vec::new();
    }
    let resumed = obstacles.iter().filter(|obstacle| matches!(obstacle, Obstacle::Paused { .. }));
    let mut wishes: Vec<String> = resumed.map(|_| "the rule is resumed".to_owned()).collect();
    wishes.extend(triggered(book, rule, facts));
    for obstacle in obstacles {
        match obstacle {
            Obstacle::NotOnMap { .. } | Obstacle::NotAtStage { .. } => wishes.extend(placed(book, rule, facts)),
            Obstacle::GroupTaken { by } => wishes.push(format!("the run of the rule {by} is over")),
            Obstacle::Running { since, .. } => {
                wishes.push(format!("the run that began at {} is over", since.in_words(facts.zone)));
            }
            Obstacle::NotAgainYet { again, .. } => {
                wishes.push(format!("that is on {} or later", again.in_words(facts.zone)));
            }
            // Said above, or below; the rest is for an event to bring.
            Obstacle::Deleted
            | Obstacle::NeverAgain { .. }
            | Obstacle::Paused { .. }
            | Obstacle::ConditionFalse { .. }
            | Obstacle::TooOld { .. }
            | Obstacle::NoKey { .. } => {}
        }
    }
    wishes.extend(rule.when.iter().flat_map(|when| when.lacks(facts)));
    wishes
}

/// What its trigger still waits for.
fn triggered(book: &Rulebook, rule: &Rule, facts: Facts<'_>) -> Vec<String> {
    let at = facts.customer.stages.get(&rule.map).map(|at| at.stage.as_str());
    let comes_to = |stage: &str| {
        let mut wishes = vec![format!("the customer comes to the stage {stage}")];
        wishes.extend(stage_lacks(book.maps.get(&rule.map), stage, facts));
        wishes
    };
    match &rule.trigger {
        Trigger::Event { kind } => vec![format!("the event {kind} comes")],
        Trigger::Enter { stage } if at == Some(stage) => {
            vec![format!("the customer leaves the stage {stage} and comes back")]
        }
        Trigger::Enter { stage } => comes_to(stage),
        Trigger::Leave { stage } if at == Some(stage) => vec![format!("the customer leaves the stage {stage}")],
        Trigger::Leave { stage } => vec![format!("the customer comes to the stage {stage} and leaves it")],
        Trigger::Stay { stage, span } => match facts.customer.stays.iter().find(|stay| stay.rule == rule.id) {
            Some(stay) => {
                vec![format!("the customer stays at the stage {stage} until {}", stay.at.in_words(facts.zone))]
            }
            None => comes_to(stage).into_iter().chain([format!("and stays there for {span}")]).collect(),
        },
        Trigger::Join { segment } => joins(book, &rule.map, segment, facts),
        Trigger::Quit { segment } => {
            let mut wishes = vec![format!("the customer leaves the segment {segment}")];
            if !facts.customer.segments.contains_key(&segment_key(&rule.map, segment)) {
                wishes.splice(0..0, joins(book, &rule.map, segment, facts));
            }
            wishes
        }
        Trigger::Date(date) => match facts.customer.dates.get(&rule.id) {
            Some(at) => vec![format!("{} comes: next on {}", date.fact, at.in_words(facts.zone))],
            None => vec![format!("`{}` is said, with a moment that is still to come", date.fact)],
        },
        Trigger::Call => vec![format!("POST /api/v1/rules/{}/start is called", rule.id)],
        Trigger::Becomes { condition } => becomes(condition, facts),
        Trigger::Cron { schedule, segment } => {
            let next = schedule.next_after(facts.now).map(|at| at.in_words(facts.zone));
            let mut wishes = vec![format!("the schedule fires: next on {}", next.as_deref().unwrap_or("no day"))];
            wishes.extend(segment.iter().flat_map(|segment| segment.lacks(facts)));
            wishes
        }
    }
}

fn joins(book: &Rulebook, map: &str, segment: &str, facts: Facts<'_>) -> Vec<String> {
    let key = segment_key(map, segment);
    if facts.customer.segments.contains_key(&key) {
        return vec![format!("the customer leaves the segment {segment} and joins it again")];
    }
    let mut wishes = vec![format!("the customer joins the segment {segment}")];
    wishes.extend(book.segments.get(&key).iter().flat_map(|segment| segment.condition.lacks(facts)));
    wishes
}

fn becomes(condition: &Condition, facts: Facts<'_>) -> Vec<String> {
    match condition.lacks(facts) {
        lacks if lacks.is_empty() => vec![format!("`{}` turns false, and true again after that", condition.text())],
        lacks => lacks,
    }
}

/// What keeps the customer from the map or the stage that a rule belongs to.
fn placed(book: &Rulebook, rule: &Rule, facts: Facts<'_>) -> Vec<String> {
    let at = facts.customer.stages.get(&rule.map).map(|at| at.stage.as_str());
    let map = book.maps.get(&rule.map);
    match (&rule.stage, at) {
        // Coming to the stage is what its trigger waits for already.
        (Some(stage), _) if matches!(&rule.trigger, Trigger::Enter { stage: by } | Trigger::Stay { stage: by, .. } if by == stage) => {
            Vec::new()
        }
        (Some(stage), at) if at != Some(stage) => {
            let mut wishes = vec![format!("the customer is at the stage {stage}")];
            wishes.extend(stage_lacks(map, stage, facts));
            wishes
        }
        (None, None) => {
            let mut wishes = vec![format!("the customer is on the map {}", rule.map)];
            wishes.extend(map.and_then(|map| map.segment.as_ref()).iter().flat_map(|segment| segment.lacks(facts)));
            wishes
        }
        _ => Vec::new(),
    }
}

/// What a stage's own conditions lack; why a later stage holds the customer is for that stage's condition to say.
fn stage_lacks(map: Option<&JourneyMap>, stage: &str, facts: Facts<'_>) -> Vec<String> {
    let Some(map) = map else { return Vec::new() };
    let Some(place) = map.index_of(stage) else { return Vec::new() };
    let mut lacks: Vec<String> = map.segment.iter().flat_map(|segment| segment.lacks(facts)).collect();
    lacks.extend(map.stages[place].enter.lacks(facts));
    let later = map.stages[place + 1..].iter().rev().find(|later| later.enter.evaluate(facts).holds);
    lacks.extend(
        later.map(|later| format!("the later stage {} does not hold any more: `{}`", later.id, later.enter.text())),
    );
    lacks
}

/// What would let a letter go that is withheld for a reason; `None` where nothing would.
pub(super) fn to_send(reason: &WithheldReason, purpose: &str) -> Option<String> {
    Some(match reason {
        WithheldReason::NoConsent => format!("the customer agrees to {purpose}"),
        WithheldReason::ConsentRefused => format!("the customer agrees to {purpose} again"),
        WithheldReason::NotConfirmed => format!("the customer confirms {purpose} by the link of the letter that asks"),
        WithheldReason::MapRefused => "the customer wants letters of this map again".into(),
        WithheldReason::Suppressed => "the address is taken off the suppression list".into(),
        WithheldReason::NoAddress => "an e-mail address becomes known".into(),
        WithheldReason::BadAddress => "another e-mail address becomes known".into(),
        WithheldReason::NeedsSmtpUtf8 => "the relay offers SMTPUTF8, or another e-mail address becomes known".into(),
        WithheldReason::NoPromoCode => "the pool gets more codes".into(),
        WithheldReason::Stale => "what the rule's `still` asks for holds again".into(),
        WithheldReason::Limit { .. } => "the limit leaves room, or is wider".into(),
        WithheldReason::HeldOut { .. }
        | WithheldReason::Deleted
        | WithheldReason::Exited { .. }
        | WithheldReason::Skipped
        | WithheldReason::NotPending => return None,
    })
}
