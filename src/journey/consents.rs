//! How what a customer agreed to changed: for the record, and for the CRMs that are to know; and agreements that wait for the
//! customer to confirm them.
//!
//! Invariants: only a change is told, so that a saying that comes back as news of our own starts nothing; a CRM is told what was
//! said elsewhere, never what it said itself; the same change makes the same errand, whatever crashes; an agreement that must be
//! confirmed counts for nothing until it is, and only a letter to the very address can be what it is confirmed by.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::customer::Customer;
use super::effect::Effect;
use super::errand::{CrmChange, CrmCustomer, Errand, ErrandKind};
use super::event::{Event, Key};
use super::ids;
use super::time::Timestamp;

/// What of an event is kept as proof: by what means it was said, by which letter, from which page, under what text, with what
/// program; and of a confirmation, what letter it was, the hash of its bytes, and the address it went to.
const PROOF: [&str; 8] = ["by", "message", "page", "text", "agent", "letter", "sha256", "address"];
/// The source of events that Milepost itself says.
const OWN: &str = "milepost";
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

/// Which agreements the customer must confirm.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoubleOptIn {
    /// For these purposes.
    pub purposes: BTreeSet<String>,
    /// But not what these sources say: they ask by themselves.
    pub confirmed_by: BTreeSet<String>,
}

impl DoubleOptIn {
    /// Whether an agreement that an event tells must be confirmed. Whoever says it on a page of Milepost's own came there by the
    /// link of a letter: that is proof of the address that the letter went to, and of no other.
    pub(super) fn asks(&self, event: &Event, purpose: &str, customer: &Customer) -> bool {
        if !self.purposes.contains(purpose) || self.confirmed_by.contains(&event.source) {
            return false;
        }
        let to = event.data.get("address").and_then(Value::as_str).filter(|_| event.source == OWN);
        to.zip(customer.email()).is_none_or(|(to, email)| fold(to) != fold(email))
    }
}

/// An agreement that waits to be confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// When it was said.
    pub at: Timestamp,
    /// Where that was learnt.
    pub source: String,
    /// For which address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// A purpose of which something else is so than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turned {
    /// The purpose.
    pub purpose: String,
    /// Whether it had been agreed to.
    pub was: Option<bool>,
    /// Whether the customer is only asked to confirm.
    pub asked: bool,
}

/// Has an agreement wait to be confirmed, unless something later is known; tells whether it does.
pub(super) fn ask(customer: &mut Customer, purpose: &str, event: &Event) -> bool {
    let at = event.occurred_at;
    let known =
        customer.consents.get(purpose).map(|known| known.at).max(customer.asked.get(purpose).map(|asked| asked.at));
    if known.is_some_and(|known| known >= at) {
        return false;
    }
    let address = customer.email().map(fold);
    customer.asked.insert(purpose.to_owned(), Asked { at, source: event.source.clone(), address });
    true
}

/// The purposes that a customer can confirm by a letter to an address.
pub fn can_confirm<'a>(customer: &'a Customer, address: Option<&str>) -> impl Iterator<Item = &'a str> {
    let address = address.map(str::to_lowercase);
    let fits = move |asked: &Asked| address.is_none() || asked.address == address;
    customer.asked.iter().filter(move |(_, asked)| fits(asked)).map(|(purpose, _)| purpose.as_str())
}

/// An address as it is compared.
fn fold(address: &str) -> String {
    address.to_lowercase()
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Agreed.
    Agreed,
    /// Refused.
    Refused,
    /// Said to be agreed; the customer is asked to confirm it.
    Asked,
}

impl Answer {
    /// The word in columns and lists.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agreed => "agreed",
            Self::Refused => "refused",
            Self::Asked => "asked",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Agreed, Self::Refused, Self::Asked].into_iter().find(|answer| answer.as_str() == word)
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

/// That an agreement was said, and waits to be confirmed.
pub(super) fn asked(purpose: &str, was: Option<bool>, event: &Event) -> Effect {
    Effect::ConsentChanged(Box::new(ConsentChange {
        purpose: purpose.to_owned(),
        answer: Answer::Asked,
        was: was.map(Answer::of),
        at: event.occurred_at,
        source: event.source.clone(),
        event: Some(event.id.clone()),
        proof: proof(event),
    }))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_by_itself_and_whoever_came_by_a_letter_to_the_address_need_not_confirm() {
        let opt_in = DoubleOptIn { purposes: ["marketing".into()].into(), confirmed_by: ["crm".into()].into() };
        let at = Timestamp::from_micros(0);
        let mut anna = Customer::new("anna", at);
        let email = crate::journey::customer::Attribute { value: "Anna@mail.example".into(), at };
        anna.attributes.insert("email".into(), email);
        for (source, address, purpose, asked) in [
            ("api", None, "marketing", true),
            ("other", None, "marketing", true),
            ("crm", None, "marketing", false),
            ("api", None, "news", false),
            ("milepost", Some("anna@MAIL.example"), "marketing", false),
            ("milepost", Some("old@mail.example"), "marketing", true),
            ("milepost", None, "marketing", true),
            // What somebody else says of an address proves nothing.
            ("api", Some("anna@mail.example"), "marketing", true),
        ] {
            let event = Event {
                source: source.into(),
                id: "1".into(),
                kind: "customer.updated".into(),
                occurred_at: at,
                received_at: at,
                keys: Vec::new(),
                merged: Vec::new(),
                touchpoint: None,
                profile: None,
                order: None,
                cart: None,
                data: address.map(|address| ("address".to_owned(), address.into())).into_iter().collect(),
            };
            assert_eq!(opt_in.asks(&event, purpose, &anna), asked, "{source} {address:?} {purpose}");
        }
    }
}
