//! What came back: read, matched with the letter it is about, and applied.
//!
//! Invariants: what a thing that came back says, the letter's outcome, the suppression that follows and the event of the
//! customer are one transaction with the mark that it was read, so each is applied once; nothing is answered; what is not
//! understood stays, and is listed.

mod answers;
mod apply;
mod imap;
mod listener;
mod maildir;

use std::collections::HashMap;
use std::path::PathBuf;

use super::{Engine, Result};
use crate::journey::time::Timestamp;
use crate::mail::imap::Account;
use crate::mail::returns::{self, Reading};
use crate::settings::ProviderKind;
use crate::store::{Returned, ReturnedForm, ReturnedState, Sent, Settled};

pub use answers::Answers;
pub(super) use apply::Applied;
pub use imap::ImapFault;
pub use listener::{Listener, ListenerError};

/// Most things of one transaction.
const AT_ONCE: usize = 32;
/// Most things removed at once.
const CHUNK: usize = 1_000;

/// Where what comes back is fetched from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// A Maildir folder.
    pub maildir: Option<PathBuf>,
    /// A folder read by IMAP.
    pub imap: Option<Account>,
}

impl Engine {
    /// Takes up what came back and is due; tells how much.
    pub async fn take_returns(&self) -> Result<usize> {
        let now = self.clock.now();
        if self.store.next_returned_at(false).await?.is_none_or(|at| at > now) {
            return Ok(0);
        }
        let due = self.store.due_returned(now, false, AT_ONCE).await?;
        let number = due.len();
        if number > 0 {
            self.apply_returned(due, now).await?;
        }
        Ok(number)
    }

    /// Passes an answer on that is due; tells whether there was one. It may take minutes, and what came back of letters does
    /// not wait for it.
    pub async fn take_answer(&self) -> Result<usize> {
        let now = self.clock.now();
        if self.store.next_returned_at(true).await?.is_none_or(|at| at > now) {
            return Ok(0);
        }
        let due = self.store.due_returned(now, true, 1).await?;
        for answer in &due {
            self.pass_on(answer).await?;
        }
        Ok(due.len())
    }

    /// Reads what came back and applies what follows.
    async fn apply_returned(&self, due: Vec<Returned>, now: Timestamp) -> Result<()> {
        // Reading takes a processor for a while, and no transaction.
        let read: Vec<(Returned, Vec<Reading>)> = due
            .into_iter()
            .map(|thing| (self.read_returned(&thing), thing))
            .map(|(read, thing)| (thing, read))
            .collect();
        let ids: Vec<i64> = read.iter().map(|(thing, _)| thing.id).collect();
        let mut tx = self.store.begin().await?;
        let held = tx.hold_returned(&ids, now).await?;
        let read: Vec<_> = read.into_iter().filter(|(thing, _)| held.contains(&thing.id)).collect();
        let letters: Vec<String> = read.iter().flat_map(|(_, readings)| readings).flat_map(Reading::letters).collect();
        let letters: HashMap<String, Sent> = tx.sent_letters(&letters).await?;
        let mut applied = Applied::new(now);
        let mut settled: Vec<Settled> = Vec::new();
        for (thing, readings) in &read {
            settled.push(self.settle_returned(thing, readings, &letters, &mut applied));
        }
        let bodies = applied.write(self, &mut tx).await?;
        tx.settle_returned(&settled, now).await?;
        tx.commit().await?;
        for one in &settled {
            metrics::counter!("milepost_returns_total", "what" => one.what.clone(), "state" => one.state.as_str())
                .increment(1);
        }
        if bodies {
            self.wakes.process.notify_one();
        }
        if settled.iter().any(|one| one.state == ReturnedState::Forwarding) {
            self.wakes.answers.notify_one();
        }
        Ok(())
    }

    /// What a thing that came back says: one reading of a mail, any number of a provider's report.
    fn read_returned(&self, thing: &Returned) -> Vec<Reading> {
        let mailing = self.mailing.load();
        let ours = mailing.composer.returns();
        let kind = match thing.form {
            ReturnedForm::Mail => return vec![returns::read(&thing.bytes, &thing.recipients, ours)],
            ReturnedForm::Ses => ProviderKind::Ses,
            ReturnedForm::Sendgrid => ProviderKind::Sendgrid,
            ReturnedForm::Mailgun => ProviderKind::Mailgun,
            ReturnedForm::Postmark => ProviderKind::Postmark,
        };
        returns::provider::read(kind, &thing.bytes, ours)
    }

    /// Removes what was done with long ago; tells how much.
    pub async fn prune_returns(&self) -> Result<u64> {
        let mut tx = self.store.begin().await?;
        let removed = tx.prune_returned(self.clock.now().before(self.keep_returns), CHUNK).await?;
        tx.commit().await?;
        Ok(removed)
    }
}
