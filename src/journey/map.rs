//! A journey map: the stages that a segment of customers goes through, with what the customer and the company do, feel
//! and want at each.

use serde::{Deserialize, Serialize};

use super::attention::Attention;
use super::condition::Condition;
use super::time::Span;

/// A whole map. Written as `rules/<map>/map.yaml`.
#[derive(Clone, Debug)]
pub struct JourneyMap {
    /// Identifier, also the folder's name.
    pub id: String,
    /// Shown to people; the id if not written.
    pub title: String,
    /// What the map is for.
    pub purpose: Option<String>,
    /// Who walks it.
    pub persona: Option<Persona>,
    /// Who belongs to it; everyone if `None`.
    pub segment: Option<Condition>,
    /// How often the map should be looked over.
    pub review_every: Option<Span>,
    /// In whose name its letters go out; the shop's own if `None`.
    pub sender: Option<String>,
    /// Whether opens and clicks of its letters may be noted; as the settings say if `None`.
    pub track: Option<bool>,
    /// Limits on letters and the holdout of the map.
    pub attention: Attention,
    /// Stages in order; a customer is at the last one whose `enter` holds.
    pub stages: Vec<Stage>,
}

impl JourneyMap {
    /// Every condition of the map: of its segment and of its stages.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        self.segment.iter().chain(self.stages.iter().map(|stage| &stage.enter))
    }
}

/// A described profile of who walks a map.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Persona {
    /// A name for the profile: "Office cat owner".
    pub name: String,
    /// One paragraph about them.
    #[serde(default)]
    pub description: Option<String>,
    /// What moves them.
    #[serde(default)]
    pub motives: Vec<String>,
    /// Where they can be met.
    #[serde(default)]
    pub channels: Vec<String>,
}

/// One column of a map.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Identifier, unique in the map.
    pub id: String,
    /// Shown to people.
    pub title: String,
    /// Who is here.
    pub enter: Condition,
    /// Stages that may be moved to from here; any if `None`.
    pub moves: Option<Vec<String>>,
    /// The customer's side.
    pub customer: CustomerSide,
    /// The company's side.
    pub company: CompanySide,
    /// Where they meet.
    pub touchpoints: Vec<String>,
    /// What stands in the way.
    pub barriers: Vec<String>,
    /// What the shop aims at here.
    pub targets: Targets,
}

/// What the customer wants, does, asks and feels at a stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CustomerSide {
    /// What they want.
    pub goals: Vec<String>,
    /// What they do.
    pub actions: Vec<String>,
    /// What they ask themselves.
    pub questions: Vec<String>,
    /// How they feel, from -2 (bad) to 2 (delighted).
    pub emotion: i8,
}

/// What the company wants and does at a stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CompanySide {
    /// What the company wants.
    pub goals: Vec<String>,
    /// What the company does.
    pub actions: Vec<String>,
    /// Who answers for the stage.
    pub owner: Option<String>,
}

/// What the shop aims at in a stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Targets {
    /// Share of those who entered that should move on, 0 to 1.
    pub conversion: Option<f64>,
    /// Longest median stay that is still fine.
    #[schemars(with = "Option<String>")]
    pub dwell: Option<Span>,
}

impl JourneyMap {
    /// The position of a stage.
    pub fn index_of(&self, stage: &str) -> Option<usize> {
        self.stages.iter().position(|s| s.id == stage)
    }
}
