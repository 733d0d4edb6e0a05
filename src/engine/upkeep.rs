//! Upkeep: letters in doubt after a crash, letters that failed, and what has been kept long enough.

use super::concerned::Concerned;
use super::{Engine, Result};
use crate::insight::metrics::{self, LetterOutcome};
use crate::journey::advance::handed_back;
use crate::journey::time::{Span, Timestamp};
use crate::store::Store;

/// How long decisions are kept for `explain`.
const KEEP_DECISIONS: Span = Span::days(90);
/// How long refusals are counted against an address: longer than any class looks back.
const KEEP_STRIKES: Span = Span::days(90);
/// How long it is kept how much of a relay's ceiling was used, and what a node last said of a relay that stands still.
const KEEP_WINDOWS: Span = Span::days(7);
const KEEP_STOPS: Span = Span::days(1);
/// Most rows removed at once.
const CHUNK: usize = 1_000;

/// Queues letters again that could not be composed, after the cause is fixed; tells how many of them had failed. Needs no
/// running daemon: the next one that looks finds them.
pub async fn retry_failed(store: &Store, messages: &[String], at: Timestamp) -> Result<u64> {
    let mut counts = Vec::new();
    let mut queued = 0;
    let mut tx = store.begin().await?;
    for id in messages {
        let Some(row) = store.message(id).await? else { continue };
        let back = tx.retry_messages(std::slice::from_ref(id), at).await?;
        if back > 0 {
            queued += back;
            counts.extend(metrics::counts_of_retried(&row.map, &row.rule));
        }
    }
    tx.add_counts(0, &counts).await?;
    tx.commit().await?;
    Ok(queued)
}

impl Engine {
    /// Settles letters whose hand-over was cut off: the lease of whoever handed them over ran out before `expired_before`.
    /// By their rule they are left uncertain or sent again; the audit shows either. Tells how many there were.
    pub async fn settle_doubts(&self, expired_before: Timestamp) -> Result<usize> {
        let mut doubtful = self.store.in_doubt(expired_before).await?;
        // What this process is handing over now is slow, not in doubt.
        doubtful.retain(|claimed| !self.in_hand().contains(&claimed.id));
        if doubtful.is_empty() {
            return Ok(0);
        }
        let now = self.clock.now();
        let book = self.book.load_full();
        let ids: Vec<String> = doubtful.iter().map(|c| c.customer.clone()).collect();
        let Concerned { mut tx, survivors, mut customers } = Concerned::of(&self.store, &ids).await?;
        let (mut keep, mut again, mut counts) = (Vec::new(), Vec::new(), Vec::new());
        for claimed in &doubtful {
            let resend = book.rulebook.resends(&claimed.rulebook, &claimed.rule);
            if resend {
                again.push((claimed.id.clone(), now));
                if let Some(customer) = survivors.get(&claimed.customer).and_then(|id| customers.get_mut(id)) {
                    handed_back(customer, &claimed.id, &claimed.enrollment, true);
                }
            } else {
                keep.push((claimed.id.clone(), now));
                counts.extend(metrics::counts_of_outcome(&claimed.map, &claimed.rule, LetterOutcome::Uncertain));
            }
            tracing::warn!(
                message.id = claimed.id,
                rule.id = claimed.rule,
                resend,
                "a hand-over was cut off; nobody knows whether the relay has the letter"
            );
        }
        let kept = tx.mark_uncertain(&keep).await?;
        tx.send_codes_of(&kept, now).await?;
        tx.requeue_uncertain(&again).await?;
        let customers: Vec<_> = customers.values().collect();
        tx.save_customers(&customers).await?;
        tx.add_counts(self.shard(), &counts).await?;
        tx.commit().await?;
        Ok(doubtful.len())
    }

    /// Removes raw bodies, decisions, counted refusals and relays' counts that have been kept long enough; tells how many.
    pub async fn prune(&self) -> Result<u64> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let removed = tx.prune_bodies(now.before(self.keep_raw), CHUNK).await?
            + tx.prune_decisions(now.before(KEEP_DECISIONS), CHUNK).await?
            + tx.forget_strikes(now.before(KEEP_STRIKES)).await?
            + tx.forget_relays(now.before(KEEP_WINDOWS), now.before(KEEP_STOPS)).await?;
        tx.commit().await?;
        Ok(removed)
    }
}
