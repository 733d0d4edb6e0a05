//! Cron rules: a firing is one row, walked over all customers in chunks with a durable cursor.
//!
//! Invariants: a firing opens once, whatever nodes and restarts there are; a customer takes it once; a rule that is new,
//! has another schedule or is back again fires from then on, never for the past; after a standstill only the last missed firing is made up for,
//! and only within the rule's `max_age`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::process::Worked;
use super::{Engine, Result};
use crate::journey::advance::Input;
use crate::journey::book::Rulebook;
use crate::journey::placement::earliest;
use crate::journey::rule::Trigger;
use crate::journey::time::Timestamp;

/// Customers of one chunk.
const CHUNK: usize = 256;
/// Under which note it lies since when each schedule is in force.
const NOTE: &str = "cron";

/// A schedule that was seen to be in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    schedule: String,
    zone: String,
    /// Since when, in microseconds.
    since: i64,
}

impl Engine {
    /// Opens the firings whose time has come; tells how many.
    pub async fn open_firings(&self) -> Result<usize> {
        let book = self.book.load_full();
        let now = self.clock.now();
        let mut opened = 0;
        let bases = self.firing_bases(&book.rulebook, now).await?;
        for rule in book.rulebook.rules.values() {
            let (Trigger::Cron { schedule, .. }, Some(since)) = (&rule.trigger, bases.get(&rule.id)) else { continue };
            let mut at = *since;
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

    /// Since when each schedule is in force, by rule: as kept, as far as it is the same schedule, else from now on.
    async fn in_force_since(&self, book: &Rulebook, now: Timestamp) -> Result<BTreeMap<String, Timestamp>> {
        let kept = self.store.note(NOTE).await?;
        let known: BTreeMap<String, Known> =
            kept.as_deref().and_then(|kept| serde_json::from_str(kept).ok()).unwrap_or_default();
        let mut present = BTreeMap::new();
        for rule in book.rules.values() {
            let Trigger::Cron { schedule, .. } = &rule.trigger else { continue };
            let zone = schedule.zone.name();
            let same = |known: &&Known| known.schedule == schedule.text && known.zone == zone;
            let fresh = || Known { schedule: schedule.text.clone(), zone: zone.to_owned(), since: now.micros() };
            present.insert(rule.id.clone(), known.get(&rule.id).filter(same).cloned().unwrap_or_else(fresh));
        }
        // A rule that is out of force is forgotten: when it comes back, what it missed is over.
        if present != known {
            let mut tx = self.store.begin().await?;
            tx.set_note(NOTE, &json!(present).to_string()).await?;
            tx.commit().await?;
        }
        Ok(present.into_iter().map(|(rule, known)| (rule, Timestamp::from_micros(known.since))).collect())
    }

    /// The moments after which the next firing of each rule is looked for.
    async fn firing_bases(&self, book: &Rulebook, now: Timestamp) -> Result<BTreeMap<String, Timestamp>> {
        let mut bases = self.in_force_since(book, now).await?;
        for (rule, since) in &mut bases {
            *since = self.store.last_firing(rule).await?.map_or(*since, |last| last.max(*since));
        }
        Ok(bases)
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
        let bases = self.firing_bases(&book.rulebook, now).await?;
        for rule in book.rulebook.rules.values() {
            let (Trigger::Cron { schedule, .. }, Some(since)) = (&rule.trigger, bases.get(&rule.id)) else { continue };
            next = earliest(next, schedule.next_after((*since).max(now.before(rule.max_age))));
        }
        Ok(next)
    }
}
