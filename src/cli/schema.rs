//! `milepost schema`: JSON Schema for editors.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::out;
use crate::rulebook;
use crate::settings::load::Schema;

/// Arguments of `schema`.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Which schema; without it both that of maps and that of rules.
    kind: Option<Kind>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// `rules/<map>/map.yaml`
    Map,
    /// `rules/<map>/<rule>.yaml`
    Rule,
    /// `rules/<map>/promo/<pool>.yaml`
    Pool,
    /// `rules/attributes.yaml`
    Attributes,
    /// `rules/limits.yaml`
    Limits,
    /// `rules/<map>/tests/*.yaml`
    Scenario,
    /// `rules/<map>/segments.yaml`
    Segments,
    /// `config/milepost.toml`
    Settings,
}

/// Prints the schema.
pub(super) fn run(args: &SchemaArgs) -> anyhow::Result<ExitCode> {
    let (map, rule) = rulebook::schema();
    match args.kind {
        Some(Kind::Map) => out::json(&map)?,
        Some(Kind::Rule) => out::json(&rule)?,
        Some(Kind::Pool) => out::json(&rulebook::pool_schema())?,
        Some(Kind::Attributes) => out::json(&rulebook::attributes_schema())?,
        Some(Kind::Limits) => out::json(&rulebook::limits_schema())?,
        Some(Kind::Scenario) => out::json(&rulebook::scenario_schema())?,
        Some(Kind::Segments) => out::json(&rulebook::segments_schema())?,
        Some(Kind::Settings) => out::json(Schema::of_settings().as_value())?,
        None => out::json(&json!({ "map": map, "rule": rule }))?,
    }
    Ok(ExitCode::SUCCESS)
}
