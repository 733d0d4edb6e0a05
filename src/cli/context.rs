//! What every command is given: where the settings are, the environment, the clock.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use secrecy::ExposeSecret;

use crate::clock::Clock;
use crate::engine::in_force;
use crate::journey::book::Shop;
use crate::rulebook::{self, Book};
use crate::settings::load::{Faults, Loaded};
use crate::store::Store;

use super::out;

/// The surroundings of a command.
#[derive(Debug)]
pub(super) struct Context {
    /// The settings' file.
    pub config: PathBuf,
    /// The environment.
    pub variables: Vec<(String, String)>,
    /// The time.
    pub clock: Clock,
}

impl Context {
    /// The settings.
    pub fn load(&self) -> Result<Loaded, Faults> {
        Loaded::read(&self.config, &self.variables)
    }

    /// The settings and the database they name.
    pub async fn open(&self) -> anyhow::Result<(Loaded, Store)> {
        let loaded = self.load()?;
        let store = open_store(&loaded).await?;
        Ok((loaded, store))
    }
}

/// Opens the database of the settings.
pub(super) async fn open_store(loaded: &Loaded) -> anyhow::Result<Store> {
    Store::open(loaded.database_url().expose_secret())
        .await
        .context("the database can't be opened; `milepost doctor` says more")
}

/// The rulebook in force, or the one on disk before the first start.
pub(super) async fn book_in_force(loaded: &Loaded, store: &Store) -> anyhow::Result<Book> {
    match in_force::read(store).await? {
        Some((_, book)) => Ok(book),
        None => load_book(&loaded.rules_dir(), loaded.shop()),
    }
}

/// The rulebook of a folder; its faults go to standard error.
pub(super) fn load_book(folder: &Path, shop: Shop) -> anyhow::Result<Book> {
    let outcome = rulebook::load(folder, shop);
    let Some(book) = outcome.book else {
        out::note(rulebook::render(&outcome.diagnostics, out::color()));
        bail!("the rulebook has faults; `milepost check` lists them");
    };
    Ok(book)
}
