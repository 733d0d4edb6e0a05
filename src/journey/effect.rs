//! What a decision asks the world to do, as values.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::attention::{Held, LimitKind};
use super::errand::Errand;
use super::money::Money;
use super::policy::Letter;
use super::time::Timestamp;

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

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "how")]
pub enum EndReason {
    /// Every step was taken.
    Finished,
    /// An `exit` step.
    ExitStep,
    /// An event of `exit_on`.
    ExitEvent {
        /// Its kind.
        kind: String,
    },
    /// `exit_when` came true.
    ExitCondition,
    /// It lasted as long as the rule lets a run last.
    Expired,
    /// The goal's event happened.
    Goal,
    /// The rule is gone from the rulebook, or its step is.
    RuleGone,
    /// The customer was deleted.
    Deleted,
    /// Merged into another customer who runs the same rule.
    Merged,
    /// The promo pool had no code left.
    NoPromoCode,
    /// A rule of the same group that ranks higher began.
    Outranked {
        /// That rule.
        rule: String,
    },
    /// A `leave` step of another rule.
    Left {
        /// The rule.
        by: String,
    },
}

/// Why a letter was withheld.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "why")]
pub enum WithheldReason {
    /// The run ended before the letter went out.
    Exited {
        /// How.
        end: EndReason,
    },
    /// The customer never agreed to this purpose.
    NoConsent,
    /// The customer refused this purpose.
    ConsentRefused,
    /// The address is on the suppression list.
    Suppressed,
    /// The customer has no address.
    NoAddress,
    /// The address is not one that mail can go to.
    BadAddress,
    /// The customer is deleted in the source.
    Deleted,
    /// The customer is one of those who get no letters on purpose.
    HeldOut {
        /// Whose holdout it is, in words.
        of: String,
    },
    /// A limit on letters was met, and waiting for it would take too long.
    Limit {
        /// Which kind.
        by: LimitKind,
    },
    /// It was overdue when its rule was resumed after a pause.
    Skipped,
    /// What it tells is not so any more: a condition of `still` does not hold.
    Stale,
    /// The message is not pending any more (already handled).
    NotPending,
    /// It shows a promo code, and the pool had none left.
    NoPromoCode,
}

impl WithheldReason {
    /// A short stable code for columns, figures and filters.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Exited { end: EndReason::Goal } => "goal_reached",
            Self::Exited { .. } => "exited",
            Self::NoConsent => "no_consent",
            Self::ConsentRefused => "consent_refused",
            Self::Suppressed => "suppressed",
            Self::NoAddress => "no_address",
            Self::BadAddress => "bad_address",
            Self::Deleted => "deleted",
            Self::HeldOut { .. } => "held_out",
            Self::Limit { by } => by.code(),
            Self::Skipped => "skipped",
            Self::Stale => "stale",
            Self::NotPending => "not_pending",
            Self::NoPromoCode => "no_promo_code",
        }
    }
}

impl EndReason {
    /// A short stable code for columns and figures.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::ExitStep => "exit_step",
            Self::ExitEvent { .. } => "exit_event",
            Self::ExitCondition => "exit_condition",
            Self::Expired => "expired",
            Self::Goal => "goal",
            Self::RuleGone => "rule_gone",
            Self::Deleted => "deleted",
            Self::Merged => "merged",
            Self::NoPromoCode => "no_promo_code",
            Self::Outranked { .. } => "outranked",
            Self::Left { .. } => "left",
        }
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished => f.write_str("every step was taken"),
            Self::ExitStep => f.write_str("an exit step"),
            Self::ExitEvent { kind } => write!(f, "the event {kind}"),
            Self::ExitCondition => f.write_str("the exit condition came true"),
            Self::Expired => f.write_str("the longest life of a run was over"),
            Self::Goal => f.write_str("the goal was reached"),
            Self::RuleGone => f.write_str("the rule or its step is gone"),
            Self::Deleted => f.write_str("the customer was deleted"),
            Self::Merged => f.write_str("the customer was merged into another"),
            Self::NoPromoCode => f.write_str("the promo pool had no code left"),
            Self::Outranked { rule } => write!(f, "the rule {rule} of the same group began, which ranks higher"),
            Self::Left { by } => write!(f, "a step of the rule {by}"),
        }
    }
}

impl fmt::Display for WithheldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited { end } => write!(f, "the run ended first: {end}"),
            Self::NoConsent => f.write_str("the customer never agreed to this purpose"),
            Self::ConsentRefused => f.write_str("the customer refused this purpose"),
            Self::Suppressed => f.write_str("the address is on the suppression list"),
            Self::NoAddress => f.write_str("the customer has no e-mail address"),
            Self::BadAddress => f.write_str("the e-mail address is not valid"),
            Self::Deleted => f.write_str("the customer is deleted in the source"),
            Self::HeldOut { of } => write!(f, "the customer is held out from the letters of {of}"),
            Self::Limit { by } => f.write_str(match by {
                LimitKind::Cap => "a frequency cap leaves no room in time",
                LimitKind::Gap => "the gap to another letter would be too short",
                LimitKind::Quiet => "it fell due in quiet hours, which last too long",
                LimitKind::DayOff => "it fell due on a day off, and waiting would take too long",
                LimitKind::Paused => "its rule was paused",
                LimitKind::Holiday => "it fell due on a holiday, and waiting would take too long",
            }),
            Self::Skipped => f.write_str("it was overdue when its rule was resumed after a pause"),
            Self::Stale => f.write_str("what it tells is not so any more"),
            Self::NotPending => f.write_str("the letter is not pending any more"),
            Self::NoPromoCode => f.write_str("the promo pool had no code left"),
        }
    }
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
}

/// Why something was or was not done, for `explain`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Rule it is about.
    pub rule: String,
    /// When.
    pub at: Timestamp,
    /// What was asked: `trigger`, `exit`, `branch`, `split`, `wait`, `goal`, `set`, `promo`, `still`, `webhook`, `crm`, `note`.
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
