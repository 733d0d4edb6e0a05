//! Applying what was accepted and what fell due: one batch, one transaction.
//!
//! Invariants: a body is done exactly when what it says is written; a batch that fails is tried again body by body, and the
//! one that fails alone becomes a dead letter while the rest go on.

mod ahead;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::RangeInclusive;

use tokio::sync::oneshot;

pub(super) use ahead::Ahead;

use super::batch::Batch;
use super::identity::{Group, OWN, group, identifying};
use super::sort::Sorted;
use super::{Engine, EngineError, Result};
use crate::journey::advance::Input;
use crate::journey::book::Rulebook;
use crate::journey::customer::Customer;
use crate::journey::event::{Event, Key};
use crate::journey::merge::merge;
use crate::journey::time::{Span, Timestamp};
use crate::store::{Body, StoredEvent, Tx};

/// Most bodies of one batch: while it is written, nothing else is.
const MAX_BODIES: usize = 128;
/// Most customers whose time has come, of one batch.
const MAX_DUE: usize = 256;
/// What was accepted longer ago than this is decided on as of now.
const STALE: Span = Span::seconds(3_600);

/// What a round of work came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Worked {
    /// Bodies, customers or letters handled.
    pub handled: usize,
    /// Of bodies: those that became dead letters.
    pub dead: usize,
}

/// Tells when the batch before is on disk, if there is one; an error if it failed.
type After = Option<oneshot::Receiver<()>>;

/// A body with what it comes to.
pub(super) struct Item {
    body: Body,
    sorted: Sorted,
}

impl Engine {
    /// Applies one batch of bodies.
    pub async fn process_bodies(&self) -> Result<Worked> {
        let items = self.next_items(0..=0).await?;
        if items.is_empty() {
            return Ok(Worked::default());
        }
        let (applied, _) = oneshot::channel();
        let tx = self.store.begin_processing().await?;
        self.apply_batch(tx, &items, &mut None, applied).await
    }

    async fn next_items(&self, in_hand: RangeInclusive<i64>) -> Result<Vec<Item>> {
        let bodies = self.store.pending_bodies_beside(in_hand, MAX_BODIES).await?;
        let references = self.references.load();
        Ok(bodies.into_iter().map(|body| Item { sorted: self.sort(&body, &references), body }).collect())
    }

    /// Applies a batch after the one before it. What failed comes before what lies behind it: if that failed, nothing of
    /// this one is applied.
    async fn apply_batch(
        &self,
        tx: Tx,
        items: &[Item],
        after: &mut After,
        applied: oneshot::Sender<()>,
    ) -> Result<Worked> {
        match self.apply(tx, items, after).await {
            Ok(worked) => {
                if worked.handled > 0 {
                    // Nobody may wait for it.
                    let _ = applied.send(());
                }
                Ok(worked)
            }
            Err(EngineError::Store(error)) if !error.is_temporary() => {
                // Whoever waits for this batch has names and customers in hand that are needed now.
                drop(applied);
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a batch failed; trying its bodies one by one"
                );
                let mut worked = Worked::default();
                for item in items {
                    let one = std::slice::from_ref(item);
                    let tx = self.store.begin_processing().await?;
                    match self.apply(tx, one, &mut None).await {
                        Ok(done) => {
                            worked.handled += done.handled;
                            worked.dead += done.dead;
                        }
                        // A database that is out of order is no fault of the body's.
                        Err(EngineError::Store(error)) if error.is_temporary() => return Err(error.into()),
                        Err(error) => {
                            let mut tx = self.store.begin().await?;
                            tx.bury_bodies(
                                &[(item.body.id, format!("could not be applied: {error}"))],
                                self.clock.now(),
                            )
                            .await?;
                            tx.commit().await?;
                            worked.handled += 1;
                            worked.dead += 1;
                        }
                    }
                }
                Ok(worked)
            }
            Err(error) => Err(error),
        }
    }

    async fn apply(&self, mut tx: Tx, items: &[Item], after: &mut After) -> Result<Worked> {
        let book = self.book.load_full();
        let now = self.clock.now();
        let mut finished = Vec::new();
        let mut dead = Vec::new();
        let mut parked = Vec::new();
        let mut events: Vec<(i64, &Event)> = Vec::new();
        let mut seen: HashSet<(String, String)> = HashSet::new();
        let asked: Vec<(String, String)> =
            items.iter().flat_map(Item::events).map(|e| (e.source.clone(), e.id.clone())).collect();
        let keys: Vec<Key> = items
            .iter()
            .flat_map(Item::events)
            .flat_map(|e| identifying(&e.keys).into_iter().chain(identifying(&e.merged)).cloned())
            .collect();
        // What the batch before makes of these is not to be seen before it ends.
        tx.hold(&keys, &asked).await;
        let known = tx.known_events(&asked).await?;
        for item in items {
            match &item.sorted {
                Sorted::Events(said) => {
                    finished.push(item.body.id);
                    for event in said {
                        let key = (event.source.clone(), event.id.clone());
                        if !known.contains(&key) && seen.insert(key) {
                            events.push((item.body.id, event));
                        }
                    }
                }
                Sorted::NeedsRead(_) => parked.push((item.body.id, "waits for a read from the CRM".to_owned(), now)),
                Sorted::Dead(reason) => {
                    tracing::warn!(body.id = item.body.id, connection.id = item.body.connection, reason, "dead letter");
                    dead.push((item.body.id, reason.clone()));
                }
            }
        }
        let Some(outgoing) = self.apply_events(&mut tx, &book.rulebook, &events, after).await? else {
            return Ok(Worked::default());
        };
        tx.finish_bodies(&finished, now).await?;
        tx.bury_bodies(&dead, now).await?;
        tx.park_bodies(&parked).await?;
        tx.commit().await?;
        metrics::counter!("milepost_bodies_applied_total").increment(finished.len() as u64);
        metrics::counter!("milepost_bodies_dead_total").increment(dead.len() as u64);
        metrics::counter!("milepost_events_applied_total").increment(events.len() as u64);
        if outgoing {
            self.wakes.outgoing();
        }
        if !parked.is_empty() {
            self.wakes.fetch.notify_one();
        }
        Ok(Worked { handled: items.len(), dead: dead.len() })
    }

    /// Applies events; tells whether anything is to go out. `None`: the batch before failed, and nothing was written.
    async fn apply_events(
        &self,
        tx: &mut Tx,
        book: &Rulebook,
        events: &[(i64, &Event)],
        after: &mut After,
    ) -> Result<Option<bool>> {
        let plain: Vec<&Event> = events.iter().map(|(_, event)| *event).collect();
        let keys: Vec<Key> = plain
            .iter()
            .flat_map(|e| identifying(&e.keys).into_iter().chain(identifying(&e.merged)).cloned())
            .collect();
        let now = self.clock.now();
        let (groups, mut loaded) = self.who_is_meant(tx, &plain, &keys).await?;
        let mut batch = Batch::telling(&self.connections);
        let mut pointers: Vec<(Key, String)> = Vec::new();
        let mut retired: Vec<(String, String)> = Vec::new();
        for group in groups {
            let Some(state) = self.starting_state(&group, &mut loaded, &plain) else { continue };
            let state = self.merge_into(tx, book, &mut batch, state, &group, &mut loaded, &mut retired).await?;
            let state = Self::apply_group(tx, book, &mut batch, state, &group, (events, now)).await?;
            pointers.extend(group.keys.into_iter().map(|key| (key, state.id.clone())));
            batch.customers.push(state);
        }
        let outgoing = batch.has_outgoing();
        if let Some(before) = after.take()
            && before.await.is_err()
        {
            return Ok(None);
        }
        batch.write(tx, self.shard(), self.clock.now()).await?;
        for (gone, into) in &retired {
            tx.retire_customer(gone, into, now).await?;
        }
        tx.put_keys(&pointers).await?;
        Ok(Some(outgoing))
    }

    /// The customers whom events are about, with the documents of those who were known.
    async fn who_is_meant(
        &self,
        tx: &mut Tx,
        events: &[&Event],
        keys: &[Key],
    ) -> Result<(Vec<Group>, HashMap<String, Customer>)> {
        // Our own id of a customer stands in the links of letters, and stays good when the customer is merged.
        let own: Vec<String> = keys.iter().filter(|key| key.kind == OWN).map(|key| key.value.clone()).collect();
        let mut before: Option<BTreeSet<String>> = None;
        loop {
            let mut known = tx.find_keys(keys).await?;
            let survivors = tx.survivors(&own).await?.into_iter();
            known.extend(survivors.map(|(id, survivor)| (Key { kind: OWN.into(), value: id }, survivor)));
            let now = self.clock.now();
            let groups = group(events, &known.into_iter().collect(), || fresh_id(now));
            let wanted: BTreeSet<String> =
                groups.iter().flat_map(|g| g.gone.iter().chain((!g.is_new).then_some(&g.customer)).cloned()).collect();
            let loaded = tx.load_customers(&wanted.iter().cloned().collect::<Vec<_>>()).await?;
            // While this waited for a customer, the batch before may have merged it into another: then it is that one whom
            // the events are about. Those who are not known at all are not known the second time either.
            if wanted.iter().all(|id| loaded.contains_key(id)) || before.as_ref() == Some(&wanted) {
                return Ok((groups, loaded));
            }
            before = Some(wanted);
        }
    }

    fn starting_state(
        &self,
        group: &Group,
        loaded: &mut HashMap<String, Customer>,
        events: &[&Event],
    ) -> Option<Customer> {
        if group.is_new {
            let first = group.events.iter().map(|at| events[*at].received_at).min().unwrap_or_else(|| self.clock.now());
            return Some(Customer::new(group.customer.clone(), first));
        }
        let found = loaded.remove(&group.customer);
        if found.is_none() {
            // Only a link of a letter names a customer by our own id, and only a wiped database forgets one.
            tracing::warn!(customer.id = group.customer, "an event names a customer who is not known");
        }
        found
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one batch, borrowed apart")]
    async fn merge_into(
        &self,
        tx: &mut Tx,
        book: &Rulebook,
        batch: &mut Batch,
        mut state: Customer,
        group: &Group,
        loaded: &mut HashMap<String, Customer>,
        retired: &mut Vec<(String, String)>,
    ) -> Result<Customer> {
        for gone in &group.gone {
            let Some(other) = loaded.remove(gone) else { continue };
            let merged = merge(book, state, &other, self.clock.now());
            state = batch.settle(tx, book, merged.state, merged.effects).await?;
            retired.push((gone.clone(), group.customer.clone()));
        }
        Ok(state)
    }

    async fn apply_group(
        tx: &mut Tx,
        book: &Rulebook,
        batch: &mut Batch,
        mut state: Customer,
        group: &Group,
        (events, now): (&[(i64, &Event)], Timestamp),
    ) -> Result<Customer> {
        let mut order = group.events.clone();
        order.sort_by_key(|at| (events[*at].1.occurred_at, *at));
        for at in order {
            let (body, event) = events[at];
            // The moment of acceptance is the moment of decision, so that grouping changes nothing; but what lay about for
            // long (a dead letter applied again) is decided on now, and rules see that it is old.
            let stale = event.received_at.after(STALE) < now;
            let moment = if stale { now } else { event.received_at };
            state = batch.advance(tx, book, state, &Input::Event(event), moment).await?;
            batch.events.push(StoredEvent { customer: state.id.clone(), inbox_id: Some(body), event: event.clone() });
        }
        Ok(state)
    }

    /// Advances one batch of customers whose time has come.
    pub async fn process_due(&self) -> Result<Worked> {
        let now = self.clock.now();
        let due = self.store.due_customers(now, MAX_DUE).await?;
        self.advance_all(&due, &Input::Due, now).await
    }

    /// Brings one batch of customers under the rulebook in force.
    pub async fn process_outdated(&self) -> Result<Worked> {
        let outdated = self.store.outdated_customers(self.book.load().rulebook.edition(), MAX_DUE).await?;
        self.advance_all(&outdated, &Input::Rulebook, self.clock.now()).await
    }

    /// Advances customers by one input each, in one transaction.
    pub(super) async fn advance_all(&self, ids: &[String], input: &Input<'_>, now: Timestamp) -> Result<Worked> {
        if ids.is_empty() {
            return Ok(Worked::default());
        }
        let mut tx = self.store.begin_processing().await?;
        let outgoing = self.advance_in(&mut tx, ids, input, now).await?;
        tx.commit().await?;
        if outgoing {
            self.wakes.outgoing();
        }
        Ok(Worked { handled: ids.len(), dead: 0 })
    }

    /// Advances customers inside a transaction; tells whether anything is to go out.
    pub(super) async fn advance_in(
        &self,
        tx: &mut Tx,
        ids: &[String],
        input: &Input<'_>,
        now: Timestamp,
    ) -> Result<bool> {
        let book = self.book.load_full();
        let book = &book.rulebook;
        // Ordered, so that the same work is done in the same order everywhere.
        let loaded: BTreeMap<String, Customer> = tx.load_customers(ids).await?.into_iter().collect();
        let mut batch = Batch::telling(&self.connections);
        for state in loaded.into_values() {
            let state = batch.advance(tx, book, state, input, now).await?;
            batch.customers.push(state);
        }
        let outgoing = batch.has_outgoing();
        batch.write(tx, self.shard(), self.clock.now()).await?;
        Ok(outgoing)
    }

    /// The row over which this process spreads its counts.
    pub(super) fn shard(&self) -> i64 {
        self.node.bytes().map(i64::from).sum::<i64>() % 8
    }
}

impl Item {
    fn events(&self) -> &[Event] {
        if let Sorted::Events(events) = &self.sorted { events } else { &[] }
    }
}

/// A new customer's id: a UUIDv7 of the moment.
fn fresh_id(now: Timestamp) -> String {
    let micros = now.micros().max(0).unsigned_abs();
    let nanos = u32::try_from(micros % 1_000_000 * 1_000).unwrap_or(0);
    uuid::Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, micros / 1_000_000, nanos)).to_string()
}
