//! The whole of every ceiling: in the database, where all nodes take of it. Where only one process uses the database, a rate a
//! second is kept in memory, because nobody has to be told of it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono_tz::Tz;

use super::gauge::{Grant, Per};
use crate::engine::Result;
use crate::journey::time::{MICROS_PER_SECOND, Span, Timestamp};
use crate::store::{Ceiling, Engine as Database, Store};

/// Gives out parts of ceilings.
#[derive(Debug, Default)]
pub struct Ledger {
    /// When the next letter may go, where nobody else needs to know.
    own: Mutex<HashMap<Ceiling, Timestamp>>,
}

impl Ledger {
    /// Takes a part of a ceiling.
    pub(super) async fn take(
        &self,
        store: &Store,
        ceiling: &Ceiling,
        (per, limit): (Per, u32),
        zone: Tz,
        now: Timestamp,
    ) -> Result<Grant> {
        let portion = per.portion(limit);
        let Some(window) = per.window(now, zone) else {
            let cost = i64::from(portion) * MICROS_PER_SECOND / i64::from(limit.max(1));
            return self.take_of_rate(store, ceiling, portion, Span::from_micros(cost), now).await;
        };
        let mut tx = store.begin().await?;
        let taken = tx.take_of_window(ceiling, window, limit, portion).await?;
        tx.commit().await?;
        let ends = per.ends(now, zone);
        Ok(if taken > 0 { Grant::Letters(taken, ends) } else { Grant::Nothing(ends) })
    }

    async fn take_of_rate(
        &self,
        store: &Store,
        ceiling: &Ceiling,
        portion: u32,
        cost: Span,
        now: Timestamp,
    ) -> Result<Grant> {
        let taken = if store.engine() == Database::Sqlite {
            self.take_of_own(ceiling, cost, now)
        } else {
            let mut tx = store.begin().await?;
            let taken = tx.take_of_rate(ceiling, now, cost).await?;
            tx.commit().await?;
            taken
        };
        let lapses = now.after(cost.max(Span::seconds(1)));
        Ok(match taken {
            Ok(()) => Grant::Letters(portion, lapses),
            Err(until) => Grant::Nothing(until),
        })
    }

    fn take_of_own(&self, ceiling: &Ceiling, cost: Span, now: Timestamp) -> std::result::Result<(), Timestamp> {
        // Moments are whole whatever panicked while they were held.
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let free = own.entry(ceiling.clone()).or_insert(now);
        if *free > now {
            return Err(*free);
        }
        *free = now.after(cost);
        Ok(())
    }
}
