//! Letters: composing them, handing them to a relay, and saying exactly what came of it.
//!
//! Invariants:
//! - what [`compose`] makes is 7-bit (but for an address that takes SMTPUTF8), has CRLF line ends only, and no data of a
//!   customer or an event can add a header;
//! - the same job makes the same bytes, so that a second try sends what the first one did;
//! - a hand-over is `Accepted` only by the relay's own 2yz to the letter's last byte, and `Lost` (safe to try again) only
//!   where the letter's end has not left this machine. Everything between is `Uncertain`.
//!
//! Not here: whether a letter may be sent (`journey::policy`), when to try again (`engine`), where letters' texts come from
//! (`rulebook`), what is remembered of them (`store`).

pub mod address;
pub mod attachments;
pub mod body;
pub mod compose;
pub mod dkim;
pub mod forward;
pub mod headers;
pub mod imap;
pub mod links;
pub mod mailbox;
pub mod outcome;
pub mod preview;
pub mod refusal;
pub mod returns;
pub mod routes;
mod senders;
pub mod smtpd;
pub mod tracking;
pub mod transport;
pub mod trust;

pub use address::{Address, AddressError};
pub use attachments::{Attachments, Unavailable};
pub use compose::{ComposeError, Composer, Job, Letter, LetterSource, chain};
pub use dkim::{DkimKey, DkimKeys};
pub use links::{LinkSigner, Unsubscribe};
pub use mailbox::Mailbox;
pub use outcome::{Outcome, Step};
pub use preview::Preview;
pub use refusal::{Class, Refusals};
pub use returns::ReturnAddresses;
pub use routes::{Routes, Traveller};
pub use tracking::{Machines, Tracker};
pub use transport::{Checked, Opened, Patience, Relay, RelayError, TlsError, Tuning};
