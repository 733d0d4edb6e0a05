//! The steps of a rule, as written.

use std::borrow::Cow;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::errand::{CrmForm, WebhookForm, crm_schema, webhook_schema};
use super::{Single, SpanText, Text};
use crate::journey::spelling::suggest;
use crate::rulebook::read::{At, Fields, Need, Read, Reader};
use crate::rulebook::yaml::{Key, Node, Yaml};

/// How deep branches may nest: beyond this nobody can read the rule, and the stack is not for them.
const MAX_NESTING: usize = 12;
const ACTIONS: [&str; 8] = ["send", "wait", "branch", "promo", "set", "webhook", "crm", "exit"];

/// One step.
#[derive(Debug)]
pub(in crate::rulebook) struct StepForm {
    /// A name for it that stays when steps around it change.
    pub(in crate::rulebook) id: Option<Text>,
    /// What it does.
    pub(in crate::rulebook) action: ActionForm,
    /// The whole of it.
    pub(in crate::rulebook) place: Range<usize>,
}

/// What a step does.
#[derive(Debug)]
pub(in crate::rulebook) enum ActionForm {
    Send(Text),
    Wait(WaitForm),
    Branch(At<Vec<ArmForm>>),
    Promo(PromoForm),
    Webhook(WebhookForm),
    Crm(CrmForm),
    Set(At<Vec<(Key, At<Single>)>>),
    Exit,
    /// Something faulty, reported already; it holds the step's place.
    Broken,
}

/// A wait.
#[derive(Debug)]
pub(in crate::rulebook) struct WaitForm {
    pub(in crate::rulebook) span: Option<At<SpanText>>,
    pub(in crate::rulebook) at: Option<Text>,
    pub(in crate::rulebook) weekday: Option<Text>,
    pub(in crate::rulebook) tz: Option<Text>,
    pub(in crate::rulebook) place: Range<usize>,
}

/// A wish for a promo code.
#[derive(Debug)]
pub(in crate::rulebook) struct PromoForm {
    pub(in crate::rulebook) pool: Need<Text>,
    pub(in crate::rulebook) when_empty: Option<Text>,
    pub(in crate::rulebook) at_most: Option<At<SpanText>>,
    pub(in crate::rulebook) place: Range<usize>,
}

/// One arm of a branch.
#[derive(Debug)]
pub(in crate::rulebook) struct ArmForm {
    /// `None` for `else`.
    pub(in crate::rulebook) condition: Option<Text>,
    pub(in crate::rulebook) steps: Vec<StepForm>,
    pub(in crate::rulebook) place: Range<usize>,
}

impl Read for StepForm {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        read_step(node, reader, 0)
    }
}

fn read_step(node: &Node, reader: &mut Reader<'_>, depth: usize) -> Option<StepForm> {
    let place = node.place.clone();
    if let Some(word) = node.text() {
        if word == "exit" {
            return Some(StepForm { id: None, action: ActionForm::Exit, place });
        }
        let help = match word {
            _ if ACTIONS.contains(&word) => format!("write `{word}: …`"),
            _ => suggest(word, &ACTIONS, "steps"),
        };
        reader.fault_help("unknown-step", &place, format!("`{word}` is not a step by itself"), help);
        return Some(StepForm { id: None, action: ActionForm::Broken, place });
    }
    let Yaml::Map(entries) = &node.value else {
        reader.expected(node, "a step such as `send: welcome` or `wait: 1h`");
        return None;
    };
    let id = entries.iter().find(|(key, _)| key.text == "id").and_then(|(_, node)| Text::read(node, reader));
    let mut named = entries.iter().filter(|(key, _)| key.text != "id");
    let Some((key, value)) = named.next() else {
        let help = suggest("", &ACTIONS, "steps");
        reader.fault_help("unknown-step", &place, "this step does nothing", help);
        return Some(StepForm { id, action: ActionForm::Broken, place });
    };
    for (extra, _) in named {
        let message = format!("`{}` does not belong to the step `{}`", extra.text, key.text);
        reader.fault_help("step-keys", &extra.place, message, "a step does one thing: begin a new `-` for the next");
    }
    let action = match key.text.as_str() {
        "send" => Text::read(value, reader).map(ActionForm::Send),
        "wait" => WaitForm::read(value, reader).map(ActionForm::Wait),
        "promo" => PromoForm::read(value, reader).map(ActionForm::Promo),
        "webhook" => WebhookForm::read(value, reader).map(ActionForm::Webhook),
        "crm" => CrmForm::read(value, reader).map(ActionForm::Crm),
        "set" => read_set(value, reader),
        "branch" => read_branch(value, reader, depth),
        "exit" => Some(ActionForm::Exit),
        other => {
            let help = suggest(other, &ACTIONS, "steps");
            reader.fault_help("unknown-step", &key.place, format!("unknown step `{other}`"), help);
            None
        }
    };
    Some(StepForm { id, action: action.unwrap_or(ActionForm::Broken), place })
}

fn read_steps(node: &Node, reader: &mut Reader<'_>, depth: usize) -> Vec<StepForm> {
    let Yaml::List(items) = &node.value else {
        reader.expected(node, "a list of steps");
        return Vec::new();
    };
    items.iter().filter_map(|item| read_step(item, reader, depth)).collect()
}

fn read_set(node: &Node, reader: &mut Reader<'_>) -> Option<ActionForm> {
    let Yaml::Map(entries) = &node.value else {
        reader.expected(node, "attributes and their values");
        return None;
    };
    let read = |(key, node): &(Key, Node)| Some((key.clone(), At::<Single>::read(node, reader)?));
    let value = entries.iter().filter_map(read).collect();
    Some(ActionForm::Set(At { value, place: node.place.clone() }))
}

fn read_branch(node: &Node, reader: &mut Reader<'_>, depth: usize) -> Option<ActionForm> {
    if depth >= MAX_NESTING {
        reader.fault("too-deep", &node.place, format!("branches nest deeper than {MAX_NESTING} levels"));
        return None;
    }
    let Yaml::List(items) = &node.value else {
        reader.expected(node, "a list of `if`/`then` arms");
        return None;
    };
    let value = items.iter().filter_map(|item| read_arm(item, reader, depth)).collect();
    Some(ActionForm::Branch(At { value, place: node.place.clone() }))
}

fn read_arm(node: &Node, reader: &mut Reader<'_>, depth: usize) -> Option<ArmForm> {
    let mut fields = Fields::of(node, reader)?;
    let condition: Option<Text> = fields.take("if", reader)?;
    let then = fields.node("then");
    let otherwise = fields.node("else");
    fields.finish(reader);
    let place = node.place.clone();
    let start = place.start..place.start;
    let steps = match (&condition, then, otherwise) {
        (Some(_), Some(then), None) => read_steps(then, reader, depth + 1),
        (None, None, Some(otherwise)) => read_steps(otherwise, reader, depth + 1),
        (Some(_), None, None) => {
            reader.fault("missing-key", &start, "`then` is missing");
            Vec::new()
        }
        (None, Some(then), None) => {
            reader.fault("missing-key", &start, "`if` is missing");
            read_steps(then, reader, depth + 1);
            return None;
        }
        _ => {
            reader.fault_help("branch-arm", &start, "an arm is `if` with `then`, or `else` alone", "begin a new `-`");
            return None;
        }
    };
    Some(ArmForm { condition, steps, place })
}

impl Read for WaitForm {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let place = node.place.clone();
        if node.text().is_some() {
            let span = At::<SpanText>::read(node, reader)?;
            return Some(Self { span: Some(span), at: None, weekday: None, tz: None, place });
        }
        let mut fields = Fields::of(node, reader)?;
        let form = Self {
            span: fields.take("for", reader)?,
            at: fields.take("at", reader)?,
            weekday: fields.take("weekday", reader)?,
            tz: fields.take("tz", reader)?,
            place,
        };
        fields.finish(reader);
        Some(form)
    }
}

impl Read for PromoForm {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let place = node.place.clone();
        if node.text().is_some() {
            return Some(Self { pool: Need::read(node, reader)?, when_empty: None, at_most: None, place });
        }
        let mut fields = Fields::of(node, reader)?;
        let form = Self {
            pool: fields.take("pool", reader)?,
            when_empty: fields.take("when_empty", reader)?,
            at_most: fields.take("at_most", reader)?,
            place,
        };
        fields.finish(reader);
        Some(form)
    }
}

impl JsonSchema for StepForm {
    fn schema_name() -> Cow<'static, str> {
        "Step".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let span = generator.subschema_for::<SpanText>();
        let single = generator.subschema_for::<Single>();
        let steps = generator.subschema_for::<Vec<Self>>();
        let wait = json_schema!({
            "description": "Go on later: a length of time, or `for` and then the next `at` or `weekday`.",
            "anyOf": [span, {
                "type": "object",
                "additionalProperties": false,
                "minProperties": 1,
                "properties": {
                    "for": span,
                    "at": { "type": "string", "pattern": "^([01]?[0-9]|2[0-3]):[0-5][0-9]$" },
                    "weekday": { "enum": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] },
                    "tz": { "enum": ["shop", "customer"] }
                }
            }]
        });
        let promo = json_schema!({
            "description": "Take a code of this pool of the map's `promo` folder.",
            "anyOf": [{ "type": "string" }, {
                "type": "object",
                "additionalProperties": false,
                "required": ["pool"],
                "properties": {
                    "pool": { "type": "string" },
                    "when_empty": { "enum": ["end", "withhold", "hold"] },
                    "at_most": span
                }
            }]
        });
        let arm = json_schema!({ "anyOf": [
            { "type": "object", "additionalProperties": false, "required": ["if", "then"],
              "properties": { "if": { "type": "string", "description": "Condition." }, "then": steps } },
            { "type": "object", "additionalProperties": false, "required": ["else"], "properties": { "else": steps } }
        ]});
        json_schema!({ "anyOf": [
            { "const": "exit", "description": "End the run." },
            {
                "type": "object",
                "additionalProperties": false,
                "minProperties": 1,
                "maxProperties": 2,
                "properties": {
                    "id": { "type": "string", "description": "A name for the step that stays when steps around it change." },
                    "send": { "type": "string", "description": "Send this letter of the map's `templates` folder." },
                    "wait": wait,
                    "branch": { "type": "array", "minItems": 1, "items": arm,
                        "description": "Take the first arm whose `if` holds, else the `else` arm." },
                    "promo": promo,
                    "webhook": webhook_schema(&single),
                    "crm": crm_schema(&single),
                    "set": { "type": "object", "minProperties": 1, "additionalProperties": single,
                        "description": "Set attributes of the customer." },
                    "exit": { "description": "End the run." }
                }
            }
        ]})
    }
}
