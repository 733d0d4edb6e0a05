//! How what a customer agreed to changed: for the record, and for the CRMs that are to know.
//!
//! Invariants: only a change is told, so that a saying that comes back as news of our own starts nothing; a CRM is told what was
//! said elsewhere, never what it said itself; the same change makes the same errand, whatever crashes.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::customer::Customer;
use super::effect::Effect;
use super::errand::{CrmChange, CrmCustomer, Errand, ErrandKind};
use super::event::{Event, Key};
use super::ids;
use super::time::Timestamp;

/// What of an event is kept as proof: by what means it was said, by which letter, from which page, under what text, with what
/// program.
const PROOF: [&str; 5] = ["by", "message", "page", "text", "agent"];
/// Most characters of each that are kept.
const MAX_PROOF: usize = 2_000;

/// A customer's answer to one purpose, as it changed.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsentChange {
    /// The purpose.
    pub purpose: String,
    /// What was said.
    pub answer: Answer,
    /// What held before; `None` if nothing was said.
    pub was: Option<Answer>,
    /// When it was said.
    pub at: Timestamp,
    /// Where that was learnt: a connection, `api`, `milepost` (a letter's links), `rule:<id>`.
    pub source: String,
    /// The event that said it, by its id in the source; `None` for a rule and for a merge.
    pub event: Option<String>,
    /// What more is known of it: `by`, `message`, `page`, `text`, `agent`.
    pub proof: Map<String, Value>,
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Agreed.
    Agreed,
    /// Refused.
    Refused,
}

impl Answer {
    /// The word in columns and lists.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agreed => "agreed",
            Self::Refused => "refused",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Agreed, Self::Refused].into_iter().find(|answer| answer.as_str() == word)
    }

    /// The answer of a flag.
    pub fn of(granted: bool) -> Self {
        if granted { Self::Agreed } else { Self::Refused }
    }
}

/// That the answer to a purpose changed, as it now stands; `was` is whether it had been agreed to, `event` what said it.
pub(super) fn changed(customer: &Customer, purpose: &str, was: Option<bool>, event: Option<&Event>) -> Option<Effect> {
    let consent = customer.consents.get(purpose)?;
    Some(Effect::ConsentChanged(Box::new(ConsentChange {
        purpose: purpose.to_owned(),
        answer: Answer::of(consent.granted),
        was: was.map(Answer::of),
        at: consent.at,
        source: consent.source.clone(),
        event: event.map(|event| event.id.clone()),
        proof: event.map(proof).unwrap_or_default(),
    })))
}

/// Which connections came to know the customer, who had so many keys before.
pub(super) fn known_to(customer: &Customer, keys: usize) -> Vec<Effect> {
    let new = customer.keys.iter().skip(keys).filter_map(connection_of);
    new.map(|connection| Effect::KnownTo { connection: connection.to_owned() }).collect()
}

/// The connection whose own id of the customer a key is.
fn connection_of(key: &Key) -> Option<&str> {
    key.kind.strip_prefix("id:")
}

fn proof(event: &Event) -> Map<String, Value> {
    let said = PROOF.iter().filter_map(|name| {
        let text = event.data.get(*name)?.as_str()?;
        Some(((*name).to_owned(), text.chars().take(MAX_PROOF).collect::<String>().into()))
    });
    said.collect()
}

/// What a connection is to be told of a purpose, if it is: it knows the customer by an id of its own, and did not say it itself.
pub fn errand(customer: &Customer, connection: &str, purpose: &str) -> Option<Errand> {
    let consent = customer.consents.get(purpose).filter(|consent| consent.source != connection)?;
    let known = customer.keys.iter().find(|key| connection_of(key) == Some(connection))?;
    if customer.deleted_at.is_some() {
        return None;
    }
    let change = CrmChange {
        subscriptions: [(purpose.to_owned(), consent.granted)].into(),
        ..CrmChange::of(CrmCustomer::Id(known.value.clone()))
    };
    // There is no run whose step this is: the saying itself takes the place of both.
    let run = format!("{}/{connection}/{purpose}/{}", customer.id, consent.at.micros());
    let step = Answer::of(consent.granted).as_str();
    Some(Errand {
        id: ids::errand(customer.now, &run, step, 1),
        enrollment: run,
        step: step.to_owned(),
        pass: 1,
        rule: String::new(),
        map: String::new(),
        kind: ErrandKind::Crm,
        target: connection.to_owned(),
        at: customer.now,
        // It is made of text and flags.
        body: serde_json::to_value(&change).unwrap_or_default(),
        code: None,
    })
}
