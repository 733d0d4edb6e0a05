//! Letters: the queue out, and the record of everything that was planned, held, sent or withheld.
//!
//! ```text
//! queued <-> held (a limit on attention; claimed like a queued one when its moment has come)
//! queued -> sending -> sent | refused | uncertain        uncertain -> queued (the same letter again)
//! queued | held -> withheld                              queued -> failed -> queued (retried by a person)
//! sent | uncertain -> bounced | complained               (what comes back later)
//! queued | sending -> queued, refused, failed            (a relay that would not take it now, or at all)
//! ```
//!
//! Invariants: (enrollment, step, pass) makes one row; a row is never deleted; every transition appends to the log, which
//! the database itself refuses to change; what a letter says is frozen from the first `sending` on.

mod back;
mod claim;
mod doubt;
mod hold;
mod list;
mod log;
mod outcome;
mod plan;
mod reads;
mod withhold;

use super::words::words;

pub use back::{BackRow, Sent};
pub use claim::{Claimed, Frozen, PutOffRow};
pub use hold::{HeldLetters, HoldRow};
pub use list::{MessageFilter, MessageRow};
pub use log::LogRow;
pub use outcome::{OutcomeRow, RESEND};
pub use plan::NewMessage;
pub use reads::{Links, ReadRow, Tracked};

words! {
    /// How far a letter has come.
    MessageState {
        /// Waits for its time, or for a sender.
        Queued = "queued",
        /// Held back by a policy until later.
        Held = "held",
        /// Being handed over: a crash now leaves it in doubt.
        Sending = "sending",
        /// The relay said 250.
        Sent = "sent",
        /// Must not go out; the reason is kept.
        Withheld = "withheld",
        /// The relay refused it for good.
        Refused = "refused",
        /// The relay may or may not have it.
        Uncertain = "uncertain",
        /// It came back: the relay had taken it, and a server later on did not deliver it.
        Bounced = "bounced",
        /// The relay took it, and the customer called it spam.
        Complained = "complained",
        /// Could not be composed, or was put off too often.
        Failed = "failed",
    }
}
