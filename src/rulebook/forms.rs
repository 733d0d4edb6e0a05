//! The forms of the files, as they are written: field by field what a shop may put into `map.yaml`, a rule and
//! `attributes.yaml`, and into its scenarios. The JSON Schema is made from these same structs.
//!
//! Not here: what the words mean together (`compile`, `check`).

mod errand;
mod limits;
mod map;
mod pool;
mod rule;
mod scenario;
mod segments;
mod step;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

pub(super) use errand::{CrmForm, Named, WebhookForm};
pub(super) use limits::{AtLimitForm, LimitsForm, LimitsList, QuietForm, ShopLimitsForm};
pub(super) use map::{AttributesForm, MapForm, StageForm};
pub(super) use pool::PoolForm;
pub(super) use rule::{ConditionsForm, ExitForm, GoalForm, OnForm, ReenterForm, RuleForm};
pub(super) use scenario::{
    Amount, CartForm, Entries, EventForm, ExpectForm, GivenForm, HeldForm, ItemForm, LetterDetails, LetterForm,
    MaybeStage, OneOrMany, OrderForm, PreferencesForm, ScenarioForm, ScenariosForm, WithheldForm,
};
pub(super) use segments::{SegmentForm, SegmentsForm};
pub(super) use step::{
    ActionForm, ArmForm, PickWinnerForm, PromoForm, SetForm, SplitArmForm, SplitForm, StepForm, TagsForm, WaitForm,
};

use super::read::{At, Read, Reader};
use super::yaml::{Node, Yaml};
use crate::journey::time::Span;

/// A length of time as it is written: kept as text so that its fault can say which wait is meant.
#[derive(Clone, Debug)]
pub(super) struct SpanText(pub(super) Span);

impl Read for SpanText {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        Span::read(node, reader).map(Self)
    }
}

impl JsonSchema for SpanText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^\\s*([0-9]+[smhdw]\\s*)+$",
            "description": "A length of time: `90s`, `15m`, `1h`, `7d`, `2w` or a sum, `1d 12h`."
        })
    }
}

/// A single value: text, a number, `true`, `false` or a list of texts.
#[derive(Clone, Debug)]
pub(super) struct Single(pub(super) Value);

impl Read for Single {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let value = match &node.value {
            Yaml::Scalar { .. } if node.is_null() => Value::Null,
            Yaml::Scalar { text, plain: false } => Value::String(text.clone()),
            Yaml::Scalar { text, plain: true } => plain(text),
            Yaml::List(items) => {
                let items: Vec<Value> = items.iter().filter_map(|item| Self::read(item, reader).map(|s| s.0)).collect();
                if items.iter().any(Value::is_array) {
                    reader.fault("wrong-type", &node.place, "a list here holds single values, not lists");
                    return None;
                }
                Value::Array(items)
            }
            Yaml::Map(_) => {
                reader.expected(node, "a single value or a list");
                return None;
            }
        };
        Some(Self(value))
    }
}

impl JsonSchema for Single {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Single".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean", "null", "array"] })
    }
}

/// Any value, lists and mappings inside one another included.
pub(super) fn nested(node: &Node) -> Value {
    match &node.value {
        Yaml::Scalar { .. } if node.is_null() => Value::Null,
        Yaml::Scalar { text, plain: true } => plain(text),
        Yaml::Scalar { text, plain: false } => Value::String(text.clone()),
        Yaml::List(items) => Value::Array(items.iter().map(nested).collect()),
        Yaml::Map(entries) => {
            Value::Object(entries.iter().map(|(key, node)| (key.text.clone(), nested(node))).collect())
        }
    }
}

/// What a value without quotes is: true, false, a number or text.
pub(super) fn plain(text: &str) -> Value {
    match text {
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    // `0755` is a code, not a number.
    let padded = text.trim_start_matches(['-', '+']).starts_with('0') && text.len() > 1 && !text.contains('.');
    if !padded && text.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        if let Ok(whole) = text.parse::<i64>() {
            return Value::from(whole);
        }
        if let Some(number) = text.parse::<f64>().ok().and_then(serde_json::Number::from_f64) {
            return Value::Number(number);
        }
    }
    Value::String(text.to_owned())
}

/// Text with its place.
pub(super) type Text = At<String>;
