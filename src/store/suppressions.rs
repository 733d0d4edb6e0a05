//! Addresses that must not be written to, each with its reason and source; some only for a time. Every change is on record.
//!
//! Invariant: one that is over counts nowhere, whether it was removed or not.

mod list;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::Serialize;

use super::db::{Arg, Row, indexed};
use super::rows::Many;
use super::words::words;
use super::{Result, Store, Tx};
use crate::journey::time::Timestamp;

pub use list::SuppressionFilter;

/// An address that must not be written to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suppression {
    /// The address, in lower case.
    pub address: String,
    /// Why, as a short stable code.
    pub reason: String,
    /// Where that was learnt.
    pub source: String,
    /// When.
    pub at: Timestamp,
    /// What was said, for instance the relay's reply.
    pub detail: String,
    /// From when on it counts no more; `None`: for good.
    pub expires_at: Option<Timestamp>,
}

words! {
    /// What became of a suppression.
    SuppressionChange {
        /// It was added, or made longer.
        Added = "added",
        /// It was taken off by somebody.
        Lifted = "lifted",
    }
}

/// One change of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SuppressionLog {
    /// What became of it.
    pub change: SuppressionChange,
    /// What was added, or taken off.
    pub of: Suppression,
}

impl Tx {
    /// Suppresses addresses; gives those for which that was news. One that is suppressed already keeps its first reason,
    /// unless the new one lasts longer.
    pub async fn suppress(&mut self, wanted: &[Suppression]) -> Result<Vec<String>> {
        const MANY: Many = Many {
            what: "suppress addresses",
            head: "INSERT INTO suppressions (address, reason, source, at, detail, expires_at) VALUES",
            tail:
                "ON CONFLICT (address) DO UPDATE SET reason = excluded.reason, source = excluded.source, at = excluded.at,
                detail = excluded.detail, expires_at = excluded.expires_at
                WHERE suppressions.expires_at IS NOT NULL
                    AND (excluded.expires_at IS NULL OR excluded.expires_at > suppressions.expires_at)
                RETURNING address",
        };
        // Of several for one address the longest counts, and of those the first.
        let mut longest: BTreeMap<String, &Suppression> = BTreeMap::new();
        for one in wanted {
            let place = longest.entry(fold(&one.address)).or_insert(one);
            let until = |of: &Suppression| of.expires_at.unwrap_or(Timestamp::MAX);
            if until(one) > until(place) {
                *place = one;
            }
        }
        let rows = longest.iter().map(|(address, one)| {
            [
                Arg::indexed(address),
                Arg::text(&one.reason),
                Arg::text(&one.source),
                Arg::time(one.at),
                Arg::text(&one.detail),
                Arg::maybe_time(one.expires_at),
            ]
        });
        let mut new = BTreeSet::new();
        for row in self.fetch_many(&MANY, rows.collect()).await? {
            new.insert(row.fields().text()?);
        }
        longest.retain(|address, _| new.contains(indexed(address).as_ref()));
        let log: Vec<(&str, SuppressionChange, &Suppression)> =
            longest.iter().map(|(address, one)| (address.as_str(), SuppressionChange::Added, *one)).collect();
        self.log_suppressions(&log).await?;
        Ok(longest.into_keys().collect())
    }

    /// Of addresses, those that are suppressed at a moment, as they were asked for.
    pub async fn suppressed(&mut self, addresses: &[String], now: Timestamp) -> Result<HashSet<String>> {
        if addresses.is_empty() {
            return Ok(HashSet::new());
        }
        let folded = folded(addresses);
        let args = vec![Arg::texts(folded.iter().map(String::as_str)), Arg::time(now)];
        let rows = self.look(SUPPRESSED.0, SUPPRESSED.1, args).await?;
        as_asked(addresses, &folded, &rows)
    }

    /// Lets an address be written to again, and records who said so and why; tells whether it was suppressed.
    pub async fn unsuppress(&mut self, address: &str, source: &str, note: &str, at: Timestamp) -> Result<bool> {
        const SQL: &str = "DELETE FROM suppressions WHERE address = $1
            RETURNING address, reason, source, at, detail, expires_at";
        let address = fold(address);
        let rows = self.fetch("lift a suppression", SQL, vec![Arg::indexed(&address)]).await?;
        let Some(row) = rows.first() else { return Ok(false) };
        let lifted = Suppression { source: source.into(), detail: note.into(), at, ..suppression(row)? };
        self.log_suppressions(&[(&address, SuppressionChange::Lifted, &lifted)]).await?;
        Ok(true)
    }

    async fn log_suppressions(&mut self, changes: &[(&str, SuppressionChange, &Suppression)]) -> Result<()> {
        const MANY: Many = Many {
            what: "record suppressions",
            head: "INSERT INTO suppression_log (address, change, reason, source, at, detail, expires_at) VALUES",
            tail: "",
        };
        let rows = changes.iter().map(|(address, change, of)| {
            [
                Arg::indexed(address),
                Arg::text(change.as_str()),
                Arg::text(&of.reason),
                Arg::text(&of.source),
                Arg::time(of.at),
                Arg::text(&of.detail),
                Arg::maybe_time(of.expires_at),
            ]
        });
        self.execute_many(&MANY, rows.collect()).await.map(drop)
    }
}

impl Store {
    /// The same as [`Tx::suppressed`] outside a transaction.
    pub async fn suppressed(&self, addresses: &[String], now: Timestamp) -> Result<HashSet<String>> {
        if addresses.is_empty() {
            return Ok(HashSet::new());
        }
        let folded = folded(addresses);
        let args = vec![Arg::texts(folded.iter().map(String::as_str)), Arg::time(now)];
        let rows = self.read(SUPPRESSED.0, SUPPRESSED.1, args).await?;
        as_asked(addresses, &folded, &rows)
    }

    /// The suppression of one address, over or not.
    pub async fn suppressed_one(&self, address: &str) -> Result<Option<Suppression>> {
        const SQL: &str = "SELECT address, reason, source, at, detail, expires_at FROM suppressions WHERE address = $1";
        let rows = self.read("look for a suppression", SQL, vec![Arg::indexed(&fold(address))]).await?;
        rows.first().map(suppression).transpose()
    }
}

const SUPPRESSED: (&str, &str) = (
    "find suppressed addresses",
    "SELECT address FROM suppressions WHERE address = ANY($1) AND (expires_at IS NULL OR expires_at > $2)",
);

/// Addresses as they stand in the list.
fn folded(addresses: &[String]) -> Vec<String> {
    addresses.iter().map(|address| indexed(&fold(address)).into_owned()).collect()
}

/// Of the addresses asked for, those whose folded form was found.
fn as_asked(addresses: &[String], folded: &[String], rows: &[Row]) -> Result<HashSet<String>> {
    let found = rows.iter().map(|row| row.fields().text()).collect::<Result<HashSet<_>>>()?;
    let asked = addresses.iter().zip(folded);
    Ok(asked.filter(|(_, folded)| found.contains(*folded)).map(|(address, _)| address.clone()).collect())
}

/// Mailboxes that differ by case alone are one mailbox everywhere that matters.
fn fold(address: &str) -> String {
    address.trim().to_lowercase()
}

fn suppression(row: &Row) -> Result<Suppression> {
    let mut fields = row.fields();
    Ok(Suppression {
        address: fields.text()?,
        reason: fields.text()?,
        source: fields.text()?,
        at: fields.time()?,
        detail: fields.text()?,
        expires_at: fields.maybe_time()?,
    })
}
