//! `milepost map`: the journey map with its figures, in the terminal.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;

use super::context::{Context, book_in_force};
use super::out;
use crate::insight::{self, table};
use crate::journey::spelling::nearest;

/// Arguments of `map`.
#[derive(Debug, Args)]
pub struct MapArgs {
    /// The map; every map without it.
    map: Option<String>,
    /// For programs.
    #[arg(long)]
    json: bool,
}

/// Prints one map or all.
pub(super) async fn run(args: &MapArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let (loaded, store) = context.open().await?;
    let book = book_in_force(&loaded, &store).await?.rulebook;
    if let Some(name) = args.map.as_deref().filter(|name| !book.maps.contains_key(*name)) {
        match nearest(name, book.maps.keys().map(String::as_str)) {
            Some(near) => bail!("there is no map `{name}`: did you mean `{near}`?"),
            None => bail!("there is no map `{name}`"),
        }
    }
    let mut all = Vec::new();
    for map in book.maps.values().filter(|map| args.map.as_ref().is_none_or(|name| *name == map.id)) {
        let Some(figures) = insight::figures(&store, &book, &map.id).await? else { continue };
        if args.json {
            all.push(figures);
        } else {
            // Without a terminal the table is as wide as its content.
            let width = comfy_table::Table::new().width();
            out::line(table::render(&book, map, &figures, width, io::stdout().is_terminal()))?;
        }
    }
    if args.json {
        out::json(&all)?;
    }
    Ok(ExitCode::SUCCESS)
}
