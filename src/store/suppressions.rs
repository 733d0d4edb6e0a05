//! Addresses that must not be written to, each with the first reason and its source.

use std::collections::{BTreeSet, HashSet};

use serde::Serialize;

use super::db::{Arg, Row, indexed};
use super::rows::Many;
use super::{Result, Store, Tx};
use crate::journey::time::Timestamp;

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
}

impl Tx {
    /// Suppresses addresses: (address, reason, source, when, detail). One that is suppressed already keeps its first reason.
    pub async fn suppress(&mut self, addresses: &[(String, &str, &str, Timestamp, String)]) -> Result<()> {
        const MANY: Many = Many {
            what: "suppress addresses",
            head: "INSERT INTO suppressions (address, reason, source, at, detail) VALUES",
            tail: "ON CONFLICT (address) DO NOTHING",
        };
        let folded: Vec<String> = addresses.iter().map(|(address, ..)| fold(address)).collect();
        let mut seen = BTreeSet::new();
        let rows = folded
            .iter()
            .zip(addresses)
            .filter(|(address, _)| seen.insert(address.as_str()))
            .map(|(address, (_, reason, source, at, detail))| {
                [Arg::indexed(address), Arg::text(reason), Arg::text(source), Arg::time(*at), Arg::text(detail)]
            })
            .collect();
        self.execute_many(&MANY, rows).await.map(drop)
    }

    /// Of addresses, those that are suppressed, as they were asked for.
    pub async fn suppressed(&mut self, addresses: &[String]) -> Result<HashSet<String>> {
        if addresses.is_empty() {
            return Ok(HashSet::new());
        }
        let folded = folded(addresses);
        let rows = self.look(SUPPRESSED.0, SUPPRESSED.1, vec![Arg::texts(folded.iter().map(String::as_str))]).await?;
        as_asked(addresses, &folded, &rows)
    }

    /// Lets an address be written to again; tells whether it was suppressed.
    pub async fn unsuppress(&mut self, address: &str) -> Result<bool> {
        const SQL: &str = "DELETE FROM suppressions WHERE address = $1";
        Ok(self.execute("lift a suppression", SQL, vec![Arg::indexed(&fold(address))]).await? > 0)
    }
}

impl Store {
    /// The same outside a transaction.
    pub async fn suppressed(&self, addresses: &[String]) -> Result<HashSet<String>> {
        if addresses.is_empty() {
            return Ok(HashSet::new());
        }
        let folded = folded(addresses);
        let rows = self.read(SUPPRESSED.0, SUPPRESSED.1, vec![Arg::texts(folded.iter().map(String::as_str))]).await?;
        as_asked(addresses, &folded, &rows)
    }

    /// The suppression of one address.
    pub async fn suppressed_one(&self, address: &str) -> Result<Option<Suppression>> {
        const SQL: &str = "SELECT address, reason, source, at, detail FROM suppressions WHERE address = $1";
        let rows = self.read("look for a suppression", SQL, vec![Arg::indexed(&fold(address))]).await?;
        rows.first().map(suppression).transpose()
    }

    /// Suppressions, the latest first.
    pub async fn suppressions(&self, limit: usize) -> Result<Vec<Suppression>> {
        const SQL: &str =
            "SELECT address, reason, source, at, detail FROM suppressions ORDER BY at DESC, address LIMIT $1";
        self.read("list suppressions", SQL, vec![Arg::count(limit)]).await?.iter().map(suppression).collect()
    }
}

const SUPPRESSED: (&str, &str) =
    ("find suppressed addresses", "SELECT address FROM suppressions WHERE address = ANY($1)");

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
    })
}
