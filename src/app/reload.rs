//! Taking another rulebook over while running: when the one in force changed, and, where rules come into force by themselves,
//! when their files did; and changed settings when their file did.
//!
//! Invariant: a rulebook with an error is refused as a whole and the one in force stays.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::settings::Changing;
use super::{App, begin};
use crate::engine::Engine;
use crate::journey::book::Shop;
use crate::rulebook::{self, Watch};
use crate::settings::ApplyRules;
use crate::settings::load::Loaded;

/// How often it is asked which rulebook is in force.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Starts watching.
pub(super) fn start(
    loaded: &Loaded,
    variables: Vec<(String, String)>,
    app: &App,
    stop: &CancellationToken,
) -> anyhow::Result<JoinHandle<()>> {
    let hangups = signal(SignalKind::hangup()).context("SIGHUP can't be heard")?;
    let dir = loaded.rules_dir();
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
    let settings = Changing::new(loaded, variables, &app.engine, &app.lasting);
    let reload = Reload {
        dir,
        shop: loaded.shop(),
        apply: loaded.settings.rules.apply,
        engine: Arc::clone(&app.engine),
        settings,
        refused: false,
        lost: false,
    };
    Ok(tokio::spawn(reload.run(watch, hangups, stop.clone())))
}

struct Reload {
    dir: PathBuf,
    shop: Shop,
    apply: ApplyRules,
    engine: Arc<Engine>,
    settings: Changing,
    /// Whether the one on disk was refused when last read.
    refused: bool,
    /// Whether the one in force could not be taken over when last tried.
    lost: bool,
}

impl Reload {
    async fn run(mut self, mut watch: Option<Watch>, mut hangups: Signal, stop: CancellationToken) {
        let mut settings = self.settings.watch();
        loop {
            let asked = tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {
                    self.follow().await;
                    continue;
                }
                _ = hangups.recv() => {
                    self.settings.look(true).await;
                    true
                }
                changed = changed(settings.as_mut()) => {
                    if changed {
                        self.settings.look(false).await;
                    } else {
                        settings = None;
                    }
                    continue;
                }
                changed = changed(watch.as_mut()) => {
                    if !changed {
                        watch = None;
                        continue;
                    }
                    false
                }
            };
            self.follow().await;
            self.reload(asked).await;
        }
    }

    /// Takes over what somebody put in force; says once that it can't.
    async fn follow(&mut self) {
        match self.engine.follow().await {
            Ok(_) => self.lost = false,
            Err(error) if !std::mem::replace(&mut self.lost, true) => tracing::error!(
                error = &error as &dyn std::error::Error,
                "the rulebook in force can't be taken over; this process goes on with the one before"
            ),
            Err(_) => {}
        }
    }

    /// `asked`: by a person, who wants an answer.
    async fn reload(&mut self, asked: bool) {
        let outcome = rulebook::load(&self.dir, self.shop.clone());
        let Some(book) = outcome.book else {
            self.refused = true;
            tracing::error!(
                faults.count = outcome.diagnostics.len(),
                "the changed rulebook is refused; the one in force stays"
            );
            for line in rulebook::render(&outcome.diagnostics, false).lines() {
                tracing::error!("{line}");
            }
            return;
        };
        let repaired = std::mem::take(&mut self.refused);
        if book.rulebook.hash == self.engine.book.load().rulebook.hash {
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
        if self.apply == ApplyRules::ByHand {
            begin::differs(&book);
            return;
        }
        if let Err(error) = self.engine.put_in_force(book).await {
            tracing::error!(error = &error as &dyn std::error::Error, "the changed rulebook could not be put in force");
        }
    }
}

async fn changed(watch: Option<&mut Watch>) -> bool {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}
