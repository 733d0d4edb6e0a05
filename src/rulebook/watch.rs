//! Tells when the files of a rulebook changed: once after a burst of changes has come to rest.
//!
//! Not here: loading again. Whoever is told decides, and keeps the old book if the new one is refused.

use std::path::Path;
use std::time::Duration;

use notify::{Event, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

/// How long nothing may change before the change counts as done: an editor writes a file in several steps.
const REST: Duration = Duration::from_millis(300);
/// A folder that never rests is told of after this long.
const LONGEST: Duration = Duration::from_secs(3);

/// Why a folder cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The system's watcher could not be set up.
    #[error("the system's file watcher could not be set up")]
    Start(#[source] notify::Error),
    /// The folder could not be watched.
    #[error("the folder {folder} cannot be watched")]
    Watch {
        /// The folder.
        folder: String,
        /// Why.
        source: notify::Error,
    },
}

/// Watches one folder until it is dropped.
#[derive(Debug)]
pub struct Watch {
    changes: mpsc::Receiver<()>,
    /// A change was heard, and whoever waited for it to come to rest was called away.
    heard: bool,
    // Dropping it ends the watching.
    _watcher: notify::RecommendedWatcher,
}

impl Watch {
    /// Begins to watch a folder and everything below it.
    pub fn begin(dir: &Path) -> Result<Self, WatchError> {
        Self::of(dir, RecursiveMode::Recursive)
    }

    /// Begins to watch the files of a folder: some editors put a new file in the place of one that they change.
    pub fn files_of(dir: &Path) -> Result<Self, WatchError> {
        Self::of(dir, RecursiveMode::NonRecursive)
    }

    fn of(dir: &Path, mode: RecursiveMode) -> Result<Self, WatchError> {
        // One place is enough: what is not yet taken stands for any number of changes.
        let (tell, changes) = mpsc::channel(1);
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let read_only = event.as_ref().is_ok_and(|event| event.kind.is_access());
            if !read_only {
                // Full means that a change is waiting to be taken already.
                let _ = tell.try_send(());
            }
        })
        .map_err(WatchError::Start)?;
        watcher.watch(dir, mode).map_err(|source| WatchError::Watch { folder: dir.display().to_string(), source })?;
        Ok(Self { changes, heard: false, _watcher: watcher })
    }

    /// Waits for the next change, and then until the files have come to rest. `false` when the watching has ended. Whoever
    /// stops waiting misses nothing: the next one to wait is told.
    pub async fn changed(&mut self) -> bool {
        if !self.heard && self.changes.recv().await.is_none() {
            return false;
        }
        self.heard = true;
        let rest = async { while let Ok(Some(())) = tokio::time::timeout(REST, self.changes.recv()).await {} };
        // Whether it came to rest or not: it is time to look.
        let _ = tokio::time::timeout(LONGEST, rest).await;
        self.heard = false;
        true
    }
}
