//! RetailCRM's dates: `Y-m-d H:i:s` without a zone, in the account's zone; carts alone carry an offset.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use chrono_tz::Tz;

use crate::crm::ParseError;
use crate::journey::time::Timestamp;

/// Reads a date of either form; `zone` is used where the text carries none.
pub(super) fn read(field: &'static str, text: &str, zone: Tz) -> Result<Timestamp, ParseError> {
    parse(text.trim(), zone).ok_or_else(|| ParseError::Date { field, value: text.chars().take(40).collect() })
}

/// Reads a date that may be missing.
pub(super) fn read_optional(
    field: &'static str,
    text: Option<&str>,
    zone: Tz,
) -> Result<Option<Timestamp>, ParseError> {
    text.map(|text| read(field, text, zone)).transpose()
}

/// A moment as RetailCRM writes it.
pub(crate) fn write(at: Timestamp, zone: Tz) -> String {
    at.local(zone).format("%Y-%m-%d %H:%M:%S").to_string()
}

fn parse(text: &str, zone: Tz) -> Option<Timestamp> {
    // Longer texts hold no date, and chrono need not see them.
    if !text.is_ascii() || text.len() > 40 {
        return None;
    }
    // By far the most common form.
    if text.len() == 19
        && let Ok(local) = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S")
    {
        return usable(local.year()).then(|| Timestamp::from_local(local, zone)).flatten();
    }
    let with_offset = ["%Y-%m-%d %H:%M:%S%:z", "%Y-%m-%d %H:%M:%S%z", "%Y-%m-%dT%H:%M:%S%.f%z"]
        .iter()
        .find_map(|form| DateTime::parse_from_str(text, form).ok())
        .or_else(|| DateTime::parse_from_rfc3339(text).ok());
    if let Some(at) = with_offset {
        return usable(at.year()).then(|| Timestamp::from_utc(at.with_timezone(&Utc))).flatten();
    }
    let local = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(|day| day.and_time(NaiveTime::MIN)))?;
    usable(local.year()).then(|| Timestamp::from_local(local, zone)).flatten()
}

fn usable(year: i32) -> bool {
    (1900..=9999).contains(&year)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> Option<Timestamp> {
        Timestamp::parse_rfc3339(text)
    }

    #[test]
    fn dates_without_zone_are_the_accounts() {
        let moscow = chrono_tz::Europe::Moscow;
        for (text, expected) in [
            ("2026-07-01 12:00:00", "2026-07-01T09:00:00Z"),
            ("2026-07-01 12:00", "2026-07-01T09:00:00Z"),
            ("2026-07-01", "2026-06-30T21:00:00Z"),
            ("2026-07-01 12:00:00-05:00", "2026-07-01T17:00:00Z"),
            ("2026-07-01 12:00:00+0300", "2026-07-01T09:00:00Z"),
            ("2026-07-01T12:00:00Z", "2026-07-01T12:00:00Z"),
        ] {
            assert_eq!(parse(text, moscow), utc(expected), "{text}");
        }
    }

    #[test]
    fn the_hour_that_does_not_exist_is_the_first_after_it() {
        assert_eq!(parse("2026-03-29 02:30:00", chrono_tz::Europe::Berlin), utc("2026-03-29T01:00:00Z"));
        assert_eq!(parse("2026-10-25 02:30:00", chrono_tz::Europe::Berlin), utc("2026-10-25T00:30:00Z"));
    }

    #[test]
    fn impossible_dates_are_refused() {
        let long = "9".repeat(400);
        for text in [
            "",
            "0000-00-00 00:00:00",
            "2026-02-30 10:00:00",
            "-262143-01-01 00:00:00",
            "+262142-12-31 23:59:59",
            "1899-12-31 23:59:59",
            "9999-12-31 23:59:59-12:00",
            "10000-01-01",
            "２０２６-01-01",
            long.as_str(),
        ] {
            assert_eq!(parse(text, chrono_tz::America::New_York), None, "{text}");
        }
    }
}
