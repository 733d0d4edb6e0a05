//! One lane: letters one after another along one connection at a time.
//!
//! A lane does not wait for one letter's outcome before it begins the next: it asks for the outcome first and for the next
//! mark after it, and what is asked for is recorded in that order, mostly in one commit. So at most one letter a lane is
//! ever on disk as being handed over. While one letter is with the server or on its way to the disk, the next is composed.

use std::sync::Arc;

use futures_util::future::join;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::queue::{Queue, Recipient, Taken};
use crate::engine::record::{Recorder, Recording};
use crate::engine::{Engine, EngineError, Result};
use crate::journey::policy;
use crate::mail::{Address, Job, Letter, Relay};
use crate::store::{Claimed, Frozen, Links};

pub(super) struct Lane {
    pub(super) engine: Arc<Engine>,
    pub(super) relay: Relay,
    pub(super) recorder: Recorder,
    pub(super) queue: Arc<Mutex<Queue>>,
    pub(super) stop: CancellationToken,
}

/// A letter that may be handed over as far as anybody knows.
struct Prepared {
    claimed: Arc<Claimed>,
    letter: Letter,
    frozen: Frozen,
    customer: String,
}

impl Lane {
    /// Sends letters of the queue until it is empty and what became of them is on disk.
    pub(super) async fn run(self) {
        let mut before = None;
        let mut next = self.prepare().await;
        while let Some(prepared) = next {
            if !self.may_begin().await {
                self.queue.lock().await.put_back(prepared.claimed);
                break;
            }
            let claimed = Arc::clone(&prepared.claimed);
            let in_hand = InHand::hold(&self.engine, &claimed.id);
            let (handed_over, following) = join(Box::pin(self.hand_over(prepared)), self.prepare()).await;
            // It was asked for before this letter's mark, so it is there by now.
            in_hand_no_more(before.take()).await;
            match handed_over {
                Ok(recording) => before = recording.map(|recording| (in_hand, recording)),
                Err(error) => not_taken_further(&claimed.id, &error),
            }
            next = following;
        }
        in_hand_no_more(before).await;
    }

    /// Waits until one more letter is within the relay's rate. `false`: no further letter is to be begun.
    async fn may_begin(&self) -> bool {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => false,
            () = self.relay.reserve() => true,
        }
    }

    /// The next letter that can go out, composed; those that can't are settled on the way. `None`: there is none.
    async fn prepare(&self) -> Option<Prepared> {
        loop {
            let next = self.queue.lock().await.next().await;
            let taken = match next {
                Ok(taken) => taken?,
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "letters could not be read");
                    return None;
                }
            };
            let id = taken.claimed.id.clone();
            match self.compose(taken).await {
                Ok(Some(prepared)) => return Some(prepared),
                Ok(None) => {}
                Err(error) => not_taken_further(&id, &error),
            }
        }
    }

    async fn compose(&self, taken: Taken) -> Result<Option<Prepared>> {
        let (engine, recorder) = (&self.engine, &self.recorder);
        let Taken { claimed, to } = taken;
        let Some(Recipient { customer, address, suppressed }) = to else {
            recorder.failed(&claimed, "the customer is not known any more".into()).await?;
            return Ok(None);
        };
        let book = engine.book.load_full();
        let now = engine.clock.now();
        let sender = book.rulebook.sender_of(&claimed.rulebook, &claimed.rule, &claimed.map);
        let frozen = self.frozen(&claimed, sender).await?;
        // A letter that must be withheld is withheld for that reason, whatever its template comes to.
        let verdict = policy::at_sending(&book.rulebook, &customer, &claimed.id, &claimed.brings(), suppressed, now);
        if !verdict.lets_go() {
            recorder.keep_back(&claimed, customer.id, address).await?;
            return Ok(None);
        }
        let pending = customer.pending.iter().find(|pending| pending.message == claimed.id);
        let letters = book.letters_under(pending.map_or("", |pending| pending.rulebook.as_str()));
        let job = Job {
            message: &claimed.id,
            map: &claimed.map,
            letter: &claimed.letter,
            locale: &claimed.locale,
            purpose: &claimed.purpose,
            rule: &claimed.rule,
            sender,
            customer: &customer,
            inputs: &claimed.inputs,
            at: now,
        };
        match frozen.map_or_else(|| engine.composer.compose(letters, &job), Ok) {
            Ok(letter) => {
                let frozen = Frozen {
                    id: claimed.id.clone(),
                    to: letter.to.as_str().to_owned(),
                    subject: letter.subject.clone(),
                    message_id: letter.message_id.clone(),
                    sealed: engine.sealed(&book, &claimed.map, &claimed.letter, &letter).await,
                    relay: self.relay.name().to_owned(),
                    locale: letter.locale.clone(),
                    links: Links::of(&letter.links),
                };
                Ok(Some(Prepared { claimed, letter, frozen, customer: customer.id }))
            }
            Err(error) => {
                recorder.failed(&claimed, crate::mail::chain(&error)).await?;
                Ok(None)
            }
        }
    }

    /// A letter that an earlier try froze: the same bytes go to the same address again, whatever became of its templates
    /// and of the customer since.
    async fn frozen(&self, claimed: &Claimed, sender: Option<&str>) -> Result<Option<Letter>> {
        let (Some(raw), Some(message_id), Some(to)) = (&claimed.raw, &claimed.message_id, &claimed.to) else {
            return Ok(None);
        };
        let Ok(to) = to.parse::<Address>() else { return Ok(None) };
        let subject = self.engine.store.message(&claimed.id).await?.and_then(|row| row.subject);
        Ok(Some(Letter {
            to,
            subject: subject.unwrap_or_default(),
            message_id: message_id.clone(),
            locale: claimed.locale.clone(),
            raw: raw.clone(),
            // They are kept since it was frozen.
            links: Vec::new(),
            envelope_from: self.engine.composer.envelope_from(sender, &claimed.id),
        }))
    }

    /// Takes one letter to the relay; what is still to be recorded of it is on its way to the disk.
    async fn hand_over(&self, prepared: Prepared) -> Result<Option<Recording>> {
        let Prepared { claimed, letter, frozen, customer } = prepared;
        let (relay, recorder) = (&self.relay, &self.recorder);
        let to = &letter.to;
        let opened = match relay.open(&letter.envelope_from, to).await {
            Ok(opened) => opened,
            Err(outcome) => {
                return recorder.outcome(&claimed, &customer, to.as_str(), outcome, relay.name(), false).map(Some);
            }
        };
        match recorder.mark(&claimed, frozen, customer.clone()).await {
            Ok(true) => {
                let outcome = opened.hand_over(&letter.raw).await;
                recorder.outcome(&claimed, &customer, to.as_str(), outcome, relay.name(), true).map(Some)
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
