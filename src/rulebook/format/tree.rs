//! A file as a tree that knows how it was written: styles, places, and the comments beside it.

use std::ops::Range;

use serde_json::Value as Json;
use serde_saphyr::granit_parser::{self, Event, Parser, ScalarStyle, StructureStyle};

use crate::rulebook::diagnostic::Diagnostic;
use crate::rulebook::forms;
use crate::rulebook::source::Source;

/// How deep a file may nest.
const MAX_DEPTH: usize = 64;

/// A comment of the file.
#[derive(Clone, Debug)]
pub(super) struct Comment {
    /// From its `#` on, without blanks at its end.
    pub(super) text: String,
    /// Where it begins.
    pub(super) start: usize,
}

/// A comment on a line of its own, as it will be printed.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) text: String,
    /// After an empty line.
    pub(super) blank: bool,
}

/// An entry of a mapping, an item of a list, or the whole.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) key: Option<Scalar>,
    /// The name that its value is given, without the `&`.
    pub(super) anchor: Option<String>,
    pub(super) value: Value,
    /// Comments on the lines above.
    pub(super) above: Vec<Line>,
    /// After an empty line.
    pub(super) blank: bool,
    /// The comment at the end of its line, and its column.
    pub(super) beside: Option<(String, usize)>,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    Scalar(Scalar),
    /// What stands under a name elsewhere, with the `*`, and its place.
    Alias(String, Range<usize>),
    List(Group),
    Map(Group),
}

/// The items of a list or the entries of a mapping.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) items: Vec<Item>,
    pub(super) flow: bool,
    pub(super) place: Range<usize>,
    /// The column at which it begins, and all of its items if it goes over lines.
    pub(super) column: usize,
    /// Comments after the last.
    pub(super) end: Vec<Line>,
}

#[derive(Clone, Debug)]
pub(super) struct Scalar {
    pub(super) text: String,
    pub(super) style: ScalarStyle,
    pub(super) place: Range<usize>,
    /// Written over several lines.
    pub(super) spread: bool,
}

impl Scalar {
    /// What the readers of files take it for.
    pub(super) fn meaning(&self) -> Json {
        match self.style {
            ScalarStyle::Plain if matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL") => Json::Null,
            ScalarStyle::Plain => forms::plain(&self.text),
            _ => Json::String(self.text.clone()),
        }
    }

    /// Written over lines of its own: `|` or `>`.
    pub(super) fn is_block(&self) -> bool {
        matches!(self.style, ScalarStyle::Literal | ScalarStyle::Folded)
    }
}

impl Value {
    pub(super) fn items(&self) -> Option<&Group> {
        match self {
            Self::List(items) | Self::Map(items) => Some(items),
            Self::Scalar(_) | Self::Alias(..) => None,
        }
    }

    pub(super) fn items_mut(&mut self) -> Option<&mut Group> {
        match self {
            Self::List(items) | Self::Map(items) => Some(items),
            Self::Scalar(_) | Self::Alias(..) => None,
        }
    }

    pub(super) fn place(&self) -> &Range<usize> {
        match self {
            Self::Scalar(scalar) => &scalar.place,
            Self::Alias(_, place) => place,
            Self::List(items) | Self::Map(items) => &items.place,
        }
    }
}

impl Item {
    fn new(key: Option<Scalar>, anchor: Option<String>, value: Value) -> Self {
        Self { key, anchor, value, above: Vec::new(), blank: false, beside: None }
    }

    /// Where it begins.
    pub(super) fn start(&self) -> usize {
        self.key.as_ref().map_or(self.value.place().start, |key| key.place.start)
    }
}

/// The tree of a file, `None` if it says nothing, and its comments in order.
pub(super) fn read(source: &Source) -> Result<(Option<Item>, Vec<Comment>), Box<Diagnostic>> {
    let options = granit_parser::options! {
        emit_comments: true,
        max_buffered_comment_events: usize::MAX,
        emit_unresolved_aliases: true,
        emit_anchor_events: true
    };
    let mut reading = Reading { source, open: Vec::new(), root: None, comments: Vec::new(), began: false };
    for next in Parser::new_from_str_with_options(&source.text, options) {
        let (event, span) = next.map_err(|error| {
            let at = error.marker().byte_offset().unwrap_or(source.text.len());
            Box::new(source.error("yaml", &(at..at + 1), format!("this is not YAML: {}", error.kind())))
        })?;
        reading.take(event, span.byte_range().unwrap_or(0..0))?;
    }
    Ok((reading.root, reading.comments))
}

struct Open {
    map: bool,
    items: Group,
    anchor: Option<String>,
    key: Option<Scalar>,
}

struct Reading<'a> {
    source: &'a Source,
    open: Vec<Open>,
    root: Option<Item>,
    comments: Vec<Comment>,
    /// The last node was the beginning of a list or a mapping.
    began: bool,
}

impl Reading<'_> {
    fn take(&mut self, event: Event<'_>, place: Range<usize>) -> Result<(), Box<Diagnostic>> {
        match event {
            Event::Comment(text, _) => {
                self.comments.push(Comment { text: format!("#{text}").trim_end().to_owned(), start: place.start });
                Ok(())
            }
            Event::Scalar(text, style, _, None) => {
                self.began = false;
                let spread = self.source.text.get(place.clone()).is_some_and(|text| text.contains('\n'));
                // Nothing at all is told as `~`.
                let text =
                    if style == ScalarStyle::Plain && place.is_empty() { String::new() } else { text.into_owned() };
                let scalar = Scalar { text, style, place: place.clone(), spread };
                self.put(None, Value::Scalar(scalar), &place)
            }
            Event::SequenceStart(style, _, None) => self.begin(false, style, place),
            Event::MappingStart(style, _, None) => self.begin(true, style, place),
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(mut open) = self.open.pop() else { return Ok(()) };
                open.items.place.end = place.end.max(open.items.place.start);
                self.began = false;
                let value = if open.map { Value::Map(open.items) } else { Value::List(open.items) };
                self.put(open.anchor, value, &place)
            }
            Event::Anchor(_, name) => self.name(name.into_owned(), &place),
            Event::Alias(_) => {
                self.began = false;
                let written = self.source.text.get(place.clone()).unwrap_or_default().trim().to_owned();
                self.put(None, Value::Alias(written, place.clone()), &place)
            }
            Event::Scalar(..) | Event::SequenceStart(..) | Event::MappingStart(..) => Err(self.unknown(&place, "tags")),
            Event::UnresolvedAlias(_) => Err(self.unknown(&place, "aliases of what was not named before")),
            Event::DocumentStart(..) if self.root.is_some() => Err(self.unknown(&place, "a second document")),
            _ => Ok(()),
        }
    }

    fn begin(&mut self, map: bool, style: StructureStyle, place: Range<usize>) -> Result<(), Box<Diagnostic>> {
        if self.open.len() >= MAX_DEPTH {
            let message = format!("nested deeper than {MAX_DEPTH} levels");
            return Err(Box::new(self.source.error("yaml-too-deep", &place, message)));
        }
        let line = self.source.text.get(..place.start).and_then(|before| before.rsplit('\n').next());
        let column = line.map_or(0, |line| line.chars().count());
        let flow = style == StructureStyle::Flow;
        let items = Group { items: Vec::new(), flow, place, column, end: Vec::new() };
        self.open.push(Open { map, items, anchor: None, key: None });
        self.began = true;
        Ok(())
    }

    /// Gives the last node its name.
    fn name(&mut self, name: String, place: &Range<usize>) -> Result<(), Box<Diagnostic>> {
        let last = match self.open.last_mut() {
            Some(open) if self.began => {
                open.anchor = Some(name);
                return Ok(());
            }
            Some(open) if open.key.is_none() => open.items.items.last_mut(),
            Some(_) => None,
            None => self.root.as_mut(),
        };
        match last {
            Some(item) => item.anchor = Some(name),
            None => return Err(self.unknown(place, "anchors of keys")),
        }
        Ok(())
    }

    fn put(&mut self, anchor: Option<String>, value: Value, place: &Range<usize>) -> Result<(), Box<Diagnostic>> {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(Item::new(None, anchor, value));
            return Ok(());
        };
        match (open.map, open.key.take(), value) {
            (false, _, value) => open.items.items.push(Item::new(None, anchor, value)),
            (true, Some(key), value) => open.items.items.push(Item::new(Some(key), anchor, value)),
            (true, None, Value::Scalar(key)) if !key.is_block() => open.key = Some(key),
            (true, None, _) => {
                return Err(Box::new(self.source.error("yaml-key", place, "a key must be plain text")));
            }
        }
        Ok(())
    }

    fn unknown(&self, place: &Range<usize>, what: &str) -> Box<Diagnostic> {
        let fault = self.source.error("fmt", place, format!("`milepost fmt` does not know {what}"));
        Box::new(fault.help("the file is left as it is"))
    }
}
