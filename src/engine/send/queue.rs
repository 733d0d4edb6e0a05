//! The letters that lanes take from: claimed many at once, and whom they go to read for many at once; the last check reads
//! it once more.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::lanes_of;
use crate::engine::{Engine, Result};
use crate::journey::customer::Customer;
use crate::store::Claimed;

/// Letters claimed at once for each connection.
const CLAIMED_AT_ONCE: usize = 16;
/// Letters for each connection whose recipients are read at once.
const READ_AT_ONCE: usize = 4;

/// Claimed letters, with whom the next ones go to.
pub(super) struct Queue {
    engine: Arc<Engine>,
    /// Told when a lane finds no more.
    dry: Arc<Notify>,
    stop: CancellationToken,
    waiting: VecDeque<Claimed>,
    ready: VecDeque<Taken>,
    taken: usize,
}

/// A letter out of the queue.
pub(super) struct Taken {
    pub(super) claimed: Arc<Claimed>,
    /// `None`: whoever it was for is not known any more.
    pub(super) to: Option<Recipient>,
}

/// Whom a letter goes to; for a letter that an earlier try froze, at the address that it was frozen with.
pub(super) struct Recipient {
    pub(super) customer: Customer,
    pub(super) address: Option<String>,
    pub(super) suppressed: bool,
}

impl Queue {
    pub(super) fn new(engine: Arc<Engine>, dry: Arc<Notify>, stop: CancellationToken) -> Self {
        Self { engine, dry, stop, waiting: VecDeque::new(), ready: VecDeque::new(), taken: 0 }
    }

    /// Letters taken out of it so far.
    pub(super) fn taken(&self) -> usize {
        self.taken
    }

    /// The next letter; `None` if none is due, or no further one is to be begun.
    pub(super) async fn next(&mut self) -> Result<Option<Taken>> {
        if self.fill().await? == 0 {
            self.dry.notify_one();
            return Ok(None);
        }
        if self.ready.is_empty() {
            self.read_recipients().await?;
        }
        let next = self.ready.pop_front();
        self.taken += usize::from(next.is_some());
        Ok(next)
    }

    /// Claims letters if there are none left. Gives how many there are.
    pub(super) async fn fill(&mut self) -> Result<usize> {
        if self.stop.is_cancelled() {
            return Ok(0);
        }
        if self.waiting.is_empty() && self.ready.is_empty() {
            self.waiting = self.claim().await?.into();
        }
        Ok(self.waiting.len() + self.ready.len())
    }

    /// A letter that was taken and not begun.
    pub(super) fn put_back(&mut self, claimed: Arc<Claimed>) {
        self.taken -= 1;
        self.waiting.push_front(Arc::unwrap_or_clone(claimed));
    }

    /// Ends the claims on everything that is still here.
    pub(super) async fn give_back(&mut self) -> Result<()> {
        let ready = self.ready.drain(..).map(|taken| taken.claimed.id.clone());
        let ids: Vec<String> = self.waiting.drain(..).map(|claimed| claimed.id).chain(ready).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let mut tx = self.engine.store.begin().await?;
        tx.release_messages(&self.engine.node, &ids).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn claim(&self) -> Result<Vec<Claimed>> {
        let engine = &self.engine;
        let Some(relay) = &engine.relay else { return Ok(Vec::new()) };
        let now = engine.clock.now();
        // Read before claiming: what is accepted later is later than what falls due now.
        let unapplied = engine.store.oldest_unapplied_at().await?;
        let next = engine.store.next_send_at().await?;
        if next.is_none_or(|at| at > now || unapplied.is_some_and(|oldest| at >= oldest)) {
            return Ok(Vec::new());
        }
        let mut tx = engine.store.begin().await?;
        let most = lanes_of(relay) * CLAIMED_AT_ONCE;
        let claimed = tx.claim_messages(&engine.node, now, now.after(engine.lease), unapplied, most).await?;
        tx.commit().await?;
        Ok(claimed)
    }

    async fn read_recipients(&mut self) -> Result<()> {
        let engine = &self.engine;
        let most = engine.relay.as_ref().map_or(1, lanes_of) * READ_AT_ONCE;
        let letters = self.waiting.range(..most.min(self.waiting.len()));
        let ids: HashSet<&String> = letters.clone().map(|claimed| &claimed.customer).collect();
        let customers = engine.store.customers(&ids.into_iter().cloned().collect::<Vec<_>>()).await?;
        let addresses: HashMap<String, String> = letters
            .filter_map(|claimed| {
                let frozen = claimed.raw.as_ref().and(claimed.to.as_deref());
                let address = frozen.or_else(|| customers.get(&claimed.customer)?.email())?;
                Some((claimed.id.clone(), address.to_lowercase()))
            })
            .collect();
        let suppressed =
            engine.store.suppressed(&addresses.values().cloned().collect::<Vec<_>>(), engine.clock.now()).await?;
        for claimed in self.waiting.drain(..most.min(self.waiting.len())) {
            let to = customers.get(&claimed.customer).cloned().map(|customer| {
                let address = addresses.get(&claimed.id).cloned();
                let suppressed = address.as_ref().is_some_and(|address| suppressed.contains(address));
                Recipient { customer, address, suppressed }
            });
            self.ready.push_back(Taken { claimed: Arc::new(claimed), to });
        }
        Ok(())
    }
}
