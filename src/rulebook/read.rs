//! From the tree of a YAML file to the forms of the files: every fault is reported, and what is sound is kept.
//!
//! Invariants: reading never stops at a fault; a form that lacks something still reads, so that the checks after it find
//! what else is wrong. The keys a form reads are the fields it has: [`fields!`] ties the two together, so reader and JSON
//! Schema cannot drift apart.

use std::borrow::Cow;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::diagnostic::Diagnostic;
use super::source::Source;
use super::yaml::{Key, Node, Yaml};
use crate::journey::spelling::suggest;
use crate::journey::time::Span;

/// A file under reading and where its faults go.
pub(super) struct Reader<'a> {
    pub(super) source: &'a Source,
    pub(super) faults: &'a mut Vec<Diagnostic>,
}

impl Reader<'_> {
    pub(super) fn fault(&mut self, code: &'static str, place: &Range<usize>, message: impl Into<String>) {
        self.faults.push(self.source.error(code, place, message));
    }

    pub(super) fn fault_help(
        &mut self,
        code: &'static str,
        place: &Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.faults.push(self.source.error(code, place, message).help(help));
    }

    /// Says that something else was expected here.
    pub(super) fn expected(&mut self, node: &Node, what: &str) {
        self.fault("wrong-type", &node.place, format!("expected {what}, found {}", node.kind()));
    }
}

/// Longest value that is written out in help.
const MAX_SHOWN: usize = 60;

/// A value with its place in the file.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) place: Range<usize>,
}

/// A value that must be written. Empty when it was not or was wrong, which is reported then.
#[derive(Clone, Debug)]
pub(super) struct Need<T>(pub(super) Option<T>);

/// What can be read from a node.
pub(super) trait Read: Sized {
    /// Whether it can be written as one word, so that a list of it may be meant where a word stands alone.
    const WORD: bool = false;

    /// The value; `None` after a fault was reported.
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self>;

    /// What stands for a key that is not written; `None` after a fault was reported.
    fn absent(key: &str, parent: &Range<usize>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.fault("missing-key", &(parent.start..parent.start), format!("`{key}` is missing"));
        None
    }
}

impl Read for String {
    const WORD: bool = true;

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let text = node.text().map(str::to_owned);
        if text.is_none() {
            reader.expected(node, "text");
        }
        text
    }
}

impl Read for f64 {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let number = node.text().and_then(|text| text.parse().ok()).filter(|number: &f64| number.is_finite());
        if number.is_none() {
            reader.fault("wrong-type", &node.place, "expected a number");
        }
        number
    }
}

impl Read for bool {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match node.text() {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => {
                reader.fault("wrong-type", &node.place, "expected `true` or `false`");
                None
            }
        }
    }
}

macro_rules! whole_number {
    ($($type:ty),+) => {$(
        impl Read for $type {
            fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
                let number = node.text().and_then(|text| text.parse().ok());
                if number.is_none() {
                    reader.fault("wrong-type", &node.place, "expected a whole number");
                }
                number
            }
        }
    )+};
}
whole_number!(i32, u64);

impl Read for i8 {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let number = node.text().and_then(|text| text.parse().ok());
        if number.is_none() {
            reader.fault("wrong-type", &node.place, "expected a small whole number");
        }
        number
    }
}

impl Read for Span {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let text = String::read(node, reader)?;
        match text.parse() {
            Ok(span) => Some(span),
            Err(error) => {
                let error: crate::journey::time::SpanError = error;
                reader.fault("bad-span", &node.place, error.to_string());
                None
            }
        }
    }
}

impl<T: Read> Read for At<T> {
    const WORD: bool = T::WORD;

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        T::read(node, reader).map(|value| Self { value, place: node.place.clone() })
    }
}

impl<T: Read> Read for Need<T> {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self(T::read(node, reader)))
    }

    fn absent(key: &str, parent: &Range<usize>, reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self(T::absent(key, parent, reader)))
    }
}

impl<T: Read> Read for Option<T> {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        Some(if node.is_null() { None } else { T::read(node, reader) })
    }

    fn absent(_: &str, _: &Range<usize>, _: &mut Reader<'_>) -> Option<Self> {
        Some(None)
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.value {
            Yaml::List(items) => Some(items.iter().filter_map(|item| T::read(item, reader)).collect()),
            _ if node.is_null() => Some(Self::new()),
            _ => {
                let message = format!("expected a list, found {}", node.kind());
                let word = node.text().filter(|text| T::WORD && text.len() <= MAX_SHOWN);
                let help = word.map(|word| format!("write `[{word}]`"));
                reader.faults.push(reader.source.error("wrong-type", &node.place, message).help_maybe(help));
                None
            }
        }
    }

    fn absent(_: &str, _: &Range<usize>, _: &mut Reader<'_>) -> Option<Self> {
        Some(Self::new())
    }
}

/// The keys of one mapping while a form takes what it knows.
pub(super) struct Fields<'n> {
    entries: &'n [(Key, Node)],
    place: Range<usize>,
    known: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// The mapping's keys; `None` after a fault when the node is no mapping.
    pub(super) fn of(node: &'n Node, reader: &mut Reader<'_>) -> Option<Self> {
        if let Yaml::Map(entries) = &node.value {
            return Some(Self { entries, place: node.place.clone(), known: Vec::new() });
        }
        Self::none(node, None, reader)
    }

    /// The same, of a form which is likely to be written shortly: `form` is it, with `…` for what was written.
    pub(super) fn of_form(node: &'n Node, form: Option<&str>, reader: &mut Reader<'_>) -> Option<Self> {
        match node.value {
            Yaml::Map(_) => Self::of(node, reader),
            _ => Self::none(node, form, reader),
        }
    }

    fn none(node: &Node, form: Option<&str>, reader: &mut Reader<'_>) -> Option<Self> {
        let message = format!("expected a mapping of keys and values, found {}", node.kind());
        let short = node.text().filter(|text| text.len() <= MAX_SHOWN);
        let help = form.zip(short).map(|(form, short)| format!("write `{}`", form.replace('…', short)));
        reader.faults.push(reader.source.error("wrong-type", &node.place, message).help_maybe(help));
        None
    }

    /// The node under a key.
    pub(super) fn node(&mut self, key: &'static str) -> Option<&'n Node> {
        self.known.push(key);
        self.entries.iter().find(|(known, _)| known.text == key).map(|(_, node)| node)
    }

    /// The value under a key, or what stands for its absence.
    pub(super) fn take<T: Read>(&mut self, key: &'static str, reader: &mut Reader<'_>) -> Option<T> {
        match self.node(key) {
            // A faulty value must not be reported as missing as well.
            Some(node) => T::read(node, reader).or_else(|| quiet_absent(key, reader.source)),
            None => T::absent(key, &self.place, reader),
        }
    }

    /// Reports every key that nothing asked for.
    pub(super) fn finish(self, reader: &mut Reader<'_>) {
        for (key, _) in self.entries.iter().filter(|(key, _)| !self.known.contains(&key.text.as_str())) {
            let help = match key.text.as_str() {
                "<<" => "merge keys are not read here: write the keys out".to_owned(),
                text => suggest(text, &self.known, "keys that exist here"),
            };
            reader.fault_help("unknown-key", &key.place, format!("unknown key `{}`", key.text), help);
        }
    }
}

fn quiet_absent<T: Read>(key: &str, source: &Source) -> Option<T> {
    let mut ignored = Vec::new();
    T::absent(key, &(0..0), &mut Reader { source, faults: &mut ignored })
}

/// The keys of a form, in the order in which they are documented and written.
pub(super) trait Keys {
    /// Their names.
    const KEYS: &'static [&'static str];
}

/// Implements [`Read`] for a struct: each field is read from the key of its name, or from the key that is given. What is
/// likely to be written in one word is told how to write it in full.
macro_rules! fields {
    (@key $field:ident) => { stringify!($field) };
    (@key $field:ident $key:literal) => { $key };
    ($type:ident { $($field:ident $(= $key:literal)?),* $(,)? } $(, short for $form:literal)?) => {
        impl $crate::rulebook::read::Keys for $type {
            const KEYS: &'static [&'static str] =
                &[$($crate::rulebook::read::fields!(@key $field $($key)?)),*];
        }

        impl $crate::rulebook::read::Read for $type {
            fn read(
                node: &$crate::rulebook::yaml::Node,
                reader: &mut $crate::rulebook::read::Reader<'_>,
            ) -> Option<Self> {
                let form = None$(.or(Some($form)))?;
                let mut fields = $crate::rulebook::read::Fields::of_form(node, form, reader)?;
                $(let $field = fields.take($crate::rulebook::read::fields!(@key $field $($key)?), reader);)*
                fields.finish(reader);
                Some(Self { $($field: $field?),* })
            }
        }
    };
}
pub(super) use fields;

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }
}

impl<T: JsonSchema> JsonSchema for Need<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }
}
