//! The hours of the day at which a customer opens and clicks letters.

use chrono::{NaiveTime, Timelike as _};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::event::kind;
use super::time::{Timestamp, next_local};

const HOURS: usize = 24;

/// How often a letter was opened or clicked, by the hour that the customer's wall clock showed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReadingHours(Vec<u32>);

impl ReadingHours {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Counts an event that tells that a letter is being read.
    pub fn count(&mut self, kind: &str, at: Timestamp, zone: Tz) {
        if kind == kind::OPENED || kind == kind::CLICKED {
            self.0.resize(HOURS, 0);
            if let Some(count) = self.0.get_mut(at.local(zone).hour() as usize) {
                *count = count.saturating_add(1);
            }
        }
    }

    /// Takes over what is known of another customer who turned out to be the same.
    pub fn merge(&mut self, other: &Self) {
        if !other.is_empty() {
            self.0.resize(HOURS, 0);
            for (count, more) in self.0.iter_mut().zip(&other.0) {
                *count = count.saturating_add(*more);
            }
        }
    }

    /// The beginning of the best hour that comes from `from` to `last`: `from` itself within such an hour. Of equally good hours
    /// the next; `None` if nothing is known of any of them.
    pub fn best(&self, from: Timestamp, last: Timestamp, zone: Tz) -> Option<Timestamp> {
        let now = from.local(zone).hour();
        let begins = |hour: u32| {
            let time = NaiveTime::from_hms_opt(hour, 0, 0)?;
            Some(if hour == now { from } else { next_local(from, time, None, zone) }).filter(|at| *at <= last)
        };
        let known = (0_u32..).zip(&self.0).filter(|(_, count)| **count > 0);
        let moments = known.filter_map(|(hour, count)| Some((*count, begins(hour)?)));
        moments.max_by(|(a, x), (b, y)| a.cmp(b).then(y.cmp(x))).map(|(_, at)| at)
    }
}
