//! Why runs end and letters are withheld: each with a stable code, and in words.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::journey::attention::LimitKind;

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
    /// The customer is said to have agreed, and has not confirmed it.
    NotConfirmed,
    /// The customer wants no letters of this map.
    MapRefused,
    /// The address is on the suppression list.
    Suppressed,
    /// The customer has no address.
    NoAddress,
    /// The address is not one that mail can go to.
    BadAddress,
    /// The address has characters outside ASCII before its `@`, and the relay does not offer SMTPUTF8.
    NeedsSmtpUtf8,
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
    /// The short code of every reason: those of limits, too.
    pub fn codes() -> Vec<&'static str> {
        let other = [
            "goal_reached",
            "exited",
            "no_consent",
            "consent_refused",
            "not_confirmed",
            "map_refused",
            "suppressed",
            "no_address",
            "bad_address",
            "needs_smtputf8",
            "deleted",
            "held_out",
            "skipped",
            "stale",
            "not_pending",
            "no_promo_code",
        ];
        other.into_iter().chain(LimitKind::ALL.map(LimitKind::code)).collect()
    }

    /// A short stable code for columns, figures and filters.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Exited { end: EndReason::Goal } => "goal_reached",
            Self::Exited { .. } => "exited",
            Self::NoConsent => "no_consent",
            Self::ConsentRefused => "consent_refused",
            Self::NotConfirmed => "not_confirmed",
            Self::MapRefused => "map_refused",
            Self::Suppressed => "suppressed",
            Self::NoAddress => "no_address",
            Self::BadAddress => "bad_address",
            Self::NeedsSmtpUtf8 => "needs_smtputf8",
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
            Self::NotConfirmed => f.write_str("the customer has not confirmed to have agreed"),
            Self::MapRefused => f.write_str("the customer wants no letters of this map"),
            Self::Suppressed => f.write_str("the address is on the suppression list"),
            Self::NoAddress => f.write_str("the customer has no e-mail address"),
            Self::BadAddress => f.write_str("the e-mail address is not valid"),
            Self::NeedsSmtpUtf8 => f.write_str(
                "the e-mail address has characters outside ASCII before its @, and the relay does not offer SMTPUTF8",
            ),
            Self::Deleted => f.write_str("the customer is deleted in the source"),
            Self::HeldOut { of } => write!(f, "the customer is held out from the letters of {of}"),
            Self::Limit { by } => f.write_str(match by {
                LimitKind::Cap => "a frequency cap leaves no room in time",
                LimitKind::Gap => "the gap to another letter would be too short",
                LimitKind::Quiet => "it fell due in quiet hours, which last too long",
                LimitKind::DayOff => "it fell due on a day off, and waiting would take too long",
                LimitKind::Paused => "its rule was paused",
                LimitKind::Holiday => "it fell due on a holiday, and waiting would take too long",
                LimitKind::Fewer => "the customer wishes for fewer letters, and there is no room in time",
                LimitKind::Rest => "it fell due in the customer's pause",
            }),
            Self::Skipped => f.write_str("it was overdue when its rule was resumed after a pause"),
            Self::Stale => f.write_str("what it tells is not so any more"),
            Self::NotPending => f.write_str("the letter is not pending any more"),
            Self::NoPromoCode => f.write_str("the promo pool had no code left"),
        }
    }
}
