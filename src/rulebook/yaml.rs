//! YAML text as a tree in which every node knows its place in the file.
//!
//! Invariants: the tree is bounded (nesting, number of nodes, aliases included), so no file can exhaust memory or the
//! stack; keys keep their order and their duplicates are reported. Scalars keep their text: what it means is for the reader
//! that wants it, so `no`, `1.0` and `10:00` stay what was written.
//!
//! Built on the event parser beneath `serde-saphyr` rather than on serde: serde stops at the first fault of a file, and
//! every fault is wanted.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use serde_saphyr::granit_parser::{self, Event, Parser, ScalarStyle};

use super::diagnostic::Diagnostic;
use super::source::Source;

/// Nodes that one file may come to, with every alias counted as what it stands for.
const MAX_NODES: usize = 50_000;
/// Bytes of text that weigh as much as a node where a node is kept or stands twice: an alias of a long text is no small thing.
const BYTES_A_NODE: usize = 32;
/// How deep a file may nest.
const MAX_DEPTH: usize = 64;

/// One node and its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) value: Yaml,
    pub(super) place: Range<usize>,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(super) enum Yaml {
    Scalar { text: String, plain: bool },
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key of a mapping and its place.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) place: Range<usize>,
}

impl Node {
    /// Whether it says "nothing": an empty value, `~` or `null`.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.value, Yaml::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The text of a scalar that is not null.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Yaml::Scalar { text, .. } if !self.is_null() => Some(text),
            _ => None,
        }
    }

    /// What it is, in words.
    pub(super) fn kind(&self) -> &'static str {
        match &self.value {
            _ if self.is_null() => "nothing",
            Yaml::Scalar { .. } => "a single value",
            Yaml::List(_) => "a list",
            Yaml::Map(_) => "a mapping",
        }
    }
}

/// Reads a file's text. `None` when it is not YAML or exceeds a bound; duplicate keys are reported and the first is kept.
pub(super) fn parse(source: &Source, faults: &mut Vec<Diagnostic>) -> Option<Node> {
    // Comments count towards a bound of the parser while it collects them; nobody reads them here.
    let options = granit_parser::options! { emit_comments: false, emit_unresolved_aliases: true };
    let mut builder = Builder { source, faults, anchors: HashMap::new(), open: Vec::new(), nodes: 0, root: None };
    for next in Parser::new_from_str_with_options(&source.text, options) {
        match next {
            Ok((event, span)) => {
                let place = span.byte_range().unwrap_or(0..0);
                if builder.take(event, place).is_err() {
                    return None;
                }
            }
            Err(error) => {
                let at = error.marker().byte_offset().unwrap_or(source.text.len());
                let message = format!("this is not YAML: {}", error.kind());
                builder.faults.push(source.error("yaml", &(at..at + 1), message).help(
                    "look at the indentation and the quotes here and on the line before; text with `: ` or ` #` needs quotes",
                ));
                return None;
            }
        }
    }
    let root = builder.root.take();
    if root.is_none() {
        builder.faults.push(source.error("empty-file", &(0..0), "the file is empty"));
    }
    root
}

/// The fault is reported; nothing more of this file can be read.
struct Stop;

struct Open {
    value: Yaml,
    place: Range<usize>,
    anchor: usize,
    key: Option<Key>,
    /// The keys so far, if it is a mapping.
    keys: HashSet<String>,
}

struct Builder<'a> {
    source: &'a Source,
    faults: &'a mut Vec<Diagnostic>,
    anchors: HashMap<usize, (Node, usize)>,
    open: Vec<Open>,
    nodes: usize,
    root: Option<Node>,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, place: Range<usize>) -> Result<(), Stop> {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let value = Yaml::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                self.count(1, &place)?;
                self.put(Node { value, place }, anchor)
            }
            Event::SequenceStart(_, anchor, _) => self.begin(Yaml::List(Vec::new()), anchor, place),
            Event::MappingStart(_, anchor, _) => self.begin(Yaml::Map(Vec::new()), anchor, place),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(open) => {
                    let end = place.start.max(open.place.end);
                    self.put(Node { value: open.value, place: open.place.start..end }, open.anchor)
                }
                None => Ok(()),
            },
            Event::Alias(id) => match self.anchors.get(&id).cloned() {
                Some((node, size)) => {
                    self.count(size, &place)?;
                    self.put(Node { value: node.value, place }, 0)
                }
                None => self.stop("yaml-alias", &place, "this alias stands inside what it names"),
            },
            Event::UnresolvedAlias(name) => {
                self.stop("yaml-alias", &place, format!("`*{name}` names an anchor that is not defined before it"))
            }
            Event::DocumentStart(..) if self.root.is_some() => {
                self.stop("yaml-documents", &place, "a second document begins here; a file holds one")
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, value: Yaml, anchor: usize, place: Range<usize>) -> Result<(), Stop> {
        self.count(1, &place)?;
        if self.open.len() >= MAX_DEPTH {
            return self.stop("yaml-too-deep", &place, format!("nested deeper than {MAX_DEPTH} levels"));
        }
        // A key that is itself a list or a mapping means nothing in any of the files.
        if let Some(Open { value: Yaml::Map(_), key: None, .. }) = self.open.last() {
            return self.stop("yaml-key", &place, "a key must be plain text");
        }
        self.open.push(Open { value, place, anchor, key: None, keys: HashSet::new() });
        Ok(())
    }

    fn put(&mut self, node: Node, anchor: usize) -> Result<(), Stop> {
        if anchor != 0 {
            let size = size(&node);
            // A copy is kept, and of what stands inside another anchor more than one.
            self.count(size, &node.place)?;
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match (&mut open.value, open.key.take()) {
            (Yaml::List(items), _) => items.push(node),
            (Yaml::Map(entries), Some(key)) => {
                if open.keys.insert(key.text.clone()) {
                    entries.push((key, node));
                } else {
                    let message = format!("`{}` is written twice", key.text);
                    let fault = self.source.error("duplicate-key", &key.place, message);
                    self.faults.push(fault.help("keep one of the two"));
                }
            }
            (Yaml::Map(_), None) => match node.value {
                Yaml::Scalar { text, .. } => open.key = Some(Key { text, place: node.place }),
                _ => return self.stop("yaml-key", &node.place, "a key must be plain text"),
            },
            (Yaml::Scalar { .. }, _) => {}
        }
        Ok(())
    }

    fn count(&mut self, nodes: usize, place: &Range<usize>) -> Result<(), Stop> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            return self.stop("yaml-too-large", place, format!("the file comes to more than {MAX_NODES} values"));
        }
        Ok(())
    }

    fn stop(&mut self, code: &'static str, place: &Range<usize>, message: impl Into<String>) -> Result<(), Stop> {
        self.faults.push(self.source.error(code, place, message));
        Err(Stop)
    }
}

fn size(node: &Node) -> usize {
    match &node.value {
        Yaml::Scalar { text, .. } => 1 + text.len() / BYTES_A_NODE,
        Yaml::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Yaml::Map(entries) => {
            1 + entries.iter().map(|(key, value)| 1 + key.text.len() / BYTES_A_NODE + size(value)).sum::<usize>()
        }
    }
}
