//! Parts that are no expressions of CEL: ages and segments.

use std::str::FromStr as _;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, LiteralValue};

use super::super::text::slice;
use super::super::{AgeKind, Node};
use super::{Checker, dotted};
use crate::journey::facts::Type;
use crate::journey::spelling::nearest;
use crate::journey::time::Span;

impl Checker<'_> {
    /// `older_than(fact, "span")` or `within(fact, "span")`.
    pub(super) fn age(&mut self, kind: AgeKind, call: &CallExpr, expression: &IdedExpr) -> Node {
        let name = &call.func_name;
        let text = slice(expression, self.info);
        let mut node = Node::Age { kind, path: String::new(), span: Span::ZERO, text };
        let [fact, length] = call.args.as_slice() else {
            let help = format!("write {name}(orders.last_at, \"30d\")");
            self.fault(expression, format!("`{name}` takes a moment and a length of time"), Some(help));
            return node;
        };
        let kind_of_fact = self.type_of(fact);
        let path_found = dotted(fact);
        if path_found.is_none() || !matches!(kind_of_fact, Type::Time | Type::Any) {
            self.fault(
                fact,
                format!("`{name}` needs a moment here"),
                Some("a fact such as `orders.last_at` or `event.at`".into()),
            );
        }
        let written =
            if let Expr::Literal(LiteralValue::String(s)) = &length.expr { Some(s.inner().to_owned()) } else { None };
        match written.as_deref().map(Span::from_str) {
            Some(Ok(found)) if found.is_zero() => {
                self.fault(length, "the length of time must not be zero".into(), None);
            }
            Some(Ok(found)) => {
                if let Node::Age { path, span, .. } = &mut node {
                    *path = path_found.unwrap_or_default();
                    *span = found;
                }
            }
            Some(Err(error)) => self.fault(length, error.to_string(), None),
            None => self.fault(
                length,
                format!("`{name}` needs a length of time in quotes here"),
                Some("for example \"90d\"".into()),
            ),
        }
        node
    }

    /// `segment.<name>` where a condition is wanted.
    pub(super) fn segment(&mut self, name: &str, expression: &IdedExpr) -> Node {
        let text = slice(expression, self.info);
        // What cannot be told is nothing that anybody could say something about.
        let untold = || Node::Expression { expression: expression.clone(), text: text.clone(), paths: Vec::new() };
        let Some(segments) = &self.scope.segments else { return untold() };
        if let Some(condition) = segments.get(name) {
            return Node::Segment { condition: condition.clone(), text };
        }
        let help = match nearest(name, segments.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `segment.{near}`?"),
            None if segments.is_empty() => "segments are named in the map's segments.yaml".to_owned(),
            None => format!("segments of this map: {}", segments.keys().cloned().collect::<Vec<_>>().join(", ")),
        };
        self.fault(expression, format!("there is no segment `{name}`"), Some(help));
        untold()
    }

    /// A segment inside an expression, or `segment` alone.
    pub(super) fn misplaced_segment(&mut self, expression: &IdedExpr, path: &str) {
        let (message, help) = if path == "segment" {
            let message = "`segment` is the group of segments, not one of them".to_owned();
            (message, "name one: `segment.loyal`")
        } else {
            (
                format!("`{path}` must stand as a part of its own"),
                "join it with `&&`, `||` or `!`; it is true or false by itself",
            )
        };
        self.fault(expression, message, Some(help.to_owned()));
    }
}
