//! One document a customer, and the keys that name customers.
//!
//! A customer that was merged into another keeps its row with `merged_into` set, which always names a survivor that is not
//! itself merged. Such a row is never due, never loaded for advancing and never saved again; reads by its id give the
//! survivor.

mod keys;
mod lists;

use std::collections::{BTreeMap, HashMap};

use super::db::{Arg, Row};
use super::rows::Many;
use super::{Result, Store, Tx};
use crate::journey::customer::Customer;
use crate::journey::event::Key;
use crate::journey::time::Timestamp;

/// The columns of a customer that stand in indexes, apart from its id: its next own moment, its rulebook, and the earlier
/// ones as which something of it finishes.
pub(super) type Indexed = (Option<Timestamp>, String, Option<String>);

impl Tx {
    /// Documents by id, locked until the transaction ends; unknown and merged customers are absent.
    pub async fn load_customers(&mut self, ids: &[String]) -> Result<HashMap<String, Customer>> {
        // Locked in the order of ids, so that two transactions cannot wait for each other.
        const SQL: &str =
            "SELECT doc, due_at, rulebook, earlier FROM customers WHERE id = ANY($1) AND merged_into IS NULL
            ORDER BY id FOR UPDATE";
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        self.inner.take_in_hand(ids).await;
        let rows = self.look("load customers", SQL, vec![Arg::texts(ids.iter().map(String::as_str))]).await?;
        let mut loaded = HashMap::with_capacity(rows.len());
        for row in &rows {
            let mut fields = row.fields();
            let customer: Customer = fields.json()?;
            self.indexed.insert(customer.id.clone(), (fields.maybe_time()?, fields.text()?, fields.maybe_text()?));
            loaded.insert(customer.id.clone(), customer);
        }
        Ok(loaded)
    }

    /// Who each of these customers is today: the survivor of a merged one, else itself; unknown ones are absent.
    pub async fn survivors(&mut self, ids: &[String]) -> Result<HashMap<String, String>> {
        const SQL: &str = "SELECT id, COALESCE(merged_into, id) FROM customers WHERE id = ANY($1)";
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = self.look("find survivors", SQL, vec![Arg::texts(ids.iter().map(String::as_str))]).await?;
        rows.iter()
            .map(|row| {
                let mut fields = row.fields();
                Ok((fields.text()?, fields.text()?))
            })
            .collect()
    }

    /// Writes documents whole, new or not. Of one that is in the slice twice the last stays.
    pub async fn save_customers(&mut self, customers: &[&Customer]) -> Result<()> {
        const WHOLE: Many = Many {
            what: "save customers",
            head: "INSERT INTO customers (id, doc, due_at, rulebook, earlier) VALUES",
            tail: "ON CONFLICT (id) DO UPDATE SET doc = excluded.doc, due_at = excluded.due_at, rulebook = excluded.rulebook,
                earlier = excluded.earlier
                WHERE customers.merged_into IS NULL",
        };
        // Engines write to an index when a column in it is set, even to what it was.
        const DOCUMENT: Many = Many {
            tail: "ON CONFLICT (id) DO UPDATE SET doc = excluded.doc WHERE customers.merged_into IS NULL",
            ..WHOLE
        };
        let once: BTreeMap<&str, &Customer> =
            customers.iter().map(|customer| (customer.id.as_str(), *customer)).collect();
        let (mut whole, mut documents) = (Vec::new(), Vec::new());
        for customer in once.into_values() {
            let doc = Arg::json(WHOLE.what, customer)?;
            let earlier = customer.earlier().into_iter().collect::<Vec<_>>().join(" ");
            let indexed = (customer.due_at(), customer.rulebook.clone(), Some(earlier).filter(|all| !all.is_empty()));
            let same = self.indexed.get(&customer.id) == Some(&indexed);
            let (due, book, earlier) = indexed.clone();
            let row = [
                Arg::text(&customer.id),
                doc,
                Arg::maybe_time(due),
                Arg::Text(Some(book.into())),
                Arg::Text(earlier.map(Into::into)),
            ];
            if same {
                documents.push(row);
            } else {
                whole.push(row);
                self.indexed.insert(customer.id.clone(), indexed);
            }
        }
        for (many, rows) in [(&WHOLE, whole), (&DOCUMENT, documents)] {
            self.execute_many(many, rows).await?;
        }
        Ok(())
    }

    /// Marks a customer as merged into another: its keys and those merged into it earlier name the survivor from here on.
    /// What it did and was sent stays under its own id; reads of the survivor include it.
    pub async fn retire_customer(&mut self, loser: &str, into: &str, at: Timestamp) -> Result<()> {
        const ROW: &str = "UPDATE customers SET merged_into = $2, merged_at = $3, due_at = NULL WHERE id = $1";
        const EARLIER: &str = "UPDATE customers SET merged_into = $2 WHERE merged_into = $1";
        const KEYS: &str = "UPDATE customer_keys SET customer = $2 WHERE customer = $1";
        if loser == into {
            return Ok(());
        }
        self.execute("retire a customer", ROW, vec![Arg::text(loser), Arg::text(into), Arg::time(at)]).await?;
        self.execute("redirect merged customers", EARLIER, vec![Arg::text(loser), Arg::text(into)]).await?;
        self.execute("repoint a customer's keys", KEYS, vec![Arg::text(loser), Arg::text(into)]).await?;
        Ok(())
    }
}

impl Store {
    /// Every merge so far: who is gone, into whom, and when.
    pub async fn merges(&self) -> Result<Vec<(String, String, Timestamp)>> {
        const SQL: &str = "SELECT id, merged_into, merged_at FROM customers WHERE merged_into IS NOT NULL";
        let rows = self.read("read merges", SQL, Vec::new()).await?;
        rows.iter()
            .map(|row| {
                let mut fields = row.fields();
                Ok((fields.text()?, fields.text()?, fields.time()?))
            })
            .collect()
    }

    /// A customer by id; of a merged one, the survivor.
    pub async fn customer(&self, id: &str) -> Result<Option<Customer>> {
        const SQL: &str = "SELECT doc FROM customers
            WHERE id = (SELECT COALESCE(merged_into, id) FROM customers WHERE id = $1)";
        let rows = self.read("read a customer", SQL, vec![Arg::text(id)]).await?;
        rows.first().map(document).transpose()
    }

    /// Who customers are today, each under the id that was asked for: of a merged one, the survivor.
    pub async fn customers(&self, ids: &[String]) -> Result<HashMap<String, Customer>> {
        const SQL: &str = "SELECT asked.id, today.doc FROM customers AS asked
            JOIN customers AS today ON today.id = COALESCE(asked.merged_into, asked.id) WHERE asked.id = ANY($1)";
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = self.read("read customers", SQL, vec![Arg::texts(ids.iter().map(String::as_str))]).await?;
        rows.iter()
            .map(|row| {
                let mut fields = row.fields();
                Ok((fields.text()?, fields.json()?))
            })
            .collect()
    }

    /// A customer by a key.
    pub async fn customer_by_key(&self, key: &Key) -> Result<Option<Customer>> {
        const SQL: &str = "SELECT doc FROM customers WHERE id = (SELECT COALESCE(named.merged_into, named.id)
            FROM customer_keys JOIN customers AS named ON named.id = customer_keys.customer
            WHERE kind = $1 AND value = $2)";
        let rows =
            self.read("find a customer by a key", SQL, vec![Arg::text(&key.kind), Arg::indexed(&key.value)]).await?;
        rows.first().map(document).transpose()
    }

    /// A customer as people name them: by Milepost's id or by a key ([`Key::named`]).
    pub async fn customer_named(&self, name: &str) -> Result<Option<Customer>> {
        match Key::named(name) {
            Some(key) => self.customer_by_key(&key).await,
            None => self.customer(name).await,
        }
    }

    /// A customer's id with those of everyone who was merged into the same survivor; the id alone if it is unknown.
    pub(super) async fn family(&self, id: &str) -> Result<Vec<String>> {
        const SQL: &str = "SELECT member.id FROM customers AS member, customers AS asked
            WHERE asked.id = $1
            AND (member.id = COALESCE(asked.merged_into, asked.id) OR member.merged_into = COALESCE(asked.merged_into, asked.id))";
        let rows = self.read("find merged customers", SQL, vec![Arg::text(id)]).await?;
        let family = rows.iter().map(|row| row.fields().text()).collect::<Result<Vec<_>>>()?;
        Ok(if family.is_empty() { vec![id.to_owned()] } else { family })
    }
}

fn document(row: &Row) -> Result<Customer> {
    row.fields().json()
}
