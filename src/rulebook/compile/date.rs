//! `on: {date: …}`: a date of the customer, with days before or after it.

use chrono::NaiveTime;

use super::Unit;
use super::wait::{time_of_day, zone};
use crate::journey::date::DateTrigger;
use crate::journey::facts::Type;
use crate::journey::spelling::nearest;
use crate::journey::time::Span;
use crate::journey::wait::WaitZone;
use crate::rulebook::forms::{OnForm, Text};

/// Facts that stand still between two happenings.
const ROOTS: [&str; 3] = ["customer", "orders", "cart"];
const FORM: &str = "write a date of the customer and days: `customer.birthday - 7d`, `orders.last_at + 30d`";
const LONGEST: i64 = 731;

/// Compiles a date with what stands beside it.
pub(super) fn compile_date(form: &OnForm, text: &Text, unit: &mut Unit<'_>) -> Option<DateTrigger> {
    let fact = compile_fact(text, unit);
    let at = form
        .at
        .as_ref()
        .map_or(NaiveTime::from_hms_opt(9, 0, 0), |at| time_of_day(at, "bad-time", unit).map(|time| time.0));
    let zone = form.tz.as_ref().map_or(Some(WaitZone::Customer), |tz| zone(tz, "a date", unit));
    let yearly = form.yearly.as_ref().is_some_and(|yearly| yearly.value);
    let (fact, days) = fact?;
    Some(DateTrigger { fact, days, yearly, at: at?, zone: zone? })
}

/// The fact, and the days after it.
fn compile_fact(text: &Text, unit: &mut Unit<'_>) -> Option<(String, i64)> {
    let written = text.value.trim();
    let (fact, days) = match written.find(['+', '-']) {
        None => (written, 0),
        Some(at) => {
            let (fact, rest) = written.split_at(at);
            let days = days(rest.get(1..).unwrap_or_default(), text, unit)?;
            (fact.trim_end(), if rest.starts_with('-') { -days } else { days })
        }
    };
    known_date(fact, text, unit).then(|| (fact.to_owned(), days))
}

fn days(written: &str, text: &Text, unit: &mut Unit<'_>) -> Option<i64> {
    let Ok(span) = written.parse::<Span>() else {
        unit.fault_help("bad-date", &text.place, format!("`{}` is not a length of time", written.trim()), FORM);
        return None;
    };
    let day = Span::days(1).micros();
    if span.micros() % day != 0 || span.micros() / day > LONGEST {
        let message = format!("a date is moved by whole days, at most {LONGEST}");
        unit.fault_help("bad-date", &text.place, message, "the time of day stands in `at`");
        return None;
    }
    Some(span.micros() / day)
}

/// Reports what is no date of a customer.
fn known_date(fact: &str, text: &Text, unit: &mut Unit<'_>) -> bool {
    let scope = unit.world.scope(false);
    let dates: Vec<String> = ROOTS
        .iter()
        .flat_map(|root| {
            scope.names(root).into_iter().flatten().map(move |(name, kind)| (format!("{root}.{name}"), kind))
        })
        .filter(|(_, kind)| matches!(kind, Type::Date | Type::Time))
        .map(|(name, _)| name)
        .collect();
    if dates.iter().any(|known| known == fact) {
        return true;
    }
    let help = match nearest(fact, dates.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("dates: {} (your own are declared in attributes.yaml with the type `date`)", dates.join(", ")),
    };
    unit.fault_help("bad-date", &text.place, format!("`{fact}` is not a date of the customer"), help);
    false
}
