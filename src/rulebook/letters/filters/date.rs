//! `date`: a moment as a date in the customer's zone and the letter's language.

use std::fmt::Write as _;

use chrono::format::{Item, StrftimeItems};
use chrono_tz::Tz;
use pure_rust_locales::{Locale, locale_match};
use tera::{Error, Kwargs, State, TeraResult, Value};

use super::locale::Language;
use crate::journey::time::Timestamp;

/// The formats that have a name; others are patterns with `%`.
pub(super) const FORMATS: [&str; 5] = ["long", "short", "weekday", "day", "time"];

/// `{{ orders.last_at | date }}`, `{{ … | date(format="weekday") }}`, `{{ … | date(format="%d.%m.%Y %H:%M",
/// zone="Europe/Moscow") }}`. Without a zone the customer's is taken, else the shop's; without a format the date is written out.
pub(super) fn date(value: &Value, kwargs: &Kwargs, state: &State, shop_zone: Tz) -> TeraResult<String> {
    if value.is_none() || value.is_undefined() {
        return Ok(String::new());
    }
    let at = value.as_i64().map(Timestamp::from_micros).or_else(|| Timestamp::parse_rfc3339(value.as_str()?));
    let Some(at) = at else {
        return Err(Error::message(
            "`date` takes a moment: a fact of the type time, or text such as 2026-11-22T10:00:00Z",
        ));
    };
    let zone = match kwargs.get::<String>("zone")? {
        Some(name) => name.parse().map_err(|_| Error::message(format!("there is no time zone `{name}`")))?,
        None => customer_zone(state).unwrap_or(shop_zone),
    };
    let format = kwargs.get::<String>("format")?;
    let language = Language::asked(kwargs, state)?;
    let locale = language.conventions();
    let pattern = pattern(format.as_deref().unwrap_or("long"), &language, locale);
    let mut shown = String::new();
    // chrono fails while writing when the format is not one.
    match write!(shown, "{}", at.utc().with_timezone(&zone).format_localized(&pattern, locale)) {
        // Weekdays are written small inside a sentence, where the data have them as on a calendar.
        Ok(()) if pattern.starts_with("%A, ") && is_cyrillic(&shown) => Ok(shown.to_lowercase()),
        Ok(()) => Ok(shown),
        Err(_) => Err(Error::message(format!("`{pattern}` is not a format of dates"))),
    }
}

/// Whether a text is a format: a name, or a pattern that can be written.
pub(super) fn is_format(format: &str) -> bool {
    FORMATS.contains(&format)
        || (format.contains('%') && StrftimeItems::new(format).all(|item| !matches!(item, Item::Error)))
}

fn pattern(format: &str, language: &Language, locale: Locale) -> String {
    let (day, long) = match language.language.as_str() {
        "en" if language.american() => ("%B %-d", "%B %-d, %Y"),
        "es" | "pt" | "ca" | "gl" => ("%-d de %B", "%-d de %B de %Y"),
        "de" | "cs" | "sk" | "da" | "nb" | "no" | "fi" | "et" | "sl" | "hr" | "bs" | "is" => ("%-d. %B", "%-d. %B %Y"),
        "hu" => ("%B %-d.", "%Y. %B %-d."),
        "ja" | "zh" => ("%-m月%-d日", "%Y年%-m月%-d日"),
        "ko" => ("%-m월 %-d일", "%Y년 %-m월 %-d일"),
        _ => ("%-d %B", "%-d %B %Y"),
    };
    match format {
        "long" => long.to_owned(),
        "day" => day.to_owned(),
        "weekday" => format!("%A, {day}"),
        // 04/05/2026 is April to some who read English and May to others.
        "short" if language.american() => "%b %-d, %Y".to_owned(),
        "short" if language.language == "en" => "%-d %b %Y".to_owned(),
        "short" => locale_match!(locale => LC_TIME::D_FMT).replace("%y", "%Y"),
        "time" if language.american() => "%-I:%M %p".to_owned(),
        "time" => "%H:%M".to_owned(),
        pattern => pattern.to_owned(),
    }
}

fn is_cyrillic(text: &str) -> bool {
    text.chars().next().is_some_and(|c| ('\u{400}'..='\u{4ff}').contains(&c))
}

fn customer_zone(state: &State) -> Option<Tz> {
    let customer: Value = state.get("customer").ok().flatten()?;
    customer.get_from_path("time_zone")?.as_str()?.parse().ok()
}
