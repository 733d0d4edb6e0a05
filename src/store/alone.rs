//! One daemon a SQLite file. Two would each believe that what the other has in hand was left behind by a crash.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use super::{Result, StoreError, open};

/// Held for as long as the daemon runs; the operating system lets go of it however that ends.
#[derive(Debug)]
#[must_use = "hold it for as long as the daemon runs"]
pub struct Alone(#[expect(dead_code, reason = "held for its lock")] Option<File>);

impl Alone {
    /// Takes the place of the one daemon on a database; on PostgreSQL there may be several.
    pub fn on(url: &str) -> Result<Self> {
        let Some(database) = open::sqlite_file(url) else { return Ok(Self(None)) };
        let path = lock_beside(database);
        let refused = |source| StoreError::Lock { path: path.clone(), source };
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(refused)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(Some(file))),
            Err(TryLockError::WouldBlock) => Err(StoreError::Taken { path: database.to_owned() }),
            Err(TryLockError::Error(source)) => Err(refused(source)),
        }
    }
}

fn lock_beside(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}
