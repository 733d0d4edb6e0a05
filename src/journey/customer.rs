//! The state of one customer: one compact document, O(1) in the length of history.
//!
//! Invariants: every "latest" fact keeps the time it was said at, and only a later saying replaces it; a customer is at one
//! stage of a map at most; an enrollment is in `enrollments` only while it runs.

mod run;

use std::collections::BTreeMap;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::attention::Held;
use super::consents::Asked;
use super::event::{Cart, Key, Phase};
use super::money::Money;
use super::newcomers::NewRules;
use super::preferences::Preferences;
use super::reading::ReadingHours;
use super::reads::Reads;
use super::returned::Returns;
use super::time::Timestamp;
pub use run::{Awaiting, Enrollment, PastRun, RECENT_KEYS, Trial};

/// How many recent orders are kept in full.
pub const RECENT_ORDERS: usize = 20;
/// How many recent hand-overs are kept in any case.
pub const RECENT_MESSAGES: usize = 50;
/// How many are kept at most for caps and gaps that look further back.
pub const MOST_MESSAGES: usize = 200;

/// The whole of what is known of one customer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Customer {
    /// Our id (a UUID as text).
    pub id: String,
    /// The keys that name this customer.
    pub keys: Vec<Key>,
    /// When first heard of.
    pub first_seen_at: Timestamp,
    /// The logical time of the last input applied; never moves back.
    pub now: Timestamp,
    /// The hash of the rulebook this document was last advanced under.
    pub rulebook: String,
    /// Attributes with the time each was said.
    pub attributes: BTreeMap<String, Attribute>,
    /// What was agreed to, by purpose.
    pub consents: BTreeMap<String, Consent>,
    /// What is said to have been agreed to and waits for the customer to confirm it, by purpose.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub asked: BTreeMap<String, Asked>,
    /// What is wished of letters beyond that.
    #[serde(skip_serializing_if = "Preferences::is_empty")]
    pub preferences: Preferences,
    /// Deleted in the source; nothing is sent any more.
    pub deleted_at: Option<Timestamp>,
    /// Facts of orders.
    pub orders: Orders,
    /// The cart as last seen.
    pub cart: CartState,
    /// Where the customer stands, by map.
    pub stages: BTreeMap<String, Standing>,
    /// Segments the customer is in, by `map/name`, and since when.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub segments: BTreeMap<String, Timestamp>,
    /// Runs of rules that are under way.
    pub enrollments: Vec<Enrollment>,
    /// What is remembered of ended runs, by rule, for re-entry.
    pub past: BTreeMap<String, PastRun>,
    /// The last answer of each `becomes` condition, by rule.
    pub truths: BTreeMap<String, bool>,
    /// Last cron firing taken, by rule.
    pub firings: BTreeMap<String, Timestamp>,
    /// `stay` triggers still to come.
    pub stays: Vec<StayTimer>,
    /// The next moment of each rule that follows a date of the customer.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub dates: BTreeMap<String, Timestamp>,
    /// Rules that came into force after the last input, while what came before that is caught up with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_rules: Option<NewRules>,
    /// The next moment at which a condition's answer flips by itself.
    pub flip_at: Option<Timestamp>,
    /// Whether something may follow from facts that changed after, or by, the last input.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unsettled: bool,
    /// Letters planned and not yet handed over.
    pub pending: Vec<Pending>,
    /// Recent hand-overs, oldest first.
    pub handed_over: Vec<HandedOver>,
    /// How many letters were ever handed over.
    pub message_count: u64,
    /// What came back of letters.
    #[serde(skip_serializing_if = "Returns::is_empty")]
    pub returns: Returns,
    /// When letters are opened and clicked.
    #[serde(skip_serializing_if = "ReadingHours::is_empty")]
    pub reading_hours: ReadingHours,
    /// Opens and clicks.
    #[serde(skip_serializing_if = "Reads::is_empty")]
    pub reads: Reads,
    /// Goal windows that are open.
    pub goals: Vec<GoalWatch>,
    /// Splits whose arms are still being measured by this customer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trials: Vec<Trial>,
    /// Promo codes given, the last of them: a repeat customer never gets the same one again.
    pub promo_codes: Vec<GivenCode>,
}

impl Customer {
    /// An empty document for a customer first heard of at `at`.
    pub fn new(id: impl Into<String>, at: Timestamp) -> Self {
        Self { id: id.into(), first_seen_at: at, now: at, ..Self::default() }
    }

    /// An attribute's value, if it was ever said.
    pub fn attribute(&self, name: &str) -> Option<&Value> {
        self.attributes.get(name).map(|a| &a.value).filter(|v| !v.is_null())
    }

    /// An attribute that is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.attribute(name).and_then(Value::as_str)
    }

    /// The address letters go to.
    pub fn email(&self) -> Option<&str> {
        self.text("email")
    }

    /// The customer's own time zone, if it is known.
    pub fn zone(&self) -> Option<Tz> {
        self.text("time_zone").and_then(|name| name.parse().ok())
    }

    /// The next moment at which this customer must be advanced even if nothing happens.
    pub fn due_at(&self) -> Option<Timestamp> {
        self.enrollments
            .iter()
            .filter(|e| e.parked.is_none())
            .flat_map(|e| [e.wake_at, e.ends_at])
            .flatten()
            .chain(self.stays.iter().map(|s| s.at))
            .chain(self.dates.values().copied())
            .chain(self.flip_at)
            .chain(self.reads.next_at())
            .min()
    }
}

/// One attribute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attribute {
    /// Its value.
    #[serde(rename = "v")]
    pub value: Value,
    /// When it was said.
    #[serde(rename = "t")]
    pub at: Timestamp,
}

/// What a customer said of one purpose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Consent {
    /// Agreed or refused.
    pub granted: bool,
    /// When.
    pub at: Timestamp,
    /// Where that was learnt (a connection, `link`, `one-click`, `rule:<id>`).
    pub source: String,
}

/// Facts of orders.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Orders {
    /// The last [`RECENT_ORDERS`], oldest first by creation.
    pub recent: Vec<KnownOrder>,
    /// Orders not cancelled.
    pub count: i64,
    /// Sums of those by currency, minor units.
    pub totals: BTreeMap<String, i64>,
    /// Paid ones.
    pub paid_count: i64,
    /// Completed ones.
    pub completed_count: i64,
    /// Cancelled ones.
    pub cancelled_count: i64,
    /// Creation of the earliest.
    pub first_at: Option<Timestamp>,
    /// Creation of the latest.
    pub last_at: Option<Timestamp>,
    /// Latest completion.
    pub last_completed_at: Option<Timestamp>,
}

/// An order as far as it is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KnownOrder {
    /// `source/id`.
    pub key: String,
    /// The number that the customer knows.
    pub number: Option<String>,
    /// Status code.
    pub status: Option<String>,
    /// What it means.
    pub phase: Phase,
    /// When the status was said.
    pub status_at: Timestamp,
    /// When placed.
    pub created_at: Timestamp,
    /// When total and lines were said.
    pub content_at: Timestamp,
    /// Total.
    pub total: Option<Money>,
    /// Paid in full.
    pub paid: bool,
    /// Lines (at most 20).
    pub items: Vec<super::event::Item>,
    /// Promo code it carries.
    pub promo_code: Option<String>,
}

/// The cart as last seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CartState {
    /// What is in it.
    pub content: Cart,
    /// When that last changed.
    pub updated_at: Option<Timestamp>,
    /// When anything was last said of it: what is older comes too late.
    pub said_at: Option<Timestamp>,
}

/// Where a customer stands on one map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Stage id.
    pub stage: String,
    /// Since when.
    pub since: Timestamp,
}

/// A `stay` trigger that will fire unless the stage is left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StayTimer {
    /// The rule to start.
    pub rule: String,
    /// The stay it is about: the map's stage since this moment.
    pub since: Timestamp,
    /// When it fires.
    pub at: Timestamp,
}

/// A letter planned and not yet handed over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pending {
    /// Message id.
    pub message: String,
    /// Enrollment it belongs to.
    pub enrollment: String,
    /// Its rule.
    pub rule: String,
    /// The key of its run, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What consent it needs.
    pub purpose: String,
    /// When it was planned, which is when it fell due; what limits make of that is `held`.
    pub planned_at: Timestamp,
    /// Since when it stands still: its rule is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parked: Option<Timestamp>,
    /// Its turn after a pause of its rule: it counts as due only then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn_at: Option<Timestamp>,
    /// The limit that it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// It could not be composed and waits for a person: it takes no room from others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stuck: bool,
    /// The earlier rulebook as which its rule finishes; empty: the one in force.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub rulebook: String,
}

/// A letter handed over to a relay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HandedOver {
    /// Message id.
    pub message: String,
    /// Its rule.
    pub rule: String,
    /// The key of its run, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Its purpose.
    pub purpose: String,
    /// When.
    pub at: Timestamp,
    /// When the customer first opened it, as far as is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_at: Option<Timestamp>,
    /// When the customer first followed a link of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clicked_at: Option<Timestamp>,
    /// The earlier rulebook as which its rule finishes; empty: the one in force.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub rulebook: String,
}

/// An open goal window: opened by a hand-over, closed by conversion or time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GoalWatch {
    /// Enrollment to credit.
    pub enrollment: String,
    /// Its rule.
    pub rule: String,
    /// The key of its run, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The letter that opened it last.
    pub message: String,
    /// Open from.
    pub from: Timestamp,
    /// Open until.
    pub until: Timestamp,
    /// The letter was withheld because the customer is held out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held_out: bool,
    /// The earlier rulebook as which its rule finishes; empty: the one in force.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub rulebook: String,
}

/// A promo code given to this customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GivenCode {
    /// Pool.
    pub pool: String,
    /// Code.
    pub code: String,
    /// By which rule.
    pub rule: String,
    /// When.
    pub at: Timestamp,
    /// Until when it is good, if not for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}
