//! What the settings say of how letters leave. Replaced as a whole when they change: whoever has a letter in hand ends it with
//! what he took it with.

use std::sync::Arc;

use crate::journey::time::Span;
use crate::mail::{Composer, Refusals};

use super::send::fleet::Fleet;

/// How letters leave.
#[derive(Debug)]
pub struct Mailing {
    /// Makes letters.
    pub composer: Composer,
    /// The relays; without any letters wait.
    pub fleet: Fleet,
    /// Waits between tries of a letter.
    pub retry: Vec<Span>,
    /// How long after its first refusal a letter is given up.
    pub give_up_after: Span,
    /// What refusals mean.
    pub refusals: Arc<Refusals>,
    /// How long a claimed letter is this process's alone: longer than any conversation with a relay may take.
    pub lease: Span,
}
