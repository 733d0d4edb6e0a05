//! What a simulation tells of.

use crate::journey::advance::Walked;
use crate::journey::customer::Customer;
use crate::journey::effect::{Effect, PlannedMessage, WithheldReason};
use crate::journey::time::Timestamp;

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// The core decided something other than a letter or a promo code: moves, runs, conversions, decisions.
    Effect(Effect),
    /// A run took a step.
    Walked(Walked),
    /// A letter went out. The customer is as at the last check, so that the letter can be written.
    Sent(PlannedMessage),
    /// A letter must wait, or wait for another moment than before: its `held` says until when and for what.
    Held(PlannedMessage),
    /// A letter will not go out: said when it was planned, when its run ended, or at the last check.
    Withheld {
        /// The letter.
        message: PlannedMessage,
        /// Why.
        reason: WithheldReason,
    },
}

/// Who is told what happens, in the order in which it happens.
pub trait Witness {
    /// Something happened to a customer, who is now as given.
    fn sees(&mut self, at: Timestamp, customer: &Customer, what: What);
}

/// One line of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// To whom.
    pub customer: String,
    /// What.
    pub what: What,
}

impl Witness for Vec<Entry> {
    fn sees(&mut self, at: Timestamp, customer: &Customer, what: What) {
        self.push(Entry { at, customer: customer.id.clone(), what });
    }
}
