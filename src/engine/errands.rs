//! Errands: webhooks out and changes in CRMs, carried out one target beside the other, each in its own loop: a receiver that
//! hangs holds up no other.
//!
//! Invariants: an errand is carried out at least once, always under the same id with the same body; what came of every try
//! is recorded; one that is refused for good, or tried too often, is dead, visible, and can be tried again by hand.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use super::{Engine, Result};
use crate::crm::ApiError;
use crate::insight::metrics;
use crate::journey::errand::{CrmChange, ErrandKind};
use crate::journey::time::{Span, Timestamp};
use crate::store::{ClaimedErrand, Count, ErrandOutcome, ErrandState, Store};
use crate::webhook::Posted;

/// Most errands of one target that are carried out at the same time. No more are claimed: whoever is told to stop has them
/// to end, and nothing else.
const AT_ONCE: usize = 8;
/// How long a claimed errand is this process's alone: longer than a webhook's receiver, or a CRM that limits, may take.
const LEASE: Span = Span::seconds(900);
/// How long errands for a target that is not in the settings wait for it to come back.
const STRANGERS: Span = Span::seconds(3_600);
/// Most done errands removed at once.
const CHUNK: usize = 1_000;

/// What one try came to.
struct Try {
    end: End,
    code: Option<u16>,
    reason: Option<String>,
}

enum End {
    Done,
    /// Not now; not before so long.
    Later(Option<Span>),
    Never,
}

/// Queues dead errands again; tells how many were dead. Needs no running daemon: the next one that looks finds them.
pub async fn retry_dead(store: &Store, errands: &[String], at: Timestamp) -> Result<usize> {
    let mut tx = store.begin().await?;
    let back = tx.retry_errands(errands, at).await?;
    let counts: Vec<Count> =
        back.iter().flat_map(|of| metrics::counts_of_errand_state(of, ErrandState::Queued)).collect();
    tx.add_counts(0, &counts).await?;
    tx.commit().await?;
    Ok(back.len())
}

impl Engine {
    /// The targets that this process can carry errands out for.
    pub fn errand_targets(&self) -> Vec<(ErrandKind, String)> {
        let hooks = self.webhooks.names().map(|name| (ErrandKind::Webhook, name.to_owned()));
        let writable = self.connections.iter().filter(|(_, connection)| connection.can_read());
        hooks.chain(writable.map(|(id, _)| (ErrandKind::Crm, id.clone()))).collect()
    }

    /// Carries out the errands of every target that are due; tells how many tries there were.
    pub async fn run_errands(&self) -> Result<usize> {
        let mut tried = 0;
        for (kind, target) in self.errand_targets() {
            tried += self.run_errands_for(kind, &target).await?;
        }
        Ok(tried)
    }

    /// Carries out errands of one target that are due; tells how many tries there were.
    pub(super) async fn run_errands_for(&self, kind: ErrandKind, target: &str) -> Result<usize> {
        let now = self.clock.now();
        if self.store.next_errand_at(kind, target).await?.is_none_or(|at| at > now) {
            return Ok(0);
        }
        let mut tx = self.store.begin().await?;
        let claimed = tx.claim_errands((kind, target), &self.node, now, now.after(LEASE), AT_ONCE).await?;
        tx.commit().await?;
        let tried = claimed.len();
        let ends = join_all(claimed.into_iter().map(|errand| self.carry_out(errand))).await;
        ends.into_iter().collect::<Result<()>>()?;
        Ok(tried)
    }

    /// When the next errand of a target can be taken.
    pub(super) async fn next_errand(&self, kind: ErrandKind, target: &str) -> Result<Option<Timestamp>> {
        Ok(self.store.next_errand_at(kind, target).await?)
    }

    /// When the next errand of any target can be taken.
    pub async fn next_errand_at(&self) -> Result<Option<Timestamp>> {
        let mut next: Option<Timestamp> = None;
        for (kind, target) in self.errand_targets() {
            next = [next, self.next_errand(kind, &target).await?].into_iter().flatten().min();
        }
        Ok(next)
    }

    async fn carry_out(&self, errand: ClaimedErrand) -> Result<()> {
        let tried = match errand.kind {
            ErrandKind::Webhook => self.post(&errand).await,
            ErrandKind::Crm => self.write_back(&errand).await,
        };
        let now = self.clock.now();
        let (state, next_at) = match tried.end {
            End::Done => (ErrandState::Done, None),
            End::Never => (ErrandState::Dead, None),
            End::Later(asked) => match self.next_try(&errand, asked, now) {
                Some(at) => (ErrandState::Queued, Some(at)),
                None => (ErrandState::Dead, None),
            },
        };
        let (kind, target, reason) = (errand.kind.as_str(), errand.target, tried.reason);
        if state == ErrandState::Dead {
            tracing::warn!(
                errand.id = errand.id,
                errand.kind = kind,
                errand.target = target,
                rule.id = errand.rule,
                http.status = tried.code,
                reason,
                "an errand is given up; `milepost errands retry` tries it again"
            );
        }
        ::metrics::counter!("milepost_errands_total", "kind" => kind, "outcome" => state.as_str()).increment(1);
        let outcome = ErrandOutcome { id: errand.id, at: now, state, next_at, code: tried.code, reason };
        let mut tx = self.store.begin_recording().await?;
        if let Some(of) = tx.record_errand(&outcome).await? {
            tx.add_counts(self.shard(), &metrics::counts_of_errand_state(&of, state)).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// When an errand is tried again, if it is: after its next wait and a little that differs from errand to errand, or when
    /// the receiver asks for it.
    fn next_try(&self, errand: &ClaimedErrand, asked: Option<Span>, now: Timestamp) -> Option<Timestamp> {
        let wait = *usize::try_from(errand.attempts).ok().and_then(|n| self.errand_retry.get(n))?;
        let share = errand.id.bytes().fold(errand.attempts, |sum, byte| sum + i64::from(byte)) % 10;
        let spread = Span::from_micros(wait.micros() / 100 * share);
        Some(now.after(wait).after(spread).max(now.after(asked.unwrap_or(Span::ZERO))))
    }

    async fn post(&self, errand: &ClaimedErrand) -> Try {
        let posted = self.webhooks.post(&errand.target, &errand.id, errand.body.clone(), self.clock.now()).await;
        match posted {
            Posted::Taken { code } => Try { end: End::Done, code: Some(code), reason: None },
            // Gone: the receiver wants no more of it.
            Posted::Refused { code: 410, said, .. } => Try { end: End::Never, code: Some(410), reason: Some(said) },
            Posted::Refused { code, retry_after, said } => {
                Try { end: End::Later(retry_after), code: Some(code), reason: Some(said) }
            }
            Posted::Lost { error } => Try { end: End::Later(None), code: None, reason: Some(error) },
            Posted::Forbidden { reason } => Try { end: End::Never, code: None, reason: Some(reason) },
        }
    }

    async fn write_back(&self, errand: &ClaimedErrand) -> Try {
        let never = |reason: String| Try { end: End::Never, code: None, reason: Some(reason) };
        let change: CrmChange = match serde_json::from_str(&errand.body) {
            Ok(change) => change,
            Err(error) => return never(format!("the change can't be read: {error}")),
        };
        let Some(connection) = self.connections.get(&errand.target) else {
            return never(format!("the settings have no [connections.{}]", errand.target));
        };
        match connection.write_back(&change).await {
            Ok(()) => Try { end: End::Done, code: None, reason: None },
            Err(error) => {
                let code = if let ApiError::Refused { status, .. } = &error { Some(*status) } else { None };
                let asked =
                    error.retry_after().map(|wait| Span::seconds(wait.as_secs().try_into().unwrap_or(i64::MAX)));
                let end = if error.is_temporary() { End::Later(asked) } else { End::Never };
                Try { end, code, reason: Some(error.to_string()) }
            }
        }
    }

    /// Gives up errands for targets that have not been in the settings for long, and removes what was done long ago; tells how
    /// many there were.
    pub async fn tend_errands(&self) -> Result<u64> {
        let now = self.clock.now();
        let known: BTreeSet<(ErrandKind, String)> = self.errand_targets().into_iter().collect();
        let strangers = self.store.errand_targets().await?.into_iter().filter(|target| !known.contains(target));
        let strangers: Vec<_> = strangers.collect();
        let mut tx = self.store.begin_recording().await?;
        let (mut buried, mut counts) = (0, Vec::new());
        for (kind, target) in strangers {
            let reason = "the settings have no such target";
            let dead = tx.bury_errands((kind, &target), reason, now.before(STRANGERS), now).await?;
            if !dead.is_empty() {
                tracing::warn!(errand.kind = kind.as_str(), errand.target = target, errands.count = dead.len(), reason);
            }
            counts.extend(dead.iter().flat_map(|of| metrics::counts_of_errand_state(of, ErrandState::Dead)));
            buried += dead.len() as u64;
        }
        tx.add_counts(self.shard(), &counts).await?;
        let pruned = tx.prune_errands(now.before(self.keep_errands), CHUNK).await?;
        tx.commit().await?;
        Ok(buried + pruned)
    }
}
