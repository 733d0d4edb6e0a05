//! A rule: trigger, conditions, steps. The steps of the file are flattened into a program of steps with stable ids.

use chrono_tz::Tz;

use super::attention::Attention;
use super::condition::Condition;
use super::date::DateTrigger;
use super::errand::{CrmStep, Datum};
use super::promo::WhenEmpty;
use super::share::Share;
use super::time::{Span, Timestamp};
use super::wait::{Await, Wait};

/// The purpose whose letters are answers to what the customer did: they need no agreement, heed no wish and carry no way to
/// unsubscribe.
pub const TRANSACTIONAL: &str = "transactional";

/// A rule as the core runs it.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Identifier, unique over all maps.
    pub id: String,
    /// The map it belongs to.
    pub map: String,
    /// The stage at which it may start, if it is bound to one.
    pub stage: Option<String>,
    /// A sentence for people.
    pub description: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Words by which people find it.
    pub tags: Vec<String>,
    /// What starts it.
    pub trigger: Trigger,
    /// Must hold when it is triggered.
    pub when: Option<Condition>,
    /// Events that end a run.
    pub exit_on: Vec<ExitEvent>,
    /// End a run as soon as one of them holds.
    pub exit_when: Vec<Condition>,
    /// What the rule is for.
    pub goal: Option<Goal>,
    /// Whether and when a customer may run it again.
    pub reenter: Reenter,
    /// How long a run lasts at most.
    pub max_life: Option<Span>,
    /// Which consent its letters need: `marketing`, `transactional` or a configured one.
    pub purpose: String,
    /// In whose name its letters go out; the map's sender if `None`.
    pub sender: Option<String>,
    /// Whether opens and clicks of its letters may be noted; the map's word if `None`.
    pub track: Option<bool>,
    /// Its rank: of letters that compete, and of rules of a group, the higher one wins. 0 if not written.
    pub priority: Option<i32>,
    /// Of the rules of a group a customer runs one at a time.
    pub group: Option<String>,
    /// Limits on its letters and its holdout.
    pub attention: Attention,
    /// An event older than this when it arrives starts nothing.
    pub max_age: Span,
    /// What a run keeps as it was when it began: first parts of names.
    pub capture: Vec<String>,
    /// Must hold for every letter when it is planned and when it leaves.
    pub still: Option<Condition>,
    /// What happens to a letter whose hand-over is in doubt after a crash.
    pub when_uncertain: WhenUncertain,
    /// What becomes of runs whose step a change takes away.
    pub on_change: OnChange,
    /// The program.
    pub steps: Vec<Step>,
}

/// What starts a rule.
#[derive(Clone, Debug)]
pub enum Trigger {
    /// An event of this kind.
    Event {
        /// The kind.
        kind: String,
    },
    /// The customer came to a stage of the rule's map.
    Enter {
        /// The stage.
        stage: String,
    },
    /// The customer left a stage of the rule's map.
    Leave {
        /// The stage.
        stage: String,
    },
    /// The customer has been at a stage for a time.
    Stay {
        /// The stage.
        stage: String,
        /// How long.
        span: Span,
    },
    /// The customer joined a segment of the rule's map.
    Join {
        /// The segment.
        segment: String,
    },
    /// The customer left a segment of the rule's map.
    Quit {
        /// The segment.
        segment: String,
    },
    /// A condition turned from false to true, by an event or by time alone.
    Becomes {
        /// The condition.
        condition: Condition,
    },
    /// A date of the customer.
    Date(DateTrigger),
    /// A call of the API that names the rule.
    Call,
    /// A schedule, for every customer of a segment (the rule's `when` narrows further).
    Cron {
        /// The schedule.
        schedule: Box<CronSchedule>,
        /// Who is meant; everyone on the rule's map if `None`.
        segment: Option<Condition>,
    },
}

/// A cron schedule of five fields, on the wall clock of a zone.
#[derive(Clone, Debug)]
pub struct CronSchedule {
    /// As written.
    pub text: String,
    /// Parsed by the `cron` crate with a seconds field of 0 put in front and week days renumbered.
    pub schedule: cron::Schedule,
    /// Whose wall clock.
    pub zone: Tz,
}

impl CronSchedule {
    /// The first firing strictly after `after`. A local time in a spring gap fires at the first instant after the gap; one
    /// that happens twice in autumn fires the first time only.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        self.next_after_in(after, self.zone)
    }

    /// The same on the wall clock of another zone.
    pub fn next_after_in(&self, after: Timestamp, zone: Tz) -> Option<Timestamp> {
        let local = after.local(zone).and_utc();
        // An hour back: a gap or fold near `after` may map an earlier wall-clock time to a later moment.
        let from = local - chrono::TimeDelta::hours(2);
        self.schedule
            .after(&from)
            .take(400)
            .filter_map(|at| Timestamp::from_local(at.naive_utc(), zone))
            .find(|at| *at > after)
    }
}

/// What a rule is for, and when it counts as reached.
#[derive(Clone, Debug)]
pub struct Goal {
    /// The kind of event that reaches it.
    pub event: String,
    /// Must hold for that event.
    pub when: Option<Condition>,
    /// How long after a letter was handed over it still counts.
    pub within: Span,
    /// What it is worth, if that is said.
    pub value: Option<GoalValue>,
}

/// What a reached goal is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GoalValue {
    /// The total of the order that the event is about.
    OrderTotal,
    /// A number of the event, in major units.
    Number {
        /// Where it stands in the event: `amount` of `event.amount`.
        path: String,
    },
}

/// An event that ends a run.
#[derive(Clone, Debug)]
pub struct ExitEvent {
    /// The kind.
    pub event: String,
    /// Must hold for that event.
    pub when: Option<Condition>,
}

/// Whether a customer may run a rule again. One run at a time; of a rule with a key, one at a time under each key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reenter {
    /// Once in a life.
    Never,
    /// As soon as the last run has ended.
    Always,
    /// This long after the start of the last run.
    After(Span),
    /// Once under each key.
    Key {
        /// Where the key stands in the event that starts the run: `order.id` of `event.order.id`.
        path: String,
        /// Again under the same key, this long after the start of the last run under it.
        after: Option<Span>,
    },
}

impl Reenter {
    /// Where the key stands in an event, if runs are told apart by one.
    pub fn key(&self) -> Option<&str> {
        if let Self::Key { path, .. } = self { Some(path) } else { None }
    }
}

/// What happens to a letter whose hand-over is in doubt after a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenUncertain {
    /// Leave it; it may or may not have arrived.
    Keep,
    /// Send it again under the same Message-ID.
    Resend,
}

/// What becomes of runs whose step a change of the rules takes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnChange {
    /// They end.
    Exit,
    /// They finish as the rule was.
    Finish,
}

/// One step of a program.
#[derive(Clone, Debug)]
pub struct Step {
    /// Stable id: written in the file, or made from the step's kind and argument (`send-welcome`, `wait-1h`, `branch`;
    /// `wait-1h-2` for the second of the same).
    pub id: String,
    /// What its id is made from (`wait-1h` of `wait-1h-2`); `None` if it is written.
    pub made: Option<String>,
    /// What it does.
    pub action: Action,
}

/// What a step does. Jumps name positions in `Rule::steps`; one past the end ends the run.
#[derive(Clone, Debug)]
pub enum Action {
    /// Plan a letter.
    Send {
        /// The letter's name.
        letter: String,
        /// Must hold for this letter, too.
        still: Option<Condition>,
    },
    /// Go on later.
    Wait(Wait),
    /// Go on when something happens, or when it has not happened in time.
    Await(Box<Await>),
    /// Go on at the first arm whose condition holds (an `else` arm has none), else at `otherwise`.
    Branch {
        /// Condition and position, in order.
        arms: Vec<(Option<Condition>, usize)>,
        /// Where to go when no arm holds.
        otherwise: usize,
    },
    /// Go on elsewhere (ends an arm).
    Jump {
        /// Position.
        to: usize,
    },
    /// Take a promo code from a pool.
    Promo {
        /// The pool.
        pool: String,
        /// What happens when it has none left.
        when_empty: WhenEmpty,
    },
    /// Go on at one arm: by chance, but the same for a customer every time.
    Split {
        /// The arms; their shares come to [`Share::ALL`].
        arms: Vec<SplitArm>,
        /// Whether everybody takes the best arm as soon as it is known.
        pick: Option<PickWinner>,
    },
    /// Set attributes of the customer.
    Set {
        /// Name and value, in the order of the file.
        attributes: Vec<(String, serde_json::Value)>,
        /// What becomes of the tags.
        tags: TagChange,
        /// Purposes that count as refused from then on; nothing but the customer can agree to one.
        refuse: Vec<String>,
    },
    /// Begin a run of another rule.
    Enroll {
        /// The rule.
        rule: String,
    },
    /// End the customer's runs of another rule.
    Leave {
        /// The rule.
        rule: String,
    },
    /// Say something in the record of decisions.
    Note {
        /// What.
        text: String,
    },
    /// Send a webhook out.
    Webhook {
        /// Which, by its name in the settings.
        to: String,
        /// What it says, by name.
        data: Vec<(String, Datum)>,
    },
    /// Change the customer in the CRM.
    Crm(CrmStep),
    /// End the run.
    Exit,
}

/// One arm of a split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitArm {
    /// Its name, unique in the split.
    pub name: String,
    /// Its share of the customers.
    pub share: Share,
    /// Its position.
    pub to: usize,
}

/// When the best arm of a split is known, by the share of customers who reach the rule's goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PickWinner {
    /// Customers of each arm whose answer must be known.
    pub after: u64,
    /// How long after taking an arm the goal counts for it.
    pub within: Span,
}

/// Tags that are added to a customer and taken away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagChange {
    /// Added where missing.
    pub add: Vec<String>,
    /// Taken away where present.
    pub remove: Vec<String>,
}

impl TagChange {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.add.is_empty() && self.remove.is_empty()
    }

    /// The tags afterwards, in their order, new ones last; `None` if they stay as they are.
    pub fn apply(&self, tags: Option<&serde_json::Value>) -> Option<serde_json::Value> {
        let before: Vec<String> = tags
            .and_then(serde_json::Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|tag| tag.as_str().map(str::to_owned))
            .collect();
        let mut after = before.clone();
        after.retain(|tag| !self.remove.contains(tag));
        for tag in &self.add {
            if !after.contains(tag) {
                after.push(tag.clone());
            }
        }
        (after != before).then(|| after.into())
    }
}

impl Rule {
    /// Its rank among rules and letters that compete; the higher one wins.
    pub fn rank(&self) -> i32 {
        self.priority.unwrap_or(0)
    }

    /// The position of a step by id.
    pub fn position(&self, step: &str) -> Option<usize> {
        self.steps.iter().position(|s| s.id == step)
    }
}
