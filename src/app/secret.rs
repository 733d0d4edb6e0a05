//! The server's own secret, made once and kept in the database: links in letters stay good over restarts and nodes.

use anyhow::{Context, anyhow};

use crate::store::Store;

/// The key that signs links.
pub(super) async fn of_links(store: &Store) -> anyhow::Result<Vec<u8>> {
    let mut fresh = [0_u8; 32];
    rustls::crypto::ring::default_provider()
        .secure_random
        .fill(&mut fresh)
        .map_err(|_| anyhow!("the system gives no random bytes"))?;
    let mut tx = store.begin().await?;
    let kept = tx.keep_note("secret/links", &hex::encode(fresh)).await?;
    tx.commit().await?;
    hex::decode(kept).context("the secret that signs links is damaged")
}
