//! `milepost demo`: arguments of the simulated shop. The demo itself is in `crate::demo`.

use std::process::ExitCode;

use clap::Args;

/// Arguments of the demo.
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// How many times faster than real time; 17280 shows a day in five seconds.
    #[arg(long, default_value_t = 17_280.0, value_parser = speed)]
    pub speed: f64,
    /// Run two weeks without waiting, print the figures, check the promises and exit.
    #[arg(long)]
    pub once: bool,
    /// The same seed gives the same shop.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Port of the map page; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (1.0..=1_000_000.0).contains(&speed) => Ok(speed),
        _ => Err("write a number from 1 to 1000000".into()),
    }
}

/// Runs the demo.
pub(super) async fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    crate::demo::run(args).await?;
    Ok(ExitCode::SUCCESS)
}
