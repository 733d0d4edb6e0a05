//! `milepost splits`: how the arms of splits do, and which of them won.

use std::process::ExitCode;

use clap::Args;

use super::context::{Context, book_in_force};
use super::{known, out};
use crate::insight::splits::{ArmFigures, SplitFigures, figures};
use crate::journey::rule::Rule;

/// Arguments of `splits`.
#[derive(Debug, Args)]
pub struct SplitsArgs {
    /// The rule; every rule without it.
    rule: Option<String>,
    /// For programs.
    #[arg(long)]
    json: bool,
}

/// Prints the splits.
pub(super) async fn run(args: &SplitsArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let (loaded, store) = context.open().await?;
    let book = book_in_force(&loaded, &store).await?.rulebook;
    if let Some(name) = &args.rule {
        known::check("rule", name, book.rules.keys().map(String::as_str))?;
    }
    let wanted = |rule: &Rule| args.rule.as_ref().is_none_or(|name| *name == rule.id);
    let all = figures(&store, &book, context.clock.now(), wanted).await?;
    if args.json {
        out::json(&all)?;
    } else if all.is_empty() {
        out::line("No splits.")?;
    } else {
        for (number, split) in all.iter().enumerate() {
            if number > 0 {
                out::line("")?;
            }
            print(split, loaded.shop().zone)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print(split: &SplitFigures, zone: chrono_tz::Tz) -> std::io::Result<()> {
    out::line(format_args!("{} / {}", split.rule, split.step))?;
    let share = |share: f64| format!("{:.1} %", share * 100.0);
    let row = |arm: &ArmFigures| {
        let interval =
            arm.interval.map_or_else(String::new, |(low, high)| format!("{} to {}", share(low), share(high)));
        let conversion = if arm.known == 0 { String::new() } else { share(arm.conversion) };
        let numbers = [arm.taken, arm.known, arm.reached].map(|number| number.to_string());
        [arm.arm.clone(), arm.share.clone()].into_iter().chain(numbers).chain([conversion, interval]).collect()
    };
    let header = ["arm", "share", "customers", "known", "goal", "conversion", "95 % interval"];
    out::table(&header, split.arms.iter().map(row).collect(), "No arms.")?;
    out::line(split.in_words(zone))
}
