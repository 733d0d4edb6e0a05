//! The whole map as the template shows it.

use chrono::NaiveDateTime;
use serde::Serialize;

use super::emotion;
use super::live::{Live, Text};
use super::rules::RuleView;
use super::stages::StageView;
use crate::insight::segments::SegmentFigures;
use crate::insight::{MapFigures, format, place};
use crate::journey::map::{JourneyMap, Persona, Stage};
use crate::journey::rule::Rule;

/// One map.
#[derive(Debug, Serialize)]
pub struct MapView {
    id: String,
    title: String,
    purpose: Option<String>,
    persona: Option<PersonaView>,
    segment: Option<String>,
    review_every: Option<String>,
    tiles: Vec<Tile>,
    stages: Vec<StageView>,
    /// Names of the rows that any stage fills; empty ones are not drawn.
    rows: Vec<&'static str>,
    /// Rules that belong to no stage.
    whole: Vec<RuleView>,
    segments: Vec<SegmentView>,
    sparkline: String,
    updated: Text,
    /// What the page's script polls.
    pub live: Live,
}

/// A map in the list of maps.
#[derive(Debug, Serialize)]
pub struct MapCard {
    id: String,
    title: String,
    purpose: Option<String>,
    persona: Option<String>,
    stages: Vec<String>,
    here: String,
    sent: String,
    converted: String,
    sparkline: String,
}

#[derive(Debug, Serialize)]
struct PersonaView {
    initials: String,
    #[serde(flatten)]
    persona: Persona,
}

#[derive(Debug, Serialize)]
struct Tile {
    label: &'static str,
    icon: &'static str,
    value: Text,
}

/// A segment and who is in it.
#[derive(Debug, Serialize)]
struct SegmentView {
    name: String,
    description: Option<String>,
    condition: String,
    here: Text,
    joined: Text,
    left: Text,
}

type Read = fn(&Stage) -> &Vec<String>;

/// The rows of lists, by the name that the template asks for.
const ROWS: [(&str, Read); 7] = [
    ("goals", |s| &s.customer.goals),
    ("actions", |s| &s.customer.actions),
    ("questions", |s| &s.customer.questions),
    ("touchpoints", |s| &s.touchpoints),
    ("barriers", |s| &s.barriers),
    ("company_goals", |s| &s.company.goals),
    ("company_actions", |s| &s.company.actions),
];

impl MapView {
    /// Puts a map and its figures together; `now` is the shop's wall clock.
    pub fn new(map: &JourneyMap, rules: &[&Rule], figures: &MapFigures, now: NaiveDateTime) -> Self {
        let mut live = Live::default();
        let levels = levels(map);
        let stages = map
            .stages
            .iter()
            .zip(emotion::curve(&levels))
            .enumerate()
            .map(|(index, (stage, mood))| {
                let rules = rules_at(map, rules, figures, Some(&stage.id), &mut live);
                StageView::new(map, index, figures, mood, rules, &mut live)
            })
            .collect();
        let filled = |read: Read| map.stages.iter().any(|stage| !read(stage).is_empty());
        Self {
            id: map.id.clone(),
            title: map.title.clone(),
            purpose: map.purpose.clone(),
            persona: map.persona.clone().map(PersonaView::new),
            segment: map.segment.as_ref().map(|condition| condition.text().to_owned()),
            review_every: map.review_every.map(|span| format::span(Some(span))),
            tiles: tiles(figures, &mut live),
            stages,
            rows: ROWS.into_iter().filter(|(_, read)| filled(*read)).map(|(name, _)| name).collect(),
            whole: rules_at(map, rules, figures, None, &mut live),
            segments: figures.segments.iter().map(|segment| SegmentView::new(segment, &mut live)).collect(),
            sparkline: emotion::sparkline(&levels),
            updated: live.text("updated", now.format("%-d %b %Y, %H:%M").to_string()),
            live,
        }
    }
}

impl MapCard {
    /// A map with its sums.
    pub fn new(map: &JourneyMap, figures: &MapFigures) -> Self {
        Self {
            id: map.id.clone(),
            title: map.title.clone(),
            purpose: map.purpose.clone(),
            persona: map.persona.as_ref().map(|p| p.name.clone()),
            stages: map.stages.iter().map(|s| s.title.clone()).collect(),
            here: format::count(figures.here()),
            sent: format::count(figures.rules.iter().map(|r| r.sent).sum()),
            converted: format::count(figures.rules.iter().map(|r| r.converted).sum()),
            sparkline: emotion::sparkline(&levels(map)),
        }
    }
}

impl PersonaView {
    fn new(persona: Persona) -> Self {
        let initials =
            persona.name.split_whitespace().filter_map(|word| word.chars().next()).take(2).flat_map(char::to_uppercase);
        Self { initials: initials.collect(), persona }
    }
}

impl SegmentView {
    fn new(segment: &SegmentFigures, live: &mut Live) -> Self {
        let key = |name: &str| format!("segment.{}.{name}", segment.segment);
        Self {
            name: segment.segment.clone(),
            description: segment.description.clone(),
            condition: segment.condition.clone(),
            here: live.text(key("here"), format::count(segment.here)),
            joined: live.text(key("joined"), format::count(segment.joined)),
            left: live.text(key("left"), format::count(segment.left)),
        }
    }
}

fn levels(map: &JourneyMap) -> Vec<i8> {
    map.stages.iter().map(|s| s.customer.emotion).collect()
}

fn rules_at(
    map: &JourneyMap,
    rules: &[&Rule],
    figures: &MapFigures,
    stage: Option<&str>,
    live: &mut Live,
) -> Vec<RuleView> {
    rules
        .iter()
        .filter(|rule| place::stage_of(map, rule) == stage)
        .filter_map(|rule| Some(RuleView::new(map, rule, figures.rule(&rule.id)?, live)))
        .collect()
}

fn tiles(figures: &MapFigures, live: &mut Live) -> Vec<Tile> {
    let sum = |read: fn(&crate::insight::RuleFigures) -> i64| format::count(figures.rules.iter().map(read).sum());
    let withheld = sum(crate::insight::RuleFigures::withheld_total);
    vec![
        Tile { label: "On the map now", icon: "people", value: live.text("map.here", format::count(figures.here())) },
        Tile { label: "Letters sent", icon: "mail", value: live.text("map.sent", sum(|r| r.sent)) },
        Tile { label: "Letters withheld", icon: "shield", value: live.text("map.withheld", withheld) },
        Tile { label: "Goals reached", icon: "flag", value: live.text("map.converted", sum(|r| r.converted)) },
        Tile {
            label: "Sales after letters",
            icon: "coins",
            value: live.text("map.value", format::money(&figures.value())),
        },
    ]
}
