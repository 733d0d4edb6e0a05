//! What one side of a backtest comes to, kept small: letters and the last word on each rule, by customer.

use std::collections::{BTreeMap, HashMap};

use super::Window;
use crate::journey::book::Rulebook;
use crate::journey::customer::Customer;
use crate::journey::effect::{Effect, PlannedMessage, WithheldReason};
use crate::journey::simulate::{What, Witness};
use crate::journey::time::{Timestamp, local_day};

/// Letters, reasons and days of one side.
#[derive(Debug)]
pub(super) struct Tally<'b> {
    book: &'b Rulebook,
    window: Window,
    /// Letters by rule, letter and day.
    pub(super) days: BTreeMap<&'b str, BTreeMap<chrono::NaiveDate, u64>>,
    /// Letters withheld.
    pub(super) withheld: Kept<'b>,
    /// Letters that had to wait, by what they waited for first.
    pub(super) held: Kept<'b>,
    /// Those among them, with the limit that they met last: so that none counts twice, and to tell by what one is withheld.
    waited: HashMap<String, Option<String>>,
    /// What each customer got.
    pub(super) people: HashMap<String, Person<'b>>,
}

/// Letters by rule, reason, and the limit if that is the reason.
pub(super) type Kept<'b> = BTreeMap<(&'b str, &'static str, Option<String>), u64>;

/// What one customer got, and why nothing more.
#[derive(Debug, Default)]
pub(super) struct Person<'b> {
    /// The letters, in order.
    pub(super) letters: Vec<Got<'b>>,
    /// The last word on each rule that did not come to a letter.
    pub(super) last: BTreeMap<&'b str, Last>,
    /// Letters that wait for a limit: by rule, the letter and what it waits for.
    pub(super) waiting: BTreeMap<&'b str, (String, String)>,
}

/// A letter that went out.
#[derive(Clone, Debug)]
pub(super) struct Got<'b> {
    pub(super) at: Timestamp,
    pub(super) rule: &'b str,
    pub(super) letter: Box<str>,
}

/// Why a rule sent nothing (more).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Last {
    /// It did not begin; the short code says why.
    NotBegun(Box<str>),
    /// Its run ended; the short code says how.
    Ended(&'static str),
    /// A letter was withheld; the short code says why.
    Withheld(&'static str),
    /// Its run began, and is not over.
    UnderWay,
}

impl<'b> Tally<'b> {
    pub(super) fn new(book: &'b Rulebook, window: Window) -> Self {
        Self {
            book,
            window,
            days: BTreeMap::new(),
            withheld: BTreeMap::new(),
            held: BTreeMap::new(),
            waited: HashMap::new(),
            people: HashMap::new(),
        }
    }

    fn rule(&self, id: &str) -> Option<&'b str> {
        self.book.rules.get_key_value(id).map(|(id, _)| id.as_str())
    }

    fn person(&mut self, customer: &Customer) -> &mut Person<'b> {
        if !self.people.contains_key(&customer.id) {
            self.people.insert(customer.id.clone(), Person::default());
        }
        self.people.entry(customer.id.clone()).or_default()
    }

    fn note(&mut self, customer: &Customer, rule: &str, last: Last) {
        if let Some(rule) = self.rule(rule) {
            self.person(customer).last.insert(rule, last);
        }
    }

    fn waits_no_more(&mut self, customer: &Customer, rule: &str, message: &str) {
        let person = self.person(customer);
        if person.waiting.get(rule).is_some_and(|(waiting, _)| waiting == message) {
            person.waiting.remove(rule);
        }
    }

    fn sent(&mut self, at: Timestamp, customer: &Customer, message: PlannedMessage) {
        let Some(rule) = self.rule(&message.rule) else { return };
        let day = local_day(at, self.book.shop.zone);
        *self.days.entry(rule).or_default().entry(day).or_default() += 1;
        self.waits_no_more(customer, rule, &message.id);
        self.person(customer).letters.push(Got { at, rule, letter: message.letter.into_boxed_str() });
    }
}

/// The limit that a letter met last.
fn limit(message: &PlannedMessage) -> Option<String> {
    message.verdicts.iter().rev().find_map(|verdict| verdict.limit.clone())
}

impl Witness for Tally<'_> {
    fn sees(&mut self, at: Timestamp, customer: &Customer, what: What) {
        if at < self.window.from {
            return;
        }
        match what {
            What::Sent(message) => self.sent(at, customer, message),
            What::Withheld { message, reason } => {
                let code = reason.code();
                if let Some(rule) = self.rule(&message.rule) {
                    let waited = self.waited.remove(&message.id).flatten();
                    let limit =
                        matches!(reason, WithheldReason::Limit { .. }).then(|| limit(&message).or(waited)).flatten();
                    *self.withheld.entry((rule, code, limit)).or_default() += 1;
                    self.waits_no_more(customer, rule, &message.id);
                }
                self.note(customer, &message.rule, Last::Withheld(code));
            }
            What::Held(message) => {
                let by = message.held.as_ref().map(|held| held.by.code());
                if let (Some(rule), Some(by)) = (self.rule(&message.rule), by) {
                    let limit = limit(&message);
                    let words = limit.clone().unwrap_or_else(|| by.replace('_', " "));
                    self.person(customer).waiting.insert(rule, (message.id.clone(), words));
                    if self.waited.insert(message.id, limit.clone()).is_none() {
                        *self.held.entry((rule, by, limit)).or_default() += 1;
                    }
                }
            }
            What::Effect(Effect::Enrolled { rule, .. }) => self.note(customer, &rule, Last::UnderWay),
            What::Effect(Effect::Ended { rule, reason, .. }) => {
                self.note(customer, &rule, Last::Ended(reason.code()));
            }
            What::Effect(Effect::Decided(decision))
                if decision.about == "trigger" && decision.outcome != "enrolled" =>
            {
                self.note(customer, &decision.rule, Last::NotBegun(decision.outcome.into_boxed_str()));
            }
            What::Effect(_) | What::Walked(_) => {}
        }
    }
}
