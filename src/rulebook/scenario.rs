//! Scenarios: stories of one customer with what must come of them, run by the core on a virtual clock.
//!
//! Invariants: nothing is decided here: a story is told to [`crate::journey::simulate`], and letters are written by whoever
//! writes them in life. What a scenario says is no part of the rulebook's hash: a changed test is not a changed rule.
//!
//! Not here: reading the files (`forms`, `compile`), printing (`cli`).

mod coverage;
mod diff;
mod run;
mod told;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

pub use coverage::{Coverage, RuleCoverage};
pub use diff::{Failure, Line};
pub use run::{Outcome, Writer, run};

use super::diagnostic::Diagnostic;
use crate::journey::event::Event;
use crate::journey::time::Timestamp;

/// The scenarios of a rulebook's folder. They are there even where the rules have faults; they can be run where not.
#[derive(Clone, Debug, Default)]
pub struct Scenarios {
    /// Those that could be read, by map, file and line.
    pub list: Vec<Scenario>,
    /// Every fault of their files, by file and line.
    pub diagnostics: Vec<Diagnostic>,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file, relative to the rulebook's folder.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
}

/// One story.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What it shows.
    pub name: String,
    /// Where it begins.
    pub place: Place,
    /// The map of its folder.
    pub map: String,
    /// When it begins.
    pub from: Timestamp,
    /// Old news: what is known at the start.
    pub given: Vec<Event>,
    /// Whether the customer's address is suppressed.
    pub suppressed: bool,
    /// Whether the customer is one of those who are held out.
    pub held_out: bool,
    /// The arms of splits that the customer takes, by rule.
    pub takes: BTreeMap<String, String>,
    /// Codes that stand in for those of the files.
    pub pools: BTreeMap<String, Vec<String>>,
    /// What happens, in the order in which it is heard of.
    pub events: Vec<Event>,
    /// What must come of it, in the order of time.
    pub expect: Vec<Expectation>,
    /// Letters that must not go out at all.
    pub never: Vec<(String, Place)>,
}

/// What must be so at a moment.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// Where it stands.
    pub place: Place,
    /// The moment.
    pub at: Timestamp,
    /// From the expectation before up to the moment, not included, nothing went out.
    pub nothing_before: bool,
    /// The stage on each map that is spoken of; `None` outside it.
    pub stages: Vec<(String, Option<String>, Place)>,
    /// The letters that went out since the expectation before.
    pub letters: Option<(Vec<ExpectedLetter>, Place)>,
    /// The letters that were withheld since the expectation before.
    pub withheld: Option<(Vec<ExpectedWithheld>, Place)>,
    /// The letters that wait at the moment.
    pub held: Option<(Vec<ExpectedHeld>, Place)>,
    /// Attributes of the customer.
    pub attributes: Vec<(String, Value, Place)>,
}

/// A letter that must wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedHeld {
    /// Its name.
    pub letter: String,
    /// For which moment, if that matters.
    pub until: Option<Timestamp>,
    /// The short code of the limit, if that matters.
    pub by: Option<String>,
}

/// A letter that must be withheld.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedWithheld {
    /// Its name.
    pub letter: String,
    /// The reason's short code, if that matters.
    pub reason: Option<String>,
}

/// A letter that must go out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedLetter {
    /// Its name.
    pub letter: String,
    /// Where that stands.
    pub place: Place,
    /// When it goes out.
    pub at: Option<Timestamp>,
    /// What stands in its subject.
    pub subject: Vec<String>,
    /// What stands in its text.
    pub text: Vec<String>,
    /// What stands in its HTML.
    pub html: Vec<String>,
    /// The address it goes to.
    pub to: Option<String>,
    /// The locale of its files.
    pub locale: Option<String>,
}
