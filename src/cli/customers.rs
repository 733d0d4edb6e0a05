//! `milepost customers`: who is at a stage of a map, in a segment, or on none of its stages.

use std::collections::HashMap;
use std::process::ExitCode;

use chrono_tz::Tz;
use clap::Args;
use serde::Serialize;

use super::context::{Context, book_in_force};
use super::{known, out};
use crate::insight::people;
use crate::journey::book::Rulebook;
use crate::journey::customer::Customer;
use crate::journey::segment::segment_key;
use crate::journey::time::Timestamp;
use crate::store::Store;

/// Customers that are read at once.
const PAGE: usize = 500;

/// Arguments of `customers`.
#[derive(Debug, Args)]
pub struct CustomersArgs {
    /// The map.
    #[arg(long)]
    map: String,
    /// Only those at this stage.
    #[arg(long, conflicts_with_all = ["segment", "outside"])]
    stage: Option<String>,
    /// Only those in this segment of the map.
    #[arg(long, conflicts_with = "outside")]
    segment: Option<String>,
    /// Only those who are at no stage of the map.
    #[arg(long)]
    outside: bool,
    /// At most so many.
    #[arg(long, default_value_t = 100)]
    limit: usize,
    /// For programs.
    #[arg(long)]
    json: bool,
}

/// One customer of the list.
#[derive(Debug, Serialize)]
struct Row {
    customer: String,
    email: Option<String>,
    /// The stage, if the customer is at one.
    stage: Option<String>,
    /// Since when the customer is at the stage, or in the segment that was asked for.
    since: Option<Timestamp>,
    segments: Vec<String>,
}

/// Prints the customers.
pub(super) async fn run(args: CustomersArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let (loaded, store) = context.open().await?;
    let book = book_in_force(&loaded, &store).await?.rulebook;
    check(&args, &book)?;
    let rows = find(&store, &args).await?;
    if args.json {
        out::json(&rows)?;
    } else {
        let ids: Vec<String> = rows.iter().map(|row| row.customer.clone()).collect();
        table(rows, &people::names(&store, &ids).await?, &args, loaded.shop().zone)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn check(args: &CustomersArgs, book: &Rulebook) -> anyhow::Result<()> {
    known::check("map", &args.map, book.maps.keys().map(String::as_str))?;
    if let (Some(stage), Some(map)) = (&args.stage, book.maps.get(&args.map)) {
        known::check("stage", stage, map.stages.iter().map(|stage| stage.id.as_str()))?;
    }
    if let Some(segment) = &args.segment {
        let of_map = book.segments.values().filter(|segment| segment.map == args.map);
        known::check("segment", segment, of_map.map(|segment| segment.name.as_str()))?;
    }
    Ok(())
}

/// Every document is looked at: what a customer is in stands nowhere else.
async fn find(store: &Store, args: &CustomersArgs) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = store.customers_after(&cursor, PAGE).await?;
        let Some(last) = page.last() else { return Ok(rows) };
        cursor.clone_from(&last.id);
        for customer in page {
            rows.extend(row(customer, args));
            if rows.len() >= args.limit {
                return Ok(rows);
            }
        }
    }
}

/// The customer's row, if it is one of those asked for.
fn row(customer: Customer, args: &CustomersArgs) -> Option<Row> {
    let standing = customer.stages.get(&args.map);
    let since = match (&args.stage, &args.segment) {
        (Some(stage), _) => Some(standing.filter(|at| at.stage == *stage)?.since),
        (None, Some(segment)) => Some(*customer.segments.get(&segment_key(&args.map, segment))?),
        (None, None) if args.outside && standing.is_some() => return None,
        (None, None) => standing.map(|at| at.since),
    };
    let of_map = |key: &String| key.strip_prefix(&args.map)?.strip_prefix('/').map(str::to_owned);
    Some(Row {
        email: customer.email().map(str::to_owned),
        stage: standing.map(|at| at.stage.clone()),
        since,
        segments: customer.segments.keys().filter_map(of_map).collect(),
        customer: customer.id,
    })
}

fn table(rows: Vec<Row>, names: &HashMap<String, String>, args: &CustomersArgs, zone: Tz) -> anyhow::Result<()> {
    let full = rows.len() >= args.limit;
    let line = |row: Row| {
        let name = names.get(&row.customer).unwrap_or(&row.customer).clone();
        vec![name, row.stage.unwrap_or_default(), out::when_maybe(row.since, zone), row.segments.join(", ")]
    };
    let header = ["customer", "stage", "since", "segments"];
    out::table(&header, rows.into_iter().map(line).collect(), "None.")?;
    if full {
        out::note(format_args!("only the first {} are shown; `--limit` shows more", args.limit));
    }
    Ok(())
}
