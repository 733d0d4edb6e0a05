//! The demo: a simulated shop that acts as a RetailCRM, a mailbox that speaks SMTP, and a whole daemon between them.
//!
//! Everything in between is real: hooks and API answers go over HTTP, letters over SMTP, all that is known is in a database
//! file. Only the shop's customers and the pace of time are made up. No part of the daemon that serves a real shop knows
//! this module.

pub mod check;
mod live;
mod once;
mod report;
pub mod shop;
pub mod stage;

use crate::cli::demo::DemoArgs;

/// Runs the demo as asked; an error if a promise was broken.
pub async fn run(args: DemoArgs) -> anyhow::Result<()> {
    if args.once { Box::pin(once::run(&args)).await } else { Box::pin(live::run(&args)).await }
}
