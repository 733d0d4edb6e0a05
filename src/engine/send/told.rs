//! What changed about a relay: told in the log, in the metrics, and to other processes by the database.

use std::sync::Arc;

use super::fleet::Told;
use crate::engine::mailing::Mailing;
use crate::engine::{Engine, Result};

impl Engine {
    /// Tells what changed. What can't be written is only not seen by `milepost relays`. Of relays as they were under other
    /// settings nothing is told any more: nobody would ever take it back.
    pub(crate) async fn tell(&self, mailing: &Mailing, told: Told) {
        if !std::ptr::eq(Arc::as_ptr(&self.mailing.load()), mailing) {
            return;
        }
        if let Err(error) = self.tell_in_full(told).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a relay's state could not be written down");
        }
    }

    async fn tell_in_full(&self, told: Told) -> Result<()> {
        if let Told::Faltered { relay, why } = &told {
            tracing::warn!(relay.name = relay, why, "a conversation with the relay failed before it came to a letter");
            return Ok(());
        }
        let mut tx = self.store.begin().await?;
        match told {
            Told::Faltered { .. } => {}
            Told::Stopped(stop) if stop.domain.is_empty() => {
                in_use(&stop.relay, false);
                tracing::error!(
                    relay.name = stop.relay,
                    why = stop.why,
                    until = %stop.until,
                    "the relay can't be used; letters take another or wait"
                );
                tx.stop_relay(&self.node, &stop).await?;
            }
            Told::Stopped(stop) => {
                tracing::warn!(
                    relay.name = stop.relay,
                    domain = stop.domain,
                    why = stop.why,
                    until = %stop.until,
                    "the relay takes no letters to the domain for a while"
                );
                tx.stop_relay(&self.node, &stop).await?;
            }
            Told::Resumed { relay, domain } if domain.is_empty() => {
                in_use(&relay, true);
                tracing::info!(relay.name = relay, "the relay can be used again");
                tx.resume_relay(&self.node, &relay, &domain).await?;
            }
            Told::Resumed { relay, domain } => {
                tracing::info!(relay.name = relay, domain, "the relay takes letters to the domain again");
                tx.resume_relay(&self.node, &relay, &domain).await?;
            }
        }
        tx.commit().await?;
        Ok(())
    }
}

/// Whether a relay is used, for the metrics.
pub(crate) fn in_use(relay: &str, used: bool) {
    metrics::gauge!("milepost_relay_in_use", "relay" => relay.to_owned()).set(if used { 1.0 } else { 0.0 });
}
