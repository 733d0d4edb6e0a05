//! Where in HTML or MJML things stand: start tags with their attributes, text that is not markup (styles, titles), and for
//! each tag of Tera's in what kind of place it stands. It reads what browsers read, but judges nothing.

use std::ops::Range;

use super::flat::Flat;

/// What kind of place a tag of Tera's stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Between elements, or in their text.
    Text,
    /// In text without markup: a style, a title.
    Raw,
    /// In a comment or a declaration.
    Comment,
    /// In the name of an element or of an attribute.
    Name,
    /// Among the attributes of an element.
    Attributes,
    /// In the quoted value of an attribute.
    Value,
    /// In a value without quotes.
    Bare,
}

/// One attribute of a start tag.
#[derive(Clone, Debug)]
pub(super) struct Attribute {
    pub(super) name: Range<usize>,
    /// Without its quotes.
    pub(super) value: Range<usize>,
    pub(super) quote: Option<u8>,
}

/// What stands in the markup, in order.
#[derive(Clone, Debug)]
pub(super) enum Item {
    /// `<name …>`, from `<` to behind `>`.
    Start { name: Range<usize>, attributes: Vec<Attribute>, whole: Range<usize>, closed: bool },
    /// `</name>`: the name.
    End { name: Range<usize> },
    /// The text of a style, a title and their like.
    Raw { text: Range<usize> },
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub(super) struct Markup {
    pub(super) items: Vec<Item>,
    /// The tags of Tera's, each with its kind of place.
    pub(super) tags: Vec<(Range<usize>, Place)>,
}

/// Elements whose content is no markup.
const RAW: [&str; 7] = ["style", "script", "title", "textarea", "mj-style", "mj-title", "mj-preview"];

enum State {
    Text,
    Raw { element: Range<usize>, start: usize },
    Comment,
    Declaration,
    Name { open: usize, start: usize, end_tag: bool },
    Between,
    AttributeName { start: usize },
    AfterName,
    BeforeValue,
    Value { start: usize, quote: u8 },
    Bare { start: usize },
}

/// Reads a text.
pub(super) fn walk(flat: &Flat<'_>) -> Markup {
    let mut walk = Walk { text: &flat.text, out: Markup::default(), tag: None, at: 0 };
    let mut state = State::Text;
    let mut tags = flat.tags().peekable();
    while walk.at < flat.text.len() {
        if let Some(tag) = tags.next_if(|tag| tag.start <= walk.at) {
            state = walk.tera(state, &tag);
            walk.at = tag.end.max(walk.at);
            continue;
        }
        state = walk.step(state);
    }
    if let State::Raw { start, .. } = state {
        walk.out.items.push(Item::Raw { text: start..flat.text.len() });
    }
    walk.out
}

/// A start tag that is being read.
struct Open {
    name: Range<usize>,
    attributes: Vec<Attribute>,
    start: usize,
    end_tag: bool,
}

struct Walk<'a> {
    text: &'a str,
    out: Markup,
    tag: Option<Open>,
    at: usize,
}

impl Walk<'_> {
    /// A tag of Tera's where the reader is.
    fn tera(&mut self, state: State, tag: &Range<usize>) -> State {
        let (place, state) = match state {
            State::Text => (Place::Text, state),
            State::Raw { .. } => (Place::Raw, state),
            State::Comment | State::Declaration => (Place::Comment, state),
            State::Name { .. } | State::AttributeName { .. } => (Place::Name, state),
            State::Between => (Place::Attributes, state),
            State::AfterName => (Place::Attributes, State::Between),
            State::BeforeValue => (Place::Bare, State::Bare { start: tag.start }),
            State::Value { .. } => (Place::Value, state),
            State::Bare { .. } => (Place::Bare, state),
        };
        self.out.tags.push((tag.clone(), place));
        state
    }

    /// One character, or a few that belong together.
    fn step(&mut self, state: State) -> State {
        let at = self.at;
        let rest = &self.text.as_bytes()[at..];
        let byte = rest[0];
        self.at += 1;
        match state {
            State::Text if byte == b'<' => self.opens(at, rest),
            State::Raw { ref element, start } if byte == b'<' && self.closes(element, rest) => {
                self.out.items.push(Item::Raw { text: start..at });
                self.opens(at, rest)
            }
            State::Comment if byte == b'-' && rest.starts_with(b"-->") => {
                self.at = at + 3;
                State::Text
            }
            State::Declaration if byte == b'>' => State::Text,
            State::Name { open, start, end_tag } if byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>') => {
                self.tag = Some(Open { name: start..at, attributes: Vec::new(), start: open, end_tag });
                self.between(at, byte)
            }
            State::Between => self.between(at, byte),
            State::AttributeName { start } if byte.is_ascii_whitespace() || matches!(byte, b'=' | b'/' | b'>') => {
                if let Some(tag) = &mut self.tag {
                    tag.attributes.push(Attribute { name: start..at, value: at..at, quote: None });
                }
                self.after_name(at, byte)
            }
            State::AfterName => self.after_name(at, byte),
            State::BeforeValue => match byte {
                b'"' | b'\'' => State::Value { start: at + 1, quote: byte },
                b'>' => self.between(at, byte),
                byte if byte.is_ascii_whitespace() => State::BeforeValue,
                _ => State::Bare { start: at },
            },
            State::Value { start, quote } if byte == quote => {
                self.value_ends(start..at, Some(quote));
                State::Between
            }
            State::Bare { start } if byte.is_ascii_whitespace() || byte == b'>' => {
                self.value_ends(start..at, None);
                self.between(at, byte)
            }
            state => state,
        }
    }

    /// What a `<` begins.
    fn opens(&mut self, at: usize, rest: &[u8]) -> State {
        match rest.get(1) {
            Some(b'!') if rest.starts_with(b"<!--") => {
                self.at = at + 4;
                State::Comment
            }
            Some(b'!' | b'?') => State::Declaration,
            Some(b'/') if rest.get(2).is_some_and(u8::is_ascii_alphabetic) => {
                self.at = at + 2;
                State::Name { open: at, start: at + 2, end_tag: true }
            }
            Some(byte) if byte.is_ascii_alphabetic() => State::Name { open: at, start: at + 1, end_tag: false },
            _ => State::Text,
        }
    }

    fn closes(&self, element: &Range<usize>, rest: &[u8]) -> bool {
        let name = self.text.as_bytes().get(element.clone()).unwrap_or_default();
        rest.get(1) == Some(&b'/') && rest.get(2..2 + name.len()).is_some_and(|text| text.eq_ignore_ascii_case(name))
    }

    fn between(&mut self, at: usize, byte: u8) -> State {
        match byte {
            b'>' => self.ends(at + 1),
            b'/' => State::Between,
            byte if byte.is_ascii_whitespace() => State::Between,
            _ => State::AttributeName { start: at },
        }
    }

    fn after_name(&mut self, at: usize, byte: u8) -> State {
        match byte {
            b'=' => State::BeforeValue,
            byte if byte.is_ascii_whitespace() => State::AfterName,
            byte => self.between(at, byte),
        }
    }

    /// The value of the attribute that was named last is read.
    fn value_ends(&mut self, value: Range<usize>, quote: Option<u8>) {
        if let Some(attribute) = self.tag.as_mut().and_then(|tag| tag.attributes.last_mut()) {
            attribute.value = value;
            attribute.quote = quote;
        }
    }

    /// The `>` of a tag.
    fn ends(&mut self, end: usize) -> State {
        let Some(Open { name, attributes, start, end_tag }) = self.tag.take() else { return State::Text };
        if end_tag {
            self.out.items.push(Item::End { name });
            return State::Text;
        }
        let closed = self.text.as_bytes().get(end.saturating_sub(2)) == Some(&b'/');
        let written = self.text.get(name.clone()).unwrap_or_default();
        let raw = !closed && RAW.iter().any(|raw| written.eq_ignore_ascii_case(raw));
        self.out.items.push(Item::Start { name: name.clone(), attributes, whole: start..end, closed });
        if raw { State::Raw { element: name, start: end } } else { State::Text }
    }
}
