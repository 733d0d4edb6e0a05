//! What a condition lacks: the parts that would have to change for it to hold, in words.
//!
//! What reads the event can't be told before there is one: such a part is neither true nor false here, but a wish of the
//! event that is still to come.

use std::sync::Arc;

use super::evaluate::{ENVIRONMENT, Facts, moment, shown};
use super::{AgeKind, Condition, Node, Part};

impl Condition {
    /// Whether the condition holds; `None` where that is the event's to say and there is none.
    pub fn told(&self, facts: Facts<'_>) -> Option<bool> {
        let mut context = cel::Context::with_env(Arc::clone(&ENVIRONMENT));
        context.set_variable_resolver(&facts);
        self.0.root.told(&facts, &context)
    }

    /// Every part of the condition as far as it can be told without an event.
    pub fn trace_before_event(&self, facts: Facts<'_>) -> Vec<Part> {
        let mut parts = self.trace(facts);
        for part in parts.iter_mut().filter(|part| part.facts.iter().any(|fact| fact.starts_with("event."))) {
            part.result = "the event decides".into();
            part.facts.clear();
        }
        parts
    }

    /// What would have to change for the condition to hold, each for itself and all of it together. Nothing, where it holds.
    pub fn lacks(&self, facts: Facts<'_>) -> Vec<String> {
        let mut context = cel::Context::with_env(Arc::clone(&ENVIRONMENT));
        context.set_variable_resolver(&facts);
        self.0.root.lacks(&facts, &context, true)
    }
}

impl Node {
    fn told(&self, facts: &Facts<'_>, context: &cel::Context<'_, '_>) -> Option<bool> {
        let unknown = |path: &str| facts.event.is_none() && path.starts_with("event.");
        match self {
            Self::All(nodes) => joined(nodes, false, |node| node.told(facts, context)),
            Self::Any(nodes) => joined(nodes, true, |node| node.told(facts, context)),
            Self::Not(node) => node.told(facts, context).map(|holds| !holds),
            Self::Expression { paths, .. } if paths.iter().any(|path| unknown(path)) => None,
            Self::Age { path, .. } if unknown(path) => None,
            Self::Segment { condition, .. } => condition.0.root.told(facts, context),
            Self::Expression { .. } | Self::Age { .. } => Some(self.holds(facts, context, &mut None)),
        }
    }

    /// What would have to change for this to come to `wanted`.
    fn lacks(&self, facts: &Facts<'_>, context: &cel::Context<'_, '_>, wanted: bool) -> Vec<String> {
        let told = self.told(facts, context);
        if told == Some(wanted) {
            return Vec::new();
        }
        match self {
            Self::Not(node) => node.lacks(facts, context, !wanted),
            Self::Segment { condition, .. } => condition.0.root.lacks(facts, context, wanted),
            Self::All(nodes) if wanted => nodes.iter().flat_map(|node| node.lacks(facts, context, true)).collect(),
            Self::Any(nodes) if !wanted => nodes.iter().flat_map(|node| node.lacks(facts, context, false)).collect(),
            Self::All(nodes) | Self::Any(nodes) => {
                let ways = nodes.iter().map(|node| node.lacks(facts, context, wanted).join(" and "));
                vec![ways.collect::<Vec<_>>().join(", or ")]
            }
            Self::Expression { text, paths, .. } => {
                let answer = if wanted { "true" } else { "not true" };
                if told.is_none() {
                    return vec![format!("`{text}` is {answer} of the event")];
                }
                let known: Vec<String> = paths.iter().map(|path| shown(facts, path)).collect();
                let now = if known.is_empty() { String::new() } else { format!(" (now {})", known.join(", ")) };
                vec![format!("`{text}` is {answer}{now}")]
            }
            Self::Age { kind, path, span, text } => {
                let answer = if wanted { "true" } else { "not true" };
                if told.is_none() {
                    return vec![format!("`{text}` is {answer} of the event")];
                }
                vec![match moment(facts, path) {
                    None => format!("`{text}` is {answer} (`{path}` was never said)"),
                    // Time alone makes what is older than, and ends what is within.
                    Some(at) if wanted == (*kind == AgeKind::OlderThan) => {
                        format!("`{text}` is {answer}: by itself on {}", at.after(*span).in_words(facts.zone))
                    }
                    Some(_) => format!(
                        "`{text}` is {answer}: `{path}` would be of the last {span} (now {})",
                        shown(facts, path)
                    ),
                }]
            }
        }
    }
}

/// Joins answers of which one that is `decisive` decides.
fn joined(nodes: &[Node], decisive: bool, ask: impl Fn(&Node) -> Option<bool>) -> Option<bool> {
    let answers: Vec<Option<bool>> = nodes.iter().map(ask).collect();
    if answers.contains(&Some(decisive)) {
        return Some(decisive);
    }
    answers.iter().all(Option::is_some).then_some(!decisive)
}
