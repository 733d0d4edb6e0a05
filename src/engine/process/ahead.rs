//! Batches that overlap: while one is written, the next is thought about, and the one after that is read and sorted.
//!
//! Invariant: they end in the order in which they began; after one that failed nothing is applied before it was tried again.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{After, Worked};
use crate::engine::{Engine, Result};

/// Most batches that are being applied while the one after them is read and sorted.
const MOST: usize = 2;

/// The batches that are being applied, the eldest first.
#[derive(Default)]
pub(in crate::engine) struct Ahead(VecDeque<Applying>);

struct Applying {
    /// Its first and last body.
    bodies: RangeInclusive<i64>,
    /// Told when all of it is on disk; dropped when it failed. Taken by the batch after it.
    applied: After,
    task: JoinHandle<Result<Worked>>,
}

impl Engine {
    /// Begins one batch of bodies, if there is one; ends the eldest, if there was none to begin or there are enough. What is
    /// given counts the bodies that were begun, too: as long as there are any, there is something to end.
    pub(in crate::engine) async fn process_bodies_ahead(self: &Arc<Self>, ahead: &mut Ahead) -> Result<Worked> {
        let items = self.next_items(ahead.bodies()).await?;
        let begun = items.len();
        if let ([first, ..], [.., last]) = (items.as_slice(), items.as_slice()) {
            let bodies = first.body.id..=last.body.id;
            // Its turn comes here and not in its task: a task that came before an earlier one would wait for it for ever.
            let tx = self.store.begin_processing().await?;
            let mut after = ahead.0.back_mut().and_then(|before| before.applied.take());
            let (tell, applied) = oneshot::channel();
            let engine = Arc::clone(self);
            let task = tokio::spawn(async move { engine.apply_batch(tx, &items, &mut after, tell).await });
            ahead.0.push_back(Applying { bodies, applied: Some(applied), task });
        }
        if begun > 0 && ahead.0.len() <= MOST {
            return Ok(Worked { handled: begun, dead: 0 });
        }
        let Some(eldest) = ahead.0.pop_front() else { return Ok(Worked::default()) };
        let ended = ended(eldest).await;
        if !matches!(&ended, Ok(worked) if worked.handled > 0) {
            // It failed, or gave up because one before it did; and so does every batch that follows on it. Only one that
            // follows on none begins anew.
            self.end_batches(ahead).await?;
        }
        let ended = ended?;
        Ok(Worked { handled: ended.handled + begun, ..ended })
    }

    /// Ends the batches that are being applied.
    pub(in crate::engine) async fn end_batches(&self, ahead: &mut Ahead) -> Result<()> {
        while let Some(eldest) = ahead.0.pop_front() {
            ended(eldest).await?;
        }
        Ok(())
    }
}

impl Ahead {
    /// From the first body in hand to the last; no body has the id 0.
    fn bodies(&self) -> RangeInclusive<i64> {
        let first = self.0.iter().map(|applying| *applying.bodies.start()).min();
        let last = self.0.iter().map(|applying| *applying.bodies.end()).max();
        first.unwrap_or(0)..=last.unwrap_or(0)
    }
}

async fn ended(batch: Applying) -> Result<Worked> {
    batch.task.await.unwrap_or_else(|error| {
        // It is still in the inbox.
        tracing::error!(error = &error as &dyn std::error::Error, "a batch of bodies broke down");
        Ok(Worked::default())
    })
}
