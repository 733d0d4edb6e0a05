//! `milepost segments`: the segments of the maps, with how many customers are in each.

use std::process::ExitCode;

use clap::Args;

use super::context::{Context, book_in_force};
use super::{known, out};
use crate::insight::segments::{SegmentFigures, segment_figures};

/// Arguments of `segments`.
#[derive(Debug, Args)]
pub struct SegmentsArgs {
    /// The map; every map without it.
    map: Option<String>,
    /// For programs.
    #[arg(long)]
    json: bool,
}

/// Prints the segments.
pub(super) async fn run(args: &SegmentsArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let (loaded, store) = context.open().await?;
    let book = book_in_force(&loaded, &store).await?.rulebook;
    if let Some(name) = &args.map {
        known::check("map", name, book.maps.keys().map(String::as_str))?;
    }
    let mut all: Vec<SegmentFigures> = Vec::new();
    for map in book.maps.keys().filter(|map| args.map.as_ref().is_none_or(|name| name == *map)) {
        all.extend(segment_figures(&book, map, &store.counts(map).await?));
    }
    if args.json {
        out::json(&all)?;
    } else {
        let row = |s: SegmentFigures| {
            let numbers = [s.here, s.joined, s.left].map(|n| n.to_string());
            let meaning = s.description.unwrap_or(s.condition);
            [s.map, s.segment].into_iter().chain(numbers).chain([meaning]).collect()
        };
        let header = ["map", "segment", "now", "joined", "left", "who"];
        let rows = all.into_iter().map(row).collect();
        out::table(&header, rows, "No segments. They are named in rules/<map>/segments.yaml.")?;
    }
    Ok(ExitCode::SUCCESS)
}
