//! The steps of two rules side by side, known by their ids.

use std::collections::BTreeMap;

use super::align::{self, align};
use super::said::{Values, list, said, same, under};
use super::tree::Told;
use crate::journey::rule::{Action, Rule};
use crate::rulebook::yaml::{Node, Yaml};

/// A step as it is written, with the id under which runs find it.
struct Step<'n> {
    id: String,
    /// What it does: `send`, `wait`, …
    action: &'n str,
    /// The whole of it.
    node: &'n Node,
    blocks: Vec<Block<'n>>,
}

/// Steps inside a step: an arm, or what follows one end of a wait.
struct Block<'n> {
    name: String,
    node: &'n Node,
    steps: Vec<Step<'n>>,
}

/// Tells what is different in the steps.
pub(super) fn differences(old: (&Node, Option<&Rule>), new: (&Node, Option<&Rule>), told: &mut Told<'_>) {
    let (before, now) = (read_all(old.0, old.1), read_all(new.0, new.1));
    let mut all = (BTreeMap::new(), BTreeMap::new());
    index(&before, &mut all.0);
    index(&now, &mut all.1);
    Comparison { old: all.0, new: all.1, told }.steps(&before, &now, "");
}

/// The steps of a new rule, in a line.
pub(super) fn summary(root: &Node, rule: Option<&Rule>) -> String {
    format!("steps: {}", in_a_line(&read_all(root, rule)))
}

/// Reads steps with their ids: those of the rule as it was understood, which stand in the same order.
fn read_all<'n>(root: &'n Node, rule: Option<&Rule>) -> Vec<Step<'n>> {
    let steps = rule.map(|rule| rule.steps.as_slice()).unwrap_or_default();
    // A jump is written by nobody.
    let mut ids = steps.iter().filter(|step| !matches!(step.action, Action::Jump { .. })).map(|step| step.id.clone());
    read(under(root, "steps").map(list).unwrap_or_default(), &mut ids)
}

fn read<'n>(nodes: &'n [Node], ids: &mut impl Iterator<Item = String>) -> Vec<Step<'n>> {
    nodes.iter().map(|node| read_step(node, ids)).collect()
}

fn read_step<'n>(node: &'n Node, ids: &mut impl Iterator<Item = String>) -> Step<'n> {
    let id = ids.next().unwrap_or_default();
    let named =
        if let Yaml::Map(entries) = &node.value { entries.iter().find(|(key, _)| key.text != "id") } else { None };
    let Some((key, value)) = named else { return Step { id, action: "exit", node, blocks: Vec::new() } };
    let mut block = |name: String, node: &'n Node, steps: Option<&'n Node>| Block {
        name,
        node,
        steps: read(steps.map(list).unwrap_or_default(), ids),
    };
    let blocks = match key.text.as_str() {
        "branch" => {
            let one = |arm: &'n Node| match under(arm, "if").and_then(Node::text) {
                Some(condition) => block(condition.to_owned(), arm, under(arm, "then")),
                None => block("else".to_owned(), arm, under(arm, "else")),
            };
            list(value).iter().map(one).collect()
        }
        "split" => {
            let arms = under(value, "arms").unwrap_or(value);
            let name = |arm: &Node| under(arm, "name").and_then(Node::text).unwrap_or_default().to_owned();
            list(arms).iter().map(|arm| block(name(arm), arm, under(arm, "then"))).collect()
        }
        "wait" => {
            let ends = ["then", "timeout"].into_iter();
            ends.filter_map(|end| Some((end, under(value, end)?)))
                .map(|(end, steps)| block(end.to_owned(), steps, Some(steps)))
                .collect()
        }
        _ => Vec::new(),
    };
    Step { id, action: &key.text, node, blocks }
}

fn index<'s, 'n>(steps: &'s [Step<'n>], all: &mut BTreeMap<&'s str, &'s Step<'n>>) {
    for step in steps {
        all.insert(&step.id, step);
        for block in &step.blocks {
            index(&block.steps, all);
        }
    }
}

impl Step<'_> {
    /// What it does by itself, apart from the steps inside.
    fn own(&self) -> String {
        let value = self.value();
        match (self.action, value) {
            ("branch", _) => {
                let names: Vec<&str> = self.blocks.iter().map(|block| block.name.as_str()).collect();
                format!("branch {}", names.join(" | "))
            }
            ("split", Some(value)) => {
                let share = |block: &Block<'_>| {
                    let share = under(block.node, "share").and_then(Node::text).unwrap_or_default();
                    format!("{} {share}", block.name)
                };
                let shares: Vec<String> = self.blocks.iter().map(share).collect();
                let pick =
                    under(value, "pick_winner").map(|pick| format!(", pick winner {}", said(pick, Values::Text)));
                format!("split {}{}", shares.join(" | "), pick.unwrap_or_default())
            }
            ("wait", Some(Node { value: Yaml::Map(entries), place })) => {
                let entries = entries.iter().filter(|(key, _)| !matches!(key.text.as_str(), "then" | "timeout"));
                let bare = Node { value: Yaml::Map(entries.cloned().collect()), place: place.clone() };
                format!("wait {}", said(&bare, Values::Text))
            }
            (action, Some(value)) if !value.is_null() => format!("{action} {}", said(value, self.values())),
            (action, _) => action.to_owned(),
        }
    }

    fn value(&self) -> Option<&Node> {
        under(self.node, self.action)
    }

    fn values(&self) -> Values {
        if matches!(self.action, "set" | "webhook" | "crm") { Values::Any } else { Values::Text }
    }

    /// Whether it does the same by itself as another.
    fn does_as(&self, other: &Self) -> bool {
        if self.action != other.action {
            return false;
        }
        match (self.value(), other.value()) {
            _ if !self.blocks.is_empty() || !other.blocks.is_empty() => self.own() == other.own(),
            (Some(one), Some(other)) => same(one, other, self.values()),
            (one, other) => one.is_none_or(Node::is_null) && other.is_none_or(Node::is_null),
        }
    }
}

/// Steps as they are read aloud, with those inside.
fn in_a_line(steps: &[Step<'_>]) -> String {
    if steps.is_empty() {
        return "nothing".to_owned();
    }
    steps.iter().map(whole).collect::<Vec<_>>().join(", ")
}

fn whole(step: &Step<'_>) -> String {
    if step.blocks.is_empty() {
        return step.own();
    }
    let arms: Vec<String> =
        step.blocks.iter().map(|block| format!("{}: {}", block.name, in_a_line(&block.steps))).collect();
    let head = if step.action == "branch" { "branch".to_owned() } else { step.own() };
    format!("{head} ({})", arms.join("; "))
}

struct Comparison<'a, 's, 'n, 't> {
    old: BTreeMap<&'s str, &'s Step<'n>>,
    new: BTreeMap<&'s str, &'s Step<'n>>,
    told: &'a mut Told<'t>,
}

impl Comparison<'_, '_, '_, '_> {
    /// Compares two lists of steps; `inside` is where they stand.
    fn steps(&mut self, old: &[Step<'_>], new: &[Step<'_>], inside: &str) {
        let names = |steps: &[Step<'_>]| steps.iter().map(|step| step.id.clone()).collect::<Vec<_>>();
        let alike = |was: usize, is: usize| {
            old[was].action == new[is].action
                && !self.new.contains_key(old[was].id.as_str())
                && !self.old.contains_key(new[is].id.as_str())
        };
        let place = |at: usize| match at.checked_sub(1) {
            Some(before) => format!("after `{}`", new[before].id),
            None => format!("first{inside}"),
        };
        for step in align(&names(old), &names(new), alike) {
            match step {
                align::Step::Both(was, is) => self.step(&old[was], &new[is]),
                align::Step::Moved(was, is) => self.moved(&old[was], &new[is], &place(is)),
                align::Step::New(is) => {
                    if let Some(was) = self.old.get(new[is].id.as_str()).copied() {
                        self.moved(was, &new[is], &place(is));
                        continue;
                    }
                    let at = format!("step `{}` {}", new[is].id, place(is));
                    self.told.tell(at, None, Some(whole(&new[is])), Some(new[is].node));
                }
                // What is still somewhere is told there.
                align::Step::Gone(was) if self.new.contains_key(old[was].id.as_str()) => {}
                align::Step::Gone(was) => {
                    self.told.tell(format!("step `{}`", old[was].id), Some(whole(&old[was])), None, None);
                }
            }
        }
    }

    fn moved(&mut self, old: &Step<'_>, new: &Step<'_>, place: &str) {
        self.told.tell(format!("step `{}`: now {place}", new.id), None, None, Some(new.node));
        self.step(old, new);
    }

    fn step(&mut self, old: &Step<'_>, new: &Step<'_>) {
        let at = if old.id == new.id {
            format!("step `{}`", new.id)
        } else {
            format!("step `{}`, now `{}`", old.id, new.id)
        };
        if !old.does_as(new) {
            self.told.tell(at, Some(old.own()), Some(new.own()), Some(new.node));
        } else if old.id != new.id {
            self.told.tell(at, None, None, Some(new.node));
        }
        self.blocks(old, new);
    }

    fn blocks(&mut self, old: &Step<'_>, new: &Step<'_>) {
        let names = |step: &Step<'_>| step.blocks.iter().map(|block| block.name.clone()).collect::<Vec<_>>();
        // Arms in the same gap are one arm whose condition or name has changed.
        for step in align(&names(old), &names(new), |_, _| true) {
            match step {
                align::Step::Both(was, is) | align::Step::Moved(was, is) => {
                    let (old, now) = (&old.blocks[was], &new.blocks[is]);
                    self.steps(&old.steps, &now.steps, &format!(" in `{}`", now.name));
                }
                align::Step::Gone(was) => self.steps(&old.blocks[was].steps, &[], ""),
                align::Step::New(is) => {
                    let block = &new.blocks[is];
                    self.steps(&[], &block.steps, &format!(" in `{}`", block.name));
                }
            }
        }
    }
}
