//! `milepost serve`: the daemon.

use std::process::ExitCode;

use super::context::Context;
use super::logging;

/// Runs the daemon until it is told to stop.
pub(super) async fn run(context: &Context) -> anyhow::Result<ExitCode> {
    let loaded = context.load()?;
    logging::init(&loaded.settings.log)?;
    // On the heap: it is the whole daemon.
    Box::pin(crate::app::serve(loaded, context.variables.clone(), context.clock.clone())).await?;
    Ok(ExitCode::SUCCESS)
}
