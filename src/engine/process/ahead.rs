//! Two batches at once: while one is written, the next is read, sorted and thought about.
//!
//! Invariant: they end in the order in which they began; after one that failed nothing is applied before it was tried again.

use std::ops::RangeInclusive;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::Worked;
use crate::engine::{Engine, Result};

/// The batch that is being applied while the one after it is read, sorted and thought about.
#[derive(Default)]
pub(in crate::engine) struct Ahead(Option<Applying>);

struct Applying {
    /// Its first and last body.
    bodies: RangeInclusive<i64>,
    /// Told when all of it is on disk; dropped when it failed.
    applied: oneshot::Receiver<()>,
    task: JoinHandle<Result<Worked>>,
}

impl Engine {
    /// Begins one batch of bodies, if there is one, and ends the one before it, if there was one. What is given counts the
    /// bodies that were begun, too: as long as there are any, there is something to end.
    pub(in crate::engine) async fn process_bodies_ahead(self: &Arc<Self>, ahead: &mut Ahead) -> Result<Worked> {
        let before = ahead.0.take();
        let in_hand = before.as_ref().map_or(0..=0, |before| before.bodies.clone());
        let items = match self.next_items(in_hand).await {
            Ok(items) => items,
            Err(error) => {
                ahead.0 = before;
                return Err(error);
            }
        };
        let begun = items.len();
        let (mut after, before) = before.map_or((None, None), |before| (Some(before.applied), Some(before.task)));
        if let [first, ..] = items.as_slice() {
            let last = items.iter().map(|item| item.body.id).max().unwrap_or(first.body.id);
            let bodies = first.body.id.min(last)..=last;
            let (tell, applied) = oneshot::channel();
            let engine = Arc::clone(self);
            let task = tokio::spawn(async move { engine.apply_batch(&items, &mut after, tell).await });
            ahead.0 = Some(Applying { bodies, applied, task });
        }
        let ended = ended(before).await?;
        Ok(Worked { handled: ended.handled + begun, ..ended })
    }

    /// Ends the batch that is being applied.
    pub(in crate::engine) async fn end_batch(&self, ahead: &mut Ahead) -> Result<()> {
        ended(ahead.0.take().map(|applying| applying.task)).await.map(drop)
    }
}

async fn ended(task: Option<JoinHandle<Result<Worked>>>) -> Result<Worked> {
    match task {
        // A batch that broke down is still in the inbox.
        Some(task) => task.await.unwrap_or_else(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "a batch of bodies broke down");
            Ok(Worked::default())
        }),
        None => Ok(Worked::default()),
    }
}
