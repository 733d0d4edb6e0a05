//! One stage as the template shows it: what the shop wrote, and what is counted there.

use serde::Serialize;

use super::emotion::Mood;
use super::live::{Bar, Flag, Live, Text, percent};
use super::rules::RuleView;
use crate::insight::{MapFigures, StageFigures, format};
use crate::journey::map::JourneyMap;
use crate::journey::time::Span;

/// One column.
#[derive(Debug, Serialize)]
pub struct StageView {
    id: String,
    number: usize,
    title: String,
    owner: Option<String>,
    goals: Vec<String>,
    actions: Vec<String>,
    questions: Vec<String>,
    touchpoints: Vec<String>,
    barriers: Vec<String>,
    company_goals: Vec<String>,
    company_actions: Vec<String>,
    mood: Mood,
    here: Text,
    here_bar: Bar,
    entered: Text,
    /// Where those who left went.
    moved: Text,
    /// Whether the share that moves on is a figure here (it is not at the last stage).
    moves_on: bool,
    conversion: Text,
    conversion_bar: Bar,
    conversion_target: Option<String>,
    /// Where on the bar the target lies, in per cent.
    conversion_aim: Option<f64>,
    conversion_behind: Flag,
    median: Text,
    dwell_target: Option<String>,
    dwell_behind: Flag,
    rules: Vec<RuleView>,
}

impl StageView {
    /// Puts a stage together.
    pub fn new(
        map: &JourneyMap,
        index: usize,
        figures: &MapFigures,
        mood: Mood,
        rules: Vec<RuleView>,
        live: &mut Live,
    ) -> Self {
        let stage = &map.stages[index];
        let none = StageFigures {
            stage: stage.id.clone(),
            here: 0,
            entered: 0,
            moved: Vec::new(),
            left: 0,
            conversion: None,
            median_stay: None,
        };
        let counted = figures.stage(&stage.id).unwrap_or(&none);
        let key = |name: &str| format!("stage.{}.{name}", stage.id);
        let most = figures.stages.iter().map(|s| s.here).max().unwrap_or(0);
        let targets = &stage.targets;
        let behind = matches!((counted.conversion, targets.conversion), (Some(is), Some(wanted)) if is < wanted);
        let slow = matches!((counted.median_stay, targets.dwell), (Some(is), Some(wanted)) if is > wanted);
        Self {
            id: stage.id.clone(),
            number: index + 1,
            title: stage.title.clone(),
            owner: stage.company.owner.clone(),
            goals: stage.customer.goals.clone(),
            actions: stage.customer.actions.clone(),
            questions: stage.customer.questions.clone(),
            touchpoints: stage.touchpoints.clone(),
            barriers: stage.barriers.clone(),
            company_goals: stage.company.goals.clone(),
            company_actions: stage.company.actions.clone(),
            mood,
            here: live.text(key("here"), format::count(counted.here)),
            here_bar: live.bar(key("here_bar"), counted.here, most),
            entered: live.text(key("entered"), format::count(counted.entered)),
            moved: live.text(key("moved"), moved_text(map, counted)),
            moves_on: index + 1 < map.stages.len(),
            conversion: live.text(key("conversion"), format::percent(counted.conversion)),
            conversion_bar: live.share(key("conversion_bar"), counted.conversion.unwrap_or(0.0)),
            conversion_target: targets.conversion.map(|share| format::percent(Some(share))),
            conversion_aim: targets.conversion.map(percent),
            conversion_behind: live.flag(key("behind"), behind),
            median: live.text(key("median"), format::span(counted.median_stay)),
            dwell_target: targets.dwell.map(|span: Span| format::span(Some(span))),
            dwell_behind: live.flag(key("slow"), slow),
            rules,
        }
    }
}

/// `812 to Search · 44 off the map`.
fn moved_text(map: &JourneyMap, figures: &StageFigures) -> String {
    let title = |id: &str| map.index_of(id).map_or_else(|| id.to_owned(), |index| map.stages[index].title.clone());
    let mut parts: Vec<String> =
        figures.moved.iter().map(|(to, n)| format!("{} to {}", format::count(*n), title(to))).collect();
    if figures.left > 0 {
        parts.push(format!("{} off the map", format::count(figures.left)));
    }
    if parts.is_empty() { "nobody has left yet".to_owned() } else { parts.join(" · ") }
}
