//! Moments as people write them on a command line: `2026-11-22T10:00:00Z`, `2026-11-22`, or `7d` for so long ago.

use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;

use crate::journey::time::{Span, Timestamp};

/// Reads a moment. A date alone is its first moment in the shop's zone.
pub(super) fn read(text: &str, zone: Tz, now: Timestamp) -> anyhow::Result<Timestamp> {
    if let Some(at) = Timestamp::parse_rfc3339(text) {
        return Ok(at);
    }
    if let Ok(day) = text.parse::<NaiveDate>()
        && let Some(at) = Timestamp::from_local(day.and_time(NaiveTime::MIN), zone)
    {
        return Ok(at);
    }
    if let Ok(span) = text.parse::<Span>() {
        return Ok(now.before(span));
    }
    anyhow::bail!("`{text}` is not a moment: write `2026-11-22`, `2026-11-22T10:00:00Z`, or `7d` for seven days ago")
}

/// The same, and `+7d` for seven days from now.
pub(super) fn read_either_way(text: &str, zone: Tz, now: Timestamp) -> anyhow::Result<Timestamp> {
    match text.strip_prefix('+').and_then(|span| span.parse::<Span>().ok()) {
        Some(span) => Ok(now.after(span)),
        None => read(text, zone, now),
    }
}

/// A moment to come: `2026-12-31`, or `30d` from now.
pub(super) fn ahead(text: &str, zone: Tz, now: Timestamp) -> anyhow::Result<Timestamp> {
    match text.parse::<Span>() {
        Ok(span) => Ok(now.after(span)),
        Err(_) => read(text, zone, now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_moments_dates_and_spans() {
        let now = Timestamp::parse_rfc3339("2026-11-22T12:00:00Z").expect("a moment");
        let zone = chrono_tz::Europe::Moscow;
        let check = |text: &str, expect: &str| {
            let at = read(text, zone, now).map_or_else(|e| e.to_string(), |at| at.to_string());
            assert!(at.starts_with(expect), "{text}: {at}");
        };
        check("2026-11-01T00:00:00+03:00", "2026-10-31T21:00:00");
        check("2026-11-01", "2026-10-31T21:00:00");
        check("1d 12h", "2026-11-21T00:00:00");
        check("0000-01-01", "`0000-01-01` is not a moment");
        check("yesterday", "`yesterday` is not a moment");
    }
}
