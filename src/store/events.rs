//! Events as they were applied: each (source, id) once, for ever.

use std::collections::{BTreeMap, HashSet};

use super::db::{Arg, indexed};
use super::rows::Many;
use super::{Result, Store, Tx};
use crate::journey::event::Event;
use crate::journey::time::Timestamp;

/// An applied event, and whom it was applied to.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredEvent {
    /// The customer's id at that time.
    pub customer: String,
    /// The body it came in.
    pub inbox_id: Option<i64>,
    /// What happened.
    pub event: Event,
}

impl Tx {
    /// Of (source, id) pairs, those that were applied before.
    pub async fn known_events(&mut self, asked: &[(String, String)]) -> Result<HashSet<(String, String)>> {
        const MANY: Many = Many {
            what: "find known events",
            head: "WITH v (v_source, v_event) AS (VALUES",
            tail: ") SELECT source, event FROM v CROSS JOIN events WHERE source = v_source AND event = v_event",
        };
        let rows = asked.iter().map(|(source, id)| [Arg::text(source), Arg::indexed(id)]).collect();
        let mut known = HashSet::new();
        for row in self.look_up_many(&MANY, rows).await? {
            let mut fields = row.fields();
            known.insert((fields.text()?, fields.text()?));
        }
        let is_known = |source: &str, id: &str| known.contains(&(source.to_owned(), indexed(id).into_owned()));
        Ok(asked.iter().filter(|(source, id)| is_known(source, id)).cloned().collect())
    }

    /// Records applied events. One that was recorded before fails the call ([`super::StoreError::is_conflict`]): it must not
    /// have been applied a second time.
    pub async fn put_events(&mut self, events: &[StoredEvent]) -> Result<()> {
        const EVENTS: Many = Many {
            what: "record events",
            head: "INSERT INTO events (source, event, customer, occurred_at, inbox, doc) VALUES",
            tail: "",
        };
        const HEARD: Many = Many {
            what: "record when sources were heard",
            head: "INSERT INTO sources (source, last_at) VALUES",
            tail: "ON CONFLICT (source) DO UPDATE SET last_at = excluded.last_at WHERE sources.last_at < excluded.last_at",
        };
        let rows = events.iter().map(|stored| {
            Ok([
                Arg::text(&stored.event.source),
                Arg::indexed(&stored.event.id),
                Arg::text(&stored.customer),
                Arg::time(stored.event.occurred_at),
                Arg::Int(stored.inbox_id),
                Arg::json(EVENTS.what, &stored.event)?,
            ])
        });
        let rows = rows.collect::<Result<Vec<_>>>()?;
        self.execute_many(&EVENTS, rows).await?;
        let mut heard: BTreeMap<&str, Timestamp> = BTreeMap::new();
        for StoredEvent { event, .. } in events {
            let last = heard.entry(&event.source).or_insert(event.received_at);
            *last = event.received_at.max(*last);
        }
        let rows = heard.into_iter().map(|(source, at)| [Arg::text(source), Arg::time(at)]).collect();
        self.execute_many(&HEARD, rows).await.map(drop)
    }
}

impl Store {
    /// Events of a customer and of those merged into it, newest first by when they happened.
    pub async fn events_of(&self, customer: &str, limit: usize) -> Result<Vec<StoredEvent>> {
        const SQL: &str = "SELECT customer, inbox, doc FROM events WHERE customer = ANY($1)
            ORDER BY occurred_at DESC, id DESC LIMIT $2";
        let family = self.family(customer).await?;
        let args = vec![Arg::texts(family.iter().map(String::as_str)), Arg::count(limit)];
        let rows = self.read("read a customer's events", SQL, args).await?;
        rows.iter()
            .map(|row| {
                let mut fields = row.fields();
                Ok(StoredEvent { customer: fields.text()?, inbox_id: fields.maybe_int()?, event: fields.json()? })
            })
            .collect()
    }

    /// Events applied after a place, in the order in which they were applied, each with its place; 0 is before the first.
    pub async fn events_after(&self, place: i64, limit: usize) -> Result<Vec<(i64, StoredEvent)>> {
        const SQL: &str = "SELECT id, customer, inbox, doc FROM events WHERE id > $1 ORDER BY id LIMIT $2";
        let rows = self.read("read events in order", SQL, vec![Arg::Int(Some(place)), Arg::count(limit)]).await?;
        rows.iter()
            .map(|row| {
                let mut fields = row.fields();
                let place = fields.int()?;
                Ok((
                    place,
                    StoredEvent { customer: fields.text()?, inbox_id: fields.maybe_int()?, event: fields.json()? },
                ))
            })
            .collect()
    }

    /// How many events were applied.
    pub async fn count_events(&self) -> Result<u64> {
        let rows = self.read("count events", "SELECT COUNT(*) FROM events", vec![]).await?;
        rows.first().map_or(Ok(0), |row| row.fields().count())
    }

    /// When the last event of a source was accepted.
    pub async fn last_event_at(&self, source: &str) -> Result<Option<Timestamp>> {
        const SQL: &str = "SELECT last_at FROM sources WHERE source = $1";
        let rows = self.read("find when a source was last heard", SQL, vec![Arg::text(source)]).await?;
        rows.first().map(|row| row.fields().time()).transpose()
    }
}
