//! Short stories of one customer: what happens, and what the core makes of it, line by line.

use milepost::journey::advance::{Input, advance};
use milepost::journey::book::Rulebook;
use milepost::journey::customer::Customer;
use milepost::journey::effect::Effect;
use milepost::journey::event::Event;
use milepost::journey::time::Timestamp;

use crate::support::{at, rulebook};

/// A customer under a rulebook, with the story so far.
pub struct Story {
    pub book: Rulebook,
    pub customer: Customer,
    pub told: Vec<String>,
}

impl Story {
    pub fn new(rules: &[&str]) -> Self {
        Self::of(rulebook(rules))
    }

    pub fn of(book: Rulebook) -> Self {
        Self { book, customer: Customer::new("c1", at("2026-03-01T00:00:00Z")), told: Vec::new() }
    }

    pub fn hear(&mut self, event: &Event) -> &mut Self {
        self.take(&Input::Event(event), event.received_at)
    }

    pub fn wait_until(&mut self, moment: &str) -> &mut Self {
        self.take(&Input::Due, at(moment))
    }

    pub fn take(&mut self, input: &Input<'_>, now: Timestamp) -> &mut Self {
        loop {
            let done = advance(&self.book, std::mem::take(&mut self.customer), input, now);
            self.customer = done.state;
            let mut wanted = Vec::new();
            for effect in done.effects {
                if let Effect::PromoWanted { enrollment, .. } = &effect {
                    wanted.push(enrollment.clone());
                }
                self.told.extend(line(&effect));
            }
            for enrollment in wanted {
                let asked_at = self.customer.now;
                self.take(&Input::Promo { enrollment: &enrollment, code: Some("AAA-1") }, asked_at);
            }
            if done.taken {
                return self;
            }
        }
    }

    pub fn tells(&mut self, expected: &[&str]) -> &mut Self {
        assert_eq!(std::mem::take(&mut self.told), expected);
        self
    }
}

fn line(effect: &Effect) -> Option<String> {
    match effect {
        Effect::StageMoved(moved) => {
            let name = |stage: &Option<String>| stage.clone().unwrap_or_else(|| "-".into());
            Some(format!("{} -> {}", name(&moved.from), name(&moved.to)))
        }
        Effect::SegmentMoved(moved) => {
            let way = if moved.joined { "joins" } else { "leaves" };
            Some(format!("{way} {}", moved.segment))
        }
        Effect::Enrolled { rule, .. } => Some(format!("{rule} begins")),
        Effect::Ended { rule, reason, .. } => Some(format!("{rule} ends: {}", reason.code())),
        Effect::Converted { rule, value, .. } => {
            Some(format!("{rule} converted {}", value.as_ref().map_or("-".into(), ToString::to_string)))
        }
        Effect::MessagePlanned(planned) => match &planned.withheld {
            Some(reason) => Some(format!("{} withheld: {}", planned.letter, reason.code())),
            None => Some(format!("{} at {}", planned.letter, planned.due_at)),
        },
        Effect::MessageHeld { held, .. } => Some(format!("held until {}", held.as_ref()?.until)),
        Effect::MessageCancelled { reason, .. } => Some(format!("cancelled: {}", reason.code())),
        Effect::PromoWanted { pool, .. } => Some(format!("code of {pool} wanted")),
        Effect::ArmTaken { .. }
        | Effect::ArmReached { .. }
        | Effect::PromoSettled { .. }
        | Effect::PromoRedeemed { .. }
        | Effect::ConsentChanged(_)
        | Effect::KnownTo { .. }
        | Effect::Errand(_) => None,
        Effect::MessageRead(read) => Some(format!("{} {}", read.read.message, read.read.what.as_str())),
        Effect::Decided(decision) => {
            let plain = ["enrolled", "until", "arm", "set", "assigned"];
            (!plain.contains(&decision.outcome.as_str())).then(|| format!("{}: {}", decision.rule, decision.outcome))
        }
    }
}
