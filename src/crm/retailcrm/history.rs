//! Rows of a history as events. One save makes many rows of the same second: they are folded into what was done.
//!
//! Rows that our own key caused say nothing new and are skipped. Rows of one entity at a time are expected; several do no
//! harm.

use std::collections::BTreeMap;

use serde_json::Value;

use super::customer::{self, Extent};
use super::model::{Customer, Order, Row};
use super::order::Seen;
use super::reader::{Reader, entity};
use crate::crm::ParseError;
use crate::journey::event::Event;
use crate::journey::time::Timestamp;

/// Coming, going and merging, by the customers' history. What changed otherwise is told by the entities themselves.
pub(super) fn customer_events(
    reader: &Reader<'_>,
    rows: &[Value],
    present: &[Customer],
) -> Result<Vec<Event>, ParseError> {
    let mut events = Vec::new();
    for (at, row) in dated(reader, rows)? {
        let Some(subject) = &row.customer else { continue };
        if let Some(survivor) = &row.combined_to {
            events.push(customer::merged(reader, subject, survivor, at)?);
        } else if row.deleted == Some(true) {
            events.push(customer::deleted(reader, subject, at)?);
        } else if row.created == Some(true) && !present.iter().any(|known| known.id == subject.id) {
            // Gone again since: what it was at creation is all there is.
            events.extend(customer::created(reader, subject, Extent::Part)?);
        }
    }
    Ok(events)
}

/// What was done to one order within one second.
#[derive(Debug, Default)]
struct Save {
    created: Option<Box<Row>>,
    status: Option<String>,
    paid: bool,
    deleted: bool,
    content: bool,
}

/// Everything that the orders' history tells.
pub(super) fn order_events(reader: &Reader<'_>, rows: &[Value], present: &[Order]) -> Result<Vec<Event>, ParseError> {
    let mut saves: BTreeMap<String, BTreeMap<Timestamp, Save>> = BTreeMap::new();
    let mut stubs: BTreeMap<String, Order> = BTreeMap::new();
    for (at, row) in dated(reader, rows)? {
        let Some(order) = &row.order else { continue };
        let Some(id) = order.id.clone() else { continue };
        // The row of the creation is the only one that holds the whole order.
        if row.created == Some(true) || !stubs.contains_key(&id) {
            stubs.insert(id.clone(), order.clone());
        }
        fold(saves.entry(id).or_default().entry(at).or_default(), row);
    }
    let mut events = Vec::new();
    for (id, saves) in &saves {
        let known = present.iter().find(|order| order.id.as_ref() == Some(id)).or_else(|| stubs.get(id));
        let Some(order) = known else { continue };
        if order.keys(&reader.account.connection).is_empty() {
            // Deleted before it could be read, and its rows do not say whose it was.
            continue;
        }
        events.extend(tell(reader, order, saves)?);
    }
    Ok(events)
}

fn fold(save: &mut Save, row: Row) {
    let field = row.field.as_deref().unwrap_or_default();
    if row.created == Some(true) {
        save.created = Some(Box::new(row));
    } else if row.deleted == Some(true) || row.combined_to.is_some() {
        save.deleted = true;
    } else if field == "status" {
        save.status = row.new_code().map(str::to_owned);
    } else if field == "full_paid_at" {
        save.paid |= !row.new_value.is_null();
    } else {
        // Payments too: one is not yet the whole sum, and the order itself says whether all is paid.
        save.content = true;
    }
}

fn tell(reader: &Reader<'_>, order: &Order, saves: &BTreeMap<Timestamp, Save>) -> Result<Vec<Event>, ParseError> {
    let seen = Seen::new(reader, order)?;
    let mut events = Vec::new();
    let mut changed_at = None;
    let mut touched_at = reader.received_at;
    for (&at, save) in saves {
        touched_at = at;
        if let Some(row) = &save.created {
            events.push(born(reader, row, order, at)?);
        }
        events.extend(save.status.as_deref().map(|code| seen.status(code, at)));
        if save.paid {
            events.push(seen.paid_by_word(at));
        }
        if save.deleted {
            events.push(seen.deleted(at));
        }
        if save.content {
            changed_at = Some(at);
        }
    }
    let knows_status = saves.values().any(|save| save.created.is_some() || save.status.is_some() || save.deleted);
    if !knows_status {
        // First heard of by some other change: say that it is there and where it stands.
        events.extend(seen.standing(touched_at)?);
    } else if let Some(created_at) = seen.created_at() {
        events.push(seen.created(created_at, None));
    }
    if let Some(at) = changed_at {
        events.extend(seen.paid(at));
        events.push(seen.updated(at));
    }
    Ok(events)
}

/// The order as it was when it was placed.
fn born(reader: &Reader<'_>, row: &Row, order: &Order, at: Timestamp) -> Result<Event, ParseError> {
    let first = row.order.as_ref().filter(|first| !first.keys(&reader.account.connection).is_empty()).unwrap_or(order);
    let seen = Seen::new(reader, first)?;
    Ok(seen.created(seen.created_at().unwrap_or(at), row.new_code().or(first.status.as_deref())))
}

/// Rows that concern us, with their time.
fn dated(reader: &Reader<'_>, rows: &[Value]) -> Result<Vec<(Timestamp, Row)>, ParseError> {
    let mut dated = Vec::with_capacity(rows.len());
    for value in rows {
        let row: Row = entity("the history's row", value)?;
        if !row.is_ours() {
            let at = reader.date("createdAt", row.created_at.as_deref())?.unwrap_or(reader.received_at);
            dated.push((at, row));
        }
    }
    Ok(dated)
}
