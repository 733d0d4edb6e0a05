//! The moments of a scenario: on the shop's wall clock, or so long after the start.

use chrono::NaiveDateTime;

use crate::journey::time::{Span, Timestamp};
use crate::rulebook::compile::Unit;
use crate::rulebook::forms::{SpanText, Text};
use crate::rulebook::read::At;

/// The clock of a scenario.
pub(super) struct Clock {
    pub(super) from: Timestamp,
}

impl Clock {
    /// The moment that `at` or `after` say; the start if neither is written.
    pub(super) fn at(&self, at: Option<&Text>, after: Option<&At<SpanText>>, unit: &mut Unit<'_>) -> Option<Timestamp> {
        match (at, after) {
            (Some(_), Some(after)) => {
                let help = "write `at` for a moment or `after` for a length of time since the start";
                unit.fault_help("two-moments", &after.place, "the moment is said twice", help);
                None
            }
            (Some(at), None) => {
                let moment = moment(at, unit)?;
                if moment < self.from {
                    unit.fault("out-of-range", &at.place, "this moment lies before the scenario's `clock`");
                }
                Some(moment)
            }
            (None, Some(after)) => Some(self.from.after(after.value.0)),
            (None, None) => Some(self.from),
        }
    }

    /// A moment, or a length of time after the start.
    pub(super) fn moment_or_span(&self, text: &Text, unit: &mut Unit<'_>) -> Option<Timestamp> {
        match text.value.parse::<Span>() {
            Ok(span) => Some(self.from.after(span)),
            Err(_) => self.at(Some(text), None, unit),
        }
    }
}

/// Reads a moment.
pub(super) fn moment(text: &Text, unit: &mut Unit<'_>) -> Option<Timestamp> {
    let written = text.value.trim();
    let local = ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"]
        .into_iter()
        .find_map(|form| NaiveDateTime::parse_from_str(written, form).ok())
        .and_then(|local| Timestamp::from_local(local, unit.shop.zone));
    let moment = local.or_else(|| Timestamp::parse_rfc3339(written));
    if moment.is_none() {
        let message = format!("`{written}` is not a moment");
        let help = "write `2026-06-09 09:00` on the shop's wall clock, or `2026-06-09T09:00:00Z`";
        unit.fault_help("bad-moment", &text.place, message, help);
    }
    moment
}
