//! Taking a changed rulebook over while running: on a change of its files and on SIGHUP.
//!
//! Invariant: a rulebook with an error is refused as a whole and the one in force stays.

use std::path::{Path, PathBuf};
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
    let mut refused = false;
    loop {
        let asked = tokio::select! {
            () = stop.cancelled() => return,
            _ = hangups.recv() => true,
            changed = changed(watch.as_mut()) => {
                if !changed {
                    watch = None;
                    continue;
                }
                false
            }
        };
        reload(&dir, &shop, &engine, asked, &mut refused).await;
    }
}

async fn changed(watch: Option<&mut Watch>) -> bool {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}

/// `asked`: by a person, who wants an answer. `refused`: whether the one on disk was refused when last read.
async fn reload(dir: &Path, shop: &Shop, engine: &Engine, asked: bool, refused: &mut bool) {
    let outcome = rulebook::load(dir, shop.clone());
    let Some(book) = outcome.book else {
        *refused = true;
        tracing::error!(
            faults.count = outcome.diagnostics.len(),
            "the changed rulebook is refused; the one in force stays"
        );
        for line in rulebook::render(&outcome.diagnostics, false).lines() {
            tracing::error!("{line}");
        }
        return;
    };
    let repaired = std::mem::take(refused);
    if book.rulebook.hash == engine.book.load().rulebook.hash {
        if repaired {
            tracing::info!(
                rulebook.hash = book.rulebook.hash,
                "the faults are gone; the rulebook in force is the one on disk"
            );
        } else if asked {
            tracing::info!(rulebook.hash = book.rulebook.hash, "nothing has changed in the rulebook");
        }
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
