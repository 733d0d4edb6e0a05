//! The least time that steps take: what a wait until an hour, a day of the week or a firing comes to at the soonest, from what is
//! known of the wall clock on the way to it.
//!
//! Not counted is the hour by which a day is shorter when clocks change.

use chrono::{NaiveTime, Timelike as _};

use super::ways::Way;
use crate::journey::rule::{Action, CronSchedule, Step};
use crate::journey::time::{Span, Timestamp};
use crate::journey::wait::{Length, Wait, WaitZone};

pub(super) const DAY: i64 = 86_400;
const WEEK: i64 = 7 * DAY;
/// Firings of a schedule among which the shortest time between two is looked for.
const FIRINGS: usize = 60;
/// A moment at which to begin: a Monday.
const SOME_DAY: i64 = 1_767_571_200;

/// What is known of the wall clock on a way.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Clock {
    /// It may show anything.
    #[default]
    Unknown,
    /// The second of the day, and the day of the week if it is known.
    Told { customers: bool, weekday: Option<i64>, second: i64 },
    /// So many seconds ago the schedule of that step fired.
    Fired { step: usize, ago: i64 },
}

/// The least seconds that a step takes on a way on from it, and what is known of the clock then.
pub(super) fn least(steps: &[Step], at: usize, way: Way, clock: &Clock) -> (i64, Clock) {
    match steps.get(at).map(|step| &step.action) {
        Some(Action::Wait(Wait::Length(length))) => of_length(length, clock),
        Some(Action::Wait(Wait::Schedule { schedule, zone })) => {
            let since = match clock {
                Clock::Fired { step, ago } => same_schedule(steps, *step, schedule, *zone).then_some(*ago),
                _ => None,
            };
            let least = since.map_or(0, |ago| between_firings(schedule, ago));
            (least, Clock::Fired { step: at, ago: 0 })
        }
        Some(Action::Await(wait)) if way.in_vain => (seconds(wait.up_to), clock.later(seconds(wait.up_to))),
        // The day may be past, the event may come at once, and the code may be there only later.
        Some(Action::Wait(_) | Action::Await(_) | Action::Promo { .. }) => (0, Clock::Unknown),
        _ => (0, clock.clone()),
    }
}

fn of_length(length: &Length, clock: &Clock) -> (i64, Clock) {
    let span = seconds(length.span);
    if length.at.is_none() && length.weekday.is_none() {
        return (span, clock.later(span));
    }
    let customers = length.zone == WaitZone::Customer;
    let wanted = i64::from(length.at.unwrap_or(NaiveTime::MIN).num_seconds_from_midnight());
    let wanted_day = length.weekday.map(|day| i64::from(day.num_days_from_monday()));
    let told = |weekday| Clock::Told { customers, weekday, second: wanted };
    match clock.later(span) {
        Clock::Told { customers: whose, weekday, second } if whose == customers => match (wanted_day, weekday) {
            (Some(day), Some(today)) => {
                (span + (day * DAY + wanted - today * DAY - second).rem_euclid(WEEK), told(Some(day)))
            }
            (wanted_day, today) => {
                let rest = (wanted - second).rem_euclid(DAY);
                let then = today.map(|today| (today + (second + rest) / DAY).rem_euclid(7));
                (span + rest, told(wanted_day.or(then)))
            }
        },
        _ => (span, told(wanted_day)),
    }
}

fn same_schedule(steps: &[Step], other: usize, schedule: &CronSchedule, zone: WaitZone) -> bool {
    match steps.get(other).map(|step| &step.action) {
        Some(Action::Wait(Wait::Schedule { schedule: other, zone: others })) => {
            other.text == schedule.text && *others == zone
        }
        _ => false,
    }
}

/// The least seconds from so long after a firing to the next one.
fn between_firings(schedule: &CronSchedule, ago: i64) -> i64 {
    let mut least = i64::MAX;
    let mut firing = schedule.next_after_in(Timestamp::from_micros(SOME_DAY * 1_000_000), chrono_tz::UTC);
    for _ in 0..FIRINGS {
        let Some(now) = firing.map(|firing| firing.after(Span::seconds(ago))) else { break };
        let Some(next) = schedule.next_after_in(now, chrono_tz::UTC) else { break };
        least = least.min(seconds(next.since(now)));
        firing = Some(next);
    }
    if least == i64::MAX { 0 } else { least }
}

impl Clock {
    /// So many seconds later.
    pub(super) fn later(&self, seconds: i64) -> Self {
        match self {
            Self::Unknown => Self::Unknown,
            Self::Told { customers, weekday, second } => {
                let second = second + seconds;
                let weekday = weekday.map(|day| (day + second / DAY).rem_euclid(7));
                Self::Told { customers: *customers, weekday, second: second.rem_euclid(DAY) }
            }
            Self::Fired { step, ago } => Self::Fired { step: *step, ago: ago + seconds },
        }
    }
}

pub(super) fn seconds(span: Span) -> i64 {
    span.micros() / 1_000_000
}
