//! Walking the histories: by `sinceId` alone (with `page` the API refuses it), one cursor a history.
//!
//! A page's rows are sorted by entity and each entity becomes a body of its own with what had to be read back for it, so
//! that one that can't be understood keeps no other back. The cursors are returned, not kept: they belong into the
//! transaction that stores the bodies.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::api::{HistoryPage, Kind};
use super::client::Client;
use super::document::Document;
use super::loose::names;
use super::model::Row;
use crate::crm::{ApiError, By, PollPage};
use crate::settings::connections::HistoryStart;

/// Rows of a full page.
const PAGE: usize = 100;

/// What polling depends on.
#[derive(Clone, Debug)]
pub(super) struct Poller<'a> {
    pub client: &'a Client,
    pub connection: &'a str,
    pub start: HistoryStart,
    /// Whether carts of changed customers are read.
    pub carts: bool,
    /// Site to use where a customer names none.
    pub site: Option<&'a str>,
}

impl Poller<'_> {
    /// One page of each history.
    pub(super) async fn poll(&self, cursors: &BTreeMap<String, String>) -> Result<PollPage, ApiError> {
        let mut result = PollPage { cursors: cursors.clone(), ..PollPage::default() };
        for kind in [Kind::Customer, Kind::Order] {
            let cursor = cursors.get(kind.plural()).and_then(|text| text.parse::<i64>().ok());
            let since = match (cursor, self.start) {
                (Some(id), _) => Some(id).filter(|id| *id > 0),
                (None, HistoryStart::All) => None,
                (None, HistoryStart::Now) => {
                    let last = self.last_id(kind).await?;
                    result.cursors.insert(kind.plural().to_owned(), last.to_string());
                    continue;
                }
            };
            let page = self.client.history(kind, since).await?;
            let more = page.pagination.total_page_count > 1;
            let rows = page.history.unwrap_or_default();
            let last = last_of(&rows).or(since).unwrap_or(0);
            result.cursors.insert(kind.plural().to_owned(), last.to_string());
            result.more |= !rows.is_empty() && (more || rows.len() >= PAGE);
            result.bodies.extend(self.bodies(kind, rows).await?);
        }
        Ok(result)
    }

    /// The id of the newest row, found by jumping: a history of a million rows takes a dozen requests.
    async fn last_id(&self, kind: Kind) -> Result<i64, ApiError> {
        let mut page = self.client.history(kind, None).await?;
        // Rows exist after `low`; none exist after `high`.
        let mut low = 0;
        let mut high: Option<i64> = None;
        let mut step = 1_i64;
        loop {
            let (last, whole) = end_of(&page);
            let Some(last) = last else { return Ok(low) };
            if whole {
                return Ok(last);
            }
            low = low.max(last);
            let left = i64::try_from(page.pagination.total_count).unwrap_or(i64::MAX / 4).max(1);
            step = step.saturating_mul(2).max(left.saturating_sub(i64::try_from(PAGE).unwrap_or(0) + 1));
            loop {
                let probe = match high {
                    Some(high) => low + (high - low) / 2,
                    None => low.saturating_add(step),
                };
                let after = self.client.history(kind, Some(probe)).await?;
                if after.history.as_ref().is_some_and(|rows| !rows.is_empty()) {
                    page = after;
                    break;
                }
                high = Some(probe);
                if probe <= low + 1 {
                    return Ok(low);
                }
            }
        }
    }

    /// The bodies of a page's rows.
    async fn bodies(&self, kind: Kind, rows: Vec<Value>) -> Result<Vec<Vec<u8>>, ApiError> {
        let mut groups: Vec<(Option<String>, Vec<Value>)> = Vec::new();
        let mut wanted = BTreeSet::new();
        let mut survivors: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for row in rows {
            let id = entity_id(&row, kind.singular());
            if let Some(id) = &id {
                survivors.entry(id.clone()).or_default().extend(entity_id(&row, "combinedTo"));
            }
            match groups.iter_mut().find(|(known, _)| known.is_some() && *known == id) {
                Some((_, rows)) => rows.push(row),
                None => groups.push((id, vec![row])),
            }
        }
        for (id, rows) in &groups {
            let Some(id) = id else { continue };
            if self.needs_reading(kind, rows) {
                wanted.insert(By::Id(id.clone()));
            }
            if kind == Kind::Customer {
                wanted.extend(survivors.get(id).into_iter().flatten().cloned().map(By::Id));
            }
        }
        let found = self.client.entities(kind, &wanted).await?;
        let mut bodies = Vec::with_capacity(groups.len());
        for (id, rows) in groups {
            let mut document = Document::default();
            let with: BTreeSet<&String> = id.iter().chain(id.iter().flat_map(|id| &survivors[id])).collect();
            let entities =
                found.iter().filter(|entity| id_of(entity).is_some_and(|found| with.contains(&found))).cloned();
            match kind {
                Kind::Customer => document.customers = entities.collect(),
                Kind::Order => document.orders = entities.collect(),
            }
            if kind == Kind::Customer && self.carts {
                for customer in &document.customers {
                    let site = customer.get("site").and_then(Value::as_str).or(self.site);
                    if let (Some(site), Some(id)) = (site, id_of(customer)) {
                        document.carts.extend(self.client.cart(site, &By::Id(id)).await?);
                    }
                }
            }
            match kind {
                Kind::Customer => document.customer_rows = rows,
                Kind::Order => document.order_rows = rows,
            }
            bodies.extend(serde_json::to_vec(&document));
        }
        Ok(bodies)
    }

    /// Whether the rows of one entity leave open what must be known.
    fn needs_reading(&self, kind: Kind, rows: &[Value]) -> bool {
        let rows: Vec<Row> = rows.iter().filter_map(|row| serde_json::from_value(row.clone()).ok()).collect();
        let mut rows = rows.iter().filter(|row| !row.is_ours()).peekable();
        if kind == Kind::Customer {
            return rows.peek().is_some();
        }
        // A new order's row holds all of it, and changes of status need nothing more.
        let mut told = false;
        rows.any(|row| {
            told |=
                row.created == Some(true) && row.order.as_ref().is_some_and(|order| order.is_whole(self.connection));
            !told || (row.created != Some(true) && row.field.as_deref() != Some("status") && row.deleted != Some(true))
        })
    }
}

/// The last row's id and whether nothing follows it.
fn end_of(page: &HistoryPage) -> (Option<i64>, bool) {
    let rows = page.history.as_deref().unwrap_or_default();
    (last_of(rows), rows.len() < PAGE && page.pagination.total_page_count <= 1)
}

fn last_of(rows: &[Value]) -> Option<i64> {
    rows.iter().filter_map(|row| id_of(row)?.parse().ok()).max()
}

fn entity_id(row: &Value, field: &str) -> Option<String> {
    id_of(row.get(field)?)
}

fn id_of(value: &Value) -> Option<String> {
    names(std::slice::from_ref(value.get("id")?), "code").into_iter().next()
}
