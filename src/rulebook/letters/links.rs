//! What each letter reads in all: its own files and whatever they include or extend.

use std::collections::{BTreeMap, BTreeSet};

use super::scan::Scan;
use crate::rulebook::source::Source;

/// What one letter's files read.
#[derive(Debug, Default)]
pub(in crate::rulebook) struct LetterFacts<'t> {
    /// Each text and HTML file with the first parts of the names it reads, includes and layouts among them.
    pub(in crate::rulebook) files: Vec<(&'t Source, BTreeSet<String>)>,
    /// What they read of the event without asking whether it is there: `event.order`.
    pub(in crate::rulebook) event: BTreeSet<String>,
}

impl LetterFacts<'_> {
    /// Whether any of the files reads a name under this root.
    pub(in crate::rulebook) fn reads(&self, root: &str) -> bool {
        self.files.iter().any(|(_, roots)| roots.contains(root))
    }
}

/// One template with what was found in it.
#[derive(Debug)]
pub(super) struct Template<'t> {
    pub(super) source: &'t Source,
    pub(super) scan: Scan,
}

/// The templates that one template comes to, itself first; each once, so that a circle ends.
pub(super) fn closure<'a>(name: &'a str, templates: &'a BTreeMap<String, Template<'_>>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![name];
    while let Some(name) = open.pop() {
        if reached.insert(name)
            && let Some(template) = templates.get(name)
        {
            open.extend(template.scan.templates.iter().map(|(name, _)| name.as_str()));
        }
    }
    reached
}

/// First parts of the names that a template reads, with those of the templates it comes to.
pub(super) fn roots(name: &str, templates: &BTreeMap<String, Template<'_>>) -> BTreeSet<String> {
    let scans: Vec<&Scan> =
        closure(name, templates).into_iter().filter_map(|name| templates.get(name)).map(|t| &t.scan).collect();
    let paths = scans.iter().flat_map(|scan| &scan.paths);
    let mut roots: BTreeSet<String> =
        paths.filter_map(|path| path.parts.first().map(|(root, _)| root.clone())).collect();
    // A date is one in the customer's zone.
    if scans.iter().flat_map(|scan| &scan.filters).any(|(filter, _)| filter == "date") {
        roots.insert("customer".to_owned());
    }
    roots
}

/// What a template and those that it comes to read of the event, as `event.order`, without having asked for it by `if` or having
/// something by `default` to stand in for it.
pub(super) fn event_taken_for_granted(name: &str, templates: &BTreeMap<String, Template<'_>>) -> BTreeSet<String> {
    let scans: Vec<&Scan> =
        closure(name, templates).into_iter().filter_map(|name| templates.get(name)).map(|t| &t.scan).collect();
    let asked: BTreeSet<String> =
        scans.iter().flat_map(|scan| &scan.asked).filter_map(|path| of_event(path.split('.'))).collect();
    let read = scans.iter().flat_map(|scan| &scan.paths);
    let read = read.filter_map(|path| of_event(path.parts.iter().map(|(name, _)| name.as_str())));
    // Who asks for its kind knows what it says.
    let known = asked.contains("event") || asked.contains("event.kind");
    read.filter(|path| !known && !asked.contains(path)).collect()
}

/// The first two parts of a name under `event`.
fn of_event<'p>(mut parts: impl Iterator<Item = &'p str>) -> Option<String> {
    let root = parts.next().filter(|root| *root == "event")?;
    Some(parts.next().map_or_else(|| root.to_owned(), |part| format!("{root}.{part}")))
}
