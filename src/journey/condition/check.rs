//! Compiling a condition: parsing, checking names and types, and splitting it into parts.

mod names;
mod parse;
mod parts;

use std::collections::BTreeMap;

use cel::IdedExpr;
use cel::common::ast::operators as op;
use cel::common::ast::{CallExpr, Expr, LiteralValue, SourceInfo};

pub use names::named_segments;

use super::text::{depth, range, slice, visit};
use super::{AgeKind, ConditionFault, Node};
use crate::journey::date::parse_day;
use crate::journey::facts::{CAPTURED, Scope, Type};
use crate::journey::spelling::nearest;
use crate::journey::time::Timestamp;

/// The longest condition accepted, in bytes.
const MAX_BYTES: usize = 2_000;
/// The deepest nesting of brackets accepted: the parser takes much of the stack for each.
const MAX_NESTING: usize = 8;
/// The deepest tree accepted: the checker and the evaluation descend into it. A chain such as `1 + 1 + 1` is as deep as long.
const MAX_DEPTH: usize = 24;
/// How deep `exists`, `all`, `map` and the like may stand in one another: the time taken multiplies with every one.
const MAX_LOOPS: usize = 2;
/// What names of segments begin with.
const SEGMENT: &str = "segment.";
/// What is to be written where the present is asked for.
const NO_NOW: &str = "time comes in by `older_than(orders.last_at, '90d')` and `within(orders.last_at, '30d')`";
const FUNCTIONS: [&str; 11] = [
    "older_than",
    "within",
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "exists",
    "exists_one",
    "all",
    "filter",
    "map",
];

pub(super) fn compile(text: &str, scope: &Scope) -> Result<Node, Vec<ConditionFault>> {
    if text.len() > MAX_BYTES {
        return Err(vec![whole(text, format!("a condition may be {MAX_BYTES} bytes long at most"), None)]);
    }
    if nesting(text) > MAX_NESTING {
        return Err(vec![whole(text, format!("a condition may nest {MAX_NESTING} deep at most"), None)]);
    }
    let program = cel::Program::compile(text).map_err(|errors| parse::faults(text, &errors))?;
    if depth(program.expression()) > MAX_DEPTH {
        return Err(vec![whole(
            text,
            format!("a condition may nest {MAX_DEPTH} deep at most, its operators included"),
            None,
        )]);
    }
    let info = program.source_info();
    let mut checker = Checker { scope, info, faults: Vec::new(), locals: Vec::new(), loops: 0 };
    let root = checker.node(&names::spelt_out(program.expression()));
    if checker.faults.is_empty() { Ok(root) } else { Err(checker.faults) }
}

/// How deep brackets and prefix operators nest, at most; what stands in quotes counts too, which does no harm.
fn nesting(text: &str) -> usize {
    let (mut open, mut prefixes, mut deepest) = (0_usize, 0_usize, 0_usize);
    for c in text.chars() {
        match c {
            '(' | '[' | '{' | '?' => open += 1,
            ')' | ']' | '}' => open = open.saturating_sub(1),
            _ => {}
        }
        match c {
            '!' | '-' => prefixes += 1,
            c if c.is_whitespace() || c == '(' => {}
            _ => prefixes = 0,
        }
        deepest = deepest.max(open + prefixes);
    }
    deepest
}

fn whole(text: &str, message: String, help: Option<String>) -> ConditionFault {
    ConditionFault { message, help, start: 0, end: text.len() }
}

struct Checker<'a> {
    scope: &'a Scope,
    info: &'a SourceInfo,
    faults: Vec<ConditionFault>,
    locals: Vec<String>,
    /// Loops that are open.
    loops: usize,
}

impl Checker<'_> {
    /// A place where a condition is wanted: joins are taken apart, everything else is a part.
    fn node(&mut self, expression: &IdedExpr) -> Node {
        if let Expr::Call(call) = &expression.expr {
            match call.func_name.as_str() {
                op::LOGICAL_AND => return Node::All(call.args.iter().map(|a| self.node(a)).collect()),
                op::LOGICAL_OR => return Node::Any(call.args.iter().map(|a| self.node(a)).collect()),
                op::LOGICAL_NOT if call.args.len() == 1 => return Node::Not(Box::new(self.node(&call.args[0]))),
                "older_than" => return self.age(AgeKind::OlderThan, call, expression),
                "within" => return self.age(AgeKind::Within, call, expression),
                _ => {}
            }
        }
        if let Some(name) = dotted(expression).as_deref().and_then(|path| path.strip_prefix(SEGMENT)) {
            return self.segment(name, expression);
        }
        let kind = self.type_of(expression);
        if !matches!(kind, Type::Bool | Type::Any) {
            let text = slice(expression, self.info);
            self.fault(
                expression,
                format!("`{text}` is a {}, not a condition", kind.word()),
                Some("compare it with something, for example `orders.count > 0`".into()),
            );
        }
        let mut paths = Vec::new();
        visit(expression, &mut |node| {
            if let Some(path) = dotted(node)
                && self.scope.names(path.split('.').next().unwrap_or_default()).is_some()
                && !paths.iter().any(|known: &String| known.starts_with(&path))
            {
                paths.push(path);
            }
        });
        Node::Expression { expression: expression.clone(), text: slice(expression, self.info), paths }
    }

    fn type_of(&mut self, expression: &IdedExpr) -> Type {
        match &expression.expr {
            Expr::Literal(literal) => match literal {
                LiteralValue::Boolean(_) => Type::Bool,
                LiteralValue::String(_) | LiteralValue::Bytes(_) => Type::Text,
                LiteralValue::Int(_) | LiteralValue::UInt(_) | LiteralValue::Double(_) => Type::Number,
                LiteralValue::Null => Type::Any,
            },
            Expr::Ident(_) => self.type_of_name(expression),
            Expr::Select(select) => match dotted(expression) {
                Some(_) => self.type_of_name(expression),
                None if select.test => {
                    let help = "a fact that was never said is null: write `event.page != null`".to_owned();
                    self.fault(expression, "`has` is not needed here".into(), Some(help));
                    Type::Bool
                }
                None => {
                    self.type_of(&select.operand);
                    Type::Any
                }
            },
            Expr::List(list) => {
                for element in &list.elements {
                    self.type_of(element);
                }
                Type::List
            }
            Expr::Comprehension(c) => {
                self.type_of(&c.iter_range);
                self.loops += 1;
                if self.loops > MAX_LOOPS {
                    let message = format!("loops over lists may stand {MAX_LOOPS} deep at most");
                    self.fault(expression, message, None);
                }
                let known = self.locals.len();
                self.locals.extend([c.iter_var.clone(), c.accu_var.clone()]);
                self.locals.extend(c.iter_var2.clone());
                for part in [&c.accu_init, &c.loop_cond, &c.loop_step, &c.result] {
                    self.type_of(part);
                }
                self.locals.truncate(known);
                self.loops -= 1;
                Type::Any
            }
            Expr::Call(call) => self.type_of_call(call, expression),
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
                self.fault(expression, "maps and structures have no place in a condition".into(), None);
                Type::Any
            }
        }
    }

    fn type_of_call(&mut self, call: &CallExpr, expression: &IdedExpr) -> Type {
        let name = call.func_name.as_str();
        if matches!(name, "older_than" | "within") {
            self.fault(
                expression,
                format!("`{name}` must stand as a part of its own"),
                Some("join it with `&&`, `||` or `!`".into()),
            );
            return Type::Bool;
        }
        let target = call.target.as_ref().map(|target| self.type_of(target));
        let args: Vec<Type> = call.args.iter().map(|arg| self.type_of(arg)).collect();
        match name {
            op::LOGICAL_AND | op::LOGICAL_OR | op::LOGICAL_NOT | op::IN | op::NOT_STRICTLY_FALSE => Type::Bool,
            op::EQUALS | op::NOT_EQUALS | op::LESS | op::LESS_EQUALS | op::GREATER | op::GREATER_EQUALS => {
                self.compare(call, &args, expression);
                Type::Bool
            }
            op::ADD if args.contains(&Type::Text) => Type::Text,
            op::ADD | op::SUBSTRACT | op::MULTIPLY | op::DIVIDE | op::MODULO | op::NEGATE => {
                if args.iter().any(|t| matches!(t, Type::Time | Type::Date | Type::Bool | Type::List)) {
                    self.fault(expression, "only numbers can be reckoned with".into(), None);
                }
                Type::Number
            }
            op::CONDITIONAL | op::INDEX | op::OPT_INDEX | op::OPT_SELECT => Type::Any,
            "size" => {
                if let Some(of) = target.or(args.first().copied())
                    && !matches!(of, Type::List | Type::Text | Type::Any)
                {
                    self.fault(expression, format!("`size` of a {} makes no sense", of.word()), None);
                }
                Type::Number
            }
            "contains" | "startsWith" | "endsWith" => {
                if matches!(target, Some(Type::Number | Type::Bool | Type::Time | Type::Date | Type::List)) {
                    let help =
                        (target == Some(Type::List)).then(|| "for a list write `\"x\" in customer.tags`".to_owned());
                    self.fault(expression, format!("`{name}` works on text only"), help);
                }
                Type::Bool
            }
            _ => {
                let help = match name {
                    "now" => Some(NO_NOW.to_owned()),
                    _ => nearest(name, FUNCTIONS.iter().copied()).map(|n| format!("did you mean `{n}`?")),
                };
                self.fault(expression, format!("there is no function `{name}`"), help);
                Type::Any
            }
        }
    }

    fn compare(&mut self, call: &CallExpr, args: &[Type], expression: &IdedExpr) {
        let [left, right] = args else { return };
        let fits = left == right || *left == Type::Any || *right == Type::Any;
        // A fixed moment may be compared with as text.
        let moment = |kind: Type, other: usize| {
            kind == Type::Time
                && matches!(&call.args[other].expr, Expr::Literal(LiteralValue::String(s)) if Timestamp::parse_rfc3339(s.inner()).is_some())
        };
        // So may a fixed day, whose text sorts as days do.
        let day = |kind: Type, other: usize| {
            kind == Type::Date
                && matches!(&call.args[other].expr, Expr::Literal(LiteralValue::String(s)) if parse_day(s.inner()).is_some())
        };
        if fits || moment(*left, 1) || moment(*right, 0) || day(*left, 1) || day(*right, 0) {
            return;
        }
        let help = if [*left, *right].contains(&Type::Date) {
            Some("a date is compared with a day in full: \"2026-01-31\"".to_owned())
        } else if *left == Type::Time || *right == Type::Time {
            Some(
                "a moment is compared by `older_than` or `within`, or with one in full: \"2026-01-31T00:00:00Z\""
                    .to_owned(),
            )
        } else {
            None
        };
        let text = slice(expression, self.info);
        self.fault(
            expression,
            format!("`{text}` compares a {} with a {}, which is never equal", left.word(), right.word()),
            help,
        );
    }

    fn type_of_name(&mut self, expression: &IdedExpr) -> Type {
        let Some(path) = dotted(expression) else { return Type::Any };
        let mut segments = path.split('.').peekable();
        let mut root = segments.next().unwrap_or_default();
        if root == CAPTURED
            && let Some(inner) = segments.next_if(|inner| self.scope.captured.iter().any(|known| known == inner))
        {
            // What was captured has the names that it had.
            root = inner;
        }
        if self.locals.iter().any(|local| local == root) || root.starts_with('@') {
            return Type::Any;
        }
        if root == "segment" {
            self.misplaced_segment(expression, &path);
            return Type::Bool;
        }
        let Some(names) = self.scope.names(root) else {
            let roots = self.scope.roots();
            let help = if self.scope.segments.as_ref().is_some_and(|segments| segments.contains_key(root)) {
                format!("write `{SEGMENT}{root}`: it is a segment of this map")
            } else if root == "event" && self.scope.by_time {
                "time starts this rule, so there is no event".to_owned()
            } else if root == "now" {
                NO_NOW.to_owned()
            } else if root == "event" {
                "an event can be read in a rule's `when`, branches and goal, not here".to_owned()
            } else if root == CAPTURED {
                "only `still` reads it, and only of what the rule captures: `capture: [cart]`".to_owned()
            } else if let Some(near) = nearest(root, roots.iter().copied()) {
                format!("did you mean `{near}`?")
            } else if let Some((known, _)) = self.known_under_any_root(root) {
                format!("did you mean `{known}`?")
            } else {
                format!("names begin with one of: {}", roots.join(", "))
            };
            self.fault(expression, format!("there is nothing called `{root}`"), Some(help));
            return Type::Any;
        };
        let Some(name) = segments.next() else {
            let some: Vec<String> = names.keys().take(3).map(|n| format!("`{}`", spelling(root, n))).collect();
            self.fault(
                expression,
                format!("`{root}` is a group of facts, not a fact"),
                Some(format!("name one: {}", some.join(", "))),
            );
            return Type::Any;
        };
        match names.get(name) {
            Some(kind) => {
                if segments.next().is_none() {
                    *kind
                } else {
                    if !matches!(kind, Type::Any | Type::List) {
                        self.fault(expression, format!("`{root}.{name}` is a {} and has no fields", kind.word()), None);
                    }
                    Type::Any
                }
            }
            // An event's own fields are whatever the shop sends.
            None if root == "event" => Type::Any,
            None => {
                self.unknown(expression, root, name, &names);
                Type::Any
            }
        }
    }

    fn unknown(&mut self, expression: &IdedExpr, root: &str, name: &str, names: &BTreeMap<String, Type>) {
        // `stage.pet-shop` reads as `stage.pet` minus `shop`.
        let cut = names.keys().map(String::as_str).find(|known| known.starts_with(&format!("{name}-")));
        let help = cut.or_else(|| nearest(name, names.keys().map(String::as_str))).map_or_else(
            || {
                if root == "customer" {
                    "the shop's own attributes are declared in rules/attributes.yaml".to_owned()
                } else {
                    format!("known: {}", names.keys().map(String::as_str).collect::<Vec<_>>().join(", "))
                }
            },
            |near| format!("did you mean `{}`?", spelling(root, near)),
        );
        self.fault(expression, format!("there is no fact `{root}.{name}`"), Some(help));
    }

    fn known_under_any_root(&self, name: &str) -> Option<(String, Type)> {
        self.scope.roots().into_iter().find_map(|root| {
            let kind = *self.scope.names(root)?.get(name)?;
            Some((spelling(root, name), kind))
        })
    }

    fn fault(&mut self, expression: &IdedExpr, message: String, help: Option<String>) {
        let (start, end) = range(expression, self.info);
        let fault = ConditionFault { message, help, start, end };
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }
}

/// A fact as it is written in a condition: after a dot a `-` would be a minus.
fn spelling(root: &str, name: &str) -> String {
    if name.contains('-') { format!("{root}['{name}']") } else { format!("{root}.{name}") }
}

/// `a.b.c` as text, if the expression is a name with selections only.
pub(super) fn dotted(expression: &IdedExpr) -> Option<String> {
    match &expression.expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) if !select.test => dotted(&select.operand).map(|path| format!("{path}.{}", select.field)),
        _ => None,
    }
}
