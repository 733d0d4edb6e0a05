//! The values of scenarios: amounts, entries by name, nested data, one text or several.

use std::borrow::Cow;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::super::{Single, Text, nested};
use crate::rulebook::read::{At, Read, Reader};
use crate::rulebook::yaml::{Key, Node, Yaml};

/// An amount in major units, or another scalar that may look like a number: kept as text.
#[derive(Clone, Debug)]
pub(in crate::rulebook) struct Amount(pub(in crate::rulebook) Text);

impl Read for Amount {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        Text::read(node, reader).map(Self)
    }
}

impl JsonSchema for Amount {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Amount".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number"] })
    }
}

/// Names and single values, in the order of the file.
#[derive(Clone, Debug)]
pub(in crate::rulebook) struct Entries(pub(in crate::rulebook) Vec<(Key, At<Single>)>);

impl Read for Entries {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let Yaml::Map(entries) = &node.value else {
            reader.expected(node, "names and their values");
            return None;
        };
        let read = |(key, node): &(Key, Node)| Some((key.clone(), At::<Single>::read(node, reader)?));
        Some(Self(entries.iter().filter_map(read).collect()))
    }
}

impl JsonSchema for Entries {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Entries".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let single = generator.subschema_for::<Single>();
        json_schema!({ "type": "object", "additionalProperties": single })
    }
}

/// Anything that an event may bring along, by name.
#[derive(Clone, Debug)]
pub(in crate::rulebook) struct Nested(pub(in crate::rulebook) serde_json::Map<String, Value>);

impl Read for Nested {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        if let Value::Object(fields) = nested(node) {
            return Some(Self(fields));
        }
        reader.expected(node, "names and their values");
        None
    }
}

impl JsonSchema for Nested {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Nested".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object" })
    }
}

/// One text, or a list of them.
#[derive(Clone, Debug)]
pub(in crate::rulebook) struct OneOrMany(pub(in crate::rulebook) Vec<Text>);

impl Read for OneOrMany {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.value {
            Yaml::List(_) => Vec::read(node, reader).map(Self),
            _ => Text::read(node, reader).map(|text| Self(vec![text])),
        }
    }
}

impl JsonSchema for OneOrMany {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "OneOrMany".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] })
    }
}

/// A stage, outside of every stage, or nothing said.
#[derive(Clone, Debug, Default)]
pub(in crate::rulebook) enum MaybeStage {
    /// Nothing is said.
    #[default]
    NotSaid,
    /// Outside the map.
    Outside(Range<usize>),
    /// At this stage.
    At(Text),
}

impl Read for MaybeStage {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        if node.is_null() {
            return Some(Self::Outside(node.place.clone()));
        }
        Text::read(node, reader).map(Self::At)
    }

    fn absent(_: &str, _: &Range<usize>, _: &mut Reader<'_>) -> Option<Self> {
        Some(Self::NotSaid)
    }
}

impl JsonSchema for MaybeStage {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "MaybeStage".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "null"] })
    }
}
