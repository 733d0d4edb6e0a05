//! What the files of a rulebook are about, one item a file, known by what it is and its name rather than by its path.

use std::collections::BTreeMap;
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use super::said::under;
use super::{Change, How, Point, Subject, pool, text, tree};
use crate::journey::rule::Rule;
use crate::rulebook::source::Source;
use crate::rulebook::tree::{Role, role};
use crate::rulebook::yaml::{self, Node};
use crate::rulebook::{Book, Files};

/// What an item is and its name.
pub(super) type Key = (Subject, String);

/// One file.
#[derive(Debug)]
pub(super) struct Item<'b> {
    pub(super) what: Subject,
    /// Its name, as people know it.
    pub(super) name: String,
    /// The map it belongs to; empty if to none.
    pub(super) map: String,
    pub(super) path: &'b str,
    pub(super) source: Source,
    /// The tree of a YAML file.
    pub(super) root: Option<Node>,
    /// The rule as it was understood.
    pub(super) rule: Option<&'b Rule>,
}

/// The items of a book. Scenarios decide nothing and are left out.
pub(super) fn items<'b>(book: &'b Book) -> BTreeMap<Key, Item<'b>> {
    let files: &Files = &book.files;
    let item = |(path, bytes): (&'b String, &'b Vec<u8>)| {
        let (what, map, mut name) = subject(path)?;
        // What is no text is told by its size and its hash.
        let text = match role(path) {
            Some(Role::File(_)) => {
                format!("{} octets, SHA-256 {}", bytes.len(), hex::encode(Sha256::digest(bytes))).into()
            }
            _ => String::from_utf8_lossy(bytes),
        };
        let source = Source::new(PathBuf::from(path), text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned());
        let yaml = source.path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        let root = if yaml { yaml::parse(&source, &mut Vec::new()) } else { None };
        if what == Subject::Rule
            && let Some(id) = root.as_ref().and_then(|root| under(root, "rule")).and_then(Node::text)
        {
            id.clone_into(&mut name);
        }
        let rule = book.rulebook.rules.get(&name).filter(|_| what == Subject::Rule);
        let item = Item { what, name, map, path, source, root, rule };
        Some((item.key(), item))
    };
    files.iter().filter_map(item).collect()
}

/// What a file is about: what that is, its map and its name.
fn subject(path: &str) -> Option<(Subject, String, String)> {
    let file = path.rsplit('/').next().unwrap_or(path);
    let stem = file.split('.').next().unwrap_or(file);
    let folder = path.rsplit('/').nth(1).unwrap_or_default();
    let (what, map, name) = match role(path)? {
        Role::Attributes => (Subject::Attributes, "", ""),
        Role::Limits => (Subject::Limits, "", ""),
        Role::Shared | Role::File("shared") => (Subject::Part, "", path.strip_prefix("shared/").unwrap_or(path)),
        Role::File(map) => (Subject::Part, map, file),
        Role::Map(map) => (Subject::Map, map, map),
        Role::Segments(map) => (Subject::Segments, map, map),
        Role::Rule(map) => (Subject::Rule, map, stem),
        // In a folder of its own, the folder bears the letter's name.
        Role::Template(map) => (Subject::Letter, map, if folder == "templates" { stem } else { folder }),
        Role::Pool(map) => (Subject::Pool, map, stem),
        Role::Scenarios(_) => return None,
    };
    Some((what, map.to_owned(), name.to_owned()))
}

impl<'b> Item<'b> {
    /// By what it is found again. Letters and pools have several files under one name.
    pub(super) fn key(&self) -> Key {
        let key = match self.what {
            Subject::Letter => format!("{}/{}{}", self.map, self.name, self.suffix()),
            Subject::Pool => format!("{}{}", self.name, self.suffix()),
            Subject::Part => format!("{}/{}", self.map, self.name),
            _ => self.name.clone(),
        };
        (self.what, key)
    }

    /// What follows the first point of the file's name: the locale and the form.
    pub(super) fn suffix(&self) -> &'b str {
        let file = self.path.rsplit('/').next().unwrap_or(self.path);
        file.find('.').and_then(|at| file.get(at..)).unwrap_or_default()
    }

    /// What is different in it now; `None` if not a byte is.
    pub(super) fn change(&self, now: &Self) -> Option<Change> {
        let renamed = self.name != now.name;
        if self.source.text == now.source.text && self.map == now.map && !renamed {
            return None;
        }
        let mut points = self.points(now);
        if self.map != now.map && self.what == Subject::Rule {
            let (before, now) = (Some(self.map.clone()), Some(now.map.clone()));
            points.insert(0, Point { line: None, at: "map".to_owned(), before, now });
        }
        let how = match points.is_empty() {
            _ if renamed => How::Renamed,
            true => How::Form,
            false => How::Changed,
        };
        let was = renamed.then(|| self.name.clone());
        Some(Change { what: self.what, name: now.name.clone(), how, was, file: Some(now.path.to_owned()), points })
    }

    fn points(&self, now: &Self) -> Vec<Point> {
        match (&self.root, &now.root) {
            (Some(old), Some(new)) => tree::differences((old, self.rule), (new, now.rule), &now.source, now.what),
            _ if now.what == Subject::Pool => pool::differences(&self.source, &now.source),
            _ => text::differences(&self.source, &now.source, now.what == Subject::Letter),
        }
    }

    /// It is new; what it says in short.
    pub(super) fn come(self) -> Change {
        let points = match &self.root {
            Some(root) => tree::summary(root, self.rule, self.what),
            None if self.what == Subject::Pool => pool::summary(&self.source),
            None if self.what == Subject::Letter => text::summary(&self.source),
            None => Vec::new(),
        };
        self.told(How::New, points)
    }

    /// It is gone.
    pub(super) fn gone(self) -> Change {
        self.told(How::Gone, Vec::new())
    }

    fn told(self, how: How, points: Vec<Point>) -> Change {
        Change { what: self.what, name: self.name, how, was: None, file: Some(self.path.to_owned()), points }
    }
}
