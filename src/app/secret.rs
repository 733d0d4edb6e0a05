//! The server's own secrets, made once and kept in the database: links in letters stay good over restarts and nodes, and
//! promo codes are made alike by all of them.

use anyhow::{Context, anyhow};

use crate::store::{SEED_NOTE, Store};

/// The key that signs links.
pub(super) async fn of_links(store: &Store) -> anyhow::Result<Vec<u8>> {
    hex::decode(kept(store, "secret/links").await?).context("the secret that signs links is damaged")
}

/// Sees to it that the store has the secret that promo codes are made with.
pub(super) async fn of_codes(store: &Store) -> anyhow::Result<()> {
    kept(store, SEED_NOTE).await.map(drop)
}

async fn kept(store: &Store, note: &str) -> anyhow::Result<String> {
    let mut fresh = [0_u8; 32];
    rustls::crypto::ring::default_provider()
        .secure_random
        .fill(&mut fresh)
        .map_err(|_| anyhow!("the system gives no random bytes"))?;
    let mut tx = store.begin().await?;
    let kept = tx.keep_note(note, &hex::encode(fresh)).await?;
    tx.commit().await?;
    Ok(kept)
}
