//! `milepost doctor`: what the daemon needs, each with a verdict and help.
//!
//! Invariants: nothing is changed and no letter is sent; every check runs even when an earlier one failed; every one has a
//! short time-out; no secret is shown.

mod clock;
mod dns;
mod finding;
mod parts;
mod writes;

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::out;
use crate::settings::load::Loaded;
use finding::{Finding, Verdict};

pub(super) use parts::sending_domain;

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// For programs.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    dns: dns::DnsArgs,
}

/// Looks at everything; the exit code is 1 if something is wrong.
pub(super) async fn run(args: &DoctorArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let loaded = context.load()?;
    let findings = look(&loaded, args, context).await;
    let worst = findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Fine);
    if args.json {
        out::json(&json!({ "ok": worst != Verdict::Wrong, "findings": findings }))?;
    } else {
        for finding in &findings {
            print(finding)?;
        }
        out::line(match worst {
            Verdict::Fine => "\nAll is well.",
            Verdict::Doubtful => "\nThe daemon can run; look at the doubts above.",
            Verdict::Wrong => "\nSomething is wrong; see above.",
        })?;
    }
    Ok(if worst == Verdict::Wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn look(loaded: &Loaded, args: &DoctorArgs, context: &Context) -> Vec<Finding> {
    let file = loaded.file.display().to_string();
    let mut findings = vec![Finding::fine("settings", file, "read and checked"), parts::rulebook(loaded)];
    // The parts don't depend on each other, so the slowest sets the pace.
    let (database, relays, connections, webhooks, clock, dns) = tokio::join!(
        parts::database(loaded),
        parts::relays(loaded),
        parts::connections(loaded),
        parts::webhooks(loaded),
        clock::look(loaded, &context.clock),
        Box::pin(dns::look(loaded, &args.dns)),
    );
    findings.push(database);
    findings.extend(relays);
    findings.extend(parts::public_url(loaded));
    findings.extend(connections);
    findings.extend(webhooks);
    findings.extend(clock);
    findings.extend(dns);
    findings
}

fn print(finding: &Finding) -> std::io::Result<()> {
    let sign = match finding.verdict {
        Verdict::Fine => "ok     ",
        Verdict::Doubtful => "doubt  ",
        Verdict::Wrong => "WRONG  ",
    };
    out::line(format_args!("{sign}{}: {}: {}", finding.area, out::clean(&finding.subject), out::clean(&finding.note)))?;
    match &finding.help {
        Some(help) => out::line(format_args!("         {}", out::clean(help))),
        None => Ok(()),
    }
}
