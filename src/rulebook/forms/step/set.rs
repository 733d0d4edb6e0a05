//! What a step sets, as written.

use super::ActionForm;
use crate::rulebook::forms::{Single, Text};
use crate::rulebook::read::{At, Fields, Read as _, Reader};
use crate::rulebook::yaml::{Key, Node, Yaml};

/// Attributes and their values, and changes of the customer's tags.
#[derive(Debug, Default)]
pub(in crate::rulebook) struct SetForm {
    pub(in crate::rulebook) attributes: Vec<(Key, At<Single>)>,
    pub(in crate::rulebook) tags: Option<At<TagsForm>>,
    /// What counts as answered, by purpose.
    pub(in crate::rulebook) consent: Option<Vec<(Key, At<bool>)>>,
}

/// Tags to add and to remove.
#[derive(Debug)]
pub(in crate::rulebook) struct TagsForm {
    pub(in crate::rulebook) add: Vec<Text>,
    pub(in crate::rulebook) remove: Vec<Text>,
}

pub(super) fn read(node: &Node, reader: &mut Reader<'_>) -> Option<ActionForm> {
    let Yaml::Map(entries) = &node.value else {
        reader.expected(node, "attributes and their values");
        return None;
    };
    let mut form = SetForm::default();
    for (key, node) in entries {
        if key.text == "tags" && matches!(node.value, Yaml::Map(_)) {
            form.tags = read_tags(node, reader);
        } else if key.text == "consent" {
            form.consent = read_consent(node, reader);
        } else if let Some(value) = At::<Single>::read(node, reader) {
            form.attributes.push((key.clone(), value));
        }
    }
    Some(ActionForm::Set(At { value: form, place: node.place.clone() }))
}

fn read_consent(node: &Node, reader: &mut Reader<'_>) -> Option<Vec<(Key, At<bool>)>> {
    let Yaml::Map(entries) = &node.value else {
        reader.expected(node, "purposes, such as `{marketing: false}`");
        return None;
    };
    Some(entries.iter().filter_map(|(key, node)| Some((key.clone(), At::read(node, reader)?))).collect())
}

fn read_tags(node: &Node, reader: &mut Reader<'_>) -> Option<At<TagsForm>> {
    let mut fields = Fields::of(node, reader)?;
    let (add, remove) = (fields.take("add", reader)?, fields.take("remove", reader)?);
    fields.finish(reader);
    Some(At { value: TagsForm { add, remove }, place: node.place.clone() })
}
