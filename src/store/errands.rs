//! Errands: webhooks out and changes in a CRM, as a queue and as a record.
//!
//! ```text
//! queued -> done | dead        queued -> queued (tried again later)        dead -> queued (retried by a person)
//! ```
//!
//! Invariants: (enrollment, step, pass) makes one row; an errand is claimed under a lease, and one whose claimer died is
//! claimed again, so it is carried out at least once; its id and body are the same at every try; changes of one customer
//! in one CRM are carried out in the order in which they were asked for.

mod list;
mod queue;

use super::words::words;

pub use list::{ErrandFilter, ErrandRow};
pub use queue::{ClaimedErrand, ErrandOf, ErrandOutcome, NewErrand};

words! {
    /// How far an errand has come.
    ErrandState {
        /// Waits for its time, or is being carried out.
        Queued = "queued",
        /// Carried out.
        Done = "done",
        /// Refused, or tried too often; it can be tried again by hand.
        Dead = "dead",
    }
}
