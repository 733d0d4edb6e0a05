//! Splits, as written.

use std::ops::Range;

use schemars::{Schema, json_schema};

use super::{MAX_NESTING, StepForm, read_steps};
use crate::rulebook::forms::{SpanText, Text};
use crate::rulebook::read::{At, Fields, Need, Reader, fields};
use crate::rulebook::yaml::{Node, Yaml};

/// A split.
#[derive(Debug)]
pub(in crate::rulebook) struct SplitForm {
    pub(in crate::rulebook) arms: Vec<SplitArmForm>,
    pub(in crate::rulebook) pick_winner: Option<At<PickWinnerForm>>,
    pub(in crate::rulebook) place: Range<usize>,
}

/// When the best arm is picked.
#[derive(Debug)]
pub(in crate::rulebook) struct PickWinnerForm {
    /// How many answers of each arm must be known.
    pub(in crate::rulebook) after: Need<At<u64>>,
    /// How long after taking an arm the goal counts; as long as the rule's goal says without it.
    pub(in crate::rulebook) within: Option<At<SpanText>>,
}

fields!(PickWinnerForm { after, within });

/// One arm of a split.
#[derive(Debug)]
pub(in crate::rulebook) struct SplitArmForm {
    pub(in crate::rulebook) share: Need<Text>,
    pub(in crate::rulebook) name: Need<Text>,
    pub(in crate::rulebook) steps: Vec<StepForm>,
}

pub(super) fn read(node: &Node, reader: &mut Reader<'_>, depth: usize) -> Option<SplitForm> {
    if depth >= MAX_NESTING {
        reader.fault("too-deep", &node.place, format!("steps nest deeper than {MAX_NESTING} levels"));
        return None;
    }
    let (list, pick_winner) = if let Yaml::Map(_) = node.value {
        let mut fields = Fields::of(node, reader)?;
        let pick_winner = fields.take("pick_winner", reader)?;
        let arms = fields.node("arms");
        fields.finish(reader);
        let Some(arms) = arms else {
            reader.fault("missing-key", &(node.place.start..node.place.start), "`arms` is missing");
            return None;
        };
        (arms, pick_winner)
    } else {
        (node, None)
    };
    let Yaml::List(items) = &list.value else {
        reader.expected(list, "a list of arms such as `{share: 50%, name: short, then: […]}`");
        return None;
    };
    let arms = items.iter().filter_map(|item| read_arm(item, reader, depth)).collect();
    Some(SplitForm { arms, pick_winner, place: list.place.clone() })
}

fn read_arm(node: &Node, reader: &mut Reader<'_>, depth: usize) -> Option<SplitArmForm> {
    let mut fields = Fields::of(node, reader)?;
    let share = fields.take("share", reader)?;
    let name = fields.take("name", reader)?;
    let then = fields.node("then");
    fields.finish(reader);
    let steps = if let Some(then) = then {
        read_steps(then, reader, depth + 1)
    } else {
        let help = "an arm that does nothing is `then: []`";
        reader.fault_help("missing-key", &(node.place.start..node.place.start), "`then` is missing", help);
        Vec::new()
    };
    Some(SplitArmForm { share, name, steps })
}

/// What an editor is told of splits; `steps` is the schema of a list of steps.
pub(super) fn schema(steps: &Schema, span: &Schema) -> Schema {
    let arms = json_schema!({
        "type": "array",
        "minItems": 2,
        "items": {
            "type": "object",
            "additionalProperties": false,
            "required": ["share", "name", "then"],
            "properties": {
                "share": { "type": "string", "pattern": "^[0-9]{1,3}([.][0-9]{1,2})? *%$" },
                "name": { "type": "string", "description": "A name for the arm; its figures stand under it." },
                "then": steps
            }
        }
    });
    json_schema!({
        "description": "Send each customer along one arm, by chance but always the same.",
        "anyOf": [arms, {
            "type": "object",
            "additionalProperties": false,
            "required": ["arms"],
            "properties": {
                "pick_winner": {
                    "description": "Send everybody along the best arm as soon as it is known.",
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["after"],
                    "properties": {
                        "after": { "type": "integer", "minimum": 1,
                            "description": "Customers of each arm whose answer must be known." },
                        "within": span
                    }
                },
                "arms": arms
            }
        }]
    })
}
