//! `rules/<map>/segments.yaml`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::Text;
use crate::rulebook::read::{Fields, Need, Read, Reader};
use crate::rulebook::yaml::{Key, Node, Yaml};

/// Named conditions of a map, by name.
#[derive(Debug)]
pub(in crate::rulebook) struct SegmentsForm(pub(in crate::rulebook) Vec<(Key, SegmentForm)>);

/// One segment: its condition, or `if` and `description`.
#[derive(Debug)]
pub(in crate::rulebook) struct SegmentForm {
    pub(in crate::rulebook) condition: Need<Text>,
    pub(in crate::rulebook) description: Option<String>,
}

impl Read for SegmentForm {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        if !matches!(node.value, Yaml::Map(_)) {
            return Some(Self { condition: Need::read(node, reader)?, description: None });
        }
        let mut fields = Fields::of(node, reader)?;
        let form = Self { condition: fields.take("if", reader)?, description: fields.take("description", reader)? };
        fields.finish(reader);
        Some(form)
    }
}

impl Read for SegmentsForm {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.value {
            _ if node.is_null() => Some(Self(Vec::new())),
            Yaml::Map(entries) => {
                let read = |(key, node): &(Key, Node)| Some((key.clone(), SegmentForm::read(node, reader)?));
                Some(Self(entries.iter().filter_map(read).collect()))
            }
            _ => {
                reader.expected(node, "a mapping of names and conditions");
                None
            }
        }
    }
}

impl JsonSchema for SegmentsForm {
    fn schema_name() -> Cow<'static, str> {
        "Segments".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "Milepost segments",
            "description": "Named conditions of a map: `segment.<name>` in its conditions.",
            "type": "object",
            "propertyNames": { "pattern": "^[a-z][a-z0-9_]{0,63}$" },
            "additionalProperties": { "anyOf": [
                { "type": ["string", "boolean"], "description": "Condition." },
                {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["if"],
                    "properties": {
                        "if": { "type": ["string", "boolean"], "description": "Condition: who is in it." },
                        "description": { "type": "string", "description": "A sentence for people." }
                    }
                }
            ]}
        })
    }
}
