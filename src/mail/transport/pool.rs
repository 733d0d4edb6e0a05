//! Conversations that wait for the next letter.
//!
//! Invariants: a conversation comes back only after a step that left nothing behind; one that has waited long, or to which
//! the server said anything unasked (a farewell, the end), is never handed out again.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::session::Session;

/// Servers wait five minutes by the book and half a minute in a hurry; past that a fresh connection is cheaper than a doubt.
const IDLE_AT_MOST: Duration = Duration::from_secs(25);

#[derive(Default)]
pub(super) struct Pool(Mutex<Vec<(Session, Instant)>>);

impl Pool {
    /// The conversation used last, if one is still good: the others may grow old and go.
    pub(super) fn take(&self) -> Option<Session> {
        let mut idle = self.idle();
        let now = Instant::now();
        while let Some((session, since)) = idle.pop() {
            if now.duration_since(since) > IDLE_AT_MOST {
                // Those below are older still.
                idle.clear();
                return None;
            }
            if session.is_quiet() {
                return Some(session);
            }
        }
        None
    }

    pub(super) fn give_back(&self, session: Session) {
        self.idle().push((session, Instant::now()));
    }

    /// Every waiting conversation, to be ended.
    pub(super) fn empty(&self) -> Vec<Session> {
        self.idle().drain(..).map(|(session, _)| session).collect()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(Session, Instant)>> {
        // The list is whole whatever panicked while it was held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
