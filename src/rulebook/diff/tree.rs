//! Two YAML files side by side, key by key, in the words of the documentation.

use super::align::{Step, align};
use super::said::{Values, list, said, same, under};
use super::{Point, Subject, steps};
use crate::journey::rule::Rule;
use crate::rulebook::source::Source;
use crate::rulebook::yaml::{Key, Node, Yaml};

/// Keys under which one way of saying it replaces another as a whole.
const WHOLE: [&str; 5] = ["on", "reenter", "at_limit", "quiet", "targets"];

/// The differences of two files about the same thing.
pub(super) fn differences(
    old: (&Node, Option<&Rule>),
    new: (&Node, Option<&Rule>),
    source: &Source,
    what: Subject,
) -> Vec<Point> {
    let mut told = Told { source, points: Vec::new() };
    match what {
        Subject::Segments => told.named("segment", entries(old.0), entries(new.0)),
        Subject::Attributes => told.named("attribute", entries(old.0), entries(new.0)),
        _ => told.keys("", (old.0, new.0), &["rule", "map", "steps", "stages"]),
    }
    if what == Subject::Map {
        told.stages(under(old.0, "stages"), under(new.0, "stages"));
    }
    if what == Subject::Rule {
        steps::differences(old, new, &mut told);
    }
    told.points
}

/// What a new file says in short.
pub(super) fn summary(root: &Node, rule: Option<&Rule>, what: Subject) -> Vec<Point> {
    let part = |key: &str, word: &str| {
        let node = under(root, key)?;
        Some(format!("{word}: {}", said(node, Values::Text)))
    };
    let told: Vec<Option<String>> = match what {
        Subject::Rule => {
            let steps = steps::summary(root, rule);
            vec![part("description", "description"), part("on", "trigger"), part("when", "condition"), Some(steps)]
        }
        Subject::Map => {
            let stages = under(root, "stages").map(list).unwrap_or_default();
            let names: Vec<&str> = stages.iter().filter_map(|stage| under(stage, "id")?.text()).collect();
            vec![part("title", "title"), part("segment", "segment"), Some(format!("stages: {}", names.join(", ")))]
        }
        _ => entries(root)
            .iter()
            .map(|(key, node)| Some(format!("{}: {}", key.text, said(node, Values::Text))))
            .collect(),
    };
    told.into_iter().flatten().map(|at| Point { at, ..Point::default() }).collect()
}

/// What is told so far.
pub(super) struct Told<'s> {
    pub(super) source: &'s Source,
    pub(super) points: Vec<Point>,
}

impl Told<'_> {
    /// Tells of one difference; `node` is what is there now.
    pub(super) fn tell(&mut self, at: String, before: Option<String>, now: Option<String>, node: Option<&Node>) {
        let line = node.map(|node| self.source.position(node.place.start).0);
        self.points.push(Point { line, at, before, now });
    }

    /// Compares what stands under the keys of two mappings, but for some.
    fn keys(&mut self, at: &str, (old, new): (&Node, &Node), but: &[&str]) {
        for (key, now) in entries(new).iter().filter(|(key, _)| !but.contains(&key.text.as_str())) {
            self.key(at, &key.text, under(old, &key.text), Some(now));
        }
        let gone = |key: &Key| under(new, &key.text).is_none() && !but.contains(&key.text.as_str());
        for (key, before) in entries(old).iter().filter(|(key, _)| gone(key)) {
            self.key(at, &key.text, Some(before), None);
        }
    }

    fn key(&mut self, at: &str, key: &str, old: Option<&Node>, new: Option<&Node>) {
        let here = join(at, word(key));
        if key == "limits" {
            return self.limits(&here, old, new);
        }
        let (Some(old), Some(new)) = (old, new) else {
            let told = |node: &Node| said(node, Values::Text);
            return self.tell(here, old.map(told), new.map(told), new);
        };
        self.value(here, key, old, new);
    }

    fn value(&mut self, at: String, key: &str, old: &Node, new: &Node) {
        if same(old, new, Values::Text) {
            return;
        }
        match (&old.value, &new.value) {
            (Yaml::Map(_), Yaml::Map(_)) if !WHOLE.contains(&key) || same_keys(old, new) => {
                self.keys(&at, (old, new), &[]);
            }
            (Yaml::List(_), Yaml::List(_)) => self.list(at, old, new),
            _ => self.tell(at, Some(said(old, Values::Text)), Some(said(new, Values::Text)), Some(new)),
        }
    }

    /// Lists whose items say who they are by what they say.
    fn list(&mut self, at: String, old: &Node, new: &Node) {
        let told = |items: &[&Node]| items.iter().map(|item| said(item, Values::Text)).collect::<Vec<_>>().join(", ");
        let missing = |from: &Node, item: &Node| !list(from).iter().any(|other| same(other, item, Values::Text));
        let gone: Vec<&Node> = list(old).iter().filter(|item| missing(new, item)).collect();
        let come: Vec<&Node> = list(new).iter().filter(|item| missing(old, item)).collect();
        match (gone.as_slice(), come.as_slice()) {
            ([], []) => self.tell(at, Some(said(old, Values::Text)), Some(said(new, Values::Text)), Some(new)),
            (gone, []) => self.tell(at, Some(told(gone)), None, None),
            ([], come) => self.tell(at, None, Some(told(come)), come.first().copied()),
            (gone, come) => self.tell(at, Some(told(gone)), Some(told(come)), come.first().copied()),
        }
    }

    /// Limits stand alone or in a list, each for the letters of a purpose.
    fn limits(&mut self, at: &str, old: Option<&Node>, new: Option<&Node>) {
        fn all(node: Option<&Node>) -> Vec<&Node> {
            node.map(|node| if let Yaml::List(items) = &node.value { items.iter().collect() } else { vec![node] })
                .unwrap_or_default()
        }
        let purpose = |node: &&Node| under(node, "purpose").and_then(Node::text).unwrap_or_default().to_owned();
        let (old, new) = (all(old), all(new));
        let names = |all: &[&Node]| all.iter().map(purpose).collect::<Vec<_>>();
        let at = |node: &Node| match purpose(&node).as_str() {
            "" => at.to_owned(),
            purpose => format!("{at} on {purpose} letters"),
        };
        let told = |node: &Node| Some(said(node, Values::Text));
        for step in align(&names(&old), &names(&new), |_, _| false) {
            match step {
                Step::Both(was, is) | Step::Moved(was, is) => {
                    self.keys(&at(new[is]), (old[was], new[is]), &["purpose"]);
                }
                Step::Gone(was) => self.tell(at(old[was]), told(old[was]), None, None),
                Step::New(is) => self.tell(at(new[is]), None, told(new[is]), Some(new[is])),
            }
        }
    }

    /// Segments and attributes: named, in no order. A name may stand before its condition or before a mapping.
    fn named(&mut self, what: &str, old: &[(Key, Node)], new: &[(Key, Node)]) {
        let at = |name: &str| format!("{what} `{name}`");
        let by_name = |of: &'_ [(Key, Node)], name: &str| of.iter().position(|(key, _)| key.text == name);
        let condition = |node: &Node| under(node, "if").unwrap_or(node).text().map(str::to_owned);
        let gone = |key: &Key| by_name(new, &key.text).is_none();
        let mut taken: Vec<usize> = Vec::new();
        for (key, now) in new {
            let renamed = |(place, (known, node)): &(usize, &(Key, Node))| {
                gone(known) && !taken.contains(place) && condition(node).is_some() && condition(node) == condition(now)
            };
            let found =
                by_name(old, &key.text).or_else(|| old.iter().enumerate().find(renamed).map(|(place, _)| place));
            let Some(place) = found else {
                self.tell(at(&key.text), None, Some(said(now, Values::Text)), Some(now));
                continue;
            };
            taken.push(place);
            let (known, before) = &old[place];
            if known.text != key.text {
                self.tell(format!("{}: now called `{}`", at(&known.text), key.text), None, None, Some(now));
            }
            let here = at(&key.text);
            if matches!((&before.value, &now.value), (Yaml::Map(_), Yaml::Map(_))) {
                self.keys(&here, (before, now), &[]);
                continue;
            }
            // One of them is its condition alone.
            self.value(join(&here, word("if")), "if", if_of(before), if_of(now));
            let told = |node: &Node| under(node, "description").map(|node| said(node, Values::Text));
            if told(before) != told(now) {
                self.tell(join(&here, "description"), told(before), told(now), Some(now));
            }
        }
        for (place, (key, before)) in old.iter().enumerate() {
            if !taken.contains(&place) {
                self.tell(at(&key.text), Some(said(before, Values::Text)), None, None);
            }
        }
    }

    fn stages(&mut self, old: Option<&Node>, new: Option<&Node>) {
        let (old, new) = (old.map(list).unwrap_or_default(), new.map(list).unwrap_or_default());
        let id = |node: &Node| under(node, "id").and_then(Node::text).unwrap_or_default().to_owned();
        let names = |all: &[Node]| all.iter().map(id).collect::<Vec<_>>();
        let enter = |node: &Node| under(node, "enter").and_then(Node::text).map(str::to_owned);
        let (before, now) = (names(old), names(new));
        let place = |at: usize| match at.checked_sub(1) {
            Some(before) => format!("after `{}`", now[before]),
            None => "first".to_owned(),
        };
        for step in align(&before, &now, |was, is| enter(&old[was]) == enter(&new[is])) {
            match step {
                Step::Gone(was) => {
                    self.tell(format!("stage `{}`", before[was]), enter(&old[was]), None, None);
                }
                Step::New(is) => {
                    self.tell(format!("stage `{}` {}", now[is], place(is)), None, enter(&new[is]), Some(&new[is]));
                }
                Step::Both(was, is) | Step::Moved(was, is) => {
                    if before[was] != now[is] {
                        let told = format!("stage `{}`: now called `{}`", before[was], now[is]);
                        self.tell(told, None, None, Some(&new[is]));
                    }
                    if matches!(step, Step::Moved(..)) {
                        self.tell(format!("stage `{}`: now {}", now[is], place(is)), None, None, Some(&new[is]));
                    }
                    self.keys(&format!("stage `{}`", now[is]), (&old[was], &new[is]), &["id"]);
                }
            }
        }
    }
}

fn if_of(node: &Node) -> &Node {
    under(node, "if").unwrap_or(node)
}

fn entries(node: &Node) -> &[(Key, Node)] {
    if let Yaml::Map(entries) = &node.value { entries } else { &[] }
}

fn same_keys(a: &Node, b: &Node) -> bool {
    entries(a).len() == entries(b).len() && entries(a).iter().all(|(key, _)| under(b, &key.text).is_some())
}

/// What a key is called.
fn word(key: &str) -> &str {
    match key {
        "on" => "trigger",
        "when" | "enter" | "if" => "condition",
        // Caps are what people mean by limits.
        "caps" => "",
        other => other,
    }
}

fn join(at: &str, word: &str) -> String {
    match (at, word) {
        ("", word) => word.to_owned(),
        (at, "") => at.to_owned(),
        // The name of a thing is set off from what is said of it.
        (at, word) if at.ends_with('`') => format!("{at}: {word}"),
        (at, word) => format!("{at} {word}"),
    }
}
