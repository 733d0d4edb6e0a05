//! What is different between two rulebooks, as people say it: which maps, rules and letters are new, gone, called otherwise or
//! changed, and how.
//!
//! Invariants: what is compared is what the files say. Comments, quotes, the order of keys and the form of a file make no
//! difference, and a file of which only they changed says so. Steps are known by the ids by which runs find their place.
//!
//! Not here: whom it concerns (`journey/foresee`), what would have been sent (`journey/backtest`).

mod align;
mod item;
mod pool;
mod rename;
mod said;
mod steps;
mod text;
mod tree;

use std::fmt;

use serde::Serialize;

use super::Book;
use item::{Item, items};

/// What a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Settings that belong to the rulebook.
    Settings,
    /// `attributes.yaml`.
    Attributes,
    /// `limits.yaml`.
    Limits,
    /// A map.
    Map,
    /// The segments of a map.
    Segments,
    /// A rule.
    Rule,
    /// A letter.
    Letter,
    /// A pool of promo codes.
    Pool,
    /// A part that letters share.
    Part,
}

impl Subject {
    fn in_words(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Attributes => "attributes",
            Self::Limits => "limits",
            Self::Map => "map",
            Self::Segments => "segments of",
            Self::Rule => "rule",
            Self::Letter => "letter",
            Self::Pool => "pool",
            Self::Part => "shared part",
        }
    }
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// It was not there before.
    New,
    /// It is not there any more.
    Gone,
    /// It has another name, and perhaps says something else too.
    Renamed,
    /// It says something else.
    Changed,
    /// It says the same in another form.
    Form,
}

/// One thing that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What it is.
    pub what: Subject,
    /// Its name.
    pub name: String,
    /// What became of it.
    pub how: How,
    /// Its name before, if that was another.
    pub was: Option<String>,
    /// Its file; the one that is gone if it is.
    pub file: Option<String>,
    /// What is different in it, in the order of the file.
    pub points: Vec<Point>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what.in_words())?;
        let named = !self.name.is_empty();
        if named {
            write!(f, " `{}`", self.was.as_ref().unwrap_or(&self.name))?;
        }
        match self.how {
            How::New => f.write_str(": new")?,
            How::Gone => f.write_str(": gone")?,
            How::Renamed if named => write!(f, ": now called `{}`", self.name)?,
            How::Renamed | How::Changed => f.write_str(": changed")?,
            How::Form => f.write_str(": only comments or form changed")?,
        }
        self.file.as_ref().map_or(Ok(()), |file| write!(f, " ({file})"))
    }
}

/// One difference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Point {
    /// Where it stands in the new file.
    pub line: Option<usize>,
    /// What is meant: `stage regular: condition`. Empty for a line of a letter.
    pub at: String,
    /// What was there.
    pub before: Option<String>,
    /// What is there now.
    pub now: Option<String>,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.at.as_str(), &self.before, &self.now) {
            ("", Some(before), _) => write!(f, "- {before}"),
            ("", None, Some(now)) => write!(f, "+ {now}"),
            (at, Some(before), Some(now)) => write!(f, "{at}: {before} -> {now}"),
            (at, None, Some(now)) => write!(f, "{at}: new, {now}"),
            (at, Some(before), None) => write!(f, "{at}: gone, was {before}"),
            (at, None, None) => f.write_str(at),
        }
    }
}

/// Everything that is not the same in two rulebooks: what holds for all, then map by map.
pub fn difference(before: &Book, now: &Book) -> Vec<Change> {
    let mut old = items(before);
    let mut new = items(now);
    let mut changes: Vec<(String, Change)> =
        settings(before, now).map(|change| (String::new(), change)).into_iter().collect();
    let mut pairs: Vec<(Item<'_>, Item<'_>)> = Vec::new();
    // Maps first: what belongs to one that has another name belongs to that name.
    for (from, to) in rename::pairs(&old, &new, |what| what == Subject::Map) {
        rename::in_map(&mut old, &from.1, &to.1);
    }
    for key in new.keys().cloned().collect::<Vec<_>>() {
        if let Some(item) = old.remove(&key) {
            pairs.extend(new.remove(&key).map(|now| (item, now)));
        }
    }
    for (from, to) in rename::pairs(&old, &new, |_| true) {
        pairs.extend(old.remove(&from).zip(new.remove(&to)));
    }
    for (item, now) in pairs {
        changes.extend(item.change(&now).map(|change| (now.map.clone(), change)));
    }
    changes.extend(old.into_values().map(|item| (item.map.clone(), item.gone())));
    changes.extend(new.into_values().map(|item| (item.map.clone(), item.come())));
    changes.sort_by(|(a, one), (b, other)| {
        (a, one.what, &one.name, &one.file).cmp(&(b, other.what, &other.name, &other.file))
    });
    changes.into_iter().map(|(_, change)| change).collect()
}

/// The settings that belong to a rulebook.
fn settings(before: &Book, now: &Book) -> Option<Change> {
    let (old, new) = (&before.rulebook.shop, &now.rulebook.shop);
    let list = |names: &std::collections::BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
    let told = [
        ("time zone", old.zone.to_string(), new.zone.to_string()),
        ("locale", old.locale.clone(), new.locale.clone()),
        ("currency", old.currency.clone(), new.currency.clone()),
        ("assumed purposes", list(&old.assumed_purposes), list(&new.assumed_purposes)),
        ("double opt-in", list(&old.double_opt_in.purposes), list(&new.double_opt_in.purposes)),
        ("confirmed by", list(&old.double_opt_in.confirmed_by), list(&new.double_opt_in.confirmed_by)),
    ];
    let points: Vec<Point> = told
        .into_iter()
        .filter(|(_, old, new)| old != new && !before.files.is_empty())
        .map(|(at, old, new)| Point { line: None, at: at.to_owned(), before: Some(old), now: Some(new) })
        .collect();
    (!points.is_empty()).then(|| Change {
        what: Subject::Settings,
        name: String::new(),
        how: How::Changed,
        was: None,
        file: None,
        points,
    })
}
