//! The command line: one file a subcommand.
//!
//! Invariants: what a command found goes to standard output (`--json` for programs), remarks and faults to standard error;
//! the exit code is 0 when all is well, 1 when something is wrong, 2 for wrong arguments. A reader that stops reading
//! (`| head`) is no fault. The chain of an error is printed once, here.
//!
//! Not here: anything that decides or stores. Commands read arguments, call a room and print.

pub mod apply;
pub mod check;
pub mod consents;
mod context;
mod customer;
pub mod customers;
pub mod demo;
pub mod dkim;
pub mod doctor;
pub mod errands;
pub mod explain;
mod export;
pub mod fmt;
pub mod inbox;
pub mod init;
mod known;
mod letter;
pub mod logging;
pub mod map;
pub mod messages;
mod moment;
mod out;
pub mod pause;
pub mod plan;
pub mod promo;
pub mod relays;
pub mod render;
pub mod resume;
pub mod returns;
pub mod schema;
pub mod segments;
pub mod send_test;
pub mod serve;
pub mod splits;
pub mod suppressions;
pub mod test;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::clock::Clock;
use crate::settings::load::Faults;
use context::Context;

/// Customer-journey automation: from CRM events to letters to the journey map.
#[derive(Debug, Parser)]
#[command(name = "milepost", version, max_term_width = 100)]
struct Cli {
    /// The settings' file.
    #[arg(long, global = true, env = "MILEPOST_CONFIG", default_value = "config/milepost.toml", value_name = "FILE")]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write settings, a starter map, its rules and letters.
    Init(init::InitArgs),
    /// Check settings, maps, rules and letters: every fault in one run.
    Check(check::CheckArgs),
    /// Run the scenarios of the rules: what must come of what happens.
    Test(test::TestArgs),
    /// Bring maps, rules and other YAML files into one form; comments are kept.
    Fmt(fmt::FmtArgs),
    /// Print the JSON Schema of map files, rule files, scenarios or settings, for editors.
    Schema(schema::SchemaArgs),
    /// Show what the rules on disk would change, for whom, and which letters they would have sent.
    Plan(plan::PlanArgs),
    /// Put the rules on disk in force.
    Apply(apply::ApplyArgs),
    /// Pause a rule, or list what is paused.
    Pause(pause::PauseArgs),
    /// Let a paused rule go on, and say what becomes of what is overdue.
    Resume(resume::ResumeArgs),
    /// Run the daemon.
    Serve,
    /// See everything at work: a simulated shop, real parts, fast time.
    Demo(demo::DemoArgs),
    /// Look at what the daemon needs: database, relays, CRM, clock, DNS.
    Doctor(doctor::DoctorArgs),
    /// Keys that letters are signed with: make one, show what DNS must say.
    Dkim(dkim::DkimArgs),
    /// Bodies that came in: list them, look at one, apply dead ones again.
    Inbox(inbox::InboxArgs),
    /// Letters: list, look at one, export, try again.
    Messages(messages::MessagesArgs),
    /// Show a letter as it would go out: HTML, text, source, or a page to look at.
    Render(render::RenderArgs),
    /// Send a letter to somebody who tries it out, marked as a test and kept out of all figures.
    SendTest(send_test::SendTestArgs),
    /// Say why a customer got, waits for or did not get a letter.
    Explain(explain::ExplainArgs),
    /// Print the journey map with its figures.
    Map(map::MapArgs),
    /// Print the segments with how many customers are in each.
    Segments(segments::SegmentsArgs),
    /// Show how the arms of splits do, and which won.
    Splits(splits::SplitsArgs),
    /// List who is at a stage, in a segment, or on no stage of a map.
    Customers(customers::CustomersArgs),
    /// Shows and exports what customers agreed to and refused, change by change.
    Consents(consents::ConsentsArgs),
    /// Pools of promo codes.
    Promo(promo::PromoArgs),
    /// Webhooks out and changes in CRMs: list, look at one, try again.
    Errands(errands::ErrandsArgs),
    /// What came back: bounces, complaints, answers; list, look at one, read unmatched ones again.
    Returns(returns::ReturnsArgs),
    /// Show which relays letters take, which stand still and why, and how much of their ceilings is used.
    Relays(relays::RelaysArgs),
    /// Addresses that must not be written to.
    Suppressions(suppressions::SuppressionsArgs),
}

/// Reads the process's arguments and environment, runs the command and gives the exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let context = Context { config: cli.config, variables: variables.collect(), clock: Clock::system() };
    let outcome = runtime().and_then(|runtime| runtime.block_on(run(cli.command, &context)));
    outcome.unwrap_or_else(|error| report(&error))
}

/// Tasks between two looks at the global queue, and at sockets and timers.
const GLOBAL_QUEUE_INTERVAL: u32 = 1;
const EVENT_INTERVAL: u32 = 5;

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    // What waits for the database comes before what only computes: it holds locks that others wait for. Tasks that a thread
    // of the database wakes stand in the global queue, which would else be looked at after dozens of others.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .global_queue_interval(GLOBAL_QUEUE_INTERVAL)
        .event_interval(EVENT_INTERVAL)
        .enable_all()
        .build()?;
    Ok(runtime)
}

async fn run(command: Command, context: &Context) -> anyhow::Result<ExitCode> {
    match command {
        Command::Init(args) => init::run(&args),
        Command::Check(args) => check::run(&args, context),
        Command::Test(args) => test::run(&args, context),
        Command::Fmt(args) => fmt::run(&args, context),
        Command::Schema(args) => schema::run(&args),
        Command::Plan(args) => Box::pin(plan::run(&args, context)).await,
        Command::Apply(args) => Box::pin(apply::run(&args, context)).await,
        Command::Pause(args) => pause::run(args, context).await,
        Command::Resume(args) => resume::run(args, context).await,
        Command::Serve => Box::pin(serve::run(context)).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Doctor(args) => doctor::run(&args, context).await,
        Command::Dkim(args) => dkim::run(&args, context),
        Command::Inbox(args) => inbox::run(args, context).await,
        Command::Messages(args) => messages::run(args, context).await,
        Command::Render(args) => render::run(args, context).await,
        Command::SendTest(args) => send_test::run(args, context).await,
        Command::Explain(args) => explain::run(args, context).await,
        Command::Map(args) => map::run(&args, context).await,
        Command::Segments(args) => segments::run(&args, context).await,
        Command::Splits(args) => splits::run(&args, context).await,
        Command::Customers(args) => customers::run(args, context).await,
        Command::Consents(args) => consents::run(args, context).await,
        Command::Promo(args) => promo::run(args, context).await,
        Command::Errands(args) => errands::run(args, context).await,
        Command::Returns(args) => returns::run(args, context).await,
        Command::Relays(args) => relays::run(&args, context).await,
        Command::Suppressions(args) => suppressions::run(args, context).await,
    }
}

/// Prints an error with what caused it. A closed pipe is the reader's choice, not an error.
fn report(error: &anyhow::Error) -> ExitCode {
    let closed = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
    };
    if error.chain().any(closed) {
        return ExitCode::SUCCESS;
    }
    if let Some(faults) = error.downcast_ref::<Faults>() {
        for fault in &faults.faults {
            out::note(fault);
        }
    }
    out::note(format_args!("error: {error}"));
    for cause in error.chain().skip(1) {
        out::note(format_args!("  because: {cause}"));
    }
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn arguments_are_well_formed() {
        super::Cli::command().debug_assert();
    }
}
