//! Sending: letters whose time has come are composed, checked for the last time, and handed over.
//!
//! Invariants: a letter waits until everything accepted before it fell due is applied, so that an order placed a second
//! before a reminder cancels it; it is marked as being handed over before its first byte; every end is recorded.
//!
//! Letters go out along as many lanes as the relay has connections. A lane does not wait for one letter's outcome before it
//! begins the next: it asks for the outcome first and for the next mark after it, and what is asked for is recorded in that
//! order, mostly in one commit. So at most one letter a lane is ever on disk as being handed over. Whom letters go to is
//! read for all lanes at once, as many letters as there are lanes; the last check reads it once more.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::Mutex;

use super::process::Worked;
use super::record::{Recorder, Recording};
use super::{Engine, EngineError, Result};
use crate::journey::customer::Customer;
use crate::journey::policy;
use crate::mail::{Address, Job, Letter, Outcome, Relay};
use crate::store::Claimed;

/// Letters claimed at once for each connection.
const PER_CONNECTION: usize = 32;

impl Engine {
    /// Sends one batch of letters whose time has come.
    pub async fn send_due(self: &Arc<Self>, recorder: &Recorder) -> Result<Worked> {
        let Some(relay) = &self.relay else { return Ok(Worked::default()) };
        let now = self.clock.now();
        let connections = usize::try_from(relay.connections()).unwrap_or(1).max(1);
        // Read before claiming: what is accepted later is later than what falls due now.
        let unapplied = self.store.oldest_unapplied_at().await?;
        if self.store.next_send_at().await?.is_none_or(|at| at > now || unapplied.is_some_and(|oldest| at >= oldest)) {
            return Ok(Worked::default());
        }
        let mut tx = self.store.begin().await?;
        let claimed =
            tx.claim_messages(&self.node, now, now.after(self.lease), unapplied, connections * PER_CONNECTION).await?;
        tx.commit().await?;
        let handled = claimed.len();
        let lanes = connections.min(handled);
        let queue = Arc::new(Mutex::new(Queue { waiting: claimed.into(), ready: VecDeque::new(), at_once: lanes }));
        // Tasks of their own: composing takes a processor, and there may be several.
        let lanes = (0..lanes).map(|_| {
            let (engine, relay, recorder) = (Arc::clone(self), relay.clone(), recorder.clone());
            let queue = Arc::clone(&queue);
            tokio::spawn(async move { engine.send_along(&relay, &recorder, &queue).await })
        });
        for lane in join_all(lanes.collect::<Vec<_>>()).await {
            if let Err(error) = lane {
                tracing::error!(error = &error as &dyn std::error::Error, "a lane of letters broke down");
            }
        }
        Ok(Worked { handled, dead: 0 })
    }

    /// One lane: sends letters of the queue, one after another, until it is empty and what became of them is on disk.
    async fn send_along(&self, relay: &Relay, recorder: &Recorder, queue: &Mutex<Queue>) {
        let mut before = None;
        loop {
            let next = queue.lock().await.next(self).await;
            let (claimed, to) = match next {
                Ok(Some((claimed, to))) => (Arc::new(claimed), to),
                Ok(None) => break,
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "letters' customers could not be read");
                    break;
                }
            };
            let in_hand = InHand::hold(self, &claimed.id);
            let delivered = self.deliver(relay, recorder, &claimed, to).await;
            // It was asked for before this letter's mark, so it is there by now.
            in_hand_no_more(before.take()).await;
            match delivered {
                Ok(recording) => before = recording.map(|recording| (in_hand, recording)),
                Err(error) => not_taken_further(&claimed.id, &error),
            }
        }
        in_hand_no_more(before).await;
    }

    /// Takes one letter as far as it goes; what is still to be recorded of it is on its way to the disk.
    async fn deliver(
        &self,
        relay: &Relay,
        recorder: &Recorder,
        claimed: &Arc<Claimed>,
        to: Option<Recipient>,
    ) -> Result<Option<Recording>> {
        let Some(Recipient { customer, address, suppressed }) = to else {
            recorder.failed(claimed, "the customer is not known any more".into()).await?;
            return Ok(None);
        };
        let book = self.book.load_full();
        let job = Job {
            message: &claimed.id,
            map: &claimed.map,
            letter: &claimed.letter,
            locale: &claimed.locale,
            purpose: &claimed.purpose,
            rule: &claimed.rule,
            customer: &customer,
            inputs: &claimed.inputs,
            at: self.clock.now(),
        };
        let frozen = self.frozen(claimed).await?;
        // A letter that must be withheld is withheld for that reason, whatever its template comes to.
        if policy::at_sending(&book.rulebook, &customer, &claimed.id, suppressed, self.clock.now()).withhold.is_some() {
            recorder.withhold(claimed, customer.id.clone(), address).await?;
            return Ok(None);
        }
        let letter = match frozen.map_or_else(|| self.composer.compose(&book.letters, &job), Ok) {
            Ok(letter) => letter,
            Err(error) => {
                recorder.failed(claimed, crate::mail::chain(&error)).await?;
                return Ok(None);
            }
        };
        relay.reserve().await;
        self.hand_over(relay, recorder, claimed, letter, customer.id).await
    }

    /// A letter that an earlier try froze: the same bytes go to the same address again, whatever became of its templates
    /// and of the customer since.
    async fn frozen(&self, claimed: &Claimed) -> Result<Option<Letter>> {
        let (Some(raw), Some(message_id), Some(to)) = (&claimed.raw, &claimed.message_id, &claimed.to) else {
            return Ok(None);
        };
        let Ok(to) = to.parse::<Address>() else { return Ok(None) };
        let subject = self.store.message(&claimed.id).await?.and_then(|row| row.subject);
        Ok(Some(Letter {
            to,
            subject: subject.unwrap_or_default(),
            message_id: message_id.clone(),
            locale: claimed.locale.clone(),
            raw: raw.clone(),
            envelope_from: self.composer.envelope_from().clone(),
        }))
    }

    async fn hand_over(
        &self,
        relay: &Relay,
        recorder: &Recorder,
        claimed: &Arc<Claimed>,
        letter: Letter,
        customer: String,
    ) -> Result<Option<Recording>> {
        let (from, to): (Address, Address) = (letter.envelope_from.clone(), letter.to.clone());
        let opened = match relay.open(&from, &to).await {
            Ok(opened) => opened,
            Err(outcome) => {
                return recorder.outcome(claimed, &customer, to.as_str(), outcome, relay.name(), false).map(Some);
            }
        };
        let raw = letter.raw.clone();
        match recorder.mark(claimed, letter, customer.clone(), relay.name()).await {
            Ok(true) => {
                let outcome: Outcome = opened.hand_over(&raw).await;
                recorder.outcome(claimed, &customer, to.as_str(), outcome, relay.name(), true).map(Some)
            }
            Ok(false) => {
                opened.cancel().await;
                Ok(None)
            }
            Err(error) => {
                opened.cancel().await;
                Err(error)
            }
        }
    }
}

/// Claimed letters, with whom the next ones go to.
struct Queue {
    waiting: VecDeque<Claimed>,
    ready: VecDeque<(Claimed, Option<Recipient>)>,
    at_once: usize,
}

/// Whom a letter goes to; for a letter that an earlier try froze, at the address that it was frozen with.
struct Recipient {
    customer: Customer,
    address: Option<String>,
    suppressed: bool,
}

impl Queue {
    async fn next(&mut self, engine: &Engine) -> Result<Option<(Claimed, Option<Recipient>)>> {
        if self.ready.is_empty() && !self.waiting.is_empty() {
            let letters: Vec<Claimed> = self.waiting.drain(..self.at_once.min(self.waiting.len())).collect();
            let ids: HashSet<&String> = letters.iter().map(|claimed| &claimed.customer).collect();
            let customers = engine.store.customers(&ids.into_iter().cloned().collect::<Vec<_>>()).await?;
            let addresses: HashMap<&str, String> = letters
                .iter()
                .filter_map(|claimed| {
                    let frozen = claimed.raw.as_ref().and(claimed.to.as_deref());
                    let address = frozen.or_else(|| customers.get(&claimed.customer)?.email())?;
                    Some((claimed.id.as_str(), address.to_lowercase()))
                })
                .collect();
            let suppressed = engine.store.suppressed(&addresses.values().cloned().collect::<Vec<_>>()).await?;
            let recipient = |claimed: &Claimed| {
                let customer = customers.get(&claimed.customer)?.clone();
                let address = addresses.get(claimed.id.as_str()).cloned();
                let suppressed = address.as_ref().is_some_and(|address| suppressed.contains(address));
                Some(Recipient { customer, address, suppressed })
            };
            let recipients: Vec<Option<Recipient>> = letters.iter().map(recipient).collect();
            self.ready = letters.into_iter().zip(recipients).collect();
        }
        Ok(self.ready.pop_front())
    }
}

/// Waits until what became of a letter is on disk; until then it is in hand.
async fn in_hand_no_more(letter: Option<(InHand<'_>, Recording)>) {
    let Some((in_hand, recording)) = letter else { return };
    if let Err(error) = recording.wait().await {
        not_taken_further(&in_hand.message, &error);
    }
}

fn not_taken_further(message: &str, error: &EngineError) {
    tracing::error!(
        message.id = message,
        error = error as &dyn std::error::Error,
        "a letter could not be taken further"
    );
}

/// A letter while this process has it in hand: whatever its lease says, it is not in doubt.
struct InHand<'a> {
    engine: &'a Engine,
    message: String,
}

impl<'a> InHand<'a> {
    fn hold(engine: &'a Engine, message: &str) -> Self {
        engine.in_hand().insert(message.to_owned());
        Self { engine, message: message.to_owned() }
    }
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        self.engine.in_hand().remove(&self.message);
    }
}
