//! Waits, and the waits that cannot be.

use chrono::Weekday;

use super::Unit;
use crate::journey::rule::{Wait, WaitZone};
use crate::journey::spelling::suggest;
use crate::journey::time::{Span, TimeOfDay};
use crate::rulebook::forms::{Text, WaitForm};

/// The longest wait: beyond it a slip of the unit is likelier than the wish.
pub(super) const LONGEST: Span = Span::days(731);
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Compiles a wait; `None` after a fault that leaves nothing to wait for.
pub(super) fn compile_wait(form: &WaitForm, unit: &mut Unit<'_>) -> Option<Wait> {
    if form.span.is_none() && form.at.is_none() && form.weekday.is_none() {
        let help = "write `wait: 1h`, or at least one of `for`, `at`, `weekday`";
        unit.fault_help("impossible-wait", &form.place, "this wait waits for nothing", help);
        return None;
    }
    if let Some(span) = &form.span {
        if span.value.0.is_zero() {
            unit.fault_help("impossible-wait", &span.place, "a wait of no time does not wait", "leave it out");
        } else if span.value.0 > LONGEST {
            let message = format!("a wait of {} is longer than {LONGEST}: nobody waits that long", span.value.0);
            unit.fault_help("impossible-wait", &span.place, message, "look at the unit: `m` is minutes, `d` days");
        }
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
    let at = form.at.as_ref().map_or(Some(None), |at| time_of_day(at, unit).map(Some));
    let weekday = form.weekday.as_ref().map_or(Some(None), |day| weekday(day, unit).map(Some));
    let zone = form.tz.as_ref().map_or(Some(WaitZone::Shop), |tz| zone(tz, unit));
    Some(Wait {
        span: form.span.as_ref().map_or(Span::ZERO, |span| span.value.0),
        at: at?.map(|time| time.0),
        weekday: weekday?,
        zone: zone?,
    })
}

pub(super) fn time_of_day(text: &Text, unit: &mut Unit<'_>) -> Option<TimeOfDay> {
    match text.value.parse() {
        Ok(time) => Some(time),
        Err(message) => {
            let message: String = message;
            let found = unit.source.error("impossible-wait", &text.place, message);
            let help = (text.value.trim() == "24:00").then(|| "midnight is \"00:00\"".to_owned());
            unit.faults.push(found.help_maybe(help));
            None
        }
    }
}

pub(super) fn weekday(text: &Text, unit: &mut Unit<'_>) -> Option<Weekday> {
    let day = text.value.parse().ok();
    if day.is_none() {
        let help = suggest(&text.value, &WEEKDAYS, "days of the week");
        unit.fault_help("impossible-wait", &text.place, format!("`{}` is not a day of the week", text.value), help);
    }
    day
}

pub(super) fn zone(text: &Text, unit: &mut Unit<'_>) -> Option<WaitZone> {
    match text.value.as_str() {
        "shop" => Some(WaitZone::Shop),
        "customer" => Some(WaitZone::Customer),
        other => {
            let help = suggest(other, &["shop", "customer"], "clocks that a wait can follow");
            unit.fault_help("unknown-word", &text.place, format!("`tz` of a wait knows no `{other}`"), help);
            None
        }
    }
}
