//! Opens and clicks of letters, and which of them were people's.
//!
//! Programs read letters, too: a provider's scanner follows every link before the letter is in the mailbox, a proxy fetches
//! pictures that nobody looks at. What a program shows of itself comes with the event; what only time shows is found here:
//! something so soon after the hand-over, or several links at once. The latter is known only afterwards, so a read is weighed
//! a moment after it came, and until then nothing follows from it.
//!
//! Invariants: a machine's read starts no rule, ends no wait, reaches no goal, and is no fact; a letter counts as opened and
//! as clicked once; whoever follows a link has opened the letter.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::advance::Run;
use super::customer::Customer;
use super::effect::{Cause, Effect};
use super::event::{Event, kind};
use super::facts::fold::Happening;
use super::facts::seen::Seen;
use super::facts::topic::{Topic, Touched};
use super::facts::view;
use super::time::{Span, Timestamp};

/// The purpose by which a customer allows or forbids that opens and clicks are noted.
pub const TRACKING: &str = "tracking";
/// The source of events that Milepost itself says.
const OWN: &str = "milepost";
/// Two links of a letter followed within this time were followed by a program.
pub const TOGETHER: Span = Span::seconds(2);
/// When a read is weighed after it came: what belongs together has been heard by then.
pub const WEIGHED_AFTER: Span = Span::seconds(3);
/// Nobody has read a letter so soon after it was handed over.
pub const TOO_SOON: Span = Span::seconds(5);
/// Most reads of one customer that wait to be weighed; a flood of more says nothing new.
const MOST_WAITING: usize = 50;

/// Whether a customer's opens or clicks may be noted: what the customer said of it counts, else what the shop does by default.
pub fn may_be_noted(customer: &Customer, by_default: bool) -> bool {
    customer.consents.get(TRACKING).map_or(by_default, |said| said.granted)
}

/// What is known of a customer's reading.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reads {
    /// Reads that are still to be weighed, in the order in which they came.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Read>,
    /// Letters that the customer opened.
    pub opened: u64,
    /// Letters of which the customer followed a link.
    pub clicked: u64,
    /// When a letter was last opened.
    pub last_opened_at: Option<Timestamp>,
    /// When a link was last followed.
    pub last_clicked_at: Option<Timestamp>,
}

/// What was done with a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It was opened: its picture was fetched.
    Opened,
    /// A link of it was followed.
    Clicked,
}

impl What {
    /// The word in columns and figures.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Clicked => "clicked",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Opened, Self::Clicked].into_iter().find(|what| what.as_str() == word)
    }
}

/// One read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Read {
    /// The id of its event.
    pub event: String,
    /// When.
    pub at: Timestamp,
    /// What was done.
    pub what: What,
    /// The letter.
    pub message: String,
    /// Which link, if one was followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<i64>,
    /// Why a program did it, as a short code, if one did as far as is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// What more the event said, as conditions and letters read it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub data: Map<String, Value>,
}

/// A read that was weighed, for the record.
#[derive(Clone, Debug, PartialEq)]
pub struct Weighed {
    /// Rule that sent the letter; empty if that is not known.
    pub rule: String,
    /// Map of that rule.
    pub map: String,
    /// What was read, with the verdict in `machine`.
    pub read: Read,
    /// Whether it is the first time that the customer did this to the letter.
    pub first: bool,
    /// Whether it is the first sign that the customer opened the letter.
    pub opens: bool,
}

impl Read {
    /// The read that an event tells of, if it is one that is weighed: what others say of opens and clicks is their verdict.
    fn of(event: &Event) -> Option<Self> {
        if event.source != OWN {
            return None;
        }
        let what = match event.kind.as_str() {
            kind::OPENED => What::Opened,
            kind::CLICKED => What::Clicked,
            _ => return None,
        };
        let text = |name: &str| event.data.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            event: event.id.clone(),
            at: event.occurred_at,
            what,
            message: text("message")?,
            link: event.data.get("position").and_then(Value::as_i64),
            machine: text("machine_by"),
            data: event.data.clone(),
        })
    }

    fn kind(&self) -> &'static str {
        match self.what {
            What::Opened => kind::OPENED,
            What::Clicked => kind::CLICKED,
        }
    }

    fn is_near(&self, other: &Self) -> bool {
        let apart = self.at.max(other.at).since(self.at.min(other.at));
        self.message == other.message && apart <= TOGETHER
    }

    fn said(&self, name: &str) -> String {
        self.data.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    fn call_machine(&mut self, why: &str) {
        self.machine.get_or_insert_with(|| why.to_owned());
    }
}

/// Whether an event tells of something that a program did, by the word of whoever sent it.
pub(super) fn is_machine(event: &Event) -> bool {
    matches!(event.kind.as_str(), kind::OPENED | kind::CLICKED) && event.data.get("machine") == Some(&Value::Bool(true))
}

impl Reads {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// When the next read is weighed.
    pub(super) fn next_at(&self) -> Option<Timestamp> {
        self.waiting.iter().map(|read| read.at.after(WEIGHED_AFTER)).min()
    }

    /// Takes a read in, and looks whether those that wait are a program's together.
    fn take(&mut self, read: Read) {
        // The same once more: a second tap, or a program that asked for the head first.
        if let Some(known) = self
            .waiting
            .iter_mut()
            .find(|known| (known.what, known.link, &known.message) == (read.what, read.link, &read.message))
        {
            if let Some(why) = read.machine {
                known.call_machine(&why);
            }
        } else if self.waiting.len() < MOST_WAITING {
            self.waiting.push(read);
        }
        let all = self.waiting.clone();
        let clicked = |read: &Read| read.what == What::Clicked;
        for read in self.waiting.iter_mut().filter(|read| clicked(read)) {
            if all.iter().any(|other| clicked(other) && other.link != read.link && other.is_near(read)) {
                read.call_machine("several_at_once");
            }
        }
        let machines: Vec<Read> =
            self.waiting.iter().filter(|read| clicked(read) && read.machine.is_some()).cloned().collect();
        for read in self.waiting.iter_mut().filter(|read| !clicked(read)) {
            if machines.iter().any(|click| click.is_near(read)) {
                read.call_machine("several_at_once");
            }
        }
    }

    /// Takes over what is known of another customer who turned out to be the same.
    pub(super) fn merge(&mut self, other: &Self) {
        self.waiting.extend(other.waiting.iter().cloned());
        self.opened += other.opened;
        self.clicked += other.clicked;
        self.last_opened_at = self.last_opened_at.max(other.last_opened_at);
        self.last_clicked_at = self.last_clicked_at.max(other.last_clicked_at);
    }
}

impl Run<'_> {
    /// Takes an event in if it tells of a read that is to be weighed; tells whether it does.
    pub(super) fn take_read(&mut self, event: &Event) -> bool {
        let Some(mut read) = Read::of(event) else { return is_machine(event) };
        let handed_over = self.customer.handed_over.iter().find(|letter| letter.message == read.message);
        if handed_over.is_some_and(|letter| read.at < letter.at.after(TOO_SOON)) {
            read.call_machine("too_soon");
        }
        self.customer.reads.take(read);
        true
    }

    /// Weighs the reads whose time has come by `due`.
    pub(super) fn weigh_reads(&mut self, due: Timestamp) {
        while let Some(place) = self.customer.reads.waiting.iter().position(|read| read.at.after(WEIGHED_AFTER) <= due)
        {
            let read = self.customer.reads.waiting.remove(place);
            if read.machine.is_some() {
                self.by_machine(read);
            } else {
                self.by_person(read);
            }
        }
    }

    fn by_machine(&mut self, read: Read) {
        let (rule, map) = (read.said("rule"), read.said("map"));
        self.note_read(
            &read,
            &rule,
            format!("{} by a program ({})", read.what.as_str(), read.machine.as_deref().unwrap_or_default()),
        );
        self.effects.push(Effect::MessageRead(Box::new(Weighed { rule, map, read, first: false, opens: false })));
    }

    fn by_person(&mut self, read: Read) {
        let (rule, map) = (read.said("rule"), read.said("map"));
        let zone = self.customer.zone().unwrap_or(self.book.shop.zone);
        self.customer.reading_hours.count(read.kind(), read.at, zone);
        let (mut first, mut opens) = (false, false);
        let clicked = read.what == What::Clicked;
        if let Some(letter) = self.customer.handed_over.iter_mut().find(|letter| letter.message == read.message) {
            opens = letter.opened_at.is_none();
            letter.opened_at.get_or_insert(read.at);
            if clicked {
                first = letter.clicked_at.is_none();
                letter.clicked_at.get_or_insert(read.at);
            } else {
                first = opens;
            }
        }
        let reads = &mut self.customer.reads;
        reads.opened += u64::from(opens);
        reads.clicked += u64::from(first && clicked);
        reads.last_opened_at = reads.last_opened_at.max(Some(read.at));
        if clicked {
            reads.last_clicked_at = reads.last_clicked_at.max(Some(read.at));
        }
        self.note_read(&read, &rule, format!("{} by the customer", read.what.as_str()));
        let cause = Cause::Event { source: OWN.into(), id: read.event.clone(), kind: read.kind().into() };
        let seen = view::event(&as_event(&read));
        let happened = [Happening { kind: read.kind().into(), at: read.at }];
        self.touched = if self.customer.unsettled { Touched::All } else { Touched::Topics([Topic::Messages].into()) };
        let at = read.at;
        self.effects.push(Effect::MessageRead(Box::new(Weighed { rule, map, read, first, opens })));
        self.settle(&cause, at, Some(&Seen::Made(&seen)), &happened);
    }

    fn note_read(&mut self, read: &Read, rule: &str, note: String) {
        let cause = Cause::Event { source: OWN.into(), id: read.event.clone(), kind: read.kind().into() };
        let outcome = read.machine.as_deref().map_or("person", |_| "machine");
        if let Some(rule) = self.book.known_rule(rule) {
            self.decide(rule, read.what.as_str(), outcome, note, Vec::new(), &cause);
        }
    }
}

/// The event of a read, as conditions and letters read it: that a program may have done it is no part of it any more.
fn as_event(read: &Read) -> Event {
    Event {
        source: OWN.into(),
        id: read.event.clone(),
        kind: read.kind().into(),
        occurred_at: read.at,
        received_at: read.at,
        keys: Vec::new(),
        merged: Vec::new(),
        touchpoint: Some("email".into()),
        profile: None,
        order: None,
        cart: None,
        data: read.data.clone(),
    }
}
