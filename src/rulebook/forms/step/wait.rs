//! The waits of a rule, as written: for a time, until a moment, or until something happens.

use std::ops::Range;

use schemars::{Schema, SchemaGenerator, json_schema};

use super::{MAX_NESTING, StepForm, read_steps};
use crate::rulebook::forms::{SpanText, Text};
use crate::rulebook::read::{At, Fields, Read, Reader};
use crate::rulebook::yaml::Node;

/// A wait.
#[derive(Debug, Default)]
pub(in crate::rulebook) struct WaitForm {
    pub(in crate::rulebook) span: Option<At<SpanText>>,
    pub(in crate::rulebook) at: Option<Text>,
    pub(in crate::rulebook) weekday: Option<Text>,
    pub(in crate::rulebook) tz: Option<Text>,
    /// A day of the calendar.
    pub(in crate::rulebook) until: Option<Text>,
    /// A schedule.
    pub(in crate::rulebook) cron: Option<Text>,
    /// A kind of event.
    pub(in crate::rulebook) event: Option<Text>,
    /// With `event`: a condition.
    pub(in crate::rulebook) when: Option<Text>,
    pub(in crate::rulebook) condition: Option<Text>,
    /// `true`: the hour of the day at which the customer reads letters.
    pub(in crate::rulebook) best_time: Option<Text>,
    /// With `best_time`: how far ahead at most.
    pub(in crate::rulebook) within: Option<At<SpanText>>,
    /// With `event` or `condition`: how long at most.
    pub(in crate::rulebook) up_to: Option<At<SpanText>>,
    /// With `event` or `condition`: the steps taken when it happens.
    pub(in crate::rulebook) then: Option<At<Vec<StepForm>>>,
    /// With `event` or `condition`: the steps taken when it has not happened in time.
    pub(in crate::rulebook) timeout: Option<At<Vec<StepForm>>>,
    pub(in crate::rulebook) place: Range<usize>,
}

pub(super) fn read(node: &Node, reader: &mut Reader<'_>, depth: usize) -> Option<WaitForm> {
    let place = node.place.clone();
    if node.text().is_some() {
        let span = At::<SpanText>::read(node, reader)?;
        return Some(WaitForm { span: Some(span), place, ..WaitForm::default() });
    }
    let mut fields = Fields::of(node, reader)?;
    let mut form = WaitForm {
        span: fields.take("for", reader)?,
        at: fields.take("at", reader)?,
        weekday: fields.take("weekday", reader)?,
        tz: fields.take("tz", reader)?,
        until: fields.take("until", reader)?,
        cron: fields.take("cron", reader)?,
        event: fields.take("event", reader)?,
        when: fields.take("when", reader)?,
        condition: fields.take("condition", reader)?,
        best_time: fields.take("best_time", reader)?,
        within: fields.take("within", reader)?,
        up_to: fields.take("up_to", reader)?,
        then: None,
        timeout: None,
        place,
    };
    let (then, timeout) = (fields.node("then"), fields.node("timeout"));
    fields.finish(reader);
    let mut arm = |node: Option<&Node>| {
        let node = node?;
        if depth >= MAX_NESTING {
            reader.fault("too-deep", &node.place, format!("steps nest deeper than {MAX_NESTING} levels"));
            return None;
        }
        Some(At { value: read_steps(node, reader, depth + 1), place: node.place.clone() })
    };
    form.then = arm(then);
    form.timeout = arm(timeout);
    Some(form)
}

/// What an editor is told of waits; `steps` is the schema of a list of steps.
pub(super) fn schema(generator: &mut SchemaGenerator, steps: &Schema) -> Schema {
    let span = generator.subschema_for::<SpanText>();
    let time = json_schema!({ "type": "string", "pattern": "^([01]?[0-9]|2[0-3]):[0-5][0-9]$" });
    let clock = json_schema!({ "enum": ["shop", "customer"] });
    json_schema!({
        "description": "Go on later: after a length of time, at a moment, or when something happens.",
        "anyOf": [
            span,
            {
                "description": "First `for`, then on to the next `at` or `weekday`.",
                "type": "object",
                "additionalProperties": false,
                "minProperties": 1,
                "properties": {
                    "for": span,
                    "at": time,
                    "weekday": { "enum": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] },
                    "tz": clock
                }
            },
            {
                "description": "Until a day of the calendar; one that is past is no wait.",
                "type": "object",
                "additionalProperties": false,
                "required": ["until"],
                "properties": { "until": { "type": "string", "format": "date" }, "at": time, "tz": clock }
            },
            {
                "description": "Until a schedule fires next.",
                "type": "object",
                "additionalProperties": false,
                "required": ["cron"],
                "properties": { "cron": { "type": "string" }, "tz": clock }
            },
            {
                "description": "Until the hour at which the customer opened and clicked most; `at` while nothing is known.",
                "type": "object",
                "additionalProperties": false,
                "required": ["best_time", "at"],
                "properties": { "best_time": { "const": true }, "within": span, "at": time }
            },
            {
                "description": "Until an event comes, but not longer than `up_to`.",
                "type": "object",
                "additionalProperties": false,
                "required": ["event", "up_to"],
                "properties": {
                    "event": { "type": "string", "description": "A kind of event." },
                    "when": { "type": "string", "description": "Condition that must hold for that event." },
                    "up_to": span,
                    "then": steps,
                    "timeout": steps
                }
            },
            {
                "description": "Until a condition holds, but not longer than `up_to`.",
                "type": "object",
                "additionalProperties": false,
                "required": ["condition", "up_to"],
                "properties": { "condition": { "type": "string" }, "up_to": span, "then": steps, "timeout": steps }
            }
        ]
    })
}
