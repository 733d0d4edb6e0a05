//! Steps that ask something of others, as written: `webhook` and `crm`.

use std::ops::Range;

use schemars::{Schema, json_schema};

use super::{Single, Text};
use crate::rulebook::read::{At, Fields, Need, Read, Reader, fields};
use crate::rulebook::yaml::{Key, Node, Yaml};

/// A webhook.
#[derive(Debug)]
pub(in crate::rulebook) struct WebhookForm {
    pub(in crate::rulebook) to: Need<Text>,
    pub(in crate::rulebook) data: Named,
}

/// Names with values.
#[derive(Debug, Default)]
pub(in crate::rulebook) struct Named(pub(in crate::rulebook) Vec<(Key, At<Single>)>);

/// A change in a CRM.
#[derive(Debug)]
pub(in crate::rulebook) struct CrmForm {
    pub(in crate::rulebook) tags: Option<TagsForm>,
    pub(in crate::rulebook) fields: Named,
    pub(in crate::rulebook) connection: Option<Text>,
    pub(in crate::rulebook) place: Range<usize>,
}

/// Tags to add and to remove.
#[derive(Debug)]
pub(in crate::rulebook) struct TagsForm {
    pub(in crate::rulebook) add: Vec<Text>,
    pub(in crate::rulebook) remove: Vec<Text>,
}

fields!(TagsForm { add, remove });

impl Read for WebhookForm {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        if node.text().is_some() {
            return Some(Self { to: Need::read(node, reader)?, data: Named::default() });
        }
        let mut fields = Fields::of(node, reader)?;
        let form = Self { to: fields.take("to", reader)?, data: fields.take("data", reader)? };
        fields.finish(reader);
        Some(form)
    }
}

impl Read for CrmForm {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let form = Self {
            tags: fields.take("tags", reader)?,
            fields: fields.take("fields", reader)?,
            connection: fields.take("connection", reader)?,
            place: node.place.clone(),
        };
        fields.finish(reader);
        Some(form)
    }
}

impl Read for Named {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let Yaml::Map(entries) = &node.value else {
            reader.expected(node, "names and their values");
            return None;
        };
        let read = |(key, node): &(Key, Node)| Some((key.clone(), At::<Single>::read(node, reader)?));
        Some(Self(entries.iter().filter_map(read).collect()))
    }

    fn absent(_: &str, _: &Range<usize>, _: &mut Reader<'_>) -> Option<Self> {
        Some(Self::default())
    }
}

/// The schema of a `webhook` step; `single` is that of a single value.
pub(super) fn webhook_schema(single: &Schema) -> Schema {
    json_schema!({
        "description": "Post to this `[webhooks.<name>]` of the settings.",
        "anyOf": [{ "type": "string" }, {
            "type": "object",
            "additionalProperties": false,
            "required": ["to"],
            "properties": {
                "to": { "type": "string" },
                "data": { "type": "object", "additionalProperties": single,
                    "description": "What is said besides whom it is about: names of facts such as `customer.email`." }
            }
        }]
    })
}

/// The schema of a `crm` step; `single` is that of a single value.
pub(super) fn crm_schema(single: &Schema) -> Schema {
    let tags = json_schema!({ "type": "array", "items": { "type": "string" } });
    json_schema!({
        "description": "Change the customer in the CRM.",
        "type": "object",
        "additionalProperties": false,
        "minProperties": 1,
        "properties": {
            "tags": { "type": "object", "additionalProperties": false, "properties": { "add": tags, "remove": tags } },
            "fields": { "type": "object", "additionalProperties": single, "description": "Custom fields by code." },
            "connection": { "type": "string", "description": "Which `[connections.<id>]`, where there are several." }
        }
    })
}
