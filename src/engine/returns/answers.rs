//! Answers on their way to those who read them: a mailbox, and the CRM as a note about the customer.
//!
//! Invariants: an answer is passed on at least once; nothing automatic, and nothing that was forwarded from here, is passed on,
//! so that no two programs can answer each other; one that can't be passed on is kept, and listed.

use super::apply::note_of;
use crate::crm::ApiError;
use crate::engine::{Engine, Result};
use crate::journey::errand::known_as;
use crate::journey::rule::TRANSACTIONAL;
use crate::journey::time::{Span, Timestamp};
use crate::mail::returns::Answer;
use crate::mail::{Address, Outcome, Traveller};
use crate::store::{Returned, ReturnedState, Settled};

/// How long an answer that is being passed on is this process's alone.
const LEASE: Span = Span::seconds(900);
/// Most characters of a note.
const LONGEST_NOTE: usize = 8_000;
/// How what stands beside an answer begins of which only the note is still to be written: at a further try, whoever asks for
/// it, it is not forwarded again.
const FORWARDED: &str = "forwarded; the note in the CRM is still to be written";

/// Where answers go.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// A mailbox.
    pub forward: Option<Address>,
    /// A connection, as a note.
    pub crm: Option<String>,
}

impl Answers {
    /// Whether answers are passed on at all.
    pub fn any(&self) -> bool {
        self.forward.is_some() || self.crm.is_some()
    }
}

/// Why an answer was not passed on.
enum Fault {
    /// Perhaps later.
    Later(String),
    /// Never.
    Never(String),
}

impl Engine {
    /// Passes an answer on that is due, unless another node does so.
    pub(super) async fn pass_on(&self, answer: &Returned) -> Result<()> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let held = tx.hold_returned(&[answer.id], now).await?;
        tx.put_off_returned(&held, now.after(LEASE)).await?;
        tx.commit().await?;
        if held.is_empty() {
            return Ok(());
        }
        let settled = self.pass_on_one(answer, now).await;
        let mut tx = self.store.begin().await?;
        tx.settle_returned(&[settled], self.clock.now()).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn pass_on_one(&self, thing: &Returned, now: Timestamp) -> Settled {
        let mut note = thing.note.clone().unwrap_or_default();
        let outcome = self.hand_on(thing, &mut note, now).await;
        let (state, next_at) = match outcome {
            Ok(()) => (ReturnedState::Done, None),
            Err(fault) => {
                let next =
                    usize::try_from(thing.attempts).ok().and_then(|n| self.errand_retry.get(n.saturating_sub(1)));
                let (next, why) = match fault {
                    Fault::Later(why) => (next.copied(), why),
                    Fault::Never(why) => (None, why),
                };
                // Why is on record: a relay's words may name the mailbox.
                tracing::warn!(returned.id = thing.id, "an answer could not be passed on");
                note = if note.starts_with(FORWARDED) { format!("{FORWARDED}: {why}") } else { why };
                let state = if next.is_some() { ReturnedState::Forwarding } else { ReturnedState::Failed };
                (state, next.map(|wait| now.after(wait)))
            }
        };
        metrics::counter!("milepost_answers_total", "state" => state.as_str()).increment(1);
        let (what, message) = (thing.what.clone().unwrap_or_default(), thing.message.clone());
        Settled { id: thing.id, state, what, message, note, next_at }
    }

    async fn hand_on(&self, thing: &Returned, note: &mut String, now: Timestamp) -> std::result::Result<(), Fault> {
        let answer = Answer::read(&thing.bytes).ok_or_else(|| Fault::Never("it names no writer".into()))?;
        let letter = thing.message.clone().unwrap_or_default();
        let mut told = Vec::new();
        if let Some(to) = &self.answers.forward {
            if !note.starts_with(FORWARDED) {
                self.forward(thing.id, &letter, &answer, to, now).await?;
            }
            told.push("forwarded");
            FORWARDED.clone_into(note);
        }
        if let Some(connection) = &self.answers.crm {
            self.write_note(connection, &letter, &answer).await?;
            told.push("a note in the CRM");
        }
        *note = told.join(", ");
        Ok(())
    }

    async fn forward(
        &self,
        id: i64,
        letter: &str,
        answer: &Answer,
        to: &Address,
        now: Timestamp,
    ) -> std::result::Result<(), Fault> {
        if answer.address.eq_ignore_ascii_case(to.as_str()) {
            return Err(Fault::Never("it came from the mailbox that answers are forwarded to".into()));
        }
        let mailing = self.mailing.load_full();
        let bytes = mailing.composer.forward(answer, to, (id, letter), now);
        let bytes = bytes.map_err(|error| Fault::Never(crate::mail::chain(&error)))?;
        let traveller = Traveller {
            message: format!("answer-{id}"),
            purpose: TRANSACTIONAL.to_owned(),
            map: String::new(),
            sender: None,
            domain: to.domain().to_lowercase(),
        };
        let mut pass = match mailing.fleet.pass(&self.store, &traveller, &[], now).await {
            Ok(Ok(pass)) => pass,
            Ok(Err(hindrance)) => return Err(Fault::Later(format!("no relay takes it: {}", hindrance.why))),
            Err(error) => return Err(Fault::Later(error.to_string())),
        };
        let outcome = match pass.relay().open(&mailing.composer.forwards_from(id), to).await {
            Ok(opened) => opened.hand_over(&bytes).await,
            Err(outcome) => outcome,
        };
        if let Some(told) = pass.tell(&outcome, &mailing.refusals, self.clock.now()) {
            self.tell(&mailing, told).await;
        }
        match outcome {
            Outcome::Accepted { .. } => Ok(()),
            // It may have arrived: better twice than never.
            outcome @ (Outcome::Deferred { .. } | Outcome::Lost { .. } | Outcome::Uncertain { .. }) => {
                Err(Fault::Later(outcome.to_string()))
            }
            outcome @ (Outcome::Refused { .. } | Outcome::NoSmtpUtf8) => Err(Fault::Never(outcome.to_string())),
        }
    }

    async fn write_note(&self, connection: &str, letter: &str, answer: &Answer) -> std::result::Result<(), Fault> {
        let later = |error: crate::store::StoreError| Fault::Later(error.to_string());
        let crm = self.connections.get(connection).ok_or_else(|| Fault::Never(format!("there is no {connection}")))?;
        let row = self.store.message(letter).await.map_err(later)?;
        let customer = match &row {
            Some(row) => self.store.customer(&row.customer).await.map_err(later)?,
            None => None,
        };
        let Some(known) = customer.as_ref().and_then(|customer| known_as(customer, connection)) else {
            return Err(Fault::Never(format!("the customer is not known to {connection}")));
        };
        let text: String = note_of(answer).chars().take(LONGEST_NOTE).collect();
        crm.note(&known, &text).await.map_err(|error: ApiError| {
            if error.is_temporary() { Fault::Later(error.to_string()) } else { Fault::Never(error.to_string()) }
        })
    }
}
