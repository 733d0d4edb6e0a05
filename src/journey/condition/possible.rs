//! Whether conditions can hold at all: what no customer could ever be, and what everyone always is.
//!
//! A condition depends on a fact only through the values it is compared with. So it is asked over a few worlds that differ in
//! all that it can tell apart: below, at, between and above the numbers it names, each text it names and another one, nothing
//! said. Each part is evaluated as in earnest; there is no second meaning of a condition here.
//!
//! Parts that do more than compare facts with values may come out either way, each for itself. Where there would be too many
//! worlds, the answer is "perhaps".

mod domain;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use serde_json::Value as Json;

use super::evaluate::{ENVIRONMENT, to_cel};
use super::{AgeKind, Condition, Node};
use crate::journey::time::Span;
use domain::Domain;

/// Most worlds that are asked.
const MOST: usize = 256;

impl Condition {
    /// What the condition comes to for everybody, if it is the same for everybody.
    pub fn always(&self) -> Option<bool> {
        match (possible(&[(self, true)]), possible(&[(self, false)])) {
            (true, false) => Some(true),
            (false, true) => Some(false),
            _ => None,
        }
    }
}

/// Whether somebody could be for whom each condition comes to what stands beside it. `true` where that can't be told.
pub fn possible(wanted: &[(&Condition, bool)]) -> bool {
    let mut atoms = Atoms::default();
    for (condition, _) in wanted {
        atoms.gather(&condition.0.root);
    }
    let Some(worlds) = atoms.worlds() else { return true };
    worlds.into_iter().any(|world| {
        let mut context = cel::Context::with_env(Arc::clone(&ENVIRONMENT));
        context.set_variable_resolver(&world);
        wanted.iter().all(|(condition, comes_to)| world.holds(&condition.0.root, &context) == *comes_to)
    })
}

/// What conditions tell apart.
#[derive(Debug, Default)]
struct Atoms {
    facts: BTreeMap<String, Domain>,
    /// Texts of parts that may come out either way.
    free: BTreeSet<String>,
    /// Something is missing of which nothing can be said.
    unread: bool,
}

impl Atoms {
    fn gather(&mut self, node: &Node) {
        match node {
            // What stands for a segment that could not be read.
            Node::Any(nodes) if nodes.is_empty() => self.unread = true,
            Node::All(nodes) | Node::Any(nodes) => nodes.iter().for_each(|node| self.gather(node)),
            Node::Not(node) => self.gather(node),
            Node::Segment { condition, .. } => self.gather(&condition.0.root),
            Node::Expression { expression, text, .. } => {
                let mut found = BTreeMap::new();
                if domain::read(expression, &mut found) {
                    for (path, domain) in found {
                        self.facts.entry(path).or_default().add(domain);
                    }
                } else {
                    self.free.insert(text.clone());
                }
            }
            Node::Age { path, span, .. } => {
                self.facts.entry(path.clone()).or_default().ages.insert(*span);
            }
        }
    }

    /// Every world; `None` if there are too many, or something is missing.
    fn worlds(&self) -> Option<Vec<World<'_>>> {
        if self.unread {
            return None;
        }
        let first = World { facts: BTreeMap::new(), ages: BTreeMap::new(), free: BTreeSet::new(), known: &self.free };
        let mut worlds = vec![first];
        for (path, domain) in &self.facts {
            let values = domain.values(path)?;
            if worlds.len().saturating_mul(values.len()) > MOST {
                return None;
            }
            let mut more = Vec::with_capacity(worlds.len() * values.len());
            for world in worlds {
                for (value, age) in &values {
                    let mut world = world.clone();
                    world.facts.insert(path.clone(), value.clone());
                    world.ages.extend(age.map(|age| (path.clone(), age)));
                    more.push(world);
                }
            }
            worlds = more;
        }
        for text in &self.free {
            if worlds.len() * 2 > MOST {
                return None;
            }
            let mut other = worlds.clone();
            for world in &mut other {
                world.free.insert(text.clone());
            }
            worlds.extend(other);
        }
        Some(worlds)
    }
}

/// One way that all could be.
#[derive(Clone, Debug)]
struct World<'a> {
    facts: BTreeMap<String, Json>,
    /// How long ago the moments are.
    ages: BTreeMap<String, Span>,
    /// The free parts that are true.
    free: BTreeSet<String>,
    known: &'a BTreeSet<String>,
}

impl World<'_> {
    fn holds(&self, node: &Node, context: &cel::Context<'_, '_>) -> bool {
        match node {
            Node::All(nodes) => nodes.iter().all(|node| self.holds(node, context)),
            Node::Any(nodes) => nodes.iter().any(|node| self.holds(node, context)),
            Node::Not(node) => !self.holds(node, context),
            Node::Segment { condition, .. } => self.holds(&condition.0.root, context),
            Node::Expression { text, .. } if self.known.contains(text) => self.free.contains(text),
            Node::Expression { expression, .. } => {
                matches!(context.resolve(expression), Ok(cel::Value::Bool(true)))
            }
            Node::Age { kind, path, span, .. } => {
                self.ages.get(path).is_some_and(|age| (age >= span) == (*kind == AgeKind::OlderThan))
            }
        }
    }
}

impl VariableResolver for World<'_> {
    fn resolve(&self, name: &str) -> Option<CowVal<'_, '_>> {
        let boxed: Box<dyn Val> = to_cel(self.facts.get(name)?).try_into().ok()?;
        Some(CowVal::Owned(boxed))
    }
}
