//! Polling: the truth that hooks only hint at.
//!
//! Invariant: a cursor is stored in the transaction that stores the bodies it covers, never before.

use std::collections::BTreeMap;

use super::{Engine, EngineError, Result};
use crate::crm::References;
use crate::store::{Channel, NewBody};

/// Most pages of one round, so that a long history leaves room for other work.
const MAX_PAGES: usize = 20;

impl Engine {
    /// Polls one connection until it has nothing more (or for a round's worth); tells how many bodies came and whether there
    /// is more.
    pub async fn poll_once(&self, name: &str) -> Result<(usize, bool)> {
        let Some(connection) = self.connections.get(name).filter(|c| c.can_read()) else { return Ok((0, false)) };
        let fail = |source| EngineError::Crm { connection: name.to_owned(), source };
        if !self.references.load().contains_key(name) {
            self.refresh_references(name).await?;
        }
        let mut brought = 0;
        for _ in 0..MAX_PAGES {
            let cursors = self.store.cursors(name).await?;
            let page = connection.poll(&cursors).await.map_err(fail)?;
            let now = self.clock.now();
            let bodies: Vec<NewBody> = page
                .bodies
                .into_iter()
                .map(|body| NewBody {
                    connection: name.to_owned(),
                    channel: Channel::Poll,
                    content_type: "application/json".into(),
                    query: String::new(),
                    body,
                    received_at: now,
                    dedupe: None,
                })
                .collect();
            let mut tx = self.store.begin().await?;
            tx.put_bodies(&bodies).await?;
            for (stream, value) in &page.cursors {
                tx.set_cursor(name, stream, value).await?;
            }
            tx.set_note(&format!("polled/{name}"), &now.micros().to_string()).await?;
            tx.commit().await?;
            brought += bodies.len();
            if !bodies.is_empty() {
                self.wakes.process.notify_one();
            }
            if !page.more {
                return Ok((brought, false));
            }
        }
        Ok((brought, true))
    }

    /// Reads a connection's directories anew and keeps them.
    pub async fn refresh_references(&self, name: &str) -> Result<()> {
        let Some(connection) = self.connections.get(name).filter(|c| c.can_read()) else { return Ok(()) };
        let found =
            connection.references().await.map_err(|source| EngineError::Crm { connection: name.to_owned(), source })?;
        if let Ok(text) = serde_json::to_string(&found) {
            let mut tx = self.store.begin().await?;
            tx.set_note(&format!("references/{name}"), &text).await?;
            tx.commit().await?;
        }
        self.keep_references(name, found);
        Ok(())
    }

    /// Takes over the directories that were kept at an earlier start.
    pub async fn recall_references(&self) -> Result<()> {
        for name in self.connections.keys() {
            let kept = self.store.note(&format!("references/{name}")).await?;
            if let Some(found) = kept.and_then(|text| serde_json::from_str(&text).ok()) {
                self.keep_references(name, found);
            }
        }
        Ok(())
    }

    fn keep_references(&self, name: &str, found: References) {
        let mut all: BTreeMap<String, References> = BTreeMap::clone(&self.references.load());
        all.insert(name.to_owned(), found);
        self.references.store(std::sync::Arc::new(all));
    }
}
