//! `milepost backtest`: what other rules would have sent, told the events that really happened.

mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::context::{Context, book_in_force, load_book};
use super::out;
use crate::engine::backtest::{backtest, window};
use crate::journey::time::Span;

/// Arguments of `backtest`.
#[derive(Debug, Args)]
pub struct BacktestArgs {
    /// The folder of the rules that would replace those in force; that of the settings if not given.
    dir: Option<PathBuf>,
    /// How far back letters are counted.
    #[arg(long, default_value = "30d", value_name = "TIME")]
    last: Span,
    /// For programs.
    #[arg(long)]
    json: bool,
}

/// Compares; nothing is written or sent.
pub(super) async fn run(args: &BacktestArgs, context: &Context) -> anyhow::Result<ExitCode> {
    if args.last.is_zero() {
        bail!("`--last` must be longer than nothing");
    }
    let (loaded, store) = context.open().await?;
    let present = book_in_force(&loaded, &store).await?;
    let candidate = load_book(args.dir.as_ref().unwrap_or(&loaded.rules_dir()), loaded.shop())?;
    let bar = ProgressBar::new(0).with_style(style());
    let window = window(context.clock.now(), args.last);
    let found = backtest(&store, window, &present, &candidate, |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    })
    .await;
    bar.finish_and_clear();
    let found = found?;
    if args.json {
        out::json(&found)?;
    } else {
        report::print(&found, loaded.shop().zone)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// indicatif draws on standard error, and only where a person looks.
fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:30} {pos} of {len} events, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}
