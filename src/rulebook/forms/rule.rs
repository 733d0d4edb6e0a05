//! `rules/<map>/<rule>.yaml`, all but its steps.

use std::collections::BTreeSet;
use std::ops::Range;

use schemars::JsonSchema;

use super::step::{ActionForm, StepForm};
use super::{LimitsList, SpanText, Text};
use crate::rulebook::read::{At, Fields, Need, Read, Reader, fields};
use crate::rulebook::yaml::{Node, Yaml};

/// A rule: what starts it, for whom, and the steps it takes. It belongs to the map of its folder.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, title = "Milepost rule", rename = "Rule")]
pub(in crate::rulebook) struct RuleForm {
    /// Identifier, unique over all maps.
    pub(in crate::rulebook) rule: Need<Text>,
    /// A sentence for people.
    pub(in crate::rulebook) description: Option<String>,
    /// Who answers for it.
    pub(in crate::rulebook) owner: Option<String>,
    /// Words by which people find it.
    pub(in crate::rulebook) tags: Option<Vec<String>>,
    /// The stage of the map at which the customer must be for the rule to start.
    pub(in crate::rulebook) stage: Option<Text>,
    /// What starts it: one of `event`, `enter`, `leave`, `stay`, `join`, `quit`, `becomes`, `date`, `call`, `cron`.
    pub(in crate::rulebook) on: Need<OnForm>,
    /// Condition that must hold when it is triggered.
    pub(in crate::rulebook) when: Option<Text>,
    /// Events that end a run: kinds, or `{event: order.paid, when: "event.order.total > 100"}`.
    pub(in crate::rulebook) exit_on: Option<Vec<ExitForm>>,
    /// Condition that ends a run as soon as it holds, or a list of such.
    pub(in crate::rulebook) exit_when: Option<ConditionsForm>,
    /// What the rule is for, and when it counts as reached.
    pub(in crate::rulebook) goal: Option<GoalForm>,
    /// Whether a customer may run it again: `never` (default), `always`, `{after: 7d}`, or once for each value of an event's
    /// field: `{key: event.order.id}`.
    pub(in crate::rulebook) reenter: Option<ReenterForm>,
    /// How long a run lasts at most.
    pub(in crate::rulebook) max_life: Option<At<SpanText>>,
    /// Which consent its letters need: `marketing` (default), `transactional` or the shop's own.
    pub(in crate::rulebook) purpose: Option<Text>,
    /// In whose name its letters go out: a `[mail.senders.<name>]` of the settings; the map's `sender` if not written.
    pub(in crate::rulebook) sender: Option<Text>,
    /// `false`: opens and clicks of its letters are not noted, whatever the settings say; the map's `track` if not written.
    pub(in crate::rulebook) track: Option<bool>,
    /// Its rank among letters that compete for a cap and among rules of its group; the higher one wins, 0 if not written.
    pub(in crate::rulebook) priority: Option<At<i32>>,
    /// A name that rules share of which a customer runs one at a time.
    pub(in crate::rulebook) group: Option<Text>,
    /// Limits on the letters of this rule.
    pub(in crate::rulebook) limits: Option<LimitsList>,
    /// Share of the customers who walk its steps and get no letters, to see what they change: `10%`.
    pub(in crate::rulebook) holdout: Option<Text>,
    /// An event older than this when it arrives starts nothing; `24h` if not written.
    pub(in crate::rulebook) max_age: Option<At<SpanText>>,
    /// What a run keeps as it was when it began, for its letters and branches: any of `customer`, `orders`, `cart`, `messages`,
    /// `stage`, `consent`.
    pub(in crate::rulebook) capture: Option<Vec<Text>>,
    /// Condition that must hold for every letter when it is planned and again when it leaves.
    pub(in crate::rulebook) still: Option<Text>,
    /// What to do with a letter whose hand-over is in doubt after a crash: `keep` or `resend`. Not written: `resend` for
    /// transactional letters, `keep` for others.
    pub(in crate::rulebook) when_uncertain: Option<Text>,
    /// What becomes of runs whose step a change takes away: `exit` (default), they end; `finish`, as the rule was.
    pub(in crate::rulebook) on_change: Option<Text>,
    /// What happens, in order.
    pub(in crate::rulebook) steps: Need<At<Vec<StepForm>>>,
}

impl RuleForm {
    /// The names of the arms of all its splits.
    pub(in crate::rulebook) fn arms(&self) -> BTreeSet<String> {
        let mut arms = BTreeSet::new();
        let mut open: Vec<&StepForm> = self.steps.0.iter().flat_map(|steps| &steps.value).collect();
        while let Some(step) = open.pop() {
            if let ActionForm::Split(split) = &step.action {
                arms.extend(split.arms.iter().filter_map(|arm| Some(arm.name.0.as_ref()?.value.clone())));
            }
            open.extend(step.action.nested().into_iter().flatten());
        }
        arms
    }
}

fields!(RuleForm {
    rule,
    description,
    owner,
    tags,
    stage,
    on,
    when,
    exit_on,
    exit_when,
    goal,
    reenter,
    max_life,
    purpose,
    sender,
    track,
    priority,
    group,
    limits,
    holdout,
    max_age,
    capture,
    still,
    when_uncertain,
    on_change,
    steps,
});

/// What starts a rule: exactly one of `event`, `enter`, `leave`, `stay`, `join`, `quit`, `becomes`, `date`, `call`, `cron`.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "On")]
pub(in crate::rulebook) struct OnForm {
    /// An event of this kind.
    pub(in crate::rulebook) event: Option<Text>,
    /// The customer came to this stage.
    pub(in crate::rulebook) enter: Option<Text>,
    /// The customer left this stage.
    pub(in crate::rulebook) leave: Option<Text>,
    /// The customer has been at this stage for the time in `for`.
    pub(in crate::rulebook) stay: Option<Text>,
    /// With `stay`: how long.
    #[schemars(rename = "for")]
    pub(in crate::rulebook) span: Option<At<SpanText>>,
    /// The customer joined this segment of the map.
    pub(in crate::rulebook) join: Option<Text>,
    /// The customer left this segment of the map.
    pub(in crate::rulebook) quit: Option<Text>,
    /// This condition turned from false to true, by an event or by time alone.
    pub(in crate::rulebook) becomes: Option<Text>,
    /// A date of the customer, with days before or after it: `customer.birthday - 7d`.
    pub(in crate::rulebook) date: Option<Text>,
    /// With `date`: whether it comes again every year.
    pub(in crate::rulebook) yearly: Option<At<bool>>,
    /// With `date`: the time of day; `09:00` if not written.
    pub(in crate::rulebook) at: Option<Text>,
    /// `true`: a call of the API starts it.
    pub(in crate::rulebook) call: Option<At<bool>>,
    /// A cron schedule of five fields: minute, hour, day of month, month, day of week.
    pub(in crate::rulebook) cron: Option<Text>,
    /// With `cron`: condition that says who is meant; everyone on the map if not written.
    pub(in crate::rulebook) segment: Option<Text>,
    /// With `cron`: `shop` (default) or an IANA time zone. With `date`: `customer` (default) or `shop`.
    pub(in crate::rulebook) tz: Option<Text>,
    /// The whole of it.
    #[schemars(skip)]
    pub(in crate::rulebook) place: Range<usize>,
}

impl Read for OnForm {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of_form(node, Some("on: {event: …}"), reader)?;
        let form = Self {
            event: fields.take("event", reader)?,
            enter: fields.take("enter", reader)?,
            leave: fields.take("leave", reader)?,
            stay: fields.take("stay", reader)?,
            span: fields.take("for", reader)?,
            join: fields.take("join", reader)?,
            quit: fields.take("quit", reader)?,
            becomes: fields.take("becomes", reader)?,
            date: fields.take("date", reader)?,
            yearly: fields.take("yearly", reader)?,
            at: fields.take("at", reader)?,
            call: fields.take("call", reader)?,
            cron: fields.take("cron", reader)?,
            segment: fields.take("segment", reader)?,
            tz: fields.take("tz", reader)?,
            place: node.place.clone(),
        };
        fields.finish(reader);
        Some(form)
    }
}

/// What a rule is for, and when it counts as reached.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Goal")]
pub(in crate::rulebook) struct GoalForm {
    /// The kind of event that reaches it.
    pub(in crate::rulebook) event: Need<Text>,
    /// Condition that must hold for that event.
    pub(in crate::rulebook) when: Option<Text>,
    /// How long after a letter was handed over it still counts.
    pub(in crate::rulebook) within: Need<At<SpanText>>,
    /// What it is worth: `order.total`, a number of the event such as `event.amount`, or nothing.
    pub(in crate::rulebook) value: Option<Text>,
}

fields!(GoalForm { event, when, within, value }, short for "goal: {event: …, within: 7d}");

/// An event that ends a run.
#[derive(Debug, JsonSchema)]
#[schemars(untagged, rename = "Exit")]
pub(in crate::rulebook) enum ExitForm {
    /// Its kind.
    Kind(Text),
    /// Its kind, with a condition.
    When {
        /// The kind.
        event: Need<Text>,
        /// Condition that must hold for that event.
        when: Option<Text>,
    },
}

impl Read for ExitForm {
    const WORD: bool = true;

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        if let Yaml::Map(_) = node.value {
            let mut fields = Fields::of(node, reader)?;
            let (event, when) = (fields.take("event", reader)?, fields.take("when", reader)?);
            fields.finish(reader);
            return Some(Self::When { event, when });
        }
        Text::read(node, reader).map(Self::Kind)
    }
}

/// One condition or a list of them.
#[derive(Debug, JsonSchema)]
#[schemars(untagged, rename = "Conditions")]
pub(in crate::rulebook) enum ConditionsForm {
    /// One.
    One(Text),
    /// Several, of which one is enough.
    Any(Vec<Text>),
}

impl ConditionsForm {
    /// All of them.
    pub(in crate::rulebook) fn all(&self) -> &[Text] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Any(list) => list,
        }
    }
}

impl Read for ConditionsForm {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match node.value {
            Yaml::List(_) => Vec::read(node, reader).map(Self::Any),
            _ => Text::read(node, reader).map(Self::One),
        }
    }
}

/// Whether a customer may run a rule again.
#[derive(Debug, JsonSchema)]
#[schemars(untagged, rename = "Reenter")]
pub(in crate::rulebook) enum ReenterForm {
    /// `never` or `always`.
    Word(Text),
    /// This long after the start of the last run, or once under each key.
    More {
        /// How long after the start of the last run (under the same key).
        after: Option<At<SpanText>>,
        /// The field of the event by whose values runs are told apart: `event.order.id`.
        key: Option<Text>,
    },
}

impl Read for ReenterForm {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        if let Yaml::Map(_) = node.value {
            let mut fields = Fields::of(node, reader)?;
            if fields.node("after").or(fields.node("key")).is_none() {
                let start = node.place.start..node.place.start;
                let help = "write `{after: 7d}`, `{key: event.order.id}` or both";
                reader.fault_help("missing-key", &start, "`after` or `key` is missing", help);
            }
            let (after, key) = (fields.take("after", reader)?, fields.take("key", reader)?);
            fields.finish(reader);
            return Some(Self::More { after, key });
        }
        Text::read(node, reader).map(Self::Word)
    }
}
