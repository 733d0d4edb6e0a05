//! A Maildir folder as a source: what is in `new/` is kept, then moved to `cur/` as seen.
//!
//! Invariant: a file leaves `new/` only after the commit that holds it. One that is found again after a crash is the same
//! bytes, and so the same thing.

use std::io;
use std::path::{Path, PathBuf};

use crate::engine::{Engine, EngineError, Result};
use crate::store::{NewReturned, ReturnedForm};

/// Most files of one transaction.
const AT_ONCE: usize = 64;
/// Larger files are left to a person: no report has that size.
const MAX_BYTES: u64 = 32 * 1024 * 1024;
/// The flag of a mail that was read.
const SEEN: &str = ":2,S";

impl Engine {
    /// Takes mail out of the Maildir folder of the settings; tells how many files.
    pub async fn take_maildir(&self) -> Result<usize> {
        let Some(folder) = self.sources.maildir.clone() else { return Ok(0) };
        let shown = folder.display().to_string();
        let failed = |source| EngineError::Source { name: format!("the Maildir folder {shown}"), source };
        let found = tokio::task::spawn_blocking(move || read_new(&folder)).await.map_err(|_| EngineError::Stopped)?;
        let found = found.map_err(failed)?;
        if found.is_empty() {
            return Ok(0);
        }
        let now = self.clock.now();
        let mail = found.iter().filter_map(|file| file.bytes.clone());
        let things: Vec<NewReturned> = mail
            .map(|bytes| NewReturned {
                source: "maildir".into(),
                form: ReturnedForm::Mail,
                recipients: Vec::new(),
                bytes,
                once: None,
                received_at: now,
            })
            .collect();
        let mut tx = self.store.begin().await?;
        tx.put_returned(&things).await?;
        tx.commit().await?;
        let number = found.len();
        tokio::task::spawn_blocking(move || found.iter().try_for_each(File::see))
            .await
            .map_err(|_| EngineError::Stopped)?
            .map_err(failed)?;
        self.wakes.returns.notify_one();
        Ok(number)
    }
}

struct File {
    path: PathBuf,
    /// Where it is to lie.
    seen: PathBuf,
    /// `None`: too large to be taken in.
    bytes: Option<Vec<u8>>,
}

impl File {
    fn see(&self) -> io::Result<()> {
        match std::fs::rename(&self.path, &self.seen) {
            // A mail reader, or another node, was quicker.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}

fn read_new(folder: &Path) -> io::Result<Vec<File>> {
    let mut names: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder.join("new"))? {
        let entry = entry?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !hidden && entry.file_type()?.is_file() {
            names.push(entry.path());
        }
    }
    // Names begin with the moment of delivery.
    names.sort();
    names.truncate(AT_ONCE);
    let mut found = Vec::with_capacity(names.len());
    for path in names {
        let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else { continue };
        let seen = folder.join("cur").join(if name.contains(":2,") { name } else { format!("{name}{SEEN}") });
        match std::fs::metadata(&path) {
            Ok(about) if about.len() > MAX_BYTES => {
                tracing::warn!(file = %path.display(), "a mail is too large to be taken in; it lies in cur/");
                found.push(File { path, seen, bytes: None });
            }
            Ok(_) => {
                let bytes = Some(std::fs::read(&path)?);
                found.push(File { path, seen, bytes });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}
