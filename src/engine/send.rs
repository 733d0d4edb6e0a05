//! Sending: letters whose time has come are composed, checked for the last time, and handed over.
//!
//! Invariants: a letter waits until everything accepted before it fell due is applied, so that an order placed a second
//! before a reminder cancels it; it is marked as being handed over before its first byte; every end is recorded.
//!
//! Letters go out along as many lanes as the relays have connections, all of which take from one queue; for each letter the
//! queue has leave to take a relay. A lane that waits long for its server holds up no other: whoever is free goes on taking.
//! A sender that is told to stop begins no further letter, ends those that it has begun, and gives back the rest.

mod aside;
pub mod fleet;
mod lane;
mod queue;
pub(crate) mod told;

use std::sync::Arc;

use tokio::sync::{Mutex, Notify};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::process::Worked;
use super::record::Recorder;
use super::{Engine, Result};
use crate::journey::time::Timestamp;
use lane::Lane;
use queue::Queue;

/// Sends what is due along lanes that outlive a round.
pub(super) struct Sender {
    engine: Arc<Engine>,
    recorder: Recorder,
    queue: Arc<Mutex<Queue>>,
    lanes: JoinSet<()>,
    /// Looks at relays that could not be reached.
    probes: JoinSet<()>,
    dry: Arc<Notify>,
    stop: CancellationToken,
}

impl Sender {
    pub(super) fn new(engine: Arc<Engine>, recorder: Recorder, stop: CancellationToken) -> Self {
        let dry = Arc::new(Notify::new());
        let queue = Arc::new(Mutex::new(Queue::new(Arc::clone(&engine), Arc::clone(&dry), stop.clone())));
        Self { engine, recorder, queue, lanes: JoinSet::new(), probes: JoinSet::new(), dry, stop }
    }

    /// Puts every free lane to work on what is due, until one of them finds no more. Gives how many letters were taken; the
    /// other lanes may still be at work on theirs.
    pub(super) async fn round(&mut self) -> Result<usize> {
        self.look_at_relays();
        let mut queue = self.queue.lock().await;
        let waiting = queue.fill().await?;
        let before = queue.taken();
        drop(queue);
        while self.lanes.try_join_next().is_some_and(|ended| note(&ended)) {}
        let lanes = self.engine.mailing.load().fleet.lanes();
        for _ in self.lanes.len()..lanes.min(self.lanes.len() + waiting) {
            self.lanes.spawn(self.lane().run());
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

    /// When there is something to do without anything new, if time alone decides it.
    pub(super) async fn next_at(&self) -> Option<Timestamp> {
        let aside = self.queue.lock().await.next_at();
        [aside, self.engine.mailing.load().fleet.next_look()].into_iter().flatten().min()
    }

    /// Waits for every lane and every look at a relay; gives how many there were.
    async fn rest(&mut self) -> usize {
        let mut ended = 0;
        while let Some(lane) = self.lanes.join_next().await {
            ended += usize::from(note(&lane));
        }
        while let Some(probe) = self.probes.join_next().await {
            ended += usize::from(note(&probe));
        }
        ended
    }

    /// Waits for every lane, and gives back what none of them began. Gives how many letters were taken in all.
    pub(super) async fn finish(&mut self) -> Result<usize> {
        self.probes.abort_all();
        self.rest().await;
        let mut queue = self.queue.lock().await;
        queue.give_back().await?;
        Ok(queue.taken())
    }

    /// Looks at the relays whose time for it has come, while letters go by the others.
    fn look_at_relays(&mut self) {
        while self.probes.try_join_next().is_some_and(|ended| note(&ended)) {}
        if self.stop.is_cancelled() {
            return;
        }
        let mailing = self.engine.mailing.load_full();
        for probe in mailing.fleet.probes(self.engine.clock.now()) {
            let (engine, mailing) = (Arc::clone(&self.engine), Arc::clone(&mailing));
            self.probes.spawn(async move {
                if let Some(told) = probe.run(&engine.clock).await {
                    engine.tell(&mailing, told).await;
                }
                engine.wakes.send.notify_one();
            });
        }
    }

    fn lane(&self) -> Lane {
        Lane {
            engine: Arc::clone(&self.engine),
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
                // What the last lanes and looks came to may let further letters go.
                Ok(0) if sender.rest().await == 0 => break Ok(()),
                Ok(_) => {}
                Err(error) => break Err(error),
            }
        };
        let handled = sender.finish().await?;
        result.map(|()| Worked { handled, dead: 0 })
    }
}

/// Tells of a lane that broke down; the letter it had keeps its lease, or its doubt, until that is settled.
fn note(ended: &std::result::Result<(), tokio::task::JoinError>) -> bool {
    if let Err(error) = ended
        && !error.is_cancelled()
    {
        tracing::error!(error = error as &dyn std::error::Error, "a lane of letters broke down");
    }
    true
}
