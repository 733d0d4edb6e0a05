//! The promises that a run of the demo can check, from the mailbox and the record alone.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use crate::journey::book::Rulebook;
use crate::journey::event::kind;
use crate::journey::time::Timestamp;
use crate::mail::mailbox::Received;
use crate::store::{MessageFilter, MessageRow, MessageState, Store, StoredEvent};

/// One promise and what was found of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The promise in a user's words.
    pub promise: &'static str,
    /// How many things were looked at.
    pub looked_at: usize,
    /// What breaks it; nothing, one hopes.
    pub broken: Vec<String>,
}

impl Finding {
    fn new(promise: &'static str) -> Self {
        Self { promise, looked_at: 0, broken: Vec::new() }
    }

    fn look(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        self.looked_at += 1;
        if !holds {
            self.broken.push(otherwise());
        }
    }
}

/// Checks every promise.
pub async fn all(store: &Store, book: &Rulebook, mailbox: &[Received]) -> Result<Vec<Finding>> {
    let rows = store.messages(&MessageFilter { limit: usize::MAX >> 33, ..MessageFilter::default() }).await?;
    let mut findings = vec![never_twice(mailbox), once_a_step(&rows)];
    findings.extend(record_and_mailbox(store, &rows, mailbox).await?);
    findings.extend(history(store, book, &rows).await?);
    findings.push(nothing_left(store).await?);
    Ok(findings)
}

fn never_twice(mailbox: &[Received]) -> Finding {
    let mut finding = Finding::new("no letter arrives twice");
    let mut seen = BTreeSet::new();
    for letter in mailbox {
        finding.look(seen.insert(letter.message_id.clone()), || format!("{:?} arrived again", letter.message_id));
    }
    finding
}

fn once_a_step(rows: &[MessageRow]) -> Finding {
    let mut finding = Finding::new("one letter a step");
    let mut seen = BTreeSet::new();
    for row in rows {
        finding.look(seen.insert((&row.enrollment, &row.step, row.pass)), || format!("{} was planned twice", row.id));
    }
    finding
}

async fn record_and_mailbox(store: &Store, rows: &[MessageRow], mailbox: &[Received]) -> Result<[Finding; 2]> {
    let mut there = Finding::new("every letter on record as sent is in the mailbox, to the byte");
    let mut back = Finding::new("every letter in the mailbox is on record as sent");
    let arrived: BTreeMap<&str, &Received> =
        mailbox.iter().filter_map(|letter| letter.message_id.as_deref().map(|id| (id, letter))).collect();
    let mut sent = BTreeSet::new();
    for row in rows.iter().filter(|row| row.state == MessageState::Sent) {
        let id = row.message_id.as_deref().unwrap_or_default();
        sent.insert(id);
        let bytes = store.raw(&row.id).await?;
        let same =
            arrived.get(id).is_some_and(|letter| bytes.as_ref().is_some_and(|bytes| same_letter(bytes, &letter.bytes)));
        there.look(same, || format!("{} is on record as sent and not in the mailbox as recorded", row.id));
    }
    for letter in mailbox {
        let id = letter.message_id.as_deref().unwrap_or_default();
        back.look(sent.contains(id), || format!("{id} is in the mailbox and not on record as sent"));
    }
    Ok([there, back])
}

/// Whether two sources are one letter; the line end that SMTP puts before the final dot is nobody's.
fn same_letter(a: &[u8], b: &[u8]) -> bool {
    a.trim_ascii_end() == b.trim_ascii_end()
}

async fn history(store: &Store, book: &Rulebook, rows: &[MessageRow]) -> Result<[Finding; 2]> {
    let mut cancelled = Finding::new("no letter goes out after the event that cancels it was accepted");
    let mut refused = Finding::new("no letter goes out after the customer's refusal was accepted");
    let merged: BTreeMap<String, Timestamp> =
        store.merges().await?.into_iter().map(|(gone, _, at)| (gone, at)).collect();
    let mut stories: BTreeMap<&str, Vec<StoredEvent>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.state == MessageState::Sent) {
        let Some(sent_at) = row.sent_at else { continue };
        if !stories.contains_key(row.customer.as_str()) {
            stories.insert(&row.customer, store.events_of(&row.customer, 10_000).await?);
        }
        let Some(events) = stories.get(row.customer.as_str()) else { continue };
        let began = began(store, row).await?;
        let exits = book.rules.get(&row.rule).map(|rule| rule.exit_on.as_slice()).unwrap_or_default();
        // Whether something was known of the addressee when the letter went out: what happened to one who was merged in
        // counts from the merge on.
        let known = |stored: &StoredEvent| {
            let together = [&stored.customer, &row.customer].into_iter().filter_map(|id| merged.get(id)).min();
            let since = if stored.customer == row.customer { None } else { together };
            stored.event.received_at.max(since.copied().unwrap_or(Timestamp::MIN)) < sent_at
        };
        let cancels = |stored: &StoredEvent| {
            // A merge ends runs for the orders of the other; what else the other did was done to another cart.
            let own = stored.customer == row.customer || stored.event.kind == kind::ORDER_CREATED;
            own && exits.iter().any(|exit| exit.when.is_none() && exit.event == stored.event.kind)
                && stored.event.occurred_at > began
                && known(stored)
        };
        let exit = events.iter().find(|stored| cancels(stored)).map(|stored| &stored.event);
        cancelled.look(exit.is_none(), || {
            let what = exit.map(|e| format!("{} at {}", e.kind, e.received_at)).unwrap_or_default();
            format!("{} went out at {sent_at} though {what} had cancelled it", row.id)
        });
        let said = events
            .iter()
            .filter(|stored| known(stored))
            .map(|stored| &stored.event)
            .filter_map(|e| Some((e.occurred_at, *e.profile.as_ref()?.consents.get(&row.purpose)?)))
            .max_by_key(|(at, granted)| (*at, !granted));
        refused.look(said.is_none_or(|(_, granted)| granted), || {
            format!("{} went out at {sent_at} after a refusal", row.id)
        });
    }
    Ok([cancelled, refused])
}

/// When the run that a letter belongs to began.
async fn began(store: &Store, row: &MessageRow) -> Result<Timestamp> {
    let runs = store.enrollments_of(&row.customer).await?;
    Ok(runs.iter().find(|run| run.id == row.enrollment).map_or(row.planned_at, |run| run.started_at))
}

async fn nothing_left(store: &Store) -> Result<Finding> {
    let mut finding = Finding::new("everything accepted was applied or is listed as a dead letter with its reason");
    let counts = store.count_bodies().await?;
    finding.looked_at = usize::try_from(counts.done + counts.dead).unwrap_or(usize::MAX);
    if counts.pending + counts.waiting > 0 {
        finding.broken.push(format!("{} bodies wait, {} wait for the CRM", counts.pending, counts.waiting));
    }
    Ok(finding)
}
