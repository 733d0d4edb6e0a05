//! The rulebook that a daemon begins with.

use anyhow::{Context, anyhow};

use crate::engine::in_force;
use crate::journey::book::Shop;
use crate::journey::time::Timestamp;
use crate::rulebook::{self, Book};
use crate::settings::ApplyRules;
use crate::store::{InForce, Store};

/// The book to work with: the one in force, or the one on disk where that comes into force by itself. `None` for the disk: it
/// has faults. What this gives is in force.
pub(super) async fn book(
    store: &Store,
    disk: Option<Book>,
    shop: Shop,
    apply: ApplyRules,
    now: Timestamp,
) -> anyhow::Result<Book> {
    let Some(before) = store.in_force().await? else {
        let disk = disk.context("no rulebook was ever in force here, and the one on disk has faults")?;
        return begin_with(store, disk, None, now).await;
    };
    if apply == ApplyRules::Auto
        && let Some(disk) = disk
    {
        return if disk.rulebook.hash == before.rulebook {
            Ok(disk)
        } else {
            begin_with(store, disk, Some(before), now).await
        };
    }
    let book = archived(store, &before, shop).await?;
    if let Some(disk) = disk.filter(|disk| disk.rulebook.hash != book.rulebook.hash) {
        differs(&disk);
    }
    if book.rulebook.hash == before.rulebook {
        return Ok(book);
    }
    tracing::info!(
        rulebook.hash = book.rulebook.hash,
        "the settings of the shop changed, and the rulebook in force with them"
    );
    begin_with(store, book, Some(before), now).await
}

/// Says that the rules on disk are not those in force.
pub(super) fn differs(disk: &Book) {
    tracing::info!(
        disk.hash = disk.rulebook.hash,
        "the rules on disk differ from those in force: `milepost plan` shows how, `milepost apply` puts them in force"
    );
}

async fn begin_with(store: &Store, book: Book, after: Option<InForce>, now: Timestamp) -> anyhow::Result<Book> {
    if in_force::put(store, &book, after.as_ref(), now).await? {
        return Ok(book);
    }
    // Another node came first: what it put in force is in force here too.
    in_force::read(store).await?.map(|(_, book)| book).context("the rulebook in force can't be found")
}

/// The files in force with the settings of today.
async fn archived(store: &Store, before: &InForce, shop: Shop) -> anyhow::Result<Book> {
    let bytes = store.rulebook_files(&before.rulebook).await?.context("the archive lacks the rulebook in force")?;
    let (files, _) = rulebook::unpack(&bytes).context("the rulebook in force is damaged")?;
    let loaded = rulebook::load_files(&files, shop);
    loaded.book.ok_or_else(|| {
        anyhow!(
            "{}\nthe rulebook in force can't be used by this version or with these settings; mend the rules on disk, then \
             `milepost apply`",
            rulebook::render(&loaded.diagnostics, false)
        )
    })
}
