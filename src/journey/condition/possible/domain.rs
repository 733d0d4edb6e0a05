//! What a condition compares a fact with, and the values that differ in it.

use std::collections::{BTreeMap, BTreeSet};

use cel::IdedExpr;
use cel::common::ast::operators as op;
use cel::common::ast::{CallExpr, Expr, LiteralValue};
use serde_json::{Value as Json, json};

use crate::journey::condition::check::dotted;
use crate::journey::facts::{FACTS, Type};
use crate::journey::time::Span;

/// The longest list that is tried.
const LONGEST: i64 = 50;
/// Other texts than any that is named: the first of all, and the last.
const OTHER: &str = "\u{1}";
const LAST: &str = "\u{10ffff}";

/// What a fact is compared with.
#[derive(Clone, Debug, Default)]
pub(super) struct Domain {
    numbers: Vec<f64>,
    texts: BTreeSet<String>,
    /// Compared with true or false, or taken for one.
    yes_or_no: bool,
    /// Its length is compared.
    lengths: Vec<f64>,
    /// Spans of `older_than` and `within`.
    pub(super) ages: BTreeSet<Span>,
}

impl Domain {
    pub(super) fn add(&mut self, other: Self) {
        self.numbers.extend(other.numbers);
        self.texts.extend(other.texts);
        self.yes_or_no |= other.yes_or_no;
        self.lengths.extend(other.lengths);
        self.ages.extend(other.ages);
    }

    /// Values of a fact, with how long ago they are where they are moments; `None` where that is more than is tried.
    pub(super) fn values(&self, path: &str) -> Option<Vec<(Json, Option<Span>)>> {
        let known = FACTS.iter().find(|fact| path == format!("{}.{}", fact.root, fact.name));
        let list = known.is_some_and(|fact| fact.kind == Type::List);
        let counts = path == "messages.count" || path == "orders.count" || path.ends_with("_count");
        let always_said =
            list || (known.is_some() && counts) || matches!(path, "customer.id" | "event.kind" | "event.at");
        let kinds = [
            !self.numbers.is_empty(),
            !self.texts.is_empty(),
            self.yes_or_no,
            !self.lengths.is_empty(),
            !self.ages.is_empty(),
        ];
        // What is a number here and a moment there is beyond this.
        if kinds.iter().filter(|kind| **kind).count() > 1 || (list && self.lengths.is_empty()) {
            return None;
        }
        let mut values: Vec<(Json, Option<Span>)> = Vec::new();
        let plain = |value: Json| (value, None);
        if !self.numbers.is_empty() {
            let whole = counts && known.is_some();
            values.extend(between(&self.numbers, whole).into_iter().map(|number| plain(json_number(number))));
        }
        if !self.lengths.is_empty() {
            let lengths = between(&self.lengths, true);
            if lengths.iter().any(|length| *length > LONGEST as f64) {
                return None;
            }
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "whole, and between 0 and the longest"
            )]
            values.extend(lengths.into_iter().map(|length| plain(Json::Array(vec![json!({}); length as usize]))));
        }
        values.extend(self.texts.iter().flat_map(|text| [plain(json!(text)), plain(json!(format!("{text}{OTHER}")))]));
        if self.yes_or_no {
            values.extend([plain(json!(true)), plain(json!(false))]);
        }
        if let Some(longest) = self.ages.last() {
            let beyond = Span::seconds(longest.micros() / 1_000_000 + 1);
            let ages = [Span::ZERO, beyond].into_iter().chain(self.ages.iter().copied());
            values.extend(ages.map(|age| (json!(OTHER), Some(age))));
        }
        if !self.texts.is_empty() || values.is_empty() {
            values.extend([plain(json!(OTHER)), plain(json!(LAST))]);
        }
        if !always_said {
            values.push(plain(Json::Null));
        }
        Some(values)
    }
}

/// Below, at, between and above some numbers; of counts, the whole ones from zero on.
fn between(numbers: &[f64], counts: bool) -> Vec<f64> {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.dedup();
    let mut values = Vec::new();
    for (n, number) in sorted.iter().enumerate() {
        let above = sorted.get(n + 1).map_or(number + 1.0, |next| f64::midpoint(*number, *next));
        if counts {
            values.extend([number.floor() - 1.0, number.floor(), number.floor() + 1.0, number.ceil() + 1.0]);
        } else {
            values.extend([*number, above]);
        }
    }
    if counts {
        values.push(0.0);
        values.retain(|value| *value >= 0.0);
        values.sort_by(f64::total_cmp);
        values.dedup();
    } else {
        values.extend(sorted.first().map(|first| first - 1.0));
    }
    values
}

/// A number as facts hold it: whole ones as such.
fn json_number(number: f64) -> Json {
    #[expect(clippy::cast_possible_truncation, reason = "whole and in range, as was just asked")]
    if number.fract() == 0.0 && number.abs() < 9e15 { json!(number as i64) } else { json!(number) }
}

/// Notes what a part compares its facts with; `false` if it does more than compare.
pub(super) fn read(expression: &IdedExpr, into: &mut BTreeMap<String, Domain>) -> bool {
    if let Some(path) = path_of(expression) {
        into.entry(path).or_default().yes_or_no = true;
        return true;
    }
    match &expression.expr {
        Expr::Literal(LiteralValue::Boolean(_)) => true,
        Expr::Call(call) => match call.func_name.as_str() {
            op::LOGICAL_AND | op::LOGICAL_OR | op::LOGICAL_NOT => call.args.iter().all(|part| read(part, into)),
            op::EQUALS | op::NOT_EQUALS | op::LESS | op::LESS_EQUALS | op::GREATER | op::GREATER_EQUALS => {
                comparison(call, into)
            }
            op::IN => membership(call, into),
            _ => false,
        },
        _ => false,
    }
}

/// A fact's name: with a dot, or it is none.
fn path_of(expression: &IdedExpr) -> Option<String> {
    dotted(expression).filter(|path| path.contains('.') && !path.starts_with('@'))
}

fn comparison(call: &CallExpr, into: &mut BTreeMap<String, Domain>) -> bool {
    let [left, right] = call.args.as_slice() else { return false };
    if is_literal(left) && is_literal(right) {
        return true;
    }
    let (fact, value) = if is_literal(left) { (right, left) } else { (left, right) };
    let Some(value) = literal(value) else { return false };
    if let Some(path) = path_of(fact) {
        let domain = into.entry(path).or_default();
        match value {
            Json::Number(number) => domain.numbers.extend(number.as_f64()),
            Json::String(text) => {
                domain.texts.insert(text);
            }
            Json::Bool(_) => domain.yes_or_no = true,
            _ => {}
        }
        return true;
    }
    match (length_of(fact), value) {
        (Some(path), Json::Number(number)) => {
            into.entry(path).or_default().lengths.extend(number.as_f64());
            true
        }
        _ => false,
    }
}

fn membership(call: &CallExpr, into: &mut BTreeMap<String, Domain>) -> bool {
    let [fact, list] = call.args.as_slice() else { return false };
    let (Some(path), Expr::List(list)) = (path_of(fact), &list.expr) else { return false };
    let domain = into.entry(path).or_default();
    list.elements.iter().all(|element| match literal(element) {
        Some(Json::String(text)) => {
            domain.texts.insert(text);
            true
        }
        Some(Json::Number(number)) => {
            domain.numbers.extend(number.as_f64());
            true
        }
        _ => false,
    })
}

/// The fact whose length is asked for: `cart.items.size()` or `size(cart.items)`.
fn length_of(expression: &IdedExpr) -> Option<String> {
    let Expr::Call(call) = &expression.expr else { return None };
    match (call.func_name.as_str(), &call.target, call.args.as_slice()) {
        ("size", Some(target), []) => path_of(target),
        ("size", None, [only]) => path_of(only),
        _ => None,
    }
}

fn is_literal(expression: &IdedExpr) -> bool {
    literal(expression).is_some()
}

fn literal(expression: &IdedExpr) -> Option<Json> {
    match &expression.expr {
        Expr::Literal(LiteralValue::Boolean(value)) => Some(json!(*value.inner())),
        Expr::Literal(LiteralValue::String(value)) => Some(json!(value.inner())),
        Expr::Literal(LiteralValue::Int(value)) => Some(json!(*value.inner())),
        Expr::Literal(LiteralValue::UInt(value)) => Some(json!(*value.inner())),
        Expr::Literal(LiteralValue::Double(value)) => Some(json!(*value.inner())),
        Expr::Literal(LiteralValue::Null) => Some(Json::Null),
        _ => None,
    }
}
