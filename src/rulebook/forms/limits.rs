//! `rules/limits.yaml`, and the keys `limits` and `holdout` of maps and rules.

use std::borrow::Cow;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{SpanText, Text};
use crate::rulebook::read::{At, Fields, Need, Read, Reader, fields};
use crate::rulebook::yaml::{Node, Yaml};

/// What holds for all letters of the shop.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, title = "Milepost limits", rename = "ShopLimits")]
pub(in crate::rulebook) struct ShopLimitsForm {
    /// Limits, each for one purpose.
    pub(in crate::rulebook) limits: Option<LimitsList>,
    /// Share of the customers who get no letters, to see what letters change: `10%`.
    pub(in crate::rulebook) holdout: Option<Text>,
    /// `milepost check` warns of rules that can send one person more letters within a day than this: 5 if not written.
    #[schemars(range(min = 1))]
    pub(in crate::rulebook) max_letters_per_day: Option<At<i8>>,
}

fields!(ShopLimitsForm { limits, holdout, max_letters_per_day });

/// One set of limits, or a list of them.
#[derive(Debug)]
pub(in crate::rulebook) struct LimitsList(pub(in crate::rulebook) Vec<LimitsForm>);

/// Limits on the letters of one purpose.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Limits")]
pub(in crate::rulebook) struct LimitsForm {
    /// The purpose whose letters are meant: `marketing` if not written. In a rule it is the rule's own.
    pub(in crate::rulebook) purpose: Option<Text>,
    /// At most so many letters in any window of a length: `3 per 7d`.
    pub(in crate::rulebook) caps: Option<Vec<Text>>,
    /// The shortest time between two letters.
    pub(in crate::rulebook) gap: Option<At<SpanText>>,
    /// Hours in which no letter comes.
    pub(in crate::rulebook) quiet: Option<QuietForm>,
    /// Days of the week on which none comes: `sat`, `sun`.
    pub(in crate::rulebook) days_off: Option<Vec<Text>>,
    /// Days on which none comes: `12-25` each year, `2027-04-05` once.
    pub(in crate::rulebook) holidays: Option<Vec<Text>>,
    /// Whose wall clock hours and days are told by: `customer` (default) or `shop`.
    pub(in crate::rulebook) tz: Option<Text>,
    /// What becomes of a letter that may not go yet: `withhold`, or `{wait: 7d}` (default): it waits, at most so long.
    pub(in crate::rulebook) at_limit: Option<AtLimitForm>,
    /// The whole of it.
    #[schemars(skip)]
    pub(in crate::rulebook) place: Range<usize>,
}

/// Hours of the day.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Quiet")]
pub(in crate::rulebook) struct QuietForm {
    /// The first quiet moment, "21:00".
    pub(in crate::rulebook) from: Need<Text>,
    /// The first moment that is not quiet any more, "09:00".
    pub(in crate::rulebook) to: Need<Text>,
}

fields!(QuietForm { from, to });

/// What becomes of a letter that may not go yet.
#[derive(Debug, JsonSchema)]
#[schemars(untagged, rename = "AtLimit")]
pub(in crate::rulebook) enum AtLimitForm {
    /// `withhold`.
    Word(Text),
    /// It waits, at most so long.
    Wait {
        /// How long.
        wait: Need<At<SpanText>>,
    },
}

impl Read for AtLimitForm {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        if let Yaml::Map(_) = node.value {
            let mut fields = Fields::of(node, reader)?;
            let wait = fields.take("wait", reader)?;
            fields.finish(reader);
            return Some(Self::Wait { wait });
        }
        Text::read(node, reader).map(Self::Word)
    }
}

impl Read for LimitsForm {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let form = Self {
            purpose: fields.take("purpose", reader)?,
            caps: fields.take("caps", reader)?,
            gap: fields.take("gap", reader)?,
            quiet: fields.take("quiet", reader)?,
            days_off: fields.take("days_off", reader)?,
            holidays: fields.take("holidays", reader)?,
            tz: fields.take("tz", reader)?,
            at_limit: fields.take("at_limit", reader)?,
            place: node.place.clone(),
        };
        fields.finish(reader);
        Some(form)
    }
}

impl Read for LimitsList {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.value {
            Yaml::Map(_) => LimitsForm::read(node, reader).map(|form| Self(vec![form])),
            _ => Vec::read(node, reader).map(Self),
        }
    }
}

impl JsonSchema for LimitsList {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "LimitsList".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<LimitsForm>();
        json_schema!({ "anyOf": [one, { "type": "array", "items": one }] })
    }
}
