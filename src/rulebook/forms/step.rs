//! The steps of a rule, as written.

mod set;
mod split;
mod wait;

use std::borrow::Cow;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

pub(in crate::rulebook) use set::{SetForm, TagsForm};
pub(in crate::rulebook) use split::{PickWinnerForm, SplitArmForm, SplitForm};
pub(in crate::rulebook) use wait::WaitForm;

use super::errand::{CrmForm, WebhookForm, crm_schema, webhook_schema};
use super::{Single, SpanText, Text};
use crate::journey::spelling::suggest;
use crate::rulebook::read::{At, Fields, Need, Read, Reader, fields};
use crate::rulebook::yaml::{Node, Yaml};

/// How deep branches may nest: beyond this nobody can read the rule, and the stack is not for them.
const MAX_NESTING: usize = 12;
/// Longest value that is written out in help.
const MAX_SHOWN: usize = 40;
const ACTIONS: [&str; 12] =
    ["send", "wait", "branch", "split", "promo", "set", "webhook", "crm", "enroll", "leave", "note", "exit"];

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
    Send(SendForm),
    Wait(Box<WaitForm>),
    Branch(At<Vec<ArmForm>>),
    Promo(PromoForm),
    Webhook(WebhookForm),
    Crm(CrmForm),
    Split(SplitForm),
    Set(At<SetForm>),
    Enroll(Text),
    Leave(Text),
    Note(Text),
    Exit,
    /// Something faulty, reported already; it holds the step's place.
    Broken,
}

impl ActionForm {
    /// The steps that stand inside this one, arm by arm.
    pub(in crate::rulebook) fn nested(&self) -> Vec<&[StepForm]> {
        match self {
            Self::Branch(arms) => arms.value.iter().map(|arm| arm.steps.as_slice()).collect(),
            Self::Wait(wait) => {
                [&wait.then, &wait.timeout].into_iter().flatten().map(|steps| steps.value.as_slice()).collect()
            }
            Self::Split(split) => split.arms.iter().map(|arm| arm.steps.as_slice()).collect(),
            _ => Vec::new(),
        }
    }
}

/// A wish for a promo code.
#[derive(Debug)]
pub(in crate::rulebook) struct PromoForm {
    pub(in crate::rulebook) pool: Need<Text>,
    pub(in crate::rulebook) when_empty: Option<Text>,
    pub(in crate::rulebook) at_most: Option<At<SpanText>>,
    pub(in crate::rulebook) place: Range<usize>,
}

/// A letter to send.
#[derive(Debug)]
pub(in crate::rulebook) struct SendForm {
    pub(in crate::rulebook) letter: Need<Text>,
    /// What must still hold when it is planned and when it leaves.
    pub(in crate::rulebook) still: Option<Text>,
}

fields!(SendForm { letter, still });

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
        let (message, help) = match inside(&key.text, &extra.text) {
            Some(first) => {
                let short = value.text().filter(|text| text.len() <= MAX_SHOWN).unwrap_or("…");
                (
                    format!("`{}` stands inside of `{}`", extra.text, key.text),
                    format!("write `{}: {{{first}: {short}, {}: …}}`", key.text, extra.text),
                )
            }
            None => (
                format!("`{}` does not belong to the step `{}`", extra.text, key.text),
                "a step does one thing: begin a new `-` for the next".to_owned(),
            ),
        };
        reader.fault_help("step-keys", &extra.place, message, help);
    }
    let action = match key.text.as_str() {
        "send" => read_send(value, reader).map(ActionForm::Send),
        "wait" => wait::read(value, reader, depth).map(|wait| ActionForm::Wait(Box::new(wait))),
        "promo" => PromoForm::read(value, reader).map(ActionForm::Promo),
        "webhook" => WebhookForm::read(value, reader).map(ActionForm::Webhook),
        "crm" => CrmForm::read(value, reader).map(ActionForm::Crm),
        "set" => set::read(value, reader),
        "branch" => read_branch(value, reader, depth),
        "split" => split::read(value, reader, depth).map(ActionForm::Split),
        "enroll" => Text::read(value, reader).map(ActionForm::Enroll),
        "leave" => Text::read(value, reader).map(ActionForm::Leave),
        "note" => Text::read(value, reader).map(ActionForm::Note),
        "exit" => Some(ActionForm::Exit),
        other => {
            let help = suggest(other, &ACTIONS, "steps");
            reader.fault_help("unknown-step", &key.place, format!("unknown step `{other}`"), help);
            None
        }
    };
    Some(StepForm { id, action: action.unwrap_or(ActionForm::Broken), place })
}

/// Where a key belongs into the step beside which it was written: the key under which then stands what was written shortly.
fn inside(step: &str, extra: &str) -> Option<&'static str> {
    match (step, extra) {
        ("send", "still") => Some("letter"),
        ("promo", "when_empty" | "at_most") => Some("pool"),
        ("webhook", "data") => Some("to"),
        ("wait", "at" | "weekday" | "tz") => Some("for"),
        _ => None,
    }
}

fn read_steps(node: &Node, reader: &mut Reader<'_>, depth: usize) -> Vec<StepForm> {
    let Yaml::List(items) = &node.value else {
        reader.expected(node, "a list of steps");
        return Vec::new();
    };
    items.iter().filter_map(|item| read_step(item, reader, depth)).collect()
}

fn read_send(node: &Node, reader: &mut Reader<'_>) -> Option<SendForm> {
    if let Yaml::Map(_) = node.value {
        return SendForm::read(node, reader);
    }
    Some(SendForm { letter: Need(Some(Text::read(node, reader)?)), still: None })
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
        let single = generator.subschema_for::<Single>();
        let steps = generator.subschema_for::<Vec<Self>>();
        let span = generator.subschema_for::<SpanText>();
        let wait = wait::schema(generator, &steps);
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
        let split = split::schema(&steps, &span);
        let texts = json_schema!({ "type": "array", "items": { "type": "string" } });
        let tags = json_schema!({ "type": "object", "additionalProperties": false, "minProperties": 1,
            "properties": { "add": texts, "remove": texts } });
        let consent = json_schema!({ "type": "object", "minProperties": 1, "additionalProperties": { "const": false },
            "description": "Purposes that count as refused from then on." });
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
                    "send": { "description": "Send this letter of the map's `templates` folder.", "anyOf": [
                        { "type": "string" },
                        { "type": "object", "additionalProperties": false, "required": ["letter"], "properties": {
                            "letter": { "type": "string" },
                            "still": { "type": "string",
                                "description": "Condition that must hold when it is planned and again when it leaves." }
                        } }
                    ] },
                    "wait": wait,
                    "branch": { "type": "array", "minItems": 1, "items": arm,
                        "description": "Take the first arm whose `if` holds, else the `else` arm." },
                    "promo": promo,
                    "webhook": webhook_schema(&single),
                    "crm": crm_schema(&single),
                    "split": split,
                    "set": { "type": "object", "minProperties": 1, "additionalProperties": single,
                        "properties": { "tags": { "anyOf": [single, tags] }, "consent": consent },
                        "description": "Set attributes of the customer; `tags: {add: […], remove: […]}` changes tags." },
                    "enroll": { "type": "string", "description": "Begin a run of this other rule." },
                    "leave": { "type": "string", "description": "End the customer's runs of this other rule." },
                    "note": { "type": "string", "description": "A remark in the record of decisions." },
                    "exit": { "description": "End the run." }
                }
            }
        ]})
    }
}
