//! Taking a changed rulebook over while running: on a change of its files and on SIGHUP.
//!
//! Invariant: a rulebook with an error is refused as a whole and the one in force stays.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::journey::book::Shop;
use crate::rulebook::{self, Watch};
use crate::settings::load::Loaded;

/// Starts watching.
pub(super) fn start(loaded: &Loaded, engine: &Arc<Engine>, stop: &CancellationToken) -> anyhow::Result<JoinHandle<()>> {
    let (dir, shop) = (loaded.rules_dir(), loaded.shop());
    let hangups = signal(SignalKind::hangup()).context("SIGHUP can't be heard")?;
    let watch = match Watch::begin(&dir) {
        Ok(watch) => Some(watch),
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "rules can't be watched; send SIGHUP after a change"
            );
            None
        }
    };
    Ok(tokio::spawn(run(dir, shop, Arc::clone(engine), watch, hangups, stop.clone())))
}

async fn run(
    dir: PathBuf,
    shop: Shop,
    engine: Arc<Engine>,
    mut watch: Option<Watch>,
    mut hangups: Signal,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = hangups.recv() => {}
            changed = changed(watch.as_mut()) => if !changed {
                watch = None;
                continue;
            },
        }
        reload(&dir, &shop, &engine).await;
    }
}

async fn changed(watch: Option<&mut Watch>) -> bool {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}

async fn reload(dir: &std::path::Path, shop: &Shop, engine: &Engine) {
    let outcome = rulebook::load(dir, shop.clone());
    let Some(book) = outcome.book else {
        tracing::error!(
            faults.count = outcome.diagnostics.len(),
            "the changed rulebook is refused; the one in force stays"
        );
        for line in rulebook::render(&outcome.diagnostics, false).lines() {
            tracing::error!("{line}");
        }
        return;
    };
    if book.rulebook.hash == engine.book.load().rulebook.hash {
        return;
    }
    tracing::info!(rulebook.hash = book.rulebook.hash, "another rulebook is in force");
    engine.book.store(Arc::new(book));
    if let Err(error) = super::load_pools(engine).await {
        tracing::error!(error = &*error as &dyn std::error::Error, "promo codes could not be loaded");
    }
    engine.wakes.process.notify_one();
    engine.wakes.cron.notify_one();
}
