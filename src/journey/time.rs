//! Instants, spans and local calendars.
//!
//! An instant is UTC microseconds; a span is exact seconds (a day is 24 h); a calendar question ("the next 10:00 in
//! Moscow") goes through the zone's rules: a local time that does not exist (spring) means the first instant after the
//! gap, one that happens twice (autumn) means the first of the two.

use std::fmt;
use std::str::FromStr;

use chrono::{
    DateTime, Datelike, Days, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, TimeDelta, TimeZone,
    Utc, Weekday,
};
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A moment: microseconds since 1970-01-01T00:00:00Z, between the years 1900 and 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// Microseconds in one second.
pub const MICROS_PER_SECOND: i64 = 1_000_000;
const MIN_MICROS: i64 = -2_208_988_800 * MICROS_PER_SECOND;
const MAX_MICROS: i64 = 253_402_300_799 * MICROS_PER_SECOND;

impl Timestamp {
    /// The first moment representable (1900-01-01).
    pub const MIN: Self = Self(MIN_MICROS);
    /// The last moment representable (9999-12-31).
    pub const MAX: Self = Self(MAX_MICROS);

    /// A moment from UTC microseconds, clamped to the years 1900 to 9999.
    pub fn from_micros(micros: i64) -> Self {
        Self(micros.clamp(MIN_MICROS, MAX_MICROS))
    }

    /// A moment from UTC seconds; `None` outside the years 1900 to 9999.
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        let micros = seconds.checked_mul(MICROS_PER_SECOND)?;
        (MIN_MICROS..=MAX_MICROS).contains(&micros).then_some(Self(micros))
    }

    /// UTC microseconds since 1970.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// The moment of a chrono date; `None` outside the years 1900 to 9999.
    pub fn from_utc(at: DateTime<Utc>) -> Option<Self> {
        let micros = at.timestamp_micros();
        (MIN_MICROS..=MAX_MICROS).contains(&micros).then_some(Self(micros))
    }

    /// The moment as a chrono date.
    pub fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or_default()
    }

    /// Reads an RFC 3339 moment (`2026-11-22T10:00:00Z`).
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text).ok().and_then(|at| Self::from_utc(at.with_timezone(&Utc)))
    }

    /// A wall-clock time of a zone as a moment, by this module's rule for gaps and folds.
    pub fn from_local(local: NaiveDateTime, zone: Tz) -> Option<Self> {
        resolve(local, zone)
    }

    /// This moment on the wall clock of a zone.
    pub fn local(self, zone: Tz) -> NaiveDateTime {
        self.utc().with_timezone(&zone).naive_local()
    }

    /// This moment plus a span, stopping at the last representable moment.
    #[must_use]
    pub fn after(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.micros()).clamp(MIN_MICROS, MAX_MICROS))
    }

    /// This moment less a span, stopping at the first representable moment.
    #[must_use]
    pub fn before(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.micros()).clamp(MIN_MICROS, MAX_MICROS))
    }

    /// This moment as people of a zone read it: `2026-11-24 18:05:37 CET`. For notes; nothing reads it back.
    pub fn in_words(self, zone: Tz) -> String {
        self.utc().with_timezone(&zone).format("%Y-%m-%d %H:%M:%S %Z").to_string()
    }

    /// RFC 3339 text with microseconds: always of the same length, so that text order is time order.
    pub fn rfc3339(self) -> String {
        self.utc().to_rfc3339_opts(SecondsFormat::Micros, true)
    }

    /// How long from `earlier` to this moment; zero if it lies in the future.
    pub fn since(self, earlier: Self) -> Span {
        Span::from_micros(self.0.saturating_sub(earlier.0).max(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.utc().format("%Y-%m-%dT%H:%M:%S%.fZ"))
    }
}

/// A length of time: whole microseconds, never negative. Written `90s`, `15m`, `1h`, `7d`, `2w` or as a sum (`1d 12h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(i64);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A span of whole seconds.
    pub const fn seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    /// A span of whole days of 24 hours.
    pub const fn days(days: i64) -> Self {
        Self::seconds(days.saturating_mul(86_400))
    }

    /// A span of microseconds; negative becomes zero.
    pub const fn from_micros(micros: i64) -> Self {
        Self(if micros < 0 { 0 } else { micros })
    }

    /// Microseconds.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// Whether no time passes.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }
}

/// What is wrong with a written span.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a length of time: write a number and a unit (s, m, h, d, w), for example `90s`, `1h` or `1d 12h`"
)]
pub struct SpanError(String);

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let fail = || SpanError(text.to_owned());
        let mut total: i64 = 0;
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(fail());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(fail)?;
            let number: i64 = rest[..digits].parse().map_err(|_| fail())?;
            let unit = rest[digits..].chars().next().ok_or_else(fail)?;
            let seconds = match unit {
                's' => 1,
                'm' => 60,
                'h' => 3_600,
                'd' => 86_400,
                'w' => 604_800,
                _ => return Err(fail()),
            };
            let micros = number.checked_mul(seconds).and_then(|s| s.checked_mul(MICROS_PER_SECOND)).ok_or_else(fail)?;
            total = total.checked_add(micros).ok_or_else(fail)?;
            rest = rest[digits + unit.len_utf8()..].trim_start();
        }
        Ok(Self(total))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut seconds = self.0 / MICROS_PER_SECOND;
        if seconds == 0 {
            return write!(f, "0s");
        }
        let mut first = true;
        for (unit, size) in [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)] {
            let n = seconds / size;
            seconds %= size;
            if n > 0 {
                write!(f, "{}{n}{unit}", if first { "" } else { " " })?;
                first = false;
            }
        }
        Ok(())
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A time of day, written `10:00` (24 h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay(pub NaiveTime);

impl FromStr for TimeOfDay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        NaiveTime::parse_from_str(text.trim(), "%H:%M")
            .map(Self)
            .map_err(|_| format!("`{text}` is not a time of day: write hours and minutes, for example \"10:00\""))
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%H:%M"))
    }
}

/// The first moment at or after `from` whose wall clock in `zone` shows `time`, on `weekday` if one is given.
pub fn next_local(from: Timestamp, time: NaiveTime, weekday: Option<Weekday>, zone: Tz) -> Timestamp {
    let start = from.local(zone).date();
    // Eight days reach every weekday once more even when today's time is already past.
    for ahead in 0..=8 {
        let Some(day) = start.checked_add_days(Days::new(ahead)) else { break };
        if weekday.is_some_and(|wanted| day.weekday() != wanted) {
            continue;
        }
        if let Some(at) = resolve(day.and_time(time), zone).filter(|at| *at >= from) {
            return at;
        }
    }
    Timestamp::MAX
}

/// The same wall-clock time `days` days later in `zone`.
pub fn plus_local_days(from: Timestamp, days: u64, zone: Tz) -> Timestamp {
    let local = from.local(zone);
    local
        .date()
        .checked_add_days(Days::new(days))
        .and_then(|day| resolve(day.and_time(local.time()), zone))
        .unwrap_or(Timestamp::MAX)
}

/// The calendar day of a moment in a zone.
pub fn local_day(at: Timestamp, zone: Tz) -> NaiveDate {
    at.local(zone).date()
}

fn resolve(local: NaiveDateTime, zone: Tz) -> Option<Timestamp> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Timestamp::from_utc(at.with_timezone(&Utc)),
        LocalResult::None => {
            // In a gap: step back to before it (gaps are at most a day), then take the instant the clock jumps.
            let before = (1..=96).find_map(|quarter| {
                let earlier = local.checked_sub_signed(TimeDelta::minutes(15 * quarter))?;
                zone.from_local_datetime(&earlier).latest()
            })?;
            let mut low = before.timestamp();
            let mut high = low + 2 * 86_400;
            let offset = |at: i64| DateTime::from_timestamp(at, 0).map(|utc| utc.with_timezone(&zone).naive_local());
            while low + 1 < high {
                let middle = low + (high - low) / 2;
                if offset(middle).is_some_and(|shown| shown > local) { high = middle } else { low = middle }
            }
            Timestamp::from_seconds(high)
        }
    }
}
