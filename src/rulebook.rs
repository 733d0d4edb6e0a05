//! Files of a shop to rulebook and letters, with diagnostics.
//!
//! `rules/<map>/map.yaml`, `rules/<map>/segments.yaml`, `rules/<map>/<rule>.yaml`, letters in `rules/<map>/templates/`, promo
//! codes in `rules/<map>/promo/`, scenarios in `rules/<map>/tests/`, layouts in `rules/shared/`, the shop's own attributes in
//! `rules/attributes.yaml`, limits of the whole shop in `rules/limits.yaml`: all are read and checked together, and every fault
//! of a run is reported like a compiler does, with file, line, column and help.
//!
//! Invariants: no file can make it panic, hang or take memory without bound; a fault in one file hides none in another; a
//! [`Book`] exists only if there was no error; the same bytes give the same book and hash.
//!
//! Not here: what the rules decide (`journey`), composing and sending mail (`mail`), when to load again (`engine`).

mod archive;
mod attributes;
mod check;
mod compile;
mod diagnostic;
mod diff;
mod fixture;
mod format;
mod forms;
mod letters;
mod load;
mod pools;
mod read;
pub mod scenario;
mod schema;
mod source;
mod starters;
mod tree;
mod watch;
mod yaml;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use archive::{pack, unpack};
pub use diagnostic::{Diagnostic, Severity, render};
pub use diff::{Change, How, Point, Subject, difference};
pub use fixture::{Fixture, read_fixture};
pub use format::format;
pub use letters::{Address, Enclosed, Letters, MAX_ENCLOSED, RenderError, Rendered, content_id, kind};
pub use load::{load, load_files};
pub use schema::{attributes_schema, limits_schema, pool_schema, scenario_schema, schema, segments_schema};
pub use starters::{Starter, starters};
pub use tree::Files;
pub use watch::{Watch, WatchError};

use crate::journey::book::Rulebook;
use crate::journey::customer::Customer;

/// Everything that a rules folder holds, checked.
#[derive(Clone, Debug, Default)]
pub struct Book {
    /// Maps and rules.
    pub rulebook: Rulebook,
    /// Letters.
    pub letters: Letters,
    /// The codes that files of promo codes hold, by pool.
    pub pools: BTreeMap<String, Vec<String>>,
    /// The letters of earlier rulebooks as which rules finish, by the rulebook's hash.
    pub earlier: BTreeMap<String, Letters>,
    /// The files that it was made of.
    pub files: Arc<Files>,
}

impl Book {
    /// Adds an earlier book, as which what was begun under it may finish.
    pub fn add_earlier(&mut self, book: Self) {
        self.earlier.insert(book.rulebook.hash.clone(), book.letters);
        self.rulebook.earlier.insert(book.rulebook.hash.clone(), Arc::new(book.rulebook));
    }

    /// The letters of a rule that finishes as an earlier rulebook has it, or of the one in force.
    pub fn letters_under(&self, rulebook: &str) -> &Letters {
        self.earlier.get(rulebook).unwrap_or(&self.letters)
    }

    /// The letters among which one that waits for its customer is found.
    pub fn letters_of(&self, customer: &Customer, message: &str) -> &Letters {
        let pending = customer.pending.iter().find(|pending| pending.message == message);
        self.letters_under(pending.map_or("", |pending| pending.rulebook.as_str()))
    }
}

/// What came of loading.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The book; `None` if there was an error.
    pub book: Option<Book>,
    /// Every fault found, by file and line; those of scenarios stand with them.
    pub diagnostics: Vec<Diagnostic>,
    /// The scenarios of the same folder.
    pub scenarios: scenario::Scenarios,
}

/// Whether a text has the form of an identifier.
fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_')
}
