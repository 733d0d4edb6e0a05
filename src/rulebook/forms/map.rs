//! `rules/<map>/map.yaml` and `rules/attributes.yaml`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::{LimitsList, SpanText, Text};
use crate::journey::map::{CompanySide, CustomerSide, Persona, Targets};
use crate::journey::time::Span;
use crate::rulebook::read::{At, Fields, Need, Read, Reader, fields};
use crate::rulebook::yaml::{Key, Node, Yaml};

/// A journey map: the stages that a segment of customers goes through, with what the customer and the company do, feel
/// and want at each.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, title = "Milepost journey map", rename = "JourneyMap")]
pub(in crate::rulebook) struct MapForm {
    /// Identifier; the same as the folder's name.
    pub(in crate::rulebook) map: Need<Text>,
    /// Shown to people; the identifier if not written.
    pub(in crate::rulebook) title: Option<String>,
    /// What the map is for.
    pub(in crate::rulebook) purpose: Option<String>,
    /// Who walks it.
    pub(in crate::rulebook) persona: Option<Persona>,
    /// Condition: who belongs to the map; everyone if not written.
    pub(in crate::rulebook) segment: Option<Text>,
    /// How often the map should be looked over.
    pub(in crate::rulebook) review_every: Option<SpanText>,
    /// In whose name its letters go out: a `[mail.senders.<name>]` of the settings.
    pub(in crate::rulebook) sender: Option<Text>,
    /// `false`: opens and clicks of its letters are not noted, whatever the settings say.
    pub(in crate::rulebook) track: Option<bool>,
    /// Limits on the letters of this map.
    pub(in crate::rulebook) limits: Option<LimitsList>,
    /// Share of the map's customers who get no letters, to see what letters change: `10%`.
    pub(in crate::rulebook) holdout: Option<Text>,
    /// Stages in order; a customer is at the last one whose `enter` holds.
    pub(in crate::rulebook) stages: Need<At<Vec<StageForm>>>,
}

fields!(MapForm { map, title, purpose, persona, segment, review_every, sender, track, limits, holdout, stages });

/// One column of a map.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Stage")]
pub(in crate::rulebook) struct StageForm {
    /// Identifier, unique in the map.
    pub(in crate::rulebook) id: Need<Text>,
    /// Shown to people; the identifier if not written.
    pub(in crate::rulebook) title: Option<String>,
    /// Condition: who is here.
    pub(in crate::rulebook) enter: Need<Text>,
    /// Stages that may be moved to from here; any if not written.
    pub(in crate::rulebook) moves: Option<Vec<Text>>,
    /// The customer's side.
    pub(in crate::rulebook) customer: Option<At<CustomerSide>>,
    /// The company's side.
    pub(in crate::rulebook) company: Option<CompanySide>,
    /// Where they meet.
    #[schemars(default)]
    pub(in crate::rulebook) touchpoints: Vec<String>,
    /// What stands in the way.
    #[schemars(default)]
    pub(in crate::rulebook) barriers: Vec<String>,
    /// What the shop aims at here.
    pub(in crate::rulebook) targets: Option<At<Targets>>,
}

fields!(StageForm { id, title, enter, moves, customer, company, touchpoints, barriers, targets });
fields!(Persona { name, description, motives, channels });

impl Read for CustomerSide {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let side = Self {
            goals: fields.take("goals", reader).unwrap_or_default(),
            actions: fields.take("actions", reader).unwrap_or_default(),
            questions: fields.take("questions", reader).unwrap_or_default(),
            emotion: fields.take::<Option<i8>>("emotion", reader).flatten().unwrap_or_default(),
        };
        fields.finish(reader);
        Some(side)
    }
}

impl Read for CompanySide {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let side = Self {
            goals: fields.take("goals", reader).unwrap_or_default(),
            actions: fields.take("actions", reader).unwrap_or_default(),
            owner: fields.take("owner", reader).flatten(),
        };
        fields.finish(reader);
        Some(side)
    }
}

impl Read for Targets {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let targets = Self {
            conversion: fields.take("conversion", reader).flatten(),
            dwell: fields.take::<Option<Span>>("dwell", reader).flatten(),
        };
        fields.finish(reader);
        Some(targets)
    }
}

/// The shop's own attributes of customers, by name.
#[derive(Debug)]
pub(in crate::rulebook) struct AttributesForm(pub(in crate::rulebook) Vec<(Key, AttributeForm)>);

/// One attribute of the shop's own.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Attribute")]
pub(in crate::rulebook) struct AttributeForm {
    /// `text`, `number`, `boolean`, `time`, `date` or `list`.
    #[schemars(rename = "type")]
    pub(in crate::rulebook) kind: Need<Text>,
    /// What it means.
    #[expect(dead_code, reason = "written for the people who read the file")]
    pub(in crate::rulebook) doc: Option<String>,
}

fields!(AttributeForm { kind = "type", doc });

impl Read for AttributesForm {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.value {
            _ if node.is_null() => Some(Self(Vec::new())),
            Yaml::Map(entries) => {
                let read = |(key, node): &(Key, Node)| Some((key.clone(), AttributeForm::read(node, reader)?));
                Some(Self(entries.iter().filter_map(read).collect()))
            }
            _ => {
                reader.expected(node, "a mapping of attribute names");
                None
            }
        }
    }
}

impl JsonSchema for AttributesForm {
    fn schema_name() -> Cow<'static, str> {
        "Attributes".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let attribute = generator.subschema_for::<AttributeForm>();
        schemars::json_schema!({ "type": "object", "additionalProperties": attribute })
    }
}
