//! `rules/<map>/tests/*.yaml`: a list of scenarios, as written.

mod happening;
mod values;

use std::borrow::Cow;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator};

pub(in crate::rulebook) use happening::{CartForm, EventForm, ItemForm, OrderForm, PreferencesForm};
pub(in crate::rulebook) use values::{Amount, Entries, MaybeStage, OneOrMany};

use super::{SpanText, Text};
use crate::rulebook::read::{At, Fields, Need, Read, Reader, fields};
use crate::rulebook::yaml::{Node, Yaml};

/// A file: its scenarios.
#[derive(Debug)]
pub(in crate::rulebook) struct ScenariosForm(pub(in crate::rulebook) Vec<ScenarioForm>);

impl Read for ScenariosForm {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let Yaml::List(_) = &node.value else {
            let message = format!("expected a list of scenarios, found {}", node.kind());
            reader.fault_help("wrong-type", &node.place, message, "begin each with `- scenario: …`");
            return None;
        };
        Vec::read(node, reader).map(Self)
    }
}

impl JsonSchema for ScenariosForm {
    fn schema_name() -> Cow<'static, str> {
        "Scenarios".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let scenarios = generator.subschema_for::<Vec<ScenarioForm>>();
        let mut schema = schemars::json_schema!({ "title": "Milepost scenarios" });
        schema.ensure_object().extend(scenarios.as_object().cloned().unwrap_or_default());
        schema
    }
}

/// One customer's story: what is known at the start, what happens, and what must come of it.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Scenario")]
pub(in crate::rulebook) struct ScenarioForm {
    /// What the story shows, in a sentence.
    pub(in crate::rulebook) scenario: Need<Text>,
    /// When it begins: `2026-06-09 09:00` on the shop's wall clock, or RFC 3339.
    pub(in crate::rulebook) clock: Need<Text>,
    /// What is known of the customer before anything happens; it starts no rule.
    pub(in crate::rulebook) given: Option<GivenForm>,
    /// Whether the customer's address is on the suppression list.
    pub(in crate::rulebook) suppressed: Option<At<super::Single>>,
    /// Whether the customer is one of those who are held out; one of the others if not written.
    pub(in crate::rulebook) held_out: Option<At<super::Single>>,
    /// The arms of splits that the customer takes, by rule: `{season: story}`.
    pub(in crate::rulebook) takes: Option<Entries>,
    /// Codes of promo pools that stand in for those of the files, by pool.
    pub(in crate::rulebook) pools: Option<Entries>,
    /// What happens.
    #[schemars(default)]
    pub(in crate::rulebook) events: Vec<EventForm>,
    /// What must come of it, in the order of time.
    pub(in crate::rulebook) expect: Need<At<Vec<ExpectForm>>>,
    /// Letters that must not go out at all.
    #[schemars(default)]
    pub(in crate::rulebook) never: Vec<Text>,
}

fields!(ScenarioForm { scenario, clock, given, suppressed, held_out, takes, pools, events, expect, never });

/// What is known of the customer at the start.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Given")]
pub(in crate::rulebook) struct GivenForm {
    /// Attributes: built-in ones and those of `attributes.yaml`.
    pub(in crate::rulebook) customer: Option<Entries>,
    /// What the customer agreed to (`true`) or refused (`false`), by purpose.
    pub(in crate::rulebook) consent: Option<Entries>,
    /// What the customer wishes of letters: a pause, fewer of them, none of a map.
    pub(in crate::rulebook) preferences: Option<PreferencesForm>,
    /// Orders placed earlier.
    #[schemars(default)]
    pub(in crate::rulebook) orders: Vec<OrderForm>,
    /// The cart as it is.
    pub(in crate::rulebook) cart: Option<CartForm>,
    /// Anything else that happened earlier: events with `ago`.
    #[schemars(default)]
    pub(in crate::rulebook) history: Vec<EventForm>,
}

fields!(GivenForm { customer, consent, preferences, orders, cart, history });

/// What must be so at a moment.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Expect")]
pub(in crate::rulebook) struct ExpectForm {
    /// At this moment: `2026-06-10 10:00` on the shop's wall clock, or RFC 3339.
    pub(in crate::rulebook) at: Option<Text>,
    /// So long after the start.
    pub(in crate::rulebook) after: Option<At<SpanText>>,
    /// Instead of `at` or `after`: from the expectation before up to this moment, not included, nothing goes out. A moment, or
    /// a length of time after the start.
    pub(in crate::rulebook) nothing_sent_until: Option<Text>,
    /// The stage of this map the customer is at; `null` for outside it.
    #[schemars(default)]
    pub(in crate::rulebook) stage: MaybeStage,
    /// The stages of other maps, by map.
    pub(in crate::rulebook) stages: Option<Entries>,
    /// The letters that went out since the expectation before, all of them, in order.
    pub(in crate::rulebook) letters: Option<At<Vec<LetterForm>>>,
    /// The letters that were withheld since the expectation before, all of them, in order.
    pub(in crate::rulebook) withheld: Option<At<Vec<WithheldForm>>>,
    /// The letters that wait at this moment for a limit on attention, all of them, by the moment for which they wait.
    pub(in crate::rulebook) held: Option<At<Vec<HeldForm>>>,
    /// Attributes of the customer.
    pub(in crate::rulebook) attributes: Option<Entries>,
    /// The whole of it.
    #[schemars(skip)]
    pub(in crate::rulebook) place: Range<usize>,
}

impl Read for ExpectForm {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let form = Self {
            at: fields.take("at", reader)?,
            after: fields.take("after", reader)?,
            nothing_sent_until: fields.take("nothing_sent_until", reader)?,
            stage: fields.take("stage", reader)?,
            stages: fields.take("stages", reader)?,
            letters: fields.take("letters", reader)?,
            withheld: fields.take("withheld", reader)?,
            held: fields.take("held", reader)?,
            attributes: fields.take("attributes", reader)?,
            place: node.place.clone(),
        };
        fields.finish(reader);
        Some(form)
    }
}

/// A letter that must go out: its name, or more of it.
#[derive(Debug, JsonSchema)]
#[schemars(untagged, rename = "ExpectedLetter")]
pub(in crate::rulebook) enum LetterForm {
    /// The letter's name.
    Name(Text),
    /// More of it.
    More(Box<LetterDetails>),
}

/// What is said of a letter.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "ExpectedLetterDetails")]
pub(in crate::rulebook) struct LetterDetails {
    /// The letter's name.
    pub(in crate::rulebook) letter: Need<Text>,
    /// The moment at which it went out.
    pub(in crate::rulebook) at: Option<Text>,
    /// How long after the start it went out.
    pub(in crate::rulebook) after: Option<At<SpanText>>,
    /// Stands in its subject.
    pub(in crate::rulebook) subject: Option<OneOrMany>,
    /// Stands in its text, whatever the line breaks.
    pub(in crate::rulebook) text: Option<OneOrMany>,
    /// Stands in its HTML, whatever the line breaks.
    pub(in crate::rulebook) html: Option<OneOrMany>,
    /// The address it went to.
    pub(in crate::rulebook) to: Option<Text>,
    /// The locale of its files.
    pub(in crate::rulebook) locale: Option<Text>,
}

fields!(LetterDetails { letter, at, after, subject, text, html, to, locale });

impl Read for LetterForm {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.value {
            Yaml::Map(_) => LetterDetails::read(node, reader).map(|more| Self::More(Box::new(more))),
            _ => Text::read(node, reader).map(Self::Name),
        }
    }
}

/// A letter that must be withheld: its name, or the reason too.
#[derive(Debug, JsonSchema)]
#[schemars(untagged, rename = "ExpectedWithheld")]
pub(in crate::rulebook) enum WithheldForm {
    /// The letter's name.
    Name(Text),
    /// With its reason.
    More(WithheldDetails),
}

/// What is said of a letter that was withheld.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "ExpectedWithheldDetails")]
pub(in crate::rulebook) struct WithheldDetails {
    /// The letter's name.
    pub(in crate::rulebook) letter: Need<Text>,
    /// Why, as a short code: `no_consent`, `suppressed`, `exited`, `goal_reached`, …
    pub(in crate::rulebook) reason: Option<Text>,
}

fields!(WithheldDetails { letter, reason });

impl Read for WithheldForm {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.value {
            Yaml::Map(_) => WithheldDetails::read(node, reader).map(Self::More),
            _ => Text::read(node, reader).map(Self::Name),
        }
    }
}

/// A letter that must wait: its name, or more of it.
#[derive(Debug, JsonSchema)]
#[schemars(untagged, rename = "ExpectedHeld")]
pub(in crate::rulebook) enum HeldForm {
    /// The letter's name.
    Name(Text),
    /// With what it waits for.
    More(HeldDetails),
}

/// What is said of a letter that waits.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "ExpectedHeldDetails")]
pub(in crate::rulebook) struct HeldDetails {
    /// The letter's name.
    pub(in crate::rulebook) letter: Need<Text>,
    /// The moment for which it waits.
    pub(in crate::rulebook) until: Option<Text>,
    /// The kind of limit, as a short code: `frequency_cap`, `minimum_gap`, `quiet_hours`, `day_off`, `holiday`.
    pub(in crate::rulebook) by: Option<Text>,
}

fields!(HeldDetails { letter, until, by });

impl Read for HeldForm {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.value {
            Yaml::Map(_) => HeldDetails::read(node, reader).map(Self::More),
            _ => Text::read(node, reader).map(Self::Name),
        }
    }
}
