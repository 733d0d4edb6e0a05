//! Conditions: CEL, checked against the known facts when compiled, traced when evaluated.
//!
//! There is no `now` in a condition. Time enters only through `older_than(t, "90d")` and `within(t, "30d")`, which stand as
//! parts of their own (joined by `&&`, `||`, `!`); each records the moment its answer will flip by itself. So does a segment
//! (`segment.loyal`), whose condition is a node of the one that names it. A part that cannot be told (a fact that was never
//! said, say) counts as false. Nothing here reads a clock.

mod change;
mod check;
mod evaluate;
mod possible;
mod text;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use check::named_segments;
pub use evaluate::{Answer, Facts};
pub use possible::possible;

use super::facts::Scope;
use super::time::Span;

/// Most parts of a condition: segments that name segments multiply them.
const MAX_PARTS: usize = 1_000;

/// A condition that was checked and can be evaluated.
#[derive(Clone, Debug)]
pub struct Condition(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    text: String,
    root: Node,
    /// How many parts it has, those of its segments included.
    parts: usize,
}

/// The boolean skeleton of a condition; what it joins are parts.
#[derive(Debug)]
enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    /// An expression that CEL evaluates.
    Expression {
        expression: cel::IdedExpr,
        text: String,
        paths: Vec<String>,
    },
    /// `older_than(fact, "span")` or `within(fact, "span")`.
    Age {
        kind: AgeKind,
        path: String,
        span: Span,
        text: String,
    },
    /// `segment.<name>`: the condition of a segment.
    Segment {
        condition: Condition,
        text: String,
    },
}

/// Which of the two ways time enters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AgeKind {
    OlderThan,
    Within,
}

/// One fault of a condition's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionFault {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// Byte offset in the text where it begins.
    pub start: usize,
    /// Byte offset where it ends.
    pub end: usize,
}

/// One part of a condition with what came out of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// The part as written.
    pub text: String,
    /// What it came to: `true`, `false`, or why it could not be told (which counts as false).
    pub result: String,
    /// The facts it read, as `name = value`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<String>,
}

impl Condition {
    /// Parses and checks a condition: every fault, not only the first.
    pub fn compile(text: &str, scope: &Scope) -> Result<Self, Vec<ConditionFault>> {
        let root = check::compile(text, scope)?;
        let parts = root.parts();
        if parts > MAX_PARTS {
            let message = format!("a condition may have {MAX_PARTS} parts at most, those of its segments included");
            return Err(vec![ConditionFault { message, help: None, start: 0, end: text.len() }]);
        }
        Ok(Self(Arc::new(Compiled { text: text.to_owned(), root, parts })))
    }

    /// The condition as written.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Every fact that the condition reads, as dotted names.
    pub fn paths(&self) -> Vec<&str> {
        let mut paths = Vec::new();
        self.0.root.collect_paths(&mut paths);
        paths
    }

    /// Whether its answer can change by time alone.
    pub fn depends_on_time(&self) -> bool {
        self.0.root.depends_on_time()
    }

    /// Whether it is the literal `true` or `false`.
    pub fn constant(&self) -> Option<bool> {
        match self.0.text.trim() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }
}

impl Node {
    fn collect_paths<'a>(&'a self, into: &mut Vec<&'a str>) {
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().for_each(|n| n.collect_paths(into)),
            Self::Not(node) => node.collect_paths(into),
            Self::Expression { paths, .. } => into.extend(paths.iter().map(String::as_str)),
            Self::Age { path, .. } => into.push(path),
            Self::Segment { condition, .. } => condition.0.root.collect_paths(into),
        }
    }

    fn parts(&self) -> usize {
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().map(Self::parts).sum(),
            Self::Not(node) => node.parts(),
            Self::Expression { .. } | Self::Age { .. } => 1,
            Self::Segment { condition, .. } => condition.0.parts.saturating_add(1),
        }
    }

    fn depends_on_time(&self) -> bool {
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().any(Self::depends_on_time),
            Self::Not(node) => node.depends_on_time(),
            Self::Expression { .. } => false,
            Self::Age { .. } => true,
            Self::Segment { condition, .. } => condition.depends_on_time(),
        }
    }
}
