//! What starts a rule.

use chrono_tz::Tz;

use super::Unit;
use super::cron::compile_cron;
use super::date::compile_date;
use super::wait::LONGEST;
use crate::journey::rule::Trigger;
use crate::journey::spelling::nearest;
use crate::rulebook::forms::{OnForm, Text};
use crate::rulebook::read::At;

/// Compiles `on:`; exactly one of its ways must be written.
pub(super) fn compile_trigger(form: &OnForm, unit: &mut Unit<'_>) -> Option<Trigger> {
    let ways: Vec<(&str, &Text)> = [
        ("event", &form.event),
        ("enter", &form.enter),
        ("leave", &form.leave),
        ("stay", &form.stay),
        ("join", &form.join),
        ("quit", &form.quit),
        ("becomes", &form.becomes),
        ("date", &form.date),
        ("cron", &form.cron),
    ]
    .into_iter()
    .filter_map(|(name, text)| text.as_ref().map(|text| (name, text)))
    .collect();
    if let Some(call) = &form.call {
        return compile_call(call, form, &ways, unit);
    }
    let Some((way, text)) = ways.first().copied() else {
        let help = "write one of `event`, `enter`, `leave`, `stay`, `join`, `quit`, `becomes`, `date`, `call`, `cron`";
        unit.fault_help("no-trigger", &form.place, "nothing starts this rule", help);
        return None;
    };
    for (extra, text) in ways.iter().skip(1) {
        let message = format!("a rule starts in one way: `{way}` is there already, so `{extra}` is one too many");
        unit.fault_help("two-triggers", &text.place, message, "write a second rule for the second way");
    }
    misplaced(form.span.as_ref().map(|s| &s.place), "for", "stay", way, unit);
    misplaced(form.segment.as_ref().map(|s| &s.place), "segment", "cron", way, unit);
    misplaced(form.yearly.as_ref().map(|s| &s.place), "yearly", "date", way, unit);
    misplaced(form.at.as_ref().map(|s| &s.place), "at", "date", way, unit);
    if way != "date" {
        misplaced(form.tz.as_ref().map(|s| &s.place), "tz", "cron", way, unit);
    }
    match way {
        "event" => {
            unit.event_kind(text);
            Some(Trigger::Event { kind: text.value.clone() })
        }
        "enter" => {
            unit.known_stage(text);
            Some(Trigger::Enter { stage: text.value.clone() })
        }
        "leave" => {
            unit.known_stage(text);
            Some(Trigger::Leave { stage: text.value.clone() })
        }
        "stay" => compile_stay(form, text, unit),
        "join" => {
            unit.known_segment(way, text);
            Some(Trigger::Join { segment: text.value.clone() })
        }
        "quit" => {
            unit.known_segment(way, text);
            Some(Trigger::Quit { segment: text.value.clone() })
        }
        "date" => compile_date(form, text, unit).map(Trigger::Date),
        "becomes" => unit.condition(text, false).map(|condition| Trigger::Becomes { condition }),
        _ => {
            let segment = unit.condition_maybe(form.segment.as_ref(), false);
            let zone = form.tz.as_ref().map_or(Some(unit.shop.zone), |tz| compile_zone(tz, unit));
            let schedule = compile_cron(text, zone.unwrap_or(unit.shop.zone), unit)?;
            zone.map(|_| Trigger::Cron { schedule: Box::new(schedule), segment })
        }
    }
}

fn misplaced(place: Option<&std::ops::Range<usize>>, key: &str, belongs: &str, way: &str, unit: &mut Unit<'_>) {
    if let Some(place) = place.filter(|_| way != belongs) {
        unit.fault("misplaced-key", place, format!("`{key}` belongs to `{belongs}`, and this rule starts by `{way}`"));
    }
}

fn compile_stay(form: &OnForm, stage: &Text, unit: &mut Unit<'_>) -> Option<Trigger> {
    unit.known_stage(stage);
    let Some(span) = &form.span else {
        let help = format!("write `{{stay: {}, for: 7d}}`", stage.value);
        unit.fault_help("missing-key", &stage.place, "`stay` needs `for`: how long", help);
        return None;
    };
    if span.value.0.is_zero() {
        let help = format!("write `{{enter: {}}}`", stage.value);
        unit.fault_help("impossible-wait", &span.place, "a stay of no time is an entry", help);
    } else if span.value.0 > LONGEST {
        unit.fault("impossible-wait", &span.place, format!("longer than {LONGEST}: nobody waits that long"));
    }
    Some(Trigger::Stay { stage: stage.value.clone(), span: span.value.0 })
}

/// Compiles `call`, beside which nothing else may stand.
fn compile_call(call: &At<bool>, form: &OnForm, ways: &[(&str, &Text)], unit: &mut Unit<'_>) -> Option<Trigger> {
    for (extra, text) in ways {
        let message = format!("a rule starts in one way: `call` is there already, so `{extra}` is one too many");
        unit.fault_help("two-triggers", &text.place, message, "write a second rule for the second way");
    }
    let at = |place: Option<&std::ops::Range<usize>>| place.cloned();
    for (key, belongs, place) in [
        ("for", "stay", at(form.span.as_ref().map(|s| &s.place))),
        ("segment", "cron", at(form.segment.as_ref().map(|s| &s.place))),
        ("yearly", "date", at(form.yearly.as_ref().map(|s| &s.place))),
        ("at", "date", at(form.at.as_ref().map(|s| &s.place))),
        ("tz", "cron", at(form.tz.as_ref().map(|s| &s.place))),
    ] {
        misplaced(place.as_ref(), key, belongs, "call", unit);
    }
    if !call.value {
        unit.fault_help("no-trigger", &call.place, "nothing starts this rule", "write `call: true`");
        return None;
    }
    Some(Trigger::Call)
}

fn compile_zone(text: &Text, unit: &mut Unit<'_>) -> Option<Tz> {
    if text.value == "shop" {
        return Some(unit.shop.zone);
    }
    let zone = text.value.parse().ok();
    if zone.is_none() {
        let meant = nearest(&text.value, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()));
        let help = meant.map_or_else(
            || "write `shop`, or a name such as `Europe/Moscow`".to_owned(),
            |meant| format!("did you mean `{meant}`?"),
        );
        unit.fault_help("unknown-zone", &text.place, format!("there is no time zone `{}`", text.value), help);
    }
    zone
}
