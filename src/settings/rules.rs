//! `[rules]`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Maps, rules and letters.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RulesSettings {
    /// Folder with maps, rules and letters, relative to the folder that holds `config/`. Default `rules`.
    pub folder: PathBuf,
    /// When changed files come into force: `by_hand` (default) when somebody says `milepost apply`, whatever is on disk;
    /// `auto` as soon as they are whole. The very first start takes what is on disk.
    pub apply: ApplyRules,
}

impl Default for RulesSettings {
    fn default() -> Self {
        Self { folder: PathBuf::from("rules"), apply: ApplyRules::default() }
    }
}

/// When changed files come into force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApplyRules {
    /// When somebody says so.
    #[default]
    ByHand,
    /// As soon as they are whole.
    Auto,
}
