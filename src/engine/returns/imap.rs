//! A folder read by IMAP as a source: what is new is kept, then marked as read or moved.
//!
//! Invariant: how far the folder was read is committed with what was read. A mail is marked only after that; one that a crash
//! left unmarked is marked at the next connection.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::engine::{Engine, EngineError};
use crate::mail::imap::{Account, ImapError, Open};
use crate::store::{NewReturned, ReturnedForm};

/// Most mails of one transaction.
const AT_ONCE: usize = 20;
/// Larger mails are left to a person: no report has that size.
const MAX_BYTES: u32 = 32 * 1024 * 1024;
/// How long to wait before connecting again, at first and at most.
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// Why a folder is not read.
#[derive(Debug, thiserror::Error)]
pub enum ImapFault {
    /// The server.
    #[error(transparent)]
    Imap(#[from] ImapError),
    /// The database.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl Engine {
    /// Reads the folder of the settings until told to stop; connects again when the connection is lost, less and less often.
    pub async fn watch_imap(self: Arc<Self>, stop: CancellationToken) {
        let Some(account) = self.sources.imap.clone() else { return };
        let mut wait = FIRST_WAIT;
        let mut lost = false;
        while !stop.is_cancelled() {
            let held = self.hold_imap(&account, &stop, || {
                wait = FIRST_WAIT;
                if std::mem::take(&mut lost) {
                    tracing::info!(mailbox = account.name(), "the mailbox can be read again");
                }
            });
            let Err(fault) = held.await else { return };
            metrics::counter!("milepost_loop_errors_total", "loop" => "imap").increment(1);
            if !std::mem::replace(&mut lost, true) {
                let error = &fault as &dyn std::error::Error;
                tracing::warn!(mailbox = account.name(), error, "the mailbox can't be read; trying again");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    async fn hold_imap(
        &self,
        account: &Account,
        stop: &CancellationToken,
        mut connected: impl FnMut(),
    ) -> Result<(), ImapFault> {
        let mut open = account.open().await?;
        let left = open.left_behind(self.read_up_to(account, open.validity).await?).await?;
        open.set_aside(&left).await?;
        connected();
        loop {
            while self.take_imap(account, &mut open).await? > 0 {
                if stop.is_cancelled() {
                    open.close().await;
                    return Ok(());
                }
            }
            match open.wait(stop).await? {
                Some(again) => open = again,
                None => return Ok(()),
            }
        }
    }

    /// Keeps what is new in an open folder; tells how many mails that were.
    async fn take_imap(&self, account: &Account, open: &mut Open) -> Result<usize, ImapFault> {
        let cursor = self.read_up_to(account, open.validity).await?;
        let mut uids = open.after(cursor).await?;
        uids.truncate(AT_ONCE);
        let Some(last) = uids.last().copied() else { return Ok(0) };
        let mails = open.fetch(&uids, MAX_BYTES).await?;
        let now = self.clock.now();
        let mut things = Vec::new();
        for (uid, bytes) in mails {
            let Some(bytes) = bytes else {
                tracing::warn!(mail.uid = uid, "a mail is too large to be taken in; it stays in its folder");
                continue;
            };
            things.push(NewReturned {
                source: "imap".into(),
                form: ReturnedForm::Mail,
                recipients: Vec::new(),
                bytes,
                once: None,
                received_at: now,
            });
        }
        let kept = async {
            let mut tx = self.store.begin().await?;
            tx.put_returned(&things).await?;
            tx.set_cursor(&account.name(), account.folder(), &format!("{}:{last}", open.validity)).await?;
            tx.commit().await
        };
        kept.await.map_err(EngineError::from)?;
        self.wakes.returns.notify_one();
        open.set_aside(&uids).await?;
        Ok(uids.len())
    }

    /// The last mail that was read; none if the folder's numbers mean other mails now.
    async fn read_up_to(&self, account: &Account, validity: u32) -> Result<u32, ImapFault> {
        let cursors = self.store.cursors(&account.name()).await.map_err(EngineError::from)?;
        let known = cursors.get(account.folder()).and_then(|cursor| cursor.split_once(':'));
        let same = known.filter(|(of, _)| of.parse() == Ok(validity));
        Ok(same.and_then(|(_, uid)| uid.parse().ok()).unwrap_or(0))
    }
}
