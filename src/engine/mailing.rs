//! What the settings say of how letters leave. Replaced as a whole when they change: whoever has a letter in hand ends it with
//! what he took it with.

use std::sync::Arc;

use crate::journey::time::Span;
use crate::mail::{Composer, Refusals};

use super::send::fleet::{Fleet, HINDRANCES};
use super::send::told::in_use;
use super::{Engine, Result};

/// How letters leave.
#[derive(Debug)]
pub struct Mailing {
    /// Makes letters.
    pub composer: Composer,
    /// The relays; without any letters wait.
    pub fleet: Fleet,
    /// Waits between tries of a letter.
    pub retry: Vec<Span>,
    /// How long after its first refusal a letter is given up.
    pub give_up_after: Span,
    /// What refusals mean.
    pub refusals: Arc<Refusals>,
    /// How long a claimed letter is this process's alone: longer than any conversation with a relay may take.
    pub lease: Span,
}

impl Engine {
    /// Lets letters leave in another way from now on. Those under way end as they began.
    pub async fn change_mailing(&self, mailing: Mailing) {
        let new = Arc::new(mailing);
        let old = self.mailing.swap(Arc::clone(&new));
        old.fleet.names().into_iter().for_each(|name| in_use(name, false));
        new.fleet.names().into_iter().for_each(|name| in_use(name, true));
        if let Err(error) = self.begin_anew().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "letters that waited under the old settings wait for their moments still"
            );
        }
        self.wakes.send.notify_one();
        old.fleet.close().await;
    }

    /// What kept letters from going out under the old settings does not any more.
    async fn begin_anew(&self) -> Result<()> {
        let mut tx = self.store.begin().await?;
        tx.resume_relays(&self.node).await?;
        tx.bring_forward_messages(&HINDRANCES, self.clock.now()).await?;
        tx.commit().await?;
        Ok(())
    }
}
