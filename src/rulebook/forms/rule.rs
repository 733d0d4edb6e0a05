//! `rules/<map>/<rule>.yaml`, all but its steps.

use std::ops::Range;

use schemars::JsonSchema;

use super::step::StepForm;
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
    /// The stage of the map at which the customer must be for the rule to start.
    pub(in crate::rulebook) stage: Option<Text>,
    /// What starts it: one of `event`, `enter`, `leave`, `stay`, `join`, `quit`, `becomes`, `cron`.
    pub(in crate::rulebook) on: Need<OnForm>,
    /// Condition that must hold when it is triggered.
    pub(in crate::rulebook) when: Option<Text>,
    /// Kinds of events that end a run.
    pub(in crate::rulebook) exit_on: Option<Vec<Text>>,
    /// Condition that ends a run as soon as it holds.
    pub(in crate::rulebook) exit_when: Option<Text>,
    /// What the rule is for, and when it counts as reached.
    pub(in crate::rulebook) goal: Option<GoalForm>,
    /// Whether a customer may run it again: `never` (default), `always` or `{after: 7d}`.
    pub(in crate::rulebook) reenter: Option<ReenterForm>,
    /// Which consent its letters need: `marketing` (default), `transactional` or the shop's own.
    pub(in crate::rulebook) purpose: Option<Text>,
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

fields!(RuleForm {
    rule,
    description,
    stage,
    on,
    when,
    exit_on,
    exit_when,
    goal,
    reenter,
    purpose,
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

/// What starts a rule: exactly one of `event`, `enter`, `leave`, `stay`, `join`, `quit`, `becomes`, `cron`.
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
    /// A cron schedule of five fields: minute, hour, day of month, month, day of week.
    pub(in crate::rulebook) cron: Option<Text>,
    /// With `cron`: condition that says who is meant; everyone on the map if not written.
    pub(in crate::rulebook) segment: Option<Text>,
    /// With `cron`: `shop` (default) or an IANA time zone.
    pub(in crate::rulebook) tz: Option<Text>,
    /// The whole of it.
    #[schemars(skip)]
    pub(in crate::rulebook) place: Range<usize>,
}

impl Read for OnForm {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let form = Self {
            event: fields.take("event", reader)?,
            enter: fields.take("enter", reader)?,
            leave: fields.take("leave", reader)?,
            stay: fields.take("stay", reader)?,
            span: fields.take("for", reader)?,
            join: fields.take("join", reader)?,
            quit: fields.take("quit", reader)?,
            becomes: fields.take("becomes", reader)?,
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
    /// What it is worth: `order.total`, or nothing.
    pub(in crate::rulebook) value: Option<Text>,
}

fields!(GoalForm { event, when, within, value });

/// Whether a customer may run a rule again.
#[derive(Debug, JsonSchema)]
#[schemars(untagged, rename = "Reenter")]
pub(in crate::rulebook) enum ReenterForm {
    /// `never` or `always`.
    Word(Text),
    /// This long after the start of the last run.
    After {
        /// How long.
        after: Need<At<SpanText>>,
    },
}

impl Read for ReenterForm {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        if let Yaml::Map(_) = node.value {
            let mut fields = Fields::of(node, reader)?;
            let after = fields.take("after", reader)?;
            fields.finish(reader);
            return Some(Self::After { after });
        }
        Text::read(node, reader).map(Self::Word)
    }
}
