//! One rule as the template shows it: what starts it, and what came of it.

use serde::Serialize;

use super::live::{Bar, Flag, Live, Text};
use crate::insight::{ErrandFigures, RuleFigures, format, place, table};
use crate::journey::map::JourneyMap;
use crate::journey::rule::{Action, Rule};

/// One rule's card.
#[derive(Debug, Serialize)]
pub struct RuleView {
    id: String,
    name: String,
    description: Option<String>,
    trigger: String,
    purpose: String,
    letters: usize,
    enrolled: Text,
    sent: Text,
    sent_bar: Bar,
    withheld: Text,
    withheld_any: Flag,
    /// The reasons with their counts, in words.
    reasons: Text,
    read: Text,
    read_any: Flag,
    held: Text,
    held_any: Flag,
    webhooks: Text,
    webhooks_any: Flag,
    crm: Text,
    crm_any: Flag,
    has_goal: bool,
    converted: Text,
    converted_bar: Bar,
    conversion: Text,
    value: Text,
    value_any: Flag,
    held_out: Text,
    held_out_any: Flag,
    bounced: Text,
    bounced_any: Flag,
    troubled: Text,
    troubled_any: Flag,
}

impl RuleView {
    /// Puts a rule and its figures together.
    pub fn new(map: &JourneyMap, rule: &Rule, figures: &RuleFigures, live: &mut Live) -> Self {
        let key = |name: &str| format!("rule.{}.{name}", rule.id);
        let withheld = figures.withheld_total();
        let (reasons, limits) = (ranked(&figures.withheld), ranked(&figures.held));
        let held = format!("{} held: {limits}", format::count(figures.held_total()));
        let any = |errands: &ErrandFigures| *errands != ErrandFigures::default();
        Self {
            id: rule.id.clone(),
            name: title_of(&rule.id),
            description: rule.description.clone(),
            trigger: place::trigger_words(map, rule),
            purpose: rule.purpose.clone(),
            letters: rule.steps.iter().filter(|s| matches!(s.action, Action::Send { .. })).count(),
            enrolled: live.text(key("enrolled"), format::count(figures.enrolled)),
            sent: live.text(key("sent"), format::count(figures.sent)),
            sent_bar: live.bar(key("sent_bar"), figures.sent, figures.planned),
            withheld: live.text(key("withheld"), format::count(withheld)),
            withheld_any: live.flag(key("withheld_any"), withheld > 0),
            reasons: live.text(key("reasons"), reasons),
            read: live.text(key("read"), table::read_in_words(figures)),
            read_any: live.flag(key("read_any"), figures.is_read()),
            held: live.text(key("held"), held),
            held_any: live.flag(key("held_any"), figures.held_total() > 0),
            webhooks: live.text(key("webhooks"), table::errands_in_words(&figures.webhooks)),
            webhooks_any: live.flag(key("webhooks_any"), any(&figures.webhooks)),
            crm: live.text(key("crm"), table::errands_in_words(&figures.crm)),
            crm_any: live.flag(key("crm_any"), any(&figures.crm)),
            has_goal: rule.goal.is_some(),
            converted: live.text(key("converted"), format::count(figures.converted)),
            converted_bar: live.share(key("converted_bar"), figures.conversion.unwrap_or(0.0)),
            conversion: live.text(key("conversion"), format::percent(figures.conversion)),
            value: live.text(key("value"), format::money(&figures.value)),
            value_any: live.flag(key("value_any"), !figures.value.is_empty()),
            held_out: live.text(key("held_out"), table::held_out(figures)),
            held_out_any: live.flag(key("held_out_any"), figures.held_out > 0),
            bounced: live.text(key("bounced"), came_back(figures)),
            bounced_any: live.flag(key("bounced_any"), figures.bounced_total() + figures.complained > 0),
            troubled: live.text(key("troubled"), format::count(figures.troubled())),
            troubled_any: live.flag(key("troubled_any"), figures.troubled() > 0),
        }
    }
}

/// `871 goal reached · 40 consent refused`.
fn ranked(list: &[(String, i64)]) -> String {
    let words = list.iter().map(|(code, n)| format!("{} {}", format::count(*n), format::words(code)));
    words.collect::<Vec<_>>().join(" · ")
}

/// `3 bounced (2 mailbox gone · 1 mailbox full), 1 called spam`.
fn came_back(figures: &RuleFigures) -> String {
    let bounced = figures.bounced_total();
    let bounces = format!("{} bounced ({})", format::count(bounced), ranked(&figures.bounced));
    let complaints = format!("{} called spam", format::count(figures.complained));
    let parts = [(bounced, bounces), (figures.complained, complaints)];
    parts.into_iter().filter(|(n, _)| *n > 0).map(|(_, words)| words).collect::<Vec<_>>().join(", ")
}

/// `abandoned-cart` becomes `Abandoned cart`.
fn title_of(id: &str) -> String {
    let words = id.replace(['-', '_'], " ");
    let mut chars = words.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
