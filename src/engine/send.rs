//! Sending: letters whose time has come are composed, checked for the last time, and handed over.
//!
//! Invariants: a letter waits until everything accepted before it fell due is applied, so that an order placed a second
//! before a reminder cancels it; it is marked as being handed over before its first byte; every end is recorded.
//!
//! Letters go out along as many lanes as the relay has connections, all of which take from one queue. A lane that waits long
//! for its server holds up no other: whoever is free goes on taking. A sender that is told to stop begins no further
//! letter, ends those that it has begun, and gives back the rest.

mod lane;
mod queue;

use std::sync::Arc;

use tokio::sync::{Mutex, Notify};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::process::Worked;
use super::record::Recorder;
use super::{Engine, Result};
use crate::mail::Relay;
use lane::Lane;
use queue::Queue;

/// Sends what is due along lanes that outlive a round.
pub(super) struct Sender {
    engine: Arc<Engine>,
    recorder: Recorder,
    queue: Arc<Mutex<Queue>>,
    lanes: JoinSet<()>,
    dry: Arc<Notify>,
    stop: CancellationToken,
}

impl Sender {
    pub(super) fn new(engine: Arc<Engine>, recorder: Recorder, stop: CancellationToken) -> Self {
        let dry = Arc::new(Notify::new());
        let queue = Arc::new(Mutex::new(Queue::new(Arc::clone(&engine), Arc::clone(&dry), stop.clone())));
        Self { engine, recorder, queue, lanes: JoinSet::new(), dry, stop }
    }

    /// Puts every free lane to work on what is due, until one of them finds no more. Gives how many letters were taken; the
    /// other lanes may still be at work on theirs.
    pub(super) async fn round(&mut self) -> Result<usize> {
        let Some(relay) = self.engine.relay.clone() else { return Ok(0) };
        let mut queue = self.queue.lock().await;
        let waiting = queue.fill().await?;
        let before = queue.taken();
        drop(queue);
        while self.lanes.try_join_next().is_some_and(|ended| note(&ended)) {}
        for _ in self.lanes.len()..lanes_of(&relay).min(self.lanes.len() + waiting) {
            self.lanes.spawn(self.lane(&relay).run());
        }
        if waiting > 0 {
            // A lane that finds no more may have its last letter in hand for long.
            tokio::select! {
                () = self.dry.notified() => {}
                Some(ended) = self.lanes.join_next() => drop(note(&ended)),
                else => {}
            }
        }
        // A lane that is told to stop puts back what it has.
        Ok(self.queue.lock().await.taken().saturating_sub(before))
    }

    /// Waits for every lane, and gives back what none of them began. Gives how many letters were taken in all.
    pub(super) async fn finish(&mut self) -> Result<usize> {
        while let Some(ended) = self.lanes.join_next().await {
            note(&ended);
        }
        let mut queue = self.queue.lock().await;
        queue.give_back().await?;
        Ok(queue.taken())
    }

    fn lane(&self, relay: &Relay) -> Lane {
        Lane {
            engine: Arc::clone(&self.engine),
            relay: relay.clone(),
            recorder: self.recorder.clone(),
            queue: Arc::clone(&self.queue),
            stop: self.stop.clone(),
        }
    }
}

impl Engine {
    /// Sends every letter whose time has come, and returns when what became of each is recorded.
    pub async fn send_due(self: &Arc<Self>, recorder: &Recorder) -> Result<Worked> {
        let mut sender = Sender::new(Arc::clone(self), recorder.clone(), CancellationToken::new());
        let result = loop {
            match sender.round().await {
                Ok(0) => break Ok(()),
                Ok(_) => {}
                Err(error) => break Err(error),
            }
        };
        let handled = sender.finish().await?;
        result.map(|()| Worked { handled, dead: 0 })
    }
}

/// One lane a connection: more would wait for connections.
fn lanes_of(relay: &Relay) -> usize {
    usize::try_from(relay.connections()).unwrap_or(1).max(1)
}

/// Tells of a lane that broke down; the letter it had keeps its lease, or its doubt, until that is settled.
fn note(ended: &std::result::Result<(), tokio::task::JoinError>) -> bool {
    if let Err(error) = ended {
        tracing::error!(error = error as &dyn std::error::Error, "a lane of letters broke down");
    }
    true
}
