//! How much of a ceiling this node has in hand. The whole of it lies in the ledger, of which every node takes a little at a
//! time.

use chrono::{NaiveDate, Timelike};
use chrono_tz::Tz;

use crate::journey::time::{Span, Timestamp};
use crate::store::Window;

/// What is counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Per {
    /// Spread over each second.
    Second,
    /// In each hour.
    Hour,
    /// In each day of the shop's, while a relay is warmed up.
    Day,
}

/// A ceiling that may change by the day.
#[derive(Clone, Debug)]
pub(crate) enum Limit {
    /// Always the same.
    Fixed(u32),
    /// By the days since a relay began.
    WarmUp { from: NaiveDate, daily: Vec<u32>, zone: Tz },
}

impl Limit {
    /// The ceiling of a moment: `None` if there is none any more.
    pub(crate) fn at(&self, now: Timestamp) -> Option<u32> {
        match self {
            Self::Fixed(limit) => Some(*limit),
            Self::WarmUp { from, daily, zone } => {
                let day = now.local(*zone).date().signed_duration_since(*from).num_days();
                // Before it begins nothing goes.
                usize::try_from(day).map_or(Some(0), |day| daily.get(day).copied())
            }
        }
    }
}

/// What this node has in hand of one ceiling.
#[derive(Debug)]
pub(super) struct Gauge {
    pub(super) per: Per,
    pub(super) limit: Limit,
    zone: Tz,
    left: u32,
    lapses: Timestamp,
    closed_until: Timestamp,
}

/// Whether one more letter is within a ceiling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Yes,
    /// The ledger has to be asked for more.
    Ask,
    /// Not before then.
    Not(Timestamp),
}

/// What the ledger gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grant {
    /// So many letters, to be used up before then.
    Letters(u32, Timestamp),
    /// None before then.
    Nothing(Timestamp),
}

impl Gauge {
    pub(super) fn new(per: Per, limit: Limit, zone: Tz) -> Self {
        Self { per, limit, zone, left: 0, lapses: Timestamp::MIN, closed_until: Timestamp::MIN }
    }

    pub(super) fn room(&self, now: Timestamp) -> Room {
        match self.limit.at(now) {
            None => Room::Yes,
            Some(0) => Room::Not(self.per.ends(now, self.zone)),
            Some(_) if self.left > 0 && now < self.lapses => Room::Yes,
            Some(_) if self.closed_until > now => Room::Not(self.closed_until),
            Some(_) => Room::Ask,
        }
    }

    pub(super) fn take(&mut self) {
        self.left = self.left.saturating_sub(1);
    }

    /// A letter that took its share at a moment did not go. Of a window that has ended nothing comes back, and of a rate a
    /// second nothing at all: its time has passed.
    pub(super) fn give_back(&mut self, taken: Timestamp) {
        if self.per != Per::Second && self.per.ends(taken, self.zone) == self.lapses {
            self.left += 1;
        }
    }

    pub(super) fn grant(&mut self, grant: Grant) {
        match grant {
            // Meanwhile some may have been given back.
            Grant::Letters(letters, lapses) if lapses == self.lapses => self.left += letters,
            Grant::Letters(letters, lapses) => (self.left, self.lapses) = (letters, lapses),
            Grant::Nothing(until) => self.closed_until = until,
        }
    }
}

impl Per {
    /// The window that a moment lies in; none for what is spread.
    pub(crate) fn window(self, now: Timestamp, zone: Tz) -> Option<Window> {
        match self {
            Self::Second => None,
            Self::Hour => {
                let past = now.utc().minute() * 60 + now.utc().second();
                let whole = Timestamp::from_micros(now.micros() - now.micros().rem_euclid(1_000_000));
                Some(Window { span: "hour", start: whole.before(Span::seconds(i64::from(past))) })
            }
            Self::Day => {
                let midnight = now.local(zone).date().and_hms_opt(0, 0, 0)?;
                Some(Window { span: "day", start: Timestamp::from_local(midnight, zone)? })
            }
        }
    }

    /// When the window of a moment ends.
    pub(crate) fn ends(self, now: Timestamp, zone: Tz) -> Timestamp {
        let next = match self {
            Self::Second => now.after(Span::seconds(1)),
            Self::Hour => self.window(now, zone).map_or(now, |window| window.start).after(Span::seconds(3_600)),
            Self::Day => {
                let tomorrow = now.local(zone).date().succ_opt().and_then(|day| day.and_hms_opt(0, 0, 0));
                tomorrow.and_then(|midnight| Timestamp::from_local(midnight, zone)).unwrap_or(Timestamp::MAX)
            }
        };
        next.max(now)
    }

    /// How many letters a node takes at once of a ceiling: few, for what it does not use is lost.
    pub(crate) fn portion(self, limit: u32) -> u32 {
        let parts = if self == Self::Second { 10 } else { 50 };
        (limit / parts).clamp(1, 200)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).expect("a moment")
    }

    #[test]
    fn windows_are_whole_hours_and_days_of_the_shop() {
        let zone = chrono_tz::Europe::Berlin;
        let now = at("2026-03-28T22:40:10.5Z");
        let start = |per: Per| per.window(now, zone).expect("a window").start;
        assert_eq!(start(Per::Hour), at("2026-03-28T22:00:00Z"));
        assert_eq!(Per::Hour.ends(now, zone), at("2026-03-28T23:00:00Z"));
        assert_eq!(start(Per::Day), at("2026-03-27T23:00:00Z"));
        assert_eq!(Per::Day.ends(now, zone), at("2026-03-28T23:00:00Z"));
        // The day on which clocks go forward has 23 hours.
        assert_eq!(Per::Day.ends(at("2026-03-29T00:00:00Z"), zone), at("2026-03-29T22:00:00Z"));
    }

    #[test]
    fn a_warm_up_takes_nothing_before_it_begins_and_has_an_end() {
        let from = NaiveDate::from_ymd_opt(2026, 3, 10).expect("a day");
        let limit = Limit::WarmUp { from, daily: vec![50, 100], zone: chrono_tz::Europe::Berlin };
        let checks = [
            ("2026-03-09T22:59:59Z", Some(0)),
            ("2026-03-09T23:00:00Z", Some(50)),
            ("2026-03-11T12:00:00Z", Some(100)),
            ("2026-03-12T12:00:00Z", None),
        ];
        for (moment, expect) in checks {
            assert_eq!(limit.at(at(moment)), expect, "{moment}");
        }
    }

    #[test]
    fn what_is_not_used_in_time_is_lost() {
        let now = at("2026-03-10T09:00:00Z");
        let later = |seconds| now.after(Span::seconds(seconds));
        let mut gauge = Gauge::new(Per::Hour, Limit::Fixed(100), Tz::UTC);
        assert_eq!(gauge.room(now), Room::Ask);
        gauge.grant(Grant::Letters(2, later(10)));
        gauge.take();
        assert_eq!(gauge.room(later(9)), Room::Yes);
        assert_eq!(gauge.room(later(10)), Room::Ask);
        gauge.grant(Grant::Nothing(later(60)));
        assert_eq!(gauge.room(later(59)), Room::Not(later(60)));
        assert_eq!(gauge.room(later(60)), Room::Ask);
    }
}
