//! What a decision asks the world to do, as values.

mod reason;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::attention::Held;
use super::consents::ConsentChange;
use super::errand::Errand;
use super::money::Money;
use super::policy::Letter;
use super::reads::Weighed;
use super::time::Timestamp;
pub use reason::{EndReason, WithheldReason};

/// What `advance` asks for. The engine carries every effect out in the transaction that saves the state.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// The customer moved on a map.
    StageMoved(StageMove),
    /// The customer joined or left a segment.
    SegmentMoved(SegmentMove),
    /// A run began.
    Enrolled {
        /// Enrollment id.
        enrollment: String,
        /// Rule.
        rule: String,
        /// Map.
        map: String,
        /// Stage of that map the customer was at.
        stage: Option<String>,
        /// When.
        at: Timestamp,
        /// Why.
        cause: Cause,
        /// Whether the customer is held out from the rule's letters.
        held_out: bool,
    },
    /// A run ended.
    Ended {
        /// Enrollment id.
        enrollment: String,
        /// Rule.
        rule: String,
        /// When.
        at: Timestamp,
        /// Why.
        reason: EndReason,
    },
    /// The goal was reached inside its window after a letter.
    Converted {
        /// Enrollment id.
        enrollment: String,
        /// Rule.
        rule: String,
        /// The letter credited.
        message: String,
        /// When.
        at: Timestamp,
        /// What it was worth.
        value: Option<Money>,
        /// Whether the letter had been withheld because the customer is held out.
        held_out: bool,
    },
    /// A run took an arm of a split, and is counted for it.
    ArmTaken {
        /// Enrollment id.
        enrollment: String,
        /// Rule.
        rule: String,
        /// The split.
        step: String,
        /// The arm.
        arm: String,
        /// When.
        at: Timestamp,
        /// Until when reaching the rule's goal counts for the arm; `None` if the rule has no goal.
        until: Option<Timestamp>,
    },
    /// The goal was reached in the time that counts for the arm of a split that the run took.
    ArmReached {
        /// Enrollment id.
        enrollment: String,
        /// Rule.
        rule: String,
        /// The split.
        step: String,
    },
    /// A letter is to be sent (or, with `withheld`, would have been).
    MessagePlanned(Box<PlannedMessage>),
    /// A planned letter must not go out any more.
    MessageCancelled {
        /// Message id.
        message: String,
        /// Its rule.
        rule: String,
        /// When.
        at: Timestamp,
        /// Why.
        reason: WithheldReason,
    },
    /// A planned letter may go at another moment than was thought.
    MessageHeld {
        /// Message id.
        message: String,
        /// When.
        at: Timestamp,
        /// What it waits for now; `None`: for nothing, it may go.
        held: Option<Held>,
        /// What the limits said.
        verdicts: Vec<PolicyVerdict>,
    },
    /// A run waits for a promo code: answer with `Input::Promo` in the same transaction.
    PromoWanted {
        /// Enrollment id.
        enrollment: String,
        /// Rule.
        rule: String,
        /// Pool.
        pool: String,
    },
    /// A run that took a promo code is over: the code goes back to its pool unless a letter brought it to the customer, or
    /// may yet.
    PromoSettled {
        /// Enrollment id.
        enrollment: String,
    },
    /// An order carries a promo code.
    PromoRedeemed {
        /// The code as the order has it.
        code: String,
        /// The order: `source/id`.
        order: String,
        /// When.
        at: Timestamp,
    },
    /// Something is asked of others: a webhook out, a change in the CRM.
    Errand(Box<Errand>),
    /// What the customer agreed to changed.
    ConsentChanged(Box<ConsentChange>),
    /// A connection came to know the customer by an id of its own: it has not heard what was said elsewhere.
    KnownTo {
        /// The connection.
        connection: String,
    },
    /// A letter was opened, or a link of it followed; by whom is known.
    MessageRead(Box<Weighed>),
    /// Why something was or was not done; kept for `explain`.
    Decided(Decision),
}

/// A move on a map; `from` or `to` is `None` outside it.
#[derive(Clone, Debug, PartialEq)]
pub struct StageMove {
    /// Map.
    pub map: String,
    /// Stage left.
    pub from: Option<String>,
    /// Since when the customer was there.
    pub since: Option<Timestamp>,
    /// Stage entered.
    pub to: Option<String>,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub cause: Cause,
}

/// Joining or leaving a segment.
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentMove {
    /// The segment's map.
    pub map: String,
    /// The segment.
    pub segment: String,
    /// Joined or left.
    pub joined: bool,
    /// When left: since when the customer was in it.
    pub since: Option<Timestamp>,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub cause: Cause,
}

/// A letter to one customer.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedMessage {
    /// Derived from (enrollment, step, pass): the same step plans the same message, whatever crashes.
    pub id: String,
    /// The rulebook whose rule planned it.
    pub rulebook: String,
    /// Enrollment.
    pub enrollment: String,
    /// Step id.
    pub step: String,
    /// Which pass over the step, from 1.
    pub pass: u32,
    /// Rule.
    pub rule: String,
    /// Map.
    pub map: String,
    /// Stage of that map the customer was at.
    pub stage: Option<String>,
    /// Letter's name.
    pub letter: String,
    /// Purpose.
    pub purpose: String,
    /// The customer's locale, else the shop's.
    pub locale: String,
    /// Address at planning time; the one at sending time decides.
    pub to: Option<String>,
    /// When it fell due: the logical time of the step.
    pub due_at: Timestamp,
    /// Set when it is withheld at once, and why.
    pub withheld: Option<WithheldReason>,
    /// The promo code that it shows, if it shows one.
    pub code: Option<String>,
    /// Set when it must wait for a limit.
    pub held: Option<Held>,
    /// What the letter may read besides the customer: `event`, `promo`, and what the run captured.
    pub inputs: Value,
    /// What each policy said.
    pub verdicts: Vec<PolicyVerdict>,
}

impl PlannedMessage {
    /// What it brings along to its check.
    pub fn brings(&self) -> Letter<'_> {
        Letter { step: &self.step, inputs: &self.inputs }
    }
}

/// Why a customer moved, or a run began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum Cause {
    /// An event.
    Event {
        /// Its source.
        source: String,
        /// Its id there.
        id: String,
        /// Its kind.
        kind: String,
    },
    /// Time alone.
    Time,
    /// A cron firing.
    Cron,
    /// The rules changed.
    Rulebook,
    /// Two customers were merged.
    Merge,
    /// A step of another rule.
    Rule {
        /// The rule.
        rule: String,
    },
}

/// What one policy said of a letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyVerdict {
    /// `exit`, `still`, `exists`, `consent`, `address`, `suppression`, `holdout`, `limits`, or the code of a limit that was met.
    pub policy: String,
    /// Whether it lets the letter pass.
    pub pass: bool,
    /// In words.
    pub note: String,
    /// The limit that was met, if one was: `at most 3 in 7d (the shop, marketing)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
}

/// Why something was or was not done, for `explain`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Rule it is about.
    pub rule: String,
    /// When.
    pub at: Timestamp,
    /// What was asked: `trigger`, `exit`, `branch`, `split`, `wait`, `goal`, `set`, `promo`, `still`, `webhook`, `crm`,
    /// `opened`, `clicked`, `note`.
    pub about: String,
    /// What came out, as a short stable code: `enrolled`, `condition_false`, `not_at_stage`, `too_old`, `already_running`,
    /// `not_again_yet`, `never_again`, `no_key`, `arm`, `until`, …
    pub outcome: String,
    /// In words.
    pub note: String,
    /// The parts of the condition that decided, if one did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<super::condition::Part>,
    /// Why it was asked.
    pub cause: Cause,
}
