//! When one letter may go at the earliest by one set of limits.

use chrono::{Datelike as _, Days, NaiveDate, NaiveTime};
use chrono_tz::Tz;

use super::{Cap, Holiday, LimitKind, Limits, Quiet, Scope};
use crate::journey::time::{Span, Timestamp, next_local};

/// A limit that a moment meets.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Obstacle {
    /// The moment from which this limit allows it, as far as it can be told; always later than the one that was asked.
    pub(super) until: Timestamp,
    pub(super) kind: LimitKind,
    /// Which limit, in words.
    pub(super) limit: String,
}

impl Limits {
    /// What keeps a letter from going at a moment. `taken` are the moments of the other letters that count here, in order.
    pub(super) fn obstacle(&self, scope: Scope<'_>, at: Timestamp, taken: &[Timestamp], zone: Tz) -> Option<Obstacle> {
        let told = |until: Timestamp, kind, what: String| Obstacle {
            until,
            kind,
            limit: format!("{what} ({}, {})", scope.in_words(), self.purpose),
        };
        for cap in &self.caps {
            if let Some(until) = room(*cap, at, taken) {
                let kind = if scope == Scope::Customer { LimitKind::Fewer } else { LimitKind::Cap };
                return Some(told(until, kind, format!("at most {} in {}", cap.most, cap.span)));
            }
        }
        if let Some(span) = self.gap
            && let Some(until) = room(Cap { most: 1, span }, at, taken)
        {
            return Some(told(until, LimitKind::Gap, format!("at least {span} between two letters")));
        }
        let local = at.local(zone);
        if let Some(quiet) = self.quiet.filter(|quiet| quiet.covers(local.time())) {
            let until = next_local(at, quiet.to, None, zone);
            let hours = format!("quiet from {} to {}", quiet.from.format("%H:%M"), quiet.to.format("%H:%M"));
            return Some(told(until, LimitKind::Quiet, hours));
        }
        let kind = self.closed(local.date())?;
        let next = local.date().checked_add_days(Days::new(1))?;
        let until = Timestamp::from_local(next.and_time(NaiveTime::MIN), zone)?;
        let day = match kind {
            LimitKind::Holiday => "a holiday",
            _ => "a day off",
        };
        // Where a zone jumps over midnight, or a whole day, the day itself is what ends.
        Some(told(until.max(at.after(Span::seconds(1))), kind, day.into()))
    }

    fn closed(&self, day: NaiveDate) -> Option<LimitKind> {
        if self.days_off.contains(&day.weekday()) {
            return Some(LimitKind::DayOff);
        }
        let holiday = self.holidays.iter().any(|holiday| match holiday {
            Holiday::Once(date) => *date == day,
            Holiday::Yearly { month, day: of_month } => (day.month(), day.day()) == (*month, *of_month),
        });
        holiday.then_some(LimitKind::Holiday)
    }
}

impl Quiet {
    fn covers(self, time: NaiveTime) -> bool {
        if self.from <= self.to { (self.from..self.to).contains(&time) } else { time >= self.from || time < self.to }
    }
}

/// The next moment that could have room under a cap, if this one has none. Letters that go later count, too: one that ranks
/// higher and waits for its hour must find its room when that comes.
fn room(cap: Cap, at: Timestamp, taken: &[Timestamp]) -> Option<Timestamp> {
    // A window that holds this letter begins with it, or with a letter less than a window before it.
    let starts = taken.iter().filter(|start| **start <= at && start.after(cap.span) > at).chain(std::iter::once(&at));
    let full = |start: &Timestamp| {
        let end = start.after(cap.span);
        taken.iter().filter(|other| *start <= **other && **other < end).count() >= cap.most
    };
    if !starts.into_iter().any(full) {
        return None;
    }
    // Room comes when a window ends that a letter began.
    taken.iter().map(|start| start.after(cap.span)).filter(|end| *end > at).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_micros(0).after(Span::seconds(hour * 3_600))
    }

    fn first(cap: Cap, from: i64, taken: &[i64]) -> i64 {
        let taken: Vec<Timestamp> = taken.iter().map(|hour| at(*hour)).collect();
        let mut moment = at(from);
        while let Some(later) = room(cap, moment, &taken) {
            assert!(later > moment);
            moment = later;
        }
        moment.since(at(0)).micros() / 3_600_000_000
    }

    #[test]
    fn a_cap_has_room_when_its_window_has() {
        let day = Cap { most: 2, span: Span::seconds(24 * 3_600) };
        for (from, taken, expected) in [
            (10, &[][..], 10),
            (10, &[9], 10),
            (10, &[8, 9], 32),
            (10, &[-14, 9], 10),
            (10, &[-13, 9], 11),
            // What goes later has its room kept: three letters at 1, 2 and 20 would be too many in the day from 1.
            (2, &[1, 20], 25),
            (2, &[20], 2),
            (0, &[30, 31], 0),
            (8, &[30, 31], 54),
        ] {
            assert_eq!(first(day, from, taken), expected, "{from} {taken:?}");
        }
    }
}
