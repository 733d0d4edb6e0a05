//! `demo --once`: two simulated weeks through the same real parts, without waiting; then the figures and the promises.

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};

use super::shop::Shop;
use super::stage::{POLL_EVERY, Stage, ZONE, read_letters};
use super::{check, report};
use crate::cli::demo::DemoArgs;
use crate::clock::Clock;
use crate::journey::time::{Span, Timestamp};

/// How long the demo lasts in the shop's time.
const DAYS: i64 = 14;
/// A Monday morning, so that both Tuesdays' mailings fall into the two weeks.
const START: &str = "2026-03-02T06:00:00Z";

/// Runs two weeks and tells what came of them; an error if a promise was broken.
pub(super) async fn run(args: &DemoArgs) -> anyhow::Result<()> {
    let start = Timestamp::parse_rfc3339(START).context("the demo's first moment")?;
    let end = start.after(Span::days(DAYS));
    let clock = Clock::manual(start);
    let port = if args.port == 8080 { 0 } else { args.port };
    let stage = Box::pin(Stage::set(clock.clone(), Shop::new(args.seed, start, ZONE), port)).await?;
    let listener = tokio::net::TcpListener::from_std(stage.listener.into_std()?)?;
    let router = stage.app.router();
    let server = tokio::spawn(async move { axum::serve(listener, router).await });

    let bar = progress();
    let mut read = 0;
    let mut next_poll = start;
    loop {
        let now = clock.now();
        for call in stage.shop.step(now) {
            stage.caller.post(&call).await;
        }
        let poll = now >= next_poll;
        if poll {
            next_poll = now.after(POLL_EVERY);
        }
        stage.app.run_dry(poll).await?;
        read += read_letters(&stage.mailbox, &stage.shop, &stage.caller, read, now).await;
        let seen = stage.shop.figures();
        bar.set_position(now.since(start).micros().unsigned_abs() / 1_000_000);
        bar.set_message(format!("{} customers, {} hooks, {} letters", seen.customers, seen.hooks, read));
        if now >= end {
            break;
        }
        let store = &stage.app.engine.store;
        let moments = [
            Some(stage.shop.next_at()),
            Some(next_poll),
            Some(end),
            store.next_due().await?,
            store.next_send_at().await?,
            stage.app.engine.next_firing().await?,
        ];
        let next = moments.into_iter().flatten().filter(|at| *at > now).min().unwrap_or(end);
        clock.set(next.min(end));
    }
    bar.finish_and_clear();
    server.abort();

    let book = stage.app.engine.book.load_full();
    report::print(&stage.app.engine.store, &book.rulebook, &stage.shop.figures()).await?;
    let findings = check::all(&stage.app.engine.store, &book.rulebook, &stage.mailbox.letters()).await?;
    report::print_findings(&findings);
    if findings.iter().any(|finding| !finding.broken.is_empty()) {
        bail!("a promise was broken");
    }
    Ok(())
}

fn progress() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(u64::try_from(DAYS * 86_400).unwrap_or(0));
    if let Ok(style) = ProgressStyle::with_template("two weeks {bar:40.cyan/dim} {percent:>3} %  {msg}  {elapsed}") {
        bar.set_style(style.progress_chars("━━╌"));
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
