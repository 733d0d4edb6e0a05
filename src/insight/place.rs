//! Which stage of a map a rule is shown at.

use crate::journey::map::JourneyMap;
use crate::journey::rule::{Rule, Trigger};

/// The stage that a rule is bound to, else the one its trigger speaks of; `None` for a rule of the whole map.
pub fn stage_of<'a>(map: &JourneyMap, rule: &'a Rule) -> Option<&'a str> {
    let stage = rule.stage.as_deref().or(match &rule.trigger {
        Trigger::Enter { stage } | Trigger::Leave { stage } | Trigger::Stay { stage, .. } => Some(stage.as_str()),
        Trigger::Event { .. }
        | Trigger::Join { .. }
        | Trigger::Quit { .. }
        | Trigger::Date(_)
        | Trigger::Call
        | Trigger::Becomes { .. }
        | Trigger::Cron { .. } => None,
    });
    stage.filter(|id| map.index_of(id).is_some())
}

/// What starts a rule, in words.
pub fn trigger_words(map: &JourneyMap, rule: &Rule) -> String {
    let title = |id: &str| map.index_of(id).map_or_else(|| id.to_owned(), |index| map.stages[index].title.clone());
    match &rule.trigger {
        Trigger::Event { kind } => format!("on {kind}"),
        Trigger::Enter { stage } => format!("on entering “{}”", title(stage)),
        Trigger::Leave { stage } => format!("on leaving “{}”", title(stage)),
        Trigger::Stay { stage, span } => format!("after {span} at “{}”", title(stage)),
        Trigger::Join { segment } => format!("on joining “{segment}”"),
        Trigger::Quit { segment } => format!("on leaving “{segment}”"),
        Trigger::Date(date) => format!("by the date {}", date.fact),
        Trigger::Call => "on a call of the API".to_owned(),
        Trigger::Becomes { condition } => format!("when {}", condition.text()),
        Trigger::Cron { schedule, .. } => format!("on schedule {}", schedule.text),
    }
}
