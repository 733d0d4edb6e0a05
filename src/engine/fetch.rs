//! Reading back what hooks only name.
//!
//! A body that names entities waits here until they are read; what was read becomes a body of its own, in the same
//! transaction that finishes the first.

use super::process::Worked;
use super::sort::Sorted;
use super::{Engine, EngineError, Result};
use crate::crm::Fetch;
use crate::journey::time::{Span, Timestamp};
use crate::store::{Body, Channel, NewBody};

/// Most bodies read for at once.
const MAX_BODIES: usize = 50;
/// Waits between tries while the CRM is out of order; after the last the body becomes a dead letter.
const RETRY: [Span; 9] = [
    Span::seconds(5),
    Span::seconds(15),
    Span::seconds(60),
    Span::seconds(300),
    Span::seconds(900),
    Span::seconds(3_600),
    Span::seconds(3 * 3_600),
    Span::seconds(6 * 3_600),
    Span::seconds(12 * 3_600),
];

impl Engine {
    /// Reads what one batch of waiting bodies names.
    pub async fn fetch_waiting(&self) -> Result<Worked> {
        let now = self.clock.now();
        let waiting = self.store.waiting_bodies(now, MAX_BODIES).await?;
        let references = self.references.load();
        let mut worked = Worked::default();
        for name in self.connections.keys() {
            let mut wanted: Vec<Fetch> = Vec::new();
            let mut bodies: Vec<&Body> = Vec::new();
            for body in waiting.iter().filter(|body| body.connection == *name) {
                if let Sorted::NeedsRead(asked) = self.sort(body, &references) {
                    for one in asked {
                        if !wanted.contains(&one) {
                            wanted.push(one);
                        }
                    }
                }
                bodies.push(body);
            }
            if !bodies.is_empty() {
                worked.handled += bodies.len();
                worked.dead += self.read_for(name, &bodies, &wanted, now).await?;
            }
        }
        Ok(worked)
    }

    /// Reads for bodies of one connection; tells how many became dead letters.
    async fn read_for(&self, name: &str, bodies: &[&Body], wanted: &[Fetch], now: Timestamp) -> Result<usize> {
        let Some(connection) = self.connections.get(name) else { return Ok(0) };
        let ids: Vec<i64> = bodies.iter().map(|body| body.id).collect();
        match connection.fetch(wanted).await {
            Ok(read) => {
                // In the place of the hooks that named it, so that letters go on waiting for what was accepted before them.
                let accepted_at = bodies.iter().map(|body| body.received_at).min().unwrap_or(now);
                let body = NewBody {
                    connection: name.to_owned(),
                    channel: Channel::Read,
                    content_type: "application/json".into(),
                    query: String::new(),
                    body: read,
                    received_at: accepted_at,
                    dedupe: None,
                };
                let mut tx = self.store.begin().await?;
                tx.put_bodies(&[body]).await?;
                tx.finish_bodies(&ids, now).await?;
                tx.commit().await?;
                self.wakes.process.notify_one();
                Ok(0)
            }
            Err(error) if bodies.len() > 1 && !error.is_temporary() => {
                // One of them is refused; the others must not suffer.
                let references = self.references.load();
                let mut dead = 0;
                for body in bodies {
                    let asked =
                        if let Sorted::NeedsRead(asked) = self.sort(body, &references) { asked } else { Vec::new() };
                    dead += Box::pin(self.read_for(name, &[body], &asked, now)).await?;
                }
                Ok(dead)
            }
            Err(error) => {
                let temporary = error.is_temporary();
                let reason = error.to_string();
                let mut parked = Vec::new();
                let mut dead = Vec::new();
                for body in bodies {
                    let wait = usize::try_from(body.attempts).ok().and_then(|n| RETRY.get(n.saturating_sub(1)));
                    match wait {
                        Some(wait) if temporary => parked.push((body.id, reason.clone(), now.after(*wait))),
                        _ => dead.push((body.id, reason.clone())),
                    }
                }
                let error = EngineError::Crm { connection: name.to_owned(), source: error };
                tracing::warn!(connection.id = name, error = &error as &dyn std::error::Error, "reading back failed");
                let mut tx = self.store.begin().await?;
                tx.park_bodies(&parked).await?;
                tx.bury_bodies(&dead, now).await?;
                tx.commit().await?;
                Ok(dead.len())
            }
        }
    }
}
