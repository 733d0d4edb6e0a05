//! One lane: letters one after another along one connection at a time.
//!
//! A lane does not wait for one letter's outcome before it begins the next: it asks for the outcome first and for the next
//! mark after it, and what is asked for is recorded in that order, mostly in one commit. So at most one letter a lane is
//! ever on disk as being handed over. While one letter is with the server or on its way to the disk, the next is composed.
//!
//! A letter that was composed while the one before it hangs goes back to the queue: another lane takes it.
//!
//! A letter whose relay can't be reached takes the next one of its route; the bytes are the same.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::fleet::Pass;
use super::queue::{Leave, Queue, Recipient, Taken};
use crate::engine::mailing::Mailing;
use crate::engine::record::{Lacks, Recorder, Recording};
use crate::engine::{Engine, EngineError, Result};
use crate::journey::policy;
use crate::mail::{Address, Job, Letter, Opened, Outcome, Traveller};
use crate::store::{Claimed, Frozen, Links};

/// How long a letter that is ready waits for the one before it on its lane.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) struct Lane {
    pub(super) engine: Arc<Engine>,
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
    traveller: Traveller,
    pass: Pass,
    mailing: Arc<Mailing>,
}

/// Why no envelope was opened.
enum Unopened {
    /// This came of it.
    Told(Outcome),
    /// This relay can't write to the address; others that may could not be asked now.
    Unasked(Outcome),
    /// Another relay will take it, and does not now.
    Later,
}

impl Lane {
    /// Sends letters of the queue until it is empty and what became of them is on disk.
    pub(super) async fn run(self) {
        let mut before = None;
        let mut next = self.prepare().await;
        while let Some(prepared) = next {
            if self.stop.is_cancelled() {
                self.queue.lock().await.put_back(prepared.claimed);
                break;
            }
            let claimed = Arc::clone(&prepared.claimed);
            let in_hand = InHand::hold(&self.engine, &claimed.id);
            let (handed_over, following) = self.hand_over_and_prepare(prepared).await;
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

    /// Takes a letter to the relay, and composes the next one meanwhile.
    async fn hand_over_and_prepare(&self, prepared: Prepared) -> (Result<Option<Recording>>, Option<Prepared>) {
        let (next, mut handing_over) = match select(Box::pin(self.hand_over(prepared)), Box::pin(self.prepare())).await
        {
            Either::Left((handed_over, preparing)) => return (handed_over, preparing.await),
            Either::Right((None, handing_over)) => return (handing_over.await, None),
            Either::Right((Some(next), handing_over)) => (next, handing_over),
        };
        if let Ok(handed_over) = tokio::time::timeout(PATIENCE, &mut handing_over).await {
            return (handed_over, Some(next));
        }
        // The hand-over may itself wait for the queue, and gets no further unless it is asked for meanwhile.
        let (handed_over, ()) =
            futures_util::join!(handing_over, async { self.queue.lock().await.put_back(next.claimed) });
        (handed_over, self.prepare().await)
    }

    /// The next letter that can go out, composed; those that can't are settled on the way. `None`: there is none.
    async fn prepare(&self) -> Option<Prepared> {
        loop {
            let next = self.queue.lock().await.next().await;
            let leave = match next {
                Ok(leave) => leave?,
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "letters could not be read");
                    return None;
                }
            };
            let id = leave.taken.claimed.id.clone();
            match self.compose(leave).await {
                Ok(Some(prepared)) => return Some(prepared),
                Ok(None) => {}
                Err(error) => not_taken_further(&id, &error),
            }
        }
    }

    async fn compose(&self, leave: Leave) -> Result<Option<Prepared>> {
        let (engine, recorder) = (&self.engine, &self.recorder);
        let Leave { taken: Taken { claimed, to, traveller, .. }, pass, mailing, fetching } = leave;
        let Some(Recipient { customer, address, suppressed }) = to else {
            recorder.failed(&claimed, "the customer is not known any more".into()).await?;
            return Ok(None);
        };
        let book = engine.book.load_full();
        let now = engine.clock.now();
        let sender = traveller.sender.as_deref();
        let frozen = self.frozen(&mailing, &claimed, sender).await?;
        // A letter that must be withheld is withheld for that reason, whatever its template comes to.
        let verdict = policy::at_sending(&book.rulebook, &customer, &claimed.id, &claimed.brings(), suppressed, now);
        if !verdict.lets_go() {
            recorder.keep_back(&claimed, customer.id, address).await?;
            return Ok(None);
        }
        let letters = book.letters_of(&customer, &claimed.id);
        let job = Job {
            message: &claimed.id,
            map: &claimed.map,
            letter: &claimed.letter,
            locale: &claimed.locale,
            purpose: &claimed.purpose,
            rule: &claimed.rule,
            sender,
            track: book.rulebook.tracks(&claimed.rulebook, &claimed.rule, &claimed.map),
            customer: &customer,
            inputs: &claimed.inputs,
            at: now,
        };
        let composed = if let Some(letter) = frozen {
            Ok(letter)
        } else {
            let composing = mailing.composer.compose(letters, &job, now);
            let Some(composed) = self.stop.run_until_cancelled(composing).await else {
                // Whoever is told to stop waits for no server of files.
                self.queue.lock().await.put_back(claimed);
                return Ok(None);
            };
            composed
        };
        drop(fetching);
        match composed {
            Ok(letter) => {
                let frozen = Frozen {
                    id: claimed.id.clone(),
                    to: letter.to.as_str().to_owned(),
                    subject: letter.subject.clone(),
                    message_id: letter.message_id.clone(),
                    sealed: engine.sealed(&book, &claimed.map, &claimed.letter, &letter).await,
                    relay: pass.relay().name().to_owned(),
                    locale: letter.locale.clone(),
                    links: Links::of(&letter.links),
                    lease_until: now.after(mailing.lease),
                };
                Ok(Some(Prepared { claimed, letter, frozen, customer: customer.id, traveller, pass, mailing }))
            }
            Err(error) => {
                let reason = crate::mail::chain(&error);
                if error.passes() {
                    recorder.not_yet(&claimed, Lacks::File, reason)?.wait().await?;
                } else {
                    recorder.failed(&claimed, reason).await?;
                }
                Ok(None)
            }
        }
    }

    /// A letter that an earlier try froze: the same bytes go to the same address again, whatever became of its templates
    /// and of the customer since.
    async fn frozen(&self, mailing: &Mailing, claimed: &Claimed, sender: Option<&str>) -> Result<Option<Letter>> {
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
            envelope_from: mailing.composer.envelope_from(sender, &claimed.id),
        }))
    }

    /// Takes one letter to the relay; what is still to be recorded of it is on its way to the disk.
    async fn hand_over(&self, mut prepared: Prepared) -> Result<Option<Recording>> {
        let opened = self.open(&mut prepared).await;
        let Prepared { claimed, letter, mut frozen, customer, mut pass, mailing, .. } = prepared;
        let (recorder, to) = (&self.recorder, letter.to.as_str());
        pass.relay().name().clone_into(&mut frozen.relay);
        let relay = frozen.relay.clone();
        let opened = match opened {
            Ok(opened) => opened,
            Err(Unopened::Told(outcome)) => {
                return recorder.outcome(&claimed, &customer, to, outcome, &relay, false).map(Some);
            }
            Err(Unopened::Unasked(outcome)) => {
                let said = format!("{outcome}; the others of its route could not be asked");
                return recorder.not_yet(&claimed, Lacks::Relay(relay), said).map(Some);
            }
            Err(Unopened::Later) => {
                self.queue.lock().await.put_back(claimed);
                return Ok(None);
            }
        };
        frozen.lease_until = self.engine.clock.now().after(mailing.lease);
        match recorder.mark(&claimed, frozen, customer.clone()).await {
            Ok(true) => {
                let outcome = opened.hand_over(&letter.raw).await;
                self.tell(&mailing, &mut pass, &outcome).await;
                recorder.outcome(&claimed, &customer, to, outcome, &relay, true).map(Some)
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

    /// Opens an envelope with the relay that the letter has leave to take, or with another of its route if that one can't be
    /// reached, or can't write to the address.
    async fn open(&self, prepared: &mut Prepared) -> std::result::Result<Opened, Unopened> {
        let Prepared { letter, traveller, pass, mailing, .. } = prepared;
        let mut tried = Vec::new();
        loop {
            let outcome = match pass.relay().open(&letter.envelope_from, &letter.to).await {
                Ok(opened) => return Ok(opened),
                Err(outcome) => outcome,
            };
            self.tell(mailing, pass, &outcome).await;
            let lacks_utf8 = outcome == Outcome::NoSmtpUtf8;
            if !(outcome.is_of_session() || lacks_utf8) || self.stop.is_cancelled() {
                return Err(Unopened::Told(outcome));
            }
            tried.push(pass.relay().name().to_owned());
            let now = self.engine.clock.now();
            match Box::pin(mailing.fleet.pass(&self.engine.store, traveller, &tried, now)).await {
                Ok(Ok(other)) => *pass = other,
                Ok(Err(hindrance)) if hindrance.passes() && lacks_utf8 => return Err(Unopened::Unasked(outcome)),
                // One that only another letter's end or a look at the relay frees is worth waiting for here; what waits for a
                // ceiling waits on record.
                Ok(Err(hindrance)) if hindrance.passes() && (hindrance.busy || hindrance.down) => {
                    return Err(Unopened::Later);
                }
                Ok(Err(_)) => return Err(Unopened::Told(outcome)),
                Err(error) => {
                    not_taken_further(&traveller.message, &error);
                    return Err(Unopened::Told(outcome));
                }
            }
        }
    }

    /// What came of a letter does something to the pace of its relay.
    async fn tell(&self, mailing: &Mailing, pass: &mut Pass, outcome: &Outcome) {
        let relay = pass.relay().name().to_owned();
        metrics::counter!("milepost_relay_letters_total", "relay" => relay, "outcome" => outcome.word()).increment(1);
        if let Some(told) = pass.tell(outcome, &mailing.refusals, self.engine.clock.now()) {
            Box::pin(self.engine.tell(mailing, told)).await;
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
