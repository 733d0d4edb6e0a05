//! The runs of a customer: those under way, what is remembered of those that ended, and what is measured by them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::GivenCode;
use crate::journey::effect::EndReason;
use crate::journey::promo;
use crate::journey::time::Timestamp;

/// How many keys of a rule's past runs are remembered.
pub const RECENT_KEYS: usize = 200;

/// One run of one rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Enrollment {
    /// Derived from customer, rule and number of the run.
    pub id: String,
    /// Rule id.
    pub rule: String,
    /// Under which key it runs, if its rule has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// The rulebook it runs under: the one in force, or an earlier one as which it finishes.
    pub rulebook: String,
    /// The step to take next, by id; empty before the first.
    pub step: String,
    /// How often each step was begun (only what exceeds one is kept apart from `step`).
    pub passes: BTreeMap<String, u32>,
    /// When to go on; `None` while it waits for nothing but a promo code.
    pub wake_at: Option<Timestamp>,
    /// Since when its clock stands still: its rule is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parked: Option<Timestamp>,
    /// From when its life counts, if not from its beginning: later by as long as its clock has stood still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lives_from: Option<Timestamp>,
    /// Its letters, webhooks and changes in CRMs are skipped until it next waits: it was overdue when its rule was resumed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skips: bool,
    /// What is known of a wait for something to happen; `wake_at` is its time-out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awaits: Option<Awaiting>,
    /// When its life ends whatever it waits for, if the rule says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// The code that the promo step got, if it got one.
    pub promo: Option<GivenCode>,
    /// Promo pool that is being asked for a code.
    pub wants_promo: Option<String>,
    /// Until when it waits for a code of an empty pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promo_until: Option<Timestamp>,
    /// The pool had no code left, and the run went on without.
    #[serde(default, skip_serializing_if = "is_false")]
    pub without_code: bool,
    /// The event that began it, as letters and conditions read it (`event.*`).
    pub event: Value,
    /// What the rule captures, as it was when the run began, by the first part of the names.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub captured: Map<String, Value>,
}

impl Enrollment {
    /// What its letters read besides the customer as he is when they leave: what was captured, `event` and `promo`.
    pub fn inputs(&self) -> Value {
        let mut inputs = self.captured.clone();
        inputs.insert("event".into(), self.event.clone());
        inputs.insert("promo".into(), self.promo.as_ref().map_or(Value::Null, promo::seen));
        Value::Object(inputs)
    }
}

/// A wait for something to happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaiting {
    /// What happened before this does not count.
    pub since: Timestamp,
    /// It has happened.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub met: bool,
}

/// What is remembered of the runs of a rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PastRun {
    /// How many runs there were in all, the present one included.
    pub runs: u64,
    /// Start of the last.
    pub started_at: Timestamp,
    /// End of the last that ended.
    pub ended_at: Option<Timestamp>,
    /// How that one ended.
    pub reason: Option<EndReason>,
    /// Start of the last run under each key, of the latest keys.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<String, Timestamp>,
}

impl PastRun {
    /// Forgets the keys beyond [`RECENT_KEYS`], the longest unused first.
    pub fn forget_keys(&mut self) {
        while self.keys.len() > RECENT_KEYS {
            let oldest = self.keys.iter().min_by_key(|(key, at)| (**at, (*key).clone())).map(|(key, _)| key.clone());
            let Some(oldest) = oldest else { return };
            self.keys.remove(&oldest);
        }
    }
}

/// An arm of a split that was taken, while it is not known yet what comes of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The run that took it.
    pub enrollment: String,
    /// Its rule.
    pub rule: String,
    /// The split.
    pub step: String,
    /// The key of its run, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// When it was taken.
    pub from: Timestamp,
    /// Until when reaching the rule's goal counts for it.
    pub until: Timestamp,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}
