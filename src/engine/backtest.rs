//! A backtest over the stored events: read in the order in which they were applied, told to two rulebooks in memory.
//!
//! Nothing is written. Customers who were merged since count as one throughout, and the suppression list is today's: what a
//! change of rules would do is asked of people as they are known now. Each rulebook is told by a thread of its own while what
//! comes next is read.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::thread;

use tokio::sync::mpsc;

use super::{EngineError, Result};
use crate::journey::backtest::{Comparison, Side, Window, compare};
use crate::journey::event::Event;
use crate::journey::simulate::Pools;
use crate::journey::time::{Span, Timestamp};
use crate::rulebook::Book;
use crate::store::{Store, StoredEvent, SuppressionFilter};

/// Events read at once, and chunks that may be read before they are told.
const CHUNK: usize = 5_000;
const AHEAD: usize = 2;
/// Longest time for which both sides run before letters count.
const LONGEST_RUN_UP: Span = Span::days(30);
/// Most suppressed addresses that are read.
const MAX_SUPPRESSED: usize = 1_000_000;

/// The last days before `now`. Both sides run as long before that, at most 30 days, so that runs are under way.
pub fn window(now: Timestamp, days: Span) -> Window {
    let from = now.before(days);
    Window { known_until: from.before(days.min(LONGEST_RUN_UP)), from, until: now }
}

/// Events with the customers they are about, in the order in which they were accepted.
type Chunk = Arc<Vec<(String, Event)>>;

/// Tells the stored events to the rulebook in force and to another. `progress` is told how many events of how many are read.
pub async fn backtest(
    store: &Store,
    window: Window,
    present: &Arc<Book>,
    candidate: &Arc<Book>,
    mut progress: impl FnMut(u64, u64),
) -> Result<Comparison> {
    let survivors: HashMap<String, String> =
        store.merges().await?.into_iter().map(|(gone, into, _)| (gone, into)).collect();
    let asked =
        SuppressionFilter { limit: MAX_SUPPRESSED, counting_at: Some(window.until), ..SuppressionFilter::default() };
    let suppressed: HashSet<String> =
        store.suppressions(&asked).await?.into_iter().map(|suppression| suppression.address).collect();
    let (one, to_present) = mpsc::channel(AHEAD);
    let (other, to_candidate) = mpsc::channel(AHEAD);
    let books = (present.clone(), candidate.clone());
    let telling = tokio::task::spawn_blocking(move || {
        let present = Told { book: &books.0, window, suppressed: suppressed.clone(), chunks: to_present };
        let candidate = Told { book: &books.1, window, suppressed, chunks: to_candidate };
        thread::scope(|scope| {
            let present = scope.spawn(|| present.tell());
            let candidate = candidate.tell();
            present.join().map(|present| compare(&present, &candidate))
        })
    });
    let all = store.count_events().await?;
    let (mut place, mut done) = (0, 0);
    loop {
        let mut chunk = store.events_after(place, CHUNK).await?;
        let Some((last, _)) = chunk.last() else { break };
        place = *last;
        done += chunk.len() as u64;
        // A batch is kept customer by customer; what it holds was accepted in another order.
        chunk.sort_by_key(|(place, stored)| (stored.event.received_at, *place));
        let of =
            |(_, StoredEvent { customer, event, .. })| (survivors.get(&customer).cloned().unwrap_or(customer), event);
        let chunk: Chunk = Arc::new(chunk.into_iter().map(of).collect());
        // Whoever listens no more has failed, which is told below.
        if one.send(chunk.clone()).await.is_err() || other.send(chunk).await.is_err() {
            break;
        }
        progress(done, all);
    }
    drop((one, other));
    match telling.await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(_)) | Err(_) => Err(EngineError::Backtest),
    }
}

/// What one side is told.
struct Told<'b> {
    book: &'b Book,
    window: Window,
    suppressed: HashSet<String>,
    chunks: mpsc::Receiver<Chunk>,
}

impl<'b> Told<'b> {
    fn tell(mut self) -> Side<'b> {
        let pools = Pools::new(self.book.pools.clone());
        let mut side = Side::new(&self.book.rulebook, self.window, pools, self.suppressed);
        while let Some(chunk) = self.chunks.blocking_recv() {
            for (customer, event) in chunk.iter() {
                side.hear(customer, event);
            }
        }
        side.finish();
        side
    }
}
