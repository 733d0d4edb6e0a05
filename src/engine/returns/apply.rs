//! What follows from a reading: the letter's outcome, what it says of the address, and the event of the customer.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::engine::strikes::{self, AddressRefused};
use crate::engine::{Engine, Result, own};
use crate::insight::metrics::{self, Back};
use crate::journey::event::{Profile, kind};
use crate::journey::rule::TRANSACTIONAL;
use crate::journey::time::{Span, Timestamp};
use crate::mail::refusal::tidy;
use crate::mail::returns::{Action, Answer, Reading, Report, What};
use crate::mail::{Class, Refusals};
use crate::store::{BackRow, Count, MessageState, NewBody, Returned, ReturnedState, Sent, Settled, Suppression, Tx};

/// How long a report waits whose letter is still being handed over: some servers report before they answer.
const NOT_YET: Span = Span::seconds(5);
/// The purpose that whoever complains refuses, whatever the letter's own was.
const MARKETING: &str = "marketing";

/// What is to be written for the readings of one transaction.
pub(in crate::engine) struct Applied {
    now: Timestamp,
    back: Vec<BackRow>,
    notes: Vec<(Sent, String, Value)>,
    refused: Vec<AddressRefused>,
    suppressed: Vec<Suppression>,
    bodies: Vec<NewBody>,
    /// Counts, each with the letter that must have come to the outcome by this transaction.
    counts: Vec<(String, Count)>,
}

impl Engine {
    /// Decides what follows from what came back, and what is to be said of the thing itself.
    pub(super) fn settle_returned(
        &self,
        thing: &Returned,
        readings: &[Reading],
        letters: &HashMap<String, Sent>,
        applied: &mut Applied,
    ) -> Settled {
        let mut told: Vec<(ReturnedState, &'static str, Option<String>, String)> = Vec::new();
        for reading in readings {
            let word = reading.what.word();
            let of = letter_of(reading, letters);
            let (state, note) = match (&reading.what, of) {
                (What::Unknown(why), _) => (ReturnedState::Unmatched, (*why).to_owned()),
                (_, Some(letter)) => applied.take(self, thing, &reading.what, letter),
                // It asks for nothing, whomever it answers.
                (What::AutoReply, None) => (ReturnedState::Done, "an automatic answer".to_owned()),
                (_, None) => (ReturnedState::Unmatched, "no letter on record is the one it is about".to_owned()),
            };
            told.push((state, word, of.map(|letter| letter.id.clone()), note));
        }
        // Of several, what somebody should look at is told first.
        told.sort_by_key(|(state, ..)| match state {
            ReturnedState::Pending => 0,
            ReturnedState::Unmatched | ReturnedState::Failed => 1,
            ReturnedState::Forwarding => 2,
            ReturnedState::Done => 3,
        });
        let (state, what, message, note) = told.into_iter().next().unwrap_or((
            ReturnedState::Done,
            "nothing",
            None,
            "it says nothing that matters here".to_owned(),
        ));
        let next_at = match state {
            ReturnedState::Pending => Some(applied.now.after(NOT_YET)),
            ReturnedState::Forwarding => Some(applied.now),
            ReturnedState::Done | ReturnedState::Unmatched | ReturnedState::Failed => None,
        };
        Settled { id: thing.id, state, what: what.to_owned(), message, note, next_at }
    }
}

/// The letter that a reading is about: named by its return path, or by the Message-ID that it went out under.
fn letter_of<'l>(reading: &Reading, letters: &'l HashMap<String, Sent>) -> Option<&'l Sent> {
    let by_path = reading.to.as_ref().and_then(|to| to.message.as_ref()).and_then(|id| letters.get(id));
    let by_id = || {
        reading.quoted.iter().find_map(|quoted| {
            let letter = letters.get(quoted.split_once('@')?.0)?;
            let own = letter.message_id.as_deref()?.trim_matches(['<', '>']);
            own.eq_ignore_ascii_case(quoted).then_some(letter)
        })
    };
    by_path.or_else(by_id)
}

impl Applied {
    pub(in crate::engine) fn new(now: Timestamp) -> Self {
        let (back, notes, refused, suppressed) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { now, back, notes, refused, suppressed, bodies: Vec::new(), counts: Vec::new() }
    }

    /// Takes one reading of a letter up.
    fn take(&mut self, engine: &Engine, thing: &Returned, what: &What, letter: &Sent) -> (ReturnedState, String) {
        if letter.state == MessageState::Sending {
            return (ReturnedState::Pending, "the letter is still being handed over".to_owned());
        }
        let report = letter.to.as_deref().and_then(|to| what.about(to));
        // A notification of several recipients counts by what it says of ours.
        match report.map(|report| (report.action, report)) {
            Some((Action::Failed, report)) => {
                return self.bounced(&engine.mailing.load().refusals, thing, letter, report);
            }
            Some((Action::Delayed, report)) => return self.told(thing, letter, "delayed", report),
            Some((Action::Delivered, report)) => return self.told(thing, letter, "delivered", report),
            None => {}
        }
        match what {
            What::Complaint { feedback, .. } => self.complained(thing, letter, feedback),
            What::Unsubscribe => {
                self.bodies.push(own::unsubscribed(&letter.customer, &letter.purpose, &letter.id, "mail", self.now));
                (ReturnedState::Done, format!("{} refused by mail", letter.purpose))
            }
            What::Reply => {
                let mut data = facts_of(letter, thing);
                data.insert("returned".into(), json!(thing.id));
                let id = format!("reply/{}/{}", letter.id, thing.id);
                self.bodies.push(own::event(kind::REPLIED, id, &letter.customer, (None, data), self.now));
                self.note(letter, "replied", json!({"source": thing.source}));
                let state = if engine.answers.any() { ReturnedState::Forwarding } else { ReturnedState::Done };
                (state, "a person answered".to_owned())
            }
            What::AutoReply => {
                self.note(letter, "auto_reply", json!({"source": thing.source}));
                (ReturnedState::Done, "an automatic answer".to_owned())
            }
            _ => (ReturnedState::Unmatched, "a report that says nothing of the letter's recipient".to_owned()),
        }
    }

    fn bounced(
        &mut self,
        refusals: &Refusals,
        thing: &Returned,
        letter: &Sent,
        report: &Report,
    ) -> (ReturnedState, String) {
        let class = refusals.class_of_report(&report.status, &report.diagnostic);
        let reason = if class == Class::Hard { strikes::MAILBOX_GONE } else { class.word() };
        let said = tidy(report.diagnostic.split_once("; ").map_or(report.diagnostic.as_str(), |(_, said)| said));
        let address = letter.to.as_deref().unwrap_or_default().to_lowercase();
        self.back.push(BackRow {
            id: letter.id.clone(),
            at: self.now,
            state: MessageState::Bounced,
            reason: reason.to_owned(),
            class: Some(class.word()),
            enhanced: Some(report.status.clone()).filter(|status| !status.is_empty()),
            reply: said.clone(),
            detail: json!({"source": thing.source, "class": class.word(), "enhanced": report.status, "reply": said,
                "server": report.remote, "recipient": report.recipient, "returned": thing.id}),
        });
        self.count(letter, Back::Bounced(reason));
        if !address.is_empty() {
            let (message, source) = (letter.id.clone(), thing.source.clone());
            self.refused.push(AddressRefused { address, class, message, source, said: said.clone(), at: self.now });
        }
        let mut data = facts_of(letter, thing);
        data.insert("class".into(), json!(class.word()));
        data.insert("hard".into(), json!(class == Class::Hard));
        data.insert("status".into(), json!(report.status));
        data.insert("said".into(), json!(said));
        // A letter bounces once, whoever reports it and however often.
        let id = format!("bounce/{}", letter.id);
        self.bodies.push(own::event(kind::BOUNCED, id, &letter.customer, (None, data), self.now));
        (ReturnedState::Done, format!("bounced: {}", refusals.effect(class).says))
    }

    fn complained(&mut self, thing: &Returned, letter: &Sent, feedback: &str) -> (ReturnedState, String) {
        self.back.push(BackRow {
            id: letter.id.clone(),
            at: self.now,
            state: MessageState::Complained,
            reason: "complaint".to_owned(),
            class: None,
            enhanced: None,
            reply: tidy(feedback),
            detail: json!({"source": thing.source, "reply": tidy(feedback), "returned": thing.id}),
        });
        self.count(letter, Back::Complained);
        if let Some(address) = &letter.to {
            self.suppressed.push(Suppression {
                address: address.to_lowercase(),
                reason: "complaint".to_owned(),
                source: thing.source.clone(),
                at: self.now,
                detail: tidy(feedback),
                expires_at: None,
            });
        }
        let mut data = facts_of(letter, thing);
        data.insert("feedback".into(), json!(tidy(feedback)));
        let purposes = [MARKETING, &letter.purpose].into_iter().filter(|purpose| *purpose != TRANSACTIONAL);
        let consents = purposes.map(|purpose| (purpose.to_owned(), false)).collect();
        let profile = Profile { consents, ..Profile::default() };
        let id = format!("complaint/{}", letter.id);
        self.bodies.push(own::event(kind::COMPLAINED, id, &letter.customer, (Some(profile), data), self.now));
        (ReturnedState::Done, "the letter was called spam; nothing is sent to the address any more".to_owned())
    }

    /// A word that changes nothing of the letter.
    fn told(&mut self, thing: &Returned, letter: &Sent, word: &str, report: &Report) -> (ReturnedState, String) {
        let detail = json!({"source": thing.source, "enhanced": report.status, "reply": report.diagnostic,
            "server": report.remote, "returned": thing.id});
        self.note(letter, word, detail);
        (ReturnedState::Done, word.to_owned())
    }

    fn note(&mut self, letter: &Sent, word: &str, detail: Value) {
        self.notes.push((letter.clone(), word.to_owned(), detail));
    }

    fn count(&mut self, letter: &Sent, back: Back<'_>) {
        let counts = metrics::counts_of_back(&letter.map, &letter.rule, back);
        self.counts.extend(counts.into_iter().map(|count| (letter.id.clone(), count)));
    }

    /// Writes everything; tells whether there are events to be applied. Only what the record takes on is counted: of a letter
    /// that had come back before, or had not gone out, nothing is.
    pub(in crate::engine) async fn write(self, engine: &Engine, tx: &mut Tx) -> Result<bool> {
        for (letter, word, detail) in self.notes {
            tx.note_message(&letter, self.now, &word, detail).await?;
        }
        // Of two reports about one letter in the same transaction the first counts.
        let mut once: Vec<BackRow> = Vec::new();
        for row in self.back {
            if once.iter().all(|known| known.id != row.id) {
                once.push(row);
            }
        }
        let mut came_back = tx.return_messages(&once).await?;
        // A report that comes a second time must not undo what a person has allowed since.
        let refused: Vec<AddressRefused> =
            self.refused.into_iter().filter(|refused| came_back.contains(&refused.message)).collect();
        strikes::strike(tx, &engine.mailing.load().refusals, &refused).await?;
        tx.suppress(&self.suppressed).await?;
        let mut counts = Vec::new();
        for (letter, count) in self.counts {
            if let Some(place) = came_back.iter().position(|id| *id == letter) {
                came_back.swap_remove(place);
                counts.push(count);
            }
        }
        tx.add_counts(engine.shard(), &counts).await?;
        let any = !self.bodies.is_empty();
        tx.put_bodies(&self.bodies).await?;
        Ok(any)
    }
}

/// An answer as a note.
pub(super) fn note_of(answer: &Answer) -> String {
    let name = answer.name.as_deref().map(|name| format!("{name}, ")).unwrap_or_default();
    format!("{}\n{name}{}\n\n{}", answer.subject, answer.address, answer.text.trim())
}

/// What every event of a letter that came back says.
fn facts_of(letter: &Sent, thing: &Returned) -> Map<String, Value> {
    let Value::Object(facts) = json!({"message": letter.id, "letter": letter.letter, "rule": letter.rule,
        "purpose": letter.purpose, "address": letter.to, "by": thing.source})
    else {
        return Map::new();
    };
    facts
}
