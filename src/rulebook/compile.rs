//! From the forms of the files to the types that the core runs.
//!
//! Invariants: compiling never stops at a fault; each part either comes out whole or is left out after its fault was
//! reported. Nothing here is guessed: a rulebook with an error is never used.
//!
//! Not here: reading files (`tree`, `yaml`), letters' text (`letters`), what can never happen (`check`).

mod condition;
mod cron;
mod date;
mod ends;
mod errand;
mod limits;
mod map;
mod promo;
mod rule;
mod scenario;
mod segments;
mod set;
mod split;
mod steps;
mod trigger;
mod wait;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

pub(super) use limits::compile_shop_limits;
pub(super) use map::compile_map;
pub(super) use rule::compile_rule;
pub(super) use scenario::{compile_scenario, own_name};
pub(super) use segments::compile_segments;

use super::diagnostic::Diagnostic;
use super::source::Source;
use crate::journey::book::Shop;
use crate::journey::condition::Condition;
use crate::journey::facts::{Scope, Type};
use crate::journey::spelling::suggest;
use crate::journey::time::Span;

/// What every file may refer to, gathered before anything is compiled.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) attributes: BTreeMap<String, Type>,
    pub(super) purposes: BTreeSet<String>,
    pub(super) maps: BTreeMap<String, Outline>,
    /// Conditions that were asked so far whether they leave anything open.
    pub(super) asked: Cell<usize>,
    /// All rules by id, each with the names of its splits' arms; `None` when a file of them could not be read, and then nothing
    /// is said of rules.
    pub(super) rules: Option<BTreeMap<String, BTreeSet<String>>>,
}

/// What one map has to offer.
#[derive(Debug, Default)]
pub(super) struct Outline {
    /// Ids of the stages; `None` when the map's file could not be read, and then nothing is said of stages.
    pub(super) stages: Option<Vec<String>>,
    pub(super) letters: BTreeSet<String>,
    pub(super) pools: BTreeSet<String>,
    /// The conditions of the segments by name; `None` when their file could not be read, and then nothing is said of them.
    pub(super) segments: Option<BTreeMap<String, Condition>>,
}

impl World {
    /// The names that a condition may use on any map.
    pub(super) fn scope(&self, event: bool) -> Scope {
        Scope {
            attributes: self.attributes.clone(),
            maps: self.maps.keys().cloned().collect(),
            purposes: self.purposes.iter().cloned().collect(),
            segments: None,
            event,
            by_time: false,
            captured: Vec::new(),
        }
    }
}

/// One file under compilation.
pub(super) struct Unit<'a> {
    pub(super) source: &'a Source,
    pub(super) faults: &'a mut Vec<Diagnostic>,
    pub(super) world: &'a World,
    pub(super) outline: &'a Outline,
    pub(super) shop: &'a Shop,
    pub(super) map: &'a str,
    /// The rule's id, in a file of a rule.
    pub(super) rule: Option<&'a str>,
    /// Whether a schedule or a date starts the rule.
    pub(super) by_time: bool,
    /// How long the rule's goal counts, if it has one.
    pub(super) goal_within: Option<Span>,
    /// What the rule captures.
    pub(super) capture: Vec<String>,
}

impl Unit<'_> {
    pub(super) fn fault(&mut self, code: &'static str, place: &Range<usize>, message: impl Into<String>) {
        self.faults.push(self.source.error(code, place, message));
    }

    pub(super) fn fault_help(
        &mut self,
        code: &'static str,
        place: &Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.faults.push(self.source.error(code, place, message).help(help));
    }

    pub(super) fn warn(
        &mut self,
        code: &'static str,
        place: &Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.faults.push(self.source.error(code, place, message).help(help).warning());
    }

    /// Whether an identifier has the form that identifiers have; a fault is reported if not.
    /// The name of a sender, which must be one of the settings'.
    fn known_sender(&mut self, sender: &super::forms::Text) -> String {
        let known: Vec<&str> = self.shop.senders.iter().map(String::as_str).collect();
        if !known.contains(&sender.value.as_str()) {
            let help = if known.is_empty() {
                format!("add [mail.senders.{}] with `from` to the settings", sender.value)
            } else {
                suggest(&sender.value, &known, "senders of the settings")
            };
            let message = format!("the settings have no sender `{}`", sender.value);
            self.fault_help("unknown-sender", &sender.place, message, help);
        }
        sender.value.clone()
    }

    fn sound_id(&mut self, id: &super::forms::Text) -> bool {
        let sound = super::is_id(&id.value);
        if !sound {
            let message = format!("`{}` cannot be an identifier", id.value);
            let help = "use lower-case letters, digits, `-` and `_`, at most 64, beginning with a letter or digit";
            self.fault_help("bad-id", &id.place, message, help);
        }
        sound
    }
}
