//! Limits on attention and holdouts, and those that could never work.

use chrono::{NaiveDate, Weekday};

use super::Unit;
use super::wait::{time_of_day, weekday, zone};
use crate::journey::attention::{AtLimit, Attention, Cap, Holiday, LONGEST, Limits, MOST, Quiet};
use crate::journey::share::Share;
use crate::journey::spelling::suggest;
use crate::journey::time::Span;
use crate::journey::wait::WaitZone;
use crate::rulebook::forms::{AtLimitForm, LimitsForm, LimitsList, QuietForm, ShopLimitsForm, Text};
use crate::rulebook::read::At;

/// How long a letter waits at a limit if nothing else is said.
const PATIENCE: Span = Span::days(7);

/// Compiles `rules/limits.yaml`.
pub(in crate::rulebook) fn compile_shop_limits(form: &ShopLimitsForm, unit: &mut Unit<'_>) -> Attention {
    attention(form.limits.as_ref(), form.holdout.as_ref(), None, unit)
}

/// Compiles limits and a holdout. `purpose` is that of the rule they are of; elsewhere each set names its own.
pub(super) fn attention(
    limits: Option<&LimitsList>,
    holdout: Option<&Text>,
    purpose: Option<&str>,
    unit: &mut Unit<'_>,
) -> Attention {
    let forms = limits.map_or(&[][..], |list| list.0.as_slice());
    Attention {
        limits: forms.iter().filter_map(|form| compile_limits(form, purpose, unit)).collect(),
        holdout: holdout.and_then(|text| share(text, unit)),
    }
}

fn share(text: &Text, unit: &mut Unit<'_>) -> Option<Share> {
    match text.value.parse::<Share>() {
        Ok(Share::ALL) => {
            let help = "nobody would get a letter: pause the rule instead";
            unit.fault_help("out-of-range", &text.place, "a holdout of everybody", help);
            None
        }
        Ok(share) => Some(share),
        Err(error) => {
            unit.fault("bad-share", &text.place, error.to_string());
            None
        }
    }
}

fn compile_limits(form: &LimitsForm, of_rule: Option<&str>, unit: &mut Unit<'_>) -> Option<Limits> {
    let purpose = match (&form.purpose, of_rule) {
        (Some(purpose), Some(own)) => {
            let message = format!("the limits of a rule are for its own purpose, which is `{own}`");
            unit.fault_help("misplaced-key", &purpose.place, message, "remove it here");
            return None;
        }
        (Some(purpose), None) => purpose.value.clone(),
        (None, own) => own.unwrap_or("marketing").to_owned(),
    };
    if let Some(text) = form.purpose.as_ref().filter(|text| !unit.world.purposes.contains(&text.value)) {
        let known: Vec<&str> = unit.world.purposes.iter().map(String::as_str).collect();
        let help = suggest(&text.value, &known, "purposes of the rules");
        unit.fault_help("unknown-purpose", &text.place, format!("no rule has the purpose `{}`", text.value), help);
    }
    let before = unit.faults.len();
    let limits = Limits {
        purpose,
        caps: form.caps.iter().flatten().filter_map(|text| cap(text, unit)).collect(),
        gap: form.gap.as_ref().and_then(|gap| window(gap, "a gap", unit)),
        quiet: form.quiet.as_ref().and_then(|quiet| compile_quiet(quiet, unit)),
        days_off: form.days_off.iter().flatten().filter_map(|day| weekday(day, "bad-day", unit)).collect(),
        holidays: form.holidays.iter().flatten().filter_map(|day| holiday(day, unit)).collect(),
        zone: form.tz.as_ref().map_or(Some(WaitZone::Customer), |tz| zone(tz, "limits", unit))?,
        at_limit: form.at_limit.as_ref().map_or(Some(AtLimit::Wait(PATIENCE)), |word| at_limit(word, unit))?,
    };
    if before < unit.faults.len() {
        return None;
    }
    check_use(form, &limits, unit);
    Some(limits)
}

/// What is written and limits nothing, or everything.
fn check_use(form: &LimitsForm, limits: &Limits, unit: &mut Unit<'_>) {
    let days = form.quiet.is_some() || !limits.days_off.is_empty() || !limits.holidays.is_empty();
    if limits.caps.is_empty() && form.gap.is_none() && !days {
        let help = "write at least one of `caps`, `gap`, `quiet`, `days_off`, `holidays`";
        unit.fault_help("empty-limits", &form.place, "these limits limit nothing", help);
    }
    if let Some(tz) = form.tz.as_ref().filter(|_| !days) {
        let message = "`tz` says whose wall clock `quiet`, `days_off` and `holidays` follow, and none of them is there";
        unit.fault_help("misplaced-key", &tz.place, message, "leave it out");
    }
    let all: [Weekday; 7] =
        [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];
    if all.iter().all(|day| limits.days_off.contains(day)) {
        let message = "every day of the week is a day off, so no letter would ever go";
        unit.fault_help("out-of-range", &form.place, message, "leave a day");
    }
}

/// `3 per 7d`.
fn cap(text: &Text, unit: &mut Unit<'_>) -> Option<Cap> {
    let parts = text.value.split_once(" per ").map(|(most, span)| (most.trim().parse::<usize>(), span.parse::<Span>()));
    let Some((Ok(most), Ok(span))) = parts else {
        let message = format!("`{}` is not a cap", text.value);
        unit.fault_help("bad-cap", &text.place, message, "write how many letters in how long: `3 per 7d`");
        return None;
    };
    if most == 0 {
        let help = "to send none at all, remove the rules or pause them; to send always, remove the cap";
        unit.fault_help("out-of-range", &text.place, "a cap of 0 would keep every letter back", help);
        return None;
    }
    if most > MOST {
        unit.fault("out-of-range", &text.place, format!("a cap allows at most {MOST} letters"));
        return None;
    }
    let span = window(&At { value: crate::rulebook::forms::SpanText(span), place: text.place.clone() }, "a cap", unit)?;
    Some(Cap { most, span })
}

fn window(span: &At<crate::rulebook::forms::SpanText>, what: &str, unit: &mut Unit<'_>) -> Option<Span> {
    let length = span.value.0;
    if length.is_zero() {
        unit.fault_help("out-of-range", &span.place, format!("{what} of no time limits nothing"), "leave it out");
        return None;
    }
    if length > LONGEST {
        let message = format!("{what} may be {LONGEST} long at most, and this one is {length}");
        unit.fault_help("out-of-range", &span.place, message, "look at the unit: `m` is minutes, `d` days");
        return None;
    }
    Some(length)
}

fn compile_quiet(form: &QuietForm, unit: &mut Unit<'_>) -> Option<Quiet> {
    let (from, to) = (form.from.0.as_ref()?, form.to.0.as_ref()?);
    let quiet = Quiet { from: time_of_day(from, "bad-time", unit)?.0, to: time_of_day(to, "bad-time", unit)?.0 };
    if quiet.from == quiet.to {
        let help = "for whole days use `days_off`";
        unit.fault_help("out-of-range", &to.place, "quiet hours that end when they begin", help);
        return None;
    }
    Some(quiet)
}

/// `12-25` or `2027-04-05`.
fn holiday(text: &Text, unit: &mut Unit<'_>) -> Option<Holiday> {
    let once = NaiveDate::parse_from_str(&text.value, "%Y-%m-%d").ok().map(Holiday::Once);
    // A leap year has every day that any year has.
    let yearly = || {
        let date = NaiveDate::parse_from_str(&format!("2000-{}", text.value), "%Y-%m-%d").ok()?;
        Some(Holiday::Yearly { month: chrono::Datelike::month(&date), day: chrono::Datelike::day(&date) })
    };
    let day = once.or_else(yearly);
    if day.is_none() {
        let message = format!("`{}` is not a day", text.value);
        unit.fault_help("bad-date", &text.place, message, "write `12-25` for each year, `2027-04-05` for once");
    }
    day
}

fn at_limit(form: &AtLimitForm, unit: &mut Unit<'_>) -> Option<AtLimit> {
    match form {
        AtLimitForm::Word(word) if word.value == "withhold" => Some(AtLimit::Withhold),
        AtLimitForm::Word(word) => {
            let help = "write `withhold`, or `{wait: 3d}`: it waits, at most so long";
            unit.fault_help("unknown-word", &word.place, format!("`at_limit` knows no `{}`", word.value), help);
            None
        }
        AtLimitForm::Wait { wait } => window(wait.0.as_ref()?, "a wait at a limit", unit).map(AtLimit::Wait),
    }
}
