//! Which rulebook is in force: one row of the database, which all nodes and the command line see, and the archive that it
//! names.
//!
//! Invariant: a rulebook comes into force by one transaction that also keeps its files. Whenever a process dies, either the
//! old one is in force or the new one, and whichever it is can be read.

use std::sync::Arc;

use super::{Engine, EngineError, Result};
use crate::journey::time::Timestamp;
use crate::rulebook::{self, Book};
use crate::store::{InForce, Sealed, Store};

/// Reads a rulebook of the archive, as it was made.
pub async fn archived(store: &Store, hash: &str) -> Result<Book> {
    let unreadable = |faults: String| EngineError::Rulebook { hash: hash.to_owned(), faults };
    let Some(bytes) = store.rulebook_files(hash).await? else {
        return Err(unreadable("its files are not in the archive".into()));
    };
    let (files, shop) = rulebook::unpack(&bytes).ok_or_else(|| unreadable("its files are damaged".into()))?;
    let loaded = rulebook::load_files(&files, shop);
    loaded.book.ok_or_else(|| unreadable(rulebook::render(&loaded.diagnostics, false)))
}

/// The rulebook in force; `None` before the first start.
pub async fn read(store: &Store) -> Result<Option<(InForce, Book)>> {
    let Some(in_force) = store.in_force().await? else { return Ok(None) };
    let book = complete(store, archived(store, &in_force.rulebook).await?, None).await?;
    Ok(Some((in_force, book)))
}

/// Puts a book in force after the one that is now. `false`: another came first, and everything is as it was.
pub async fn put(store: &Store, book: &Book, after: Option<&InForce>, at: Timestamp) -> Result<bool> {
    let hash = &book.rulebook.hash;
    // Done before there is a transaction, for it takes a processor for a while.
    let files = Sealed::of(&rulebook::pack(book));
    let mut tx = store.begin().await?;
    tx.keep_rulebook(hash, &files, at).await?;
    if !tx.put_in_force(hash, after.map_or(0, |before| before.number), at).await? {
        return Ok(false);
    }
    tx.commit().await?;
    Ok(true)
}

/// A book as it is worked with: with the pauses, and with the earlier ones as which something may finish, which are those that
/// customers stand under, and `before`.
pub async fn complete(store: &Store, mut book: Book, before: Option<String>) -> Result<Book> {
    book.rulebook = book.rulebook.with_pauses(store.pauses().await?);
    book.rulebook.winners = store.winners().await?;
    let mut earlier = store.rulebooks_in_use().await?;
    earlier.extend(before);
    earlier.remove(&book.rulebook.hash);
    for hash in earlier {
        match archived(store, &hash).await {
            Ok(found) => book.add_earlier(found),
            Err(error @ EngineError::Rulebook { .. }) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "an earlier rulebook can't be used; what would finish under it ends where it differs"
            ),
            Err(error) => return Err(error),
        }
    }
    Ok(book)
}

impl Engine {
    /// Whether this process works with the rulebook in force.
    pub async fn is_current(&self) -> Result<bool> {
        let book = self.book.load_full();
        let in_force = self.store.in_force().await?;
        Ok(in_force.is_none_or(|now| now.rulebook == book.rulebook.hash)
            && self.store.pauses().await? == book.rulebook.pauses
            && self.store.winners().await? == book.rulebook.winners)
    }

    /// Takes over the rulebook in force if it is another one than this process works with; tells whether.
    pub async fn follow(&self) -> Result<bool> {
        let Some(in_force) = self.store.in_force().await? else { return Ok(false) };
        let book = self.book.load_full();
        if in_force.rulebook == book.rulebook.hash {
            return self.follow_words(&book).await;
        }
        self.take_over_book(archived(&self.store, &in_force.rulebook).await?).await?;
        Ok(true)
    }

    /// Takes over what the database says besides the files: pauses, and winners of splits.
    async fn follow_words(&self, book: &Book) -> Result<bool> {
        let (pauses, winners) = (self.store.pauses().await?, self.store.winners().await?);
        let (paused, picked) = (pauses != book.rulebook.pauses, winners != book.rulebook.winners);
        if !paused && !picked {
            return Ok(false);
        }
        let mut book = book.clone();
        book.rulebook = book.rulebook.with_pauses(pauses);
        book.rulebook.winners = winners;
        if paused {
            tracing::info!(rulebook.edition = book.rulebook.edition(), "rules were paused or resumed");
        }
        self.book.store(Arc::new(book));
        self.wakes.process.notify_one();
        Ok(true)
    }

    /// Puts a book in force for all nodes, whatever is in force now, and takes it over.
    pub async fn put_in_force(&self, book: Book) -> Result<()> {
        loop {
            let now = self.store.in_force().await?;
            if now.as_ref().is_some_and(|now| now.rulebook == book.rulebook.hash)
                || put(&self.store, &book, now.as_ref(), self.clock.now()).await?
            {
                break;
            }
        }
        self.take_over_book(book).await
    }

    async fn take_over_book(&self, book: Book) -> Result<()> {
        // Those who come to be known while this is done still stand under the one before.
        let before = self.book.load().rulebook.hash.clone();
        let book = complete(&self.store, book, Some(before)).await?;
        tracing::info!(rulebook.hash = book.rulebook.hash, "another rulebook is in force");
        self.book.store(Arc::new(book));
        self.load_pools().await?;
        self.wakes.process.notify_one();
        self.wakes.cron.notify_one();
        Ok(())
    }

    /// Loads the rulebook's promo codes into the ledger; codes that are known already are left alone.
    pub async fn load_pools(&self) -> Result<()> {
        let book = self.book.load_full();
        let mut tx = self.store.begin().await?;
        for (pool, codes) in &book.pools {
            let new = tx.load_pool(pool, codes, self.clock.now()).await?;
            if new > 0 {
                tracing::info!(promo.pool = pool, codes.new = new, "promo codes loaded");
            }
        }
        tx.commit().await?;
        Ok(())
    }
}
