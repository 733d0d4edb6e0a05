//! The keys that name customers: each names one at most.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::db::{Arg, indexed};
use super::super::rows::Many;
use super::super::{Result, Store, Tx};
use crate::journey::event::Key;

impl Store {
    /// The keys that name these customers; those whom none names are absent.
    pub async fn keys_of(&self, customers: &[String]) -> Result<HashMap<String, Vec<Key>>> {
        const SQL: &str = "SELECT customer, kind, value FROM customer_keys WHERE customer = ANY($1)";
        let mut keys: HashMap<String, Vec<Key>> = HashMap::new();
        if customers.is_empty() {
            return Ok(keys);
        }
        let ids = Arg::texts(customers.iter().map(String::as_str));
        for row in self.read("read customers' keys", SQL, vec![ids]).await? {
            let mut fields = row.fields();
            let customer = fields.text()?;
            keys.entry(customer).or_default().push(Key { kind: fields.text()?, value: fields.text()? });
        }
        Ok(keys)
    }
}

impl Tx {
    /// The customers that keys name; keys that name nobody are absent.
    pub async fn find_keys(&mut self, keys: &[Key]) -> Result<HashMap<Key, String>> {
        // CROSS JOIN: SQLite then goes from the wanted keys to the table, not the other way round.
        const MANY: Many = Many {
            what: "find customers by keys",
            head: "WITH v (v_kind, v_value) AS (VALUES",
            tail: ") SELECT kind, value, customer FROM v CROSS JOIN customer_keys WHERE kind = v_kind AND value = v_value",
        };
        // The events of one body mostly bear the same keys.
        let keys: BTreeSet<&Key> = keys.iter().collect();
        let rows = keys.iter().map(|key| [Arg::text(&key.kind), Arg::indexed(&key.value)]).collect();
        let mut found = HashMap::new();
        for row in self.look_up_many(&MANY, rows).await? {
            let mut fields = row.fields();
            found.insert((fields.text()?, fields.text()?), fields.text()?);
        }
        let named = |key: &Key| found.get(&(key.kind.clone(), indexed(&key.value).into_owned())).cloned();
        Ok(keys.into_iter().filter_map(|key| named(key).map(|customer| (key.clone(), customer))).collect())
    }

    /// Makes keys name customers, whomever they named before.
    pub async fn put_keys(&mut self, keys: &[(Key, String)]) -> Result<()> {
        const MANY: Many = Many {
            what: "write customers' keys",
            head: "INSERT INTO customer_keys (kind, value, customer) VALUES",
            tail: "ON CONFLICT (kind, value) DO UPDATE SET customer = excluded.customer",
        };
        let once: BTreeMap<_, _> =
            keys.iter().map(|(key, customer)| ((key.kind.as_str(), indexed(&key.value)), customer.as_str())).collect();
        let rows = once
            .into_iter()
            .map(|((kind, value), customer)| [Arg::text(kind), Arg::Text(Some(value)), Arg::text(customer)])
            .collect();
        self.execute_many(&MANY, rows).await.map(drop)
    }
}
