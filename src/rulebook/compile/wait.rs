//! Waits, and the waits that cannot be.

use std::ops::Range;

use chrono::{NaiveDate, NaiveTime, Weekday};

use super::Unit;
use super::cron::compile_cron;
use crate::journey::condition::Condition;
use crate::journey::spelling::suggest;
use crate::journey::time::{Span, TimeOfDay};
use crate::journey::wait::{Awaited, Length, Wait, WaitZone};
use crate::rulebook::forms::{SpanText, Text, WaitForm};
use crate::rulebook::read::At;

/// The longest wait: beyond it a slip of the unit is likelier than the wish.
pub(super) const LONGEST: Span = Span::days(731);
const DAY: Span = Span::days(1);
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A wait by what ends it.
pub(super) enum Ends {
    /// A moment.
    At(Wait),
    /// Something that happens, or the time that it is given.
    When(Awaited, Span),
}

/// Compiles a wait; `None` after a fault that leaves nothing to wait for. `event`: whether the run has an event.
pub(super) fn compile_wait(form: &WaitForm, event: bool, unit: &mut Unit<'_>) -> Option<Ends> {
    let way = way(form, unit)?;
    check_keys(form, way, unit);
    match (way, &form.until, &form.cron, &form.event, &form.condition) {
        ("until", Some(day), ..) => compile_date(form, day, unit).map(Ends::At),
        ("cron", _, Some(text), ..) => {
            let zone = zone_of(form, unit);
            let schedule = Box::new(compile_cron(text, unit.shop.zone, unit)?);
            Some(Ends::At(Wait::Schedule { schedule, zone: zone? }))
        }
        ("best_time", ..) => compile_best_time(form, unit).map(Ends::At),
        ("event", _, _, Some(kind), _) => {
            unit.event_kind(kind);
            let when = form.when.as_ref().map_or(Some(None), |when| unit.condition(when, true).map(Some));
            let what = Awaited::Event { kind: kind.value.clone(), when: when? };
            Some(Ends::When(what, up_to(form, unit)?))
        }
        ("condition", .., Some(text)) => {
            let condition = unit.condition(text, event);
            if let Some(always) = condition.as_ref().and_then(Condition::constant) {
                let message = format!("a condition that is always {always} is not worth waiting for");
                let help = if always { "leave the wait out" } else { "write `wait: 3d` for a plain length of time" };
                unit.fault_help("impossible-wait", &text.place, message, help);
            }
            let up_to = up_to(form, unit);
            Some(Ends::When(Awaited::Condition(condition?), up_to?))
        }
        _ => compile_length(form, unit).map(|length| Ends::At(Wait::Length(length))),
    }
}

/// What a wait waits for: one thing.
fn way(form: &WaitForm, unit: &mut Unit<'_>) -> Option<&'static str> {
    let written = [
        ("until", form.until.as_ref()),
        ("cron", form.cron.as_ref()),
        ("event", form.event.as_ref()),
        ("condition", form.condition.as_ref()),
        ("best_time", form.best_time.as_ref()),
    ];
    let mut ways = written.iter().filter_map(|(way, text)| text.map(|text| (*way, text)));
    let first = ways.next();
    if let (Some((way, _)), Some((extra, text))) = (first, ways.next()) {
        let message = format!("a wait waits for one thing: `{way}` is there already, so `{extra}` is one too many");
        unit.fault_help("impossible-wait", &text.place, message, "begin a new `-` for the second wait");
        return None;
    }
    if first.is_none() && form.span.is_none() && form.at.is_none() && form.weekday.is_none() {
        let help =
            "write `wait: 1h`, or one of `for`, `at`, `weekday`, `until`, `cron`, `event`, `condition`, `best_time`";
        unit.fault_help("impossible-wait", &form.place, "this wait waits for nothing", help);
        return None;
    }
    Some(first.map_or("for", |(way, _)| way))
}

/// Reports the keys that do not belong to a way of waiting.
fn check_keys(form: &WaitForm, way: &str, unit: &mut Unit<'_>) {
    let mut check = |key: &str, place: Option<&Range<usize>>, belongs: &[&str]| {
        if let Some(place) = place.filter(|_| !belongs.contains(&way)) {
            let to = belongs.iter().map(|way| format!("`{way}`")).collect::<Vec<_>>().join(" or ");
            let message = format!("`{key}` belongs to a wait with {to}, and this one has `{way}`");
            unit.fault_help("misplaced-key", place, message, format!("leave `{key}` out"));
        }
    };
    check("for", form.span.as_ref().map(|span| &span.place), &["for"]);
    check("at", form.at.as_ref().map(|text| &text.place), &["for", "until", "best_time"]);
    check("within", form.within.as_ref().map(|span| &span.place), &["best_time"]);
    check("weekday", form.weekday.as_ref().map(|text| &text.place), &["for"]);
    check("tz", form.tz.as_ref().map(|text| &text.place), &["for", "until", "cron"]);
    check("when", form.when.as_ref().map(|text| &text.place), &["event"]);
    check("up_to", form.up_to.as_ref().map(|span| &span.place), &["event", "condition"]);
    check("then", form.then.as_ref().map(|steps| &steps.place), &["event", "condition"]);
    check("timeout", form.timeout.as_ref().map(|steps| &steps.place), &["event", "condition"]);
}

fn compile_length(form: &WaitForm, unit: &mut Unit<'_>) -> Option<Length> {
    if let Some(span) = &form.span {
        check_span(span, unit);
    }
    if let Some(tz) = form.tz.as_ref().filter(|_| form.at.is_none() && form.weekday.is_none()) {
        let message = "`tz` says whose wall clock `at` and `weekday` follow, and neither is there";
        unit.fault_help(
            "misplaced-key",
            &tz.place,
            message,
            "leave it out: a length of time is the same in every zone",
        );
    }
    let at = form.at.as_ref().map_or(Some(None), |at| time_of_day(at, "impossible-wait", unit).map(Some));
    let weekday = form.weekday.as_ref().map_or(Some(None), |day| weekday(day, "impossible-wait", unit).map(Some));
    let zone = zone_of(form, unit);
    Some(Length {
        span: form.span.as_ref().map_or(Span::ZERO, |span| span.value.0),
        at: at?.map(|time| time.0),
        weekday: weekday?,
        zone: zone?,
    })
}

fn compile_date(form: &WaitForm, day: &Text, unit: &mut Unit<'_>) -> Option<Wait> {
    let date = NaiveDate::parse_from_str(day.value.trim(), "%Y-%m-%d").ok();
    if date.is_none() {
        let message = format!("`{}` is not a day of the calendar", day.value);
        unit.fault_help("impossible-wait", &day.place, message, "write year, month and day: `until: 2026-12-24`");
    }
    let midnight = TimeOfDay(NaiveTime::MIN);
    let at = form.at.as_ref().map_or(Some(midnight), |at| time_of_day(at, "impossible-wait", unit));
    let zone = zone_of(form, unit);
    Some(Wait::Date { at: date?.and_time(at?.0), zone: zone? })
}

fn compile_best_time(form: &WaitForm, unit: &mut Unit<'_>) -> Option<Wait> {
    if let Some(word) = form.best_time.as_ref().filter(|word| word.value != "true") {
        let message = format!("`best_time` knows no `{}`", word.value);
        unit.fault_help("unknown-word", &word.place, message, "write `best_time: true`, or leave it out");
    }
    let within = form.within.as_ref().map_or(DAY, |span| span.value.0);
    if let Some(span) = form.within.as_ref().filter(|_| within.is_zero() || within > DAY) {
        let message = "the best hour comes once a day: `within` is longer than nothing and at most 24h";
        unit.fault_help("impossible-wait", &span.place, message, "leave it out for a whole day");
    }
    let Some(at) = &form.at else {
        let help = "say when to go on while nothing is known of the customer, for example `at: \"10:00\"`";
        unit.fault_help("missing-key", &(form.place.start..form.place.start), "`at` is missing", help);
        return None;
    };
    Some(Wait::BestTime { within, at: time_of_day(at, "impossible-wait", unit)?.0 })
}

fn up_to(form: &WaitForm, unit: &mut Unit<'_>) -> Option<Span> {
    let Some(span) = &form.up_to else {
        let help = "say how long at most, for example `up_to: 3d`: no run may wait for ever";
        unit.fault_help("missing-key", &(form.place.start..form.place.start), "`up_to` is missing", help);
        return None;
    };
    check_span(span, unit);
    Some(span.value.0)
}

fn check_span(span: &At<SpanText>, unit: &mut Unit<'_>) {
    if span.value.0.is_zero() {
        unit.fault_help("impossible-wait", &span.place, "a wait of no time does not wait", "leave it out");
    } else if span.value.0 > LONGEST {
        let message = format!("a wait of {} is longer than {LONGEST}: nobody waits that long", span.value.0);
        unit.fault_help("impossible-wait", &span.place, message, "look at the unit: `m` is minutes, `d` days");
    }
}

/// A time of day; `code` is that of the fault where there is none.
pub(super) fn time_of_day(text: &Text, code: &'static str, unit: &mut Unit<'_>) -> Option<TimeOfDay> {
    match text.value.parse() {
        Ok(time) => Some(time),
        Err(message) => {
            let message: String = message;
            let found = unit.source.error(code, &text.place, message);
            let help = (text.value.trim() == "24:00").then(|| "midnight is \"00:00\"".to_owned());
            unit.faults.push(found.help_maybe(help));
            None
        }
    }
}

/// A day of the week; `code` is that of the fault where there is none.
pub(super) fn weekday(text: &Text, code: &'static str, unit: &mut Unit<'_>) -> Option<Weekday> {
    let day = text.value.parse().ok();
    if day.is_none() {
        let help = suggest(&text.value, &WEEKDAYS, "days of the week");
        unit.fault_help(code, &text.place, format!("`{}` is not a day of the week", text.value), help);
    }
    day
}

fn zone_of(form: &WaitForm, unit: &mut Unit<'_>) -> Option<WaitZone> {
    form.tz.as_ref().map_or(Some(WaitZone::Shop), |tz| zone(tz, "a wait", unit))
}

/// Whose wall clock `whose` follows.
pub(super) fn zone(text: &Text, whose: &str, unit: &mut Unit<'_>) -> Option<WaitZone> {
    match text.value.as_str() {
        "shop" => Some(WaitZone::Shop),
        "customer" => Some(WaitZone::Customer),
        other => {
            let help = suggest(other, &["shop", "customer"], "clocks that can be followed");
            unit.fault_help("unknown-word", &text.place, format!("`tz` of {whose} knows no `{other}`"), help);
            None
        }
    }
}

/// What a step is called that has no id of its own: `wait-1h`, `wait-1d-1000-customer`, `wait-until-2026-12-24`.
pub(super) fn name(ends: &Ends) -> String {
    let at = |time: NaiveTime| time.format("%H%M").to_string();
    let (mut parts, zone) = match ends {
        Ends::When(Awaited::Event { kind, .. }, _) => (vec![kind.clone()], WaitZone::Shop),
        Ends::When(Awaited::Condition(_), _) => (vec!["condition".to_owned()], WaitZone::Shop),
        Ends::At(Wait::Length(length)) => {
            let span = (!length.span.is_zero()).then(|| length.span.to_string().replace(' ', "-"));
            let day = length.weekday.map(|day| day.to_string().to_lowercase());
            (span.into_iter().chain(day).chain(length.at.map(at)).collect(), length.zone)
        }
        Ends::At(Wait::Date { at: moment, zone }) => {
            let time = Some(moment.time()).filter(|time| *time != NaiveTime::MIN).map(at);
            (["until".to_owned(), moment.date().to_string()].into_iter().chain(time).collect(), *zone)
        }
        Ends::At(Wait::BestTime { .. }) => (vec!["best-time".to_owned()], WaitZone::Shop),
        Ends::At(Wait::Schedule { schedule, zone }) => {
            let fields = schedule.text.split_whitespace().map(|field| field.replace('*', "x"));
            (std::iter::once("cron".to_owned()).chain(fields).collect(), *zone)
        }
    };
    if zone == WaitZone::Customer {
        parts.push("customer".into());
    }
    format!("wait-{}", parts.join("-"))
}
