//! Taking changed settings over while running: what they say of how letters leave. The rest counts from the next start on, what
//! fetches and passes on what comes back among it.
//!
//! Invariant: settings with a fault are refused as a whole, and those in force stay.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::mailing::{self, Lasting};
use crate::engine::Engine;
use crate::rulebook::Watch;
use crate::settings::load::Loaded;

/// The settings of a running daemon.
pub(super) struct Changing {
    file: PathBuf,
    variables: Vec<(String, String)>,
    engine: Arc<Engine>,
    lasting: Lasting,
    /// The file as it was read last: others in its folder change, too.
    text: Option<String>,
}

impl Changing {
    pub(super) fn new(
        loaded: &Loaded,
        variables: Vec<(String, String)>,
        engine: &Arc<Engine>,
        lasting: &Lasting,
    ) -> Self {
        let text = std::fs::read_to_string(&loaded.file).ok();
        let (engine, lasting) = (Arc::clone(engine), lasting.clone());
        Self { file: loaded.file.clone(), variables, engine, lasting, text }
    }

    /// Begins to watch the file.
    pub(super) fn watch(&self) -> Option<Watch> {
        let folder = self.file.parent().filter(|folder| !folder.as_os_str().is_empty());
        match Watch::files_of(folder.unwrap_or(Path::new("."))) {
            Ok(watch) => Some(watch),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the settings can't be watched; send SIGHUP after a change"
                );
                None
            }
        }
    }

    /// Looks whether the file changed. `asked` by a person, who may have changed a secret that lies elsewhere.
    pub(super) async fn look(&mut self, asked: bool) {
        let text = std::fs::read_to_string(&self.file).ok();
        if text == self.text && !asked {
            return;
        }
        self.text = text;
        let loaded = match Loaded::read(&self.file, &self.variables) {
            Ok(loaded) => loaded,
            Err(faults) => {
                tracing::error!(
                    faults.count = faults.faults.len(),
                    "the changed settings are refused; those in force stay"
                );
                for line in faults
                    .faults
                    .iter()
                    .flat_map(|fault| fault.to_string().lines().map(str::to_owned).collect::<Vec<_>>())
                {
                    tracing::error!("{line}");
                }
                return;
            }
        };
        match mailing::change(&self.engine, &loaded.settings, &self.lasting).await {
            Ok(()) => tracing::info!(
                mail.relays = self.engine.mailing.load().fleet.names().join(", "),
                "letters leave by the changed settings of [mail] from now on; what fetches and passes on what comes back, and other \
                 sections, count from the next start on"
            ),
            Err(error) => {
                tracing::error!(
                    error = &*error as &dyn std::error::Error,
                    "the changed settings can't be used; those in force stay"
                );
            }
        }
    }
}
