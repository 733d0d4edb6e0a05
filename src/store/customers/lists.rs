//! Many customers: by id, by their own next moment, by the rulebook they were last advanced under.

use std::collections::BTreeSet;

use super::super::db::{Arg, Row};
use super::super::{Result, Store};
use super::document;
use crate::journey::customer::Customer;
use crate::journey::pause::hash_of;
use crate::journey::time::Timestamp;

impl Store {
    /// Customers with an id above `cursor` (empty for the first page), by id; merged ones are left out.
    pub async fn customers_after(&self, cursor: &str, limit: usize) -> Result<Vec<Customer>> {
        const SQL: &str = "SELECT doc FROM customers WHERE id > $1 AND merged_into IS NULL ORDER BY id LIMIT $2";
        let rows = self.read("read customers by id", SQL, vec![Arg::text(cursor), Arg::count(limit)]).await?;
        rows.iter().map(document).collect()
    }

    /// Customers whose own next moment has come, the longest overdue first.
    pub async fn due_customers(&self, now: Timestamp, limit: usize) -> Result<Vec<String>> {
        const SQL: &str = "SELECT id FROM customers WHERE due_at <= $1 ORDER BY due_at LIMIT $2";
        ids(&self.read("find due customers", SQL, vec![Arg::time(now), Arg::count(limit)]).await?)
    }

    /// The earliest own next moment of any customer.
    pub async fn next_due(&self) -> Result<Option<Timestamp>> {
        const SQL: &str = "SELECT MIN(due_at) FROM customers WHERE due_at IS NOT NULL";
        let rows = self.read("find the next due customer", SQL, vec![]).await?;
        rows.first().map_or(Ok(None), |row| row.fields().maybe_time())
    }

    /// Customers last advanced under another rulebook than this one.
    pub async fn outdated_customers(&self, rulebook: &str, limit: usize) -> Result<Vec<String>> {
        // Two ranges instead of `<>`: an index can answer those.
        const SQL: &str = "SELECT id FROM customers WHERE merged_into IS NULL AND rulebook < $1
            UNION ALL SELECT id FROM customers WHERE merged_into IS NULL AND rulebook > $1 LIMIT $2";
        ids(&self.read("find outdated customers", SQL, vec![Arg::text(rulebook), Arg::count(limit)]).await?)
    }

    /// The rulebooks that customers stand under, and the earlier ones as which something of theirs finishes.
    pub async fn rulebooks_in_use(&self) -> Result<BTreeSet<String>> {
        const SQL: &str = "SELECT DISTINCT rulebook FROM customers WHERE merged_into IS NULL
            UNION ALL SELECT DISTINCT earlier FROM customers WHERE earlier IS NOT NULL";
        let rows = self.read("find the rulebooks in use", SQL, vec![]).await?;
        let mut all = BTreeSet::new();
        for row in &rows {
            let editions = row.fields().text()?;
            all.extend(editions.split(' ').map(hash_of).filter(|hash| !hash.is_empty()).map(str::to_owned));
        }
        Ok(all)
    }

    /// How many customers there are, merged ones left out.
    pub async fn count_customers(&self) -> Result<u64> {
        const SQL: &str = "SELECT COUNT(*) FROM customers WHERE merged_into IS NULL";
        let rows = self.read("count customers", SQL, vec![]).await?;
        rows.first().map_or(Ok(0), |row| row.fields().count())
    }
}

fn ids(rows: &[Row]) -> Result<Vec<String>> {
    rows.iter().map(|row| row.fields().text()).collect()
}
