//! Cron schedules: five fields and the usual numbers of week days, as the `cron` crate wants them.
//!
//! The crate takes six fields, counts week days from 1 = Sunday and refuses 0; it accepts dates that never come. Here 0 and
//! 7 are Sunday, and what never fires is refused. When both the day of the month and the week day are restricted, both must
//! match (old Unix cron fires when either does): a warning says so.

use std::collections::BTreeSet;
use std::str::FromStr as _;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::Unit;
use crate::journey::rule::CronSchedule;
use crate::rulebook::forms::Text;

const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const FIELDS: &str = "minute, hour, day of month, month, day of week: \"0 10 * * 2\" is Tuesdays at 10:00";

/// Compiles a schedule on the wall clock of a zone.
pub(super) fn compile_cron(text: &Text, zone: Tz, unit: &mut Unit<'_>) -> Option<CronSchedule> {
    let fields: Vec<&str> = text.value.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = fields.as_slice() else {
        let message = format!("a schedule has five fields, this one has {}", fields.len());
        unit.fault_help("bad-cron", &text.place, message, FIELDS);
        return None;
    };
    let bad =
        fields.iter().find(|f| !f.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '*' | ',' | '-' | '/')));
    if let Some(field) = bad {
        let message = format!("`{field}` holds something that schedules here do not know");
        unit.fault_help("bad-cron", &text.place, message, "numbers, names, `*`, `,`, `-` and `/` can be used");
        return None;
    }
    let Some(days) = week_days(weekday) else {
        let message = format!("`{weekday}` is not a day of the week");
        unit.fault_help("bad-cron", &text.place, message, "write 0 to 7 (0 and 7 are Sunday) or mon, tue, …");
        return None;
    };
    let expression = format!("0 {minute} {hour} {day} {month} {days}");
    let schedule = match cron::Schedule::from_str(&expression) {
        Ok(schedule) => schedule,
        Err(error) => {
            // The library draws the expression with a mark under it, and says below what is wrong.
            let said = error.to_string();
            let detail = said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
            unit.fault_help("bad-cron", &text.place, format!("this is not a schedule: {detail}"), FIELDS);
            return None;
        }
    };
    // 2000 is as good as any year: what does not fire in the century after it never does.
    let start: DateTime<Utc> = DateTime::from_timestamp(946_684_800, 0).unwrap_or_default();
    if schedule.after(&start).next().is_none() {
        let message = format!("`{}` never fires: there is no such date", text.value);
        unit.fault_help("bad-cron", &text.place, message, "look at the day of the month and the month");
        return None;
    }
    if days != "*" && !day.starts_with('*') {
        let message = "both the day of the month and the day of the week are given: it fires only when both match";
        let help = "old Unix cron would fire when either matches; leave one as `*`, or write two rules";
        unit.warn("cron-both-days", &text.place, message, help);
    }
    Some(CronSchedule { text: text.value.clone(), schedule, zone })
}

/// The field of week days with Sunday as 1, as the crate counts; `None` if it is not one.
fn week_days(field: &str) -> Option<String> {
    let mut days = BTreeSet::new();
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse::<usize>().ok().filter(|step| (1..=7).contains(step))?),
            None => (part, 1),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (0, 6),
            Some((first, last)) => (week_day(first)?, week_day(last)?),
            // `1/2` is "from Monday, every second day".
            None if part.contains('/') => (week_day(range)?, 6),
            None => (week_day(range)?, week_day(range)?),
        };
        // Friday to Sunday goes over the end of the week.
        let last = if last < first { last + 7 } else { last };
        days.extend((first..=last).step_by(step).map(|day| day % 7 + 1));
    }
    if days.len() == 7 {
        return Some("*".into());
    }
    Some(days.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
}

fn week_day(text: &str) -> Option<usize> {
    let lower = text.to_ascii_lowercase();
    let named = DAYS.iter().position(|day| lower == *day || (lower.starts_with(day) && lower.ends_with("day")));
    named.or_else(|| lower.parse().ok().filter(|day| *day <= 7))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn week_days_are_renumbered() {
        let check = |field: &str, expected: Option<&str>| assert_eq!(week_days(field).as_deref(), expected, "{field}");
        check("*", Some("*"));
        check("0", Some("1"));
        check("7", Some("1"));
        check("2", Some("3"));
        check("1-5", Some("2,3,4,5,6"));
        check("5-7", Some("1,6,7"));
        check("fri-sun", Some("1,6,7"));
        check("mon,wed", Some("2,4"));
        check("Tuesday", Some("3"));
        check("*/2", Some("1,3,5,7"));
        check("0-7", Some("*"));
        check("8", None);
        check("mo", None);
        check("1-", None);
        check("", None);
    }
}
