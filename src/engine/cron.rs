//! Cron rules: a firing is one row, walked over all customers in chunks with a durable cursor.
//!
//! Invariants: a firing opens once, whatever nodes and restarts there are; a customer takes it once; a rule that is new
//! fires from its first appearance on, never for the past; after a standstill only the last missed firing is made up for,
//! and only within the rule's `max_age`.

use super::process::Worked;
use super::{Engine, Result};
use crate::journey::advance::Input;
use crate::journey::placement::earliest;
use crate::journey::rule::Trigger;
use crate::journey::time::Timestamp;

/// Customers of one chunk.
const CHUNK: usize = 256;

impl Engine {
    /// Opens the firings whose time has come; tells how many.
    pub async fn open_firings(&self) -> Result<usize> {
        let book = self.book.load_full();
        let now = self.clock.now();
        let mut opened = 0;
        for rule in book.rulebook.rules.values() {
            let Trigger::Cron { schedule, .. } = &rule.trigger else { continue };
            let since = self.firing_base(&rule.id, now).await?;
            let mut at = since;
            let mut latest = None;
            // What was missed long ago is skipped without walking through it.
            if let Some(floor) = Some(now.before(rule.max_age)).filter(|floor| *floor > at) {
                at = floor;
            }
            while let Some(next) = schedule.next_after(at).filter(|next| *next <= now) {
                latest = Some(next);
                at = next;
            }
            if let Some(at) = latest {
                let mut tx = self.store.begin().await?;
                let new = tx.open_firing(&rule.id, at).await?;
                tx.commit().await?;
                if new {
                    tracing::info!(rule.id = rule.id, firing.at = %at, "cron rule fires");
                    opened += 1;
                }
            }
        }
        Ok(opened)
    }

    /// The moment after which a rule's next firing is looked for.
    async fn firing_base(&self, rule: &str, now: Timestamp) -> Result<Timestamp> {
        if let Some(last) = self.store.last_firing(rule).await? {
            return Ok(last);
        }
        let name = format!("cron/{rule}");
        let first_seen = if let Some(kept) = self.store.note(&name).await? {
            kept
        } else {
            let mut tx = self.store.begin().await?;
            let kept = tx.keep_note(&name, &now.micros().to_string()).await?;
            tx.commit().await?;
            kept
        };
        Ok(first_seen.parse().map_or(now, Timestamp::from_micros))
    }

    /// Walks one chunk of customers of each open firing.
    pub async fn walk_firings(&self) -> Result<Worked> {
        let mut worked = Worked::default();
        for firing in self.store.open_firings().await? {
            let chunk = self.store.customers_after(&firing.cursor, CHUNK).await?;
            let ids: Vec<String> = chunk.into_iter().map(|customer| customer.id).collect();
            let mut tx = self.store.begin_processing().await?;
            let mut outgoing = false;
            match ids.last() {
                Some(last) => {
                    let input = Input::Cron { rule: &firing.rule, at: firing.at };
                    outgoing = self.advance_in(&mut tx, &ids, &input, firing.at).await?;
                    tx.move_firing(&firing.rule, firing.at, last).await?;
                }
                None => tx.close_firing(&firing.rule, firing.at).await?,
            }
            tx.commit().await?;
            if outgoing {
                self.wakes.outgoing();
            }
            worked.handled += ids.len().max(1);
        }
        Ok(worked)
    }

    /// When the next firing of any rule is due.
    pub async fn next_firing(&self) -> Result<Option<Timestamp>> {
        let book = self.book.load_full();
        let now = self.clock.now();
        let mut next: Option<Timestamp> = None;
        for rule in book.rulebook.rules.values() {
            if let Trigger::Cron { schedule, .. } = &rule.trigger
                && let Some(at) =
                    schedule.next_after(self.firing_base(&rule.id, now).await?.max(now.before(rule.max_age)))
            {
                next = earliest(next, Some(at));
            }
        }
        Ok(next)
    }
}
