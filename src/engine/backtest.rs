//! A backtest over the stored events: read in the order in which they were applied, told to two rulebooks in memory.
//!
//! Nothing is written. Customers who were merged since count as one throughout, and the suppression list is today's: what a
//! change of rules would do is asked of people as they are known now.

use std::collections::{HashMap, HashSet};

use super::Result;
use crate::journey::backtest::{Backtest, Comparison, Window};
use crate::journey::simulate::Pools;
use crate::journey::time::{Span, Timestamp};
use crate::rulebook::Book;
use crate::store::{Store, StoredEvent};

/// Events read at once.
const CHUNK: usize = 5_000;
/// Longest time for which both sides run before letters count.
const LONGEST_RUN_UP: Span = Span::days(30);
/// Most suppressed addresses that are read.
const MAX_SUPPRESSED: usize = 1_000_000;

/// The last days before `now`. Both sides run as long before that, at most 30 days, so that runs are under way.
pub fn window(now: Timestamp, days: Span) -> Window {
    let from = now.before(days);
    Window { known_until: from.before(days.min(LONGEST_RUN_UP)), from, until: now }
}

/// Tells the stored events to the rulebook in force and to another. `progress` is told how many events of how many are read.
pub async fn backtest(
    store: &Store,
    window: Window,
    present: &Book,
    candidate: &Book,
    mut progress: impl FnMut(u64, u64),
) -> Result<Comparison> {
    let survivors: HashMap<String, String> =
        store.merges().await?.into_iter().map(|(gone, into, _)| (gone, into)).collect();
    let suppressed: HashSet<String> =
        store.suppressions(MAX_SUPPRESSED).await?.into_iter().map(|suppression| suppression.address).collect();
    let side = |book: &Book| Pools::new(book.pools.clone());
    let sides = ((&present.rulebook, side(present)), (&candidate.rulebook, side(candidate)));
    let mut backtest = Backtest::new(window, sides.0, sides.1, &suppressed);
    let all = store.count_events().await?;
    let (mut place, mut done) = (0, 0);
    loop {
        let mut chunk = store.events_after(place, CHUNK).await?;
        let Some((last, _)) = chunk.last() else { break };
        place = *last;
        done += chunk.len() as u64;
        // A batch is kept customer by customer; what it holds was accepted in another order.
        chunk.sort_by_key(|(place, stored)| (stored.event.received_at, *place));
        for (_, StoredEvent { customer, event, .. }) in &chunk {
            backtest.hear(survivors.get(customer).unwrap_or(customer), event);
        }
        progress(done, all);
    }
    Ok(backtest.finish())
}
