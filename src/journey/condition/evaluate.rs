//! Evaluating a condition over a customer, with the trace of its parts and the moment its answer flips.

use std::sync::{Arc, LazyLock};

use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use chrono_tz::Tz;
use serde_json::{Map, Value as Json};

use super::{AgeKind, Condition, Node, Part};
use crate::journey::customer::Customer;
use crate::journey::facts::CAPTURED;
use crate::journey::facts::view::{self, inside};
use crate::journey::time::Timestamp;

/// CEL's standard functions, declared once: building them costs more than evaluating a condition.
pub(super) static ENVIRONMENT: LazyLock<Arc<cel::Env>> = LazyLock::new(|| Arc::new(cel::Env::stdlib()));

/// What a condition is evaluated over.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The customer.
    pub customer: &'a Customer,
    /// The event at hand, in the form of [`view::event`].
    pub event: Option<&'a Json>,
    /// The moment of the decision.
    pub now: Timestamp,
    /// The zone in whose time a trace tells moments; no answer depends on it.
    pub zone: Tz,
    /// What was captured when a run began, by the first part of the names.
    captured: Option<&'a Map<String, Json>>,
    /// Whether names mean what was captured, where it was.
    frozen: bool,
}

impl<'a> Facts<'a> {
    /// The facts as they are now.
    pub fn new(customer: &'a Customer, event: Option<&'a Json>, now: Timestamp, zone: Tz) -> Self {
        Self { customer, event, now, zone, captured: None, frozen: false }
    }

    /// The same, with what was captured beside them as `captured.…`.
    #[must_use]
    pub fn beside(self, captured: &'a Map<String, Json>) -> Self {
        Self { captured: Some(captured), ..self }
    }

    /// The same, with what was captured in the place of what is so now.
    #[must_use]
    pub fn frozen(self, captured: &'a Map<String, Json>) -> Self {
        Self { captured: Some(captured), frozen: true, ..self }
    }

    /// The value of a dotted name; `None` if it names nothing.
    fn value(&self, path: &str) -> Option<Json> {
        let (root, rest) = path.split_once('.')?;
        let kept = |root: &str, rest: &str| Some(inside(self.captured?.get(root)?, rest));
        if root == CAPTURED {
            let (root, rest) = rest.split_once('.')?;
            return kept(root, rest);
        }
        let old = if self.frozen { kept(root, rest) } else { None };
        old.or_else(|| view::value(self.customer, self.event, path))
    }
}

/// What a condition came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// Whether it holds.
    pub holds: bool,
    /// When the answer may change by time alone.
    pub flips_at: Option<Timestamp>,
}

impl VariableResolver for Facts<'_> {
    fn resolve(&self, name: &str) -> Option<CowVal<'_, '_>> {
        let value = self.value(name)?;
        let boxed: Box<dyn Val> = to_cel(&value).try_into().ok()?;
        Some(CowVal::Owned(boxed))
    }
}

impl Condition {
    /// Evaluates the condition.
    pub fn evaluate(&self, facts: Facts<'_>) -> Answer {
        let mut answer = Answer::default();
        let mut context = cel::Context::with_env(Arc::clone(&ENVIRONMENT));
        context.set_variable_resolver(&facts);
        answer.holds = self.0.root.holds(&facts, &context, &mut answer.flips_at);
        answer
    }

    /// Evaluates every part of the condition, for people.
    pub fn trace(&self, facts: Facts<'_>) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut context = cel::Context::with_env(Arc::clone(&ENVIRONMENT));
        context.set_variable_resolver(&facts);
        self.0.root.trace(&facts, &context, &mut parts);
        parts
    }
}

impl Node {
    pub(super) fn holds(
        &self,
        facts: &Facts<'_>,
        context: &cel::Context<'_, '_>,
        flips: &mut Option<Timestamp>,
    ) -> bool {
        match self {
            Self::All(nodes) => nodes.iter().all(|n| n.holds(facts, context, flips)),
            Self::Any(nodes) => nodes.iter().any(|n| n.holds(facts, context, flips)),
            Self::Not(node) => !node.holds(facts, context, flips),
            Self::Expression { expression, .. } => matches!(context.resolve(expression), Ok(cel::Value::Bool(true))),
            Self::Age { kind, path, span, .. } => {
                let Some(at) = moment(facts, path) else { return false };
                let turn = at.after(*span);
                let past = facts.now >= turn;
                if !past {
                    *flips = Some(flips.map_or(turn, |known| known.min(turn)));
                }
                match kind {
                    AgeKind::OlderThan => past,
                    AgeKind::Within => !past,
                }
            }
            Self::Segment { condition, .. } => condition.0.root.holds(facts, context, flips),
        }
    }

    fn trace(&self, facts: &Facts<'_>, context: &cel::Context<'_, '_>, parts: &mut Vec<Part>) {
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().for_each(|n| n.trace(facts, context, parts)),
            Self::Not(node) => {
                let before = parts.len();
                node.trace(facts, context, parts);
                // Of a segment the first part is the segment itself; what it is made of follows as it is.
                let leaf = matches!(**node, Self::Segment { .. }) || parts.len() == before + 1;
                if let Some(part) = parts.get_mut(before).filter(|_| leaf) {
                    part.text = format!("!({})", part.text);
                    match part.result.as_str() {
                        "true" => part.result = "false".into(),
                        "false" => part.result = "true".into(),
                        _ => {}
                    }
                }
            }
            Self::Expression { expression, text, paths } => {
                let result = match context.resolve(expression) {
                    Ok(cel::Value::Bool(holds)) => holds.to_string(),
                    Ok(cel::Value::Null) => "false (never said)".into(),
                    Ok(_) => "false (not a yes or no)".into(),
                    Err(_) => "false (cannot be told: a fact was never said or is of another kind)".into(),
                };
                let known = paths.iter().map(|path| shown(facts, path)).collect();
                parts.push(Part { text: text.clone(), result, facts: known });
            }
            Self::Age { kind, path, span, text } => {
                let result = match (moment(facts, path), kind) {
                    (None, _) => "false (never said)".into(),
                    (Some(at), kind) => {
                        let turn = at.after(*span);
                        let past = facts.now >= turn;
                        let holds = past == (*kind == AgeKind::OlderThan);
                        if past { holds.to_string() } else { format!("{holds} (until {})", turn.in_words(facts.zone)) }
                    }
                };
                parts.push(Part { text: text.clone(), result, facts: vec![shown(facts, path)] });
            }
            Self::Segment { condition, text } => {
                let holds = condition.0.root.holds(facts, context, &mut None);
                parts.push(Part { text: text.clone(), result: holds.to_string(), facts: Vec::new() });
                condition.0.root.trace(facts, context, parts);
            }
        }
    }
}

pub(super) fn moment(facts: &Facts<'_>, path: &str) -> Option<Timestamp> {
    facts.value(path)?.as_str().and_then(Timestamp::parse_rfc3339)
}

pub(super) fn shown(facts: &Facts<'_>, path: &str) -> String {
    let value = facts.value(path).unwrap_or(Json::Null);
    let mut text = value.to_string();
    if text.len() > 120 {
        let cut = (0..=117).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(cut);
        text.push('…');
    }
    format!("{path} = {text}")
}

pub(super) fn to_cel(value: &Json) -> cel::Value {
    match value {
        Json::Null => cel::Value::Null,
        Json::Bool(b) => cel::Value::Bool(*b),
        Json::Number(n) => {
            n.as_i64().map_or_else(|| cel::Value::Float(n.as_f64().unwrap_or(f64::NAN)), cel::Value::Int)
        }
        Json::String(s) => cel::Value::String(Arc::new(s.clone())),
        Json::Array(items) => cel::Value::List(Arc::new(items.iter().map(to_cel).collect())),
        Json::Object(fields) => {
            let map: std::collections::HashMap<_, _> = fields
                .iter()
                .map(|(name, value)| (cel::objects::Key::String(Arc::new(name.clone())), to_cel(value)))
                .collect();
            cel::Value::Map(cel::objects::Map { map: Arc::new(map) })
        }
    }
}
