//! Customers, and names of customers and events, that a transaction of this process has in hand: SQLite has no locks by row.
//!
//! Invariants: a customer is in one hand at most; whoever takes several takes all of them at once or waits with none of
//! them, so nobody waits in a circle.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Who is in hand.
#[derive(Debug, Default)]
pub(in crate::store) struct Busy {
    held: Mutex<HashSet<String>>,
    freed: Notify,
}

impl Busy {
    /// Takes customers in hand, once none of them is in another's.
    pub(super) async fn take(&self, ids: &[String]) {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            // From here on nothing that is freed goes unnoticed.
            freed.as_mut().enable();
            {
                let mut held = self.held();
                if ids.iter().all(|id| !held.contains(id)) {
                    held.extend(ids.iter().cloned());
                    return;
                }
            }
            freed.await;
        }
    }

    /// Lets them go.
    pub(super) fn free(&self, ids: &[String]) {
        let mut held = self.held();
        for id in ids {
            held.remove(id);
        }
        drop(held);
        self.freed.notify_waiters();
    }

    fn held(&self) -> MutexGuard<'_, HashSet<String>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
