//! A fixture: what a letter reads, made up in a file, so that it can be looked at as somebody in particular would get it.
//!
//! ```yaml
//! locale: ru
//! customer: {first_name: Anna, email: anna@mail.example}
//! cart: {total: 24.9, currency: EUR, items: [{name: Feeder, quantity: 1, price: 24.9, currency: EUR}]}
//! event: {page: /feeders}
//! promo: {code: SPRING-1}
//! ```
//!
//! The names are those that letters read. A root that is written stands for the whole of that root; what is not written is
//! left to whoever makes the preview.

use std::path::PathBuf;

use serde_json::{Map, Value};

use super::Letters;
use super::diagnostic::Diagnostic;
use super::forms;
use super::source::Source;
use super::yaml::{self, Key, Node, Yaml};
use crate::journey::spelling::suggest;

/// Names of letters that no fixture gives: they come from the settings and from the letter itself.
const NOT_GIVEN: [&str; 8] =
    ["shop", "unsubscribe_url", "preferences_url", "confirm_url", "message_id", "locale", "subject", "preheader"];

/// What a fixture says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fixture {
    /// The locale wanted.
    pub locale: Option<String>,
    /// What the letter reads, by root.
    pub roots: Map<String, Value>,
}

/// Reads a fixture for letters of a rulebook: every fault is told.
pub fn read_fixture(file: PathBuf, text: &str, letters: &Letters) -> Result<Fixture, Vec<Diagnostic>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reading = Reading { source: &Source::new(file, text.to_owned()), letters, faults: Vec::new() };
    let fixture = reading.whole();
    if reading.faults.is_empty() { Ok(fixture) } else { Err(reading.faults) }
}

struct Reading<'a> {
    source: &'a Source,
    letters: &'a Letters,
    faults: Vec<Diagnostic>,
}

impl Reading<'_> {
    fn whole(&mut self) -> Fixture {
        let mut fixture = Fixture::default();
        let Some(node) = yaml::parse(self.source, &mut self.faults) else { return fixture };
        let Yaml::Map(entries) = &node.value else {
            self.wrong(&node, "roots of names, such as `customer:` and `cart:`");
            return fixture;
        };
        let blank = self.letters.blank();
        let mut known: Vec<&str> = blank.keys().map(String::as_str).filter(|name| !NOT_GIVEN.contains(name)).collect();
        known.push("locale");
        for (key, node) in entries {
            match key.text.as_str() {
                "locale" => match node.text() {
                    Some(locale) => fixture.locale = Some(locale.to_owned()),
                    None => self.wrong(node, "a locale, such as `ru`"),
                },
                name if known.contains(&name) => {
                    if let Some(value) = self.root(name, node) {
                        fixture.roots.insert(name.to_owned(), value);
                    }
                }
                name => {
                    let fault =
                        self.source.error("unknown-key", &key.place, format!("letters read nothing of `{name}`"));
                    self.faults.push(fault.help(suggest(name, &known, "names that a fixture gives")));
                }
            }
        }
        fixture
    }

    /// The value of a root; names under it that no letter could read are faults, an event's own excepted.
    fn root(&mut self, root: &str, node: &Node) -> Option<Value> {
        if node.is_null() {
            return Some(Value::Object(Map::new()));
        }
        let Yaml::Map(entries) = &node.value else {
            self.wrong(node, "names and values");
            return None;
        };
        if let Some(Value::Object(names)) = self.letters.blank().get(root).filter(|_| root != "event") {
            let known: Vec<&str> = names.keys().map(String::as_str).collect();
            for (Key { text, place }, _) in entries.iter().filter(|(key, _)| !names.contains_key(&key.text)) {
                let fault = self.source.error("unknown-variable", place, format!("there is no `{root}.{text}`"));
                self.faults.push(fault.help(suggest(text, &known, "names that exist here")));
            }
        }
        Some(forms::nested(node))
    }

    fn wrong(&mut self, node: &Node, wanted: &str) {
        let message = format!("expected {wanted}, found {}", node.kind());
        self.faults.push(self.source.error("wrong-type", &node.place, message));
    }
}
