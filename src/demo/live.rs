//! `demo`: the shop lives on, a simulated day every few seconds, until Ctrl-C.

use std::time::Duration;

use anyhow::Context;
use chrono::Timelike;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio_util::sync::CancellationToken;

use super::report;
use super::shop::Shop;
use super::stage::{Stage, ZONE, read_letters};
use crate::app::stop_signal;
use crate::cli::demo::DemoArgs;
use crate::clock::Clock;
use crate::journey::time::Timestamp;

/// The moment at which the simulated shop opens.
const START: &str = "2026-03-02T06:00:00Z";
/// How often the line is drawn anew and letters are read.
const TICK: Duration = Duration::from_millis(100);

/// Runs until Ctrl-C.
pub(super) async fn run(args: &DemoArgs) -> anyhow::Result<()> {
    let start = Timestamp::parse_rfc3339(START).context("the demo's first moment")?;
    let clock = Clock::fast(start, args.speed);
    let stage = Box::pin(Stage::set(clock.clone(), Shop::new(args.seed, start, ZONE), args.port)).await?;
    report::print_addresses(stage.caller.base(), 86_400.0 / args.speed);
    let line = line();
    let stop = CancellationToken::new();
    let (shop, mailbox, caller, store) =
        (stage.shop.clone(), stage.mailbox.clone(), stage.caller.clone(), stage.app.engine.store.clone());
    let daemon = tokio::spawn(stage.app.run(stage.listener, None, stop.clone()));

    let living = live(clock.clone(), shop.clone(), caller.clone(), stop.clone());
    let living = tokio::spawn(living);
    let mut read = 0;
    loop {
        tokio::select! {
            stopped = stop_signal() => {
                stopped.context("signals can't be heard")?;
                break;
            }
            () = tokio::time::sleep(TICK) => {}
        }
        if daemon.is_finished() {
            break;
        }
        read += read_letters(&mailbox, &shop, &caller, read, clock.now()).await;
        let (customers, seen) = (store.count_customers().await.unwrap_or(0), shop.figures());
        let local = clock.now().local(ZONE);
        line.set_position(u64::from(local.num_seconds_from_midnight()));
        line.set_prefix(local.format("%a %d %b %H:%M").to_string());
        line.set_message(format!(
            "{customers} customers  {} orders  {} hooks  {read} letters",
            seen.orders, seen.hooks
        ));
    }
    line.finish_and_clear();
    stop.cancel();
    living.abort();
    daemon.await.context("the daemon broke off")?
}

/// Lets the shop live by the clock and posts its hooks.
async fn live(clock: Clock, shop: Shop, caller: super::stage::Caller, stop: CancellationToken) {
    while !stop.is_cancelled() {
        for call in shop.step(clock.now()) {
            caller.post(&call).await;
        }
        clock.sleep_until(shop.next_at()).await;
    }
}

fn line() -> ProgressBar {
    let line = ProgressBar::with_draw_target(Some(86_400), ProgressDrawTarget::stdout());
    if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:24.cyan/dim}  {msg}") {
        line.set_style(style.progress_chars("━━╌"));
    }
    line
}
