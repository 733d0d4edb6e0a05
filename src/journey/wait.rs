//! What a run may wait for: a moment that is known when the wait begins, or something that has to happen.
//!
//! Not here: letting runs go on (`waiting`), the timers themselves (`advance`).

use chrono::{NaiveDateTime, NaiveTime, Weekday};
use chrono_tz::Tz;

use super::condition::Condition;
use super::customer::Customer;
use super::rule::CronSchedule;
use super::time::{Span, Timestamp, next_local};

/// A wait until a moment that is reckoned once, when it begins.
#[derive(Clone, Debug)]
pub enum Wait {
    /// A length of time, then on to a time of day or day of the week.
    Length(Length),
    /// A day of the calendar; one that is past already is no wait.
    Date {
        /// What the wall clock shows then.
        at: NaiveDateTime,
        /// On whose wall clock.
        zone: WaitZone,
    },
    /// The next firing of a schedule after the wait's beginning.
    Schedule {
        /// The schedule.
        schedule: Box<CronSchedule>,
        /// On whose wall clock.
        zone: WaitZone,
    },
    /// The hour of the customer's day at which letters were opened and clicked most.
    BestTime {
        /// How far ahead it may lie.
        within: Span,
        /// The time of day taken when nothing is known.
        at: NaiveTime,
    },
}

/// How long a wait lasts: first `span`, then on to the time of day or week day if one is given.
#[derive(Clone, Debug, PartialEq)]
pub struct Length {
    /// At least this long.
    pub span: Span,
    /// Then until the wall clock shows this.
    pub at: Option<NaiveTime>,
    /// On this day of the week (at `at`, or at 00:00).
    pub weekday: Option<Weekday>,
    /// On whose wall clock.
    pub zone: WaitZone,
}

/// Whose wall clock a wait follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitZone {
    /// The shop's.
    Shop,
    /// The customer's `time_zone` attribute; the shop's where that is missing or unknown.
    Customer,
}

/// A wait for something to happen, but not longer than `up_to`.
#[derive(Clone, Debug)]
pub struct Await {
    /// What has to happen.
    pub what: Awaited,
    /// How long at most.
    pub up_to: Span,
    /// Where to go when it happens.
    pub then: usize,
    /// Where to go when the time is over.
    pub timeout: usize,
}

/// What has to happen for a run to go on.
#[derive(Clone, Debug)]
pub enum Awaited {
    /// An event of this kind that is no older than the wait.
    Event {
        /// The kind.
        kind: String,
        /// Must hold for that event.
        when: Option<Condition>,
    },
    /// This holds, be it at once.
    Condition(Condition),
}

impl Awaited {
    /// What has to happen, in words.
    pub fn in_words(&self) -> String {
        match self {
            Self::Event { kind, when: None } => format!("the event {kind}"),
            Self::Event { kind, when: Some(when) } => format!("the event {kind} with {}", when.text()),
            Self::Condition(condition) => format!("this to hold: {}", condition.text()),
        }
    }
}

impl WaitZone {
    /// The zone itself.
    pub fn of(self, customer: &Customer, shop: Tz) -> Tz {
        match self {
            Self::Shop => shop,
            Self::Customer => customer.zone().unwrap_or(shop),
        }
    }
}

/// When a wait that begins at `from` is over.
pub fn wait_until(wait: &Wait, customer: &Customer, shop: Tz, from: Timestamp) -> Timestamp {
    match wait {
        Wait::Length(Length { span, at, weekday, zone }) => {
            let earliest = from.after(*span);
            match (at, weekday) {
                (None, None) => earliest,
                (at, weekday) => next_local(earliest, at.unwrap_or(NaiveTime::MIN), *weekday, zone.of(customer, shop)),
            }
        }
        Wait::Date { at, zone } => {
            Timestamp::from_local(*at, zone.of(customer, shop)).unwrap_or(Timestamp::MAX).max(from)
        }
        Wait::Schedule { schedule, zone } => {
            schedule.next_after_in(from, zone.of(customer, shop)).unwrap_or(Timestamp::MAX)
        }
        Wait::BestTime { within, at } => {
            let zone = WaitZone::Customer.of(customer, shop);
            let last = from.after(*within);
            customer.reading_hours.best(from, last, zone).unwrap_or_else(|| next_local(from, *at, None, zone).min(last))
        }
    }
}
