//! How far each connection was read, and small things worth remembering.

use std::collections::BTreeMap;

use super::db::Arg;
use super::{Result, Store, Tx};

impl Tx {
    /// Sets how far a stream of a connection was read; commit it with what it covers.
    pub async fn set_cursor(&mut self, connection: &str, stream: &str, value: &str) -> Result<()> {
        const SQL: &str = "INSERT INTO cursors (connection, stream, value) VALUES ($1, $2, $3)
            ON CONFLICT (connection, stream) DO UPDATE SET value = excluded.value";
        let args = vec![Arg::text(connection), Arg::text(stream), Arg::text(value)];
        self.execute("set a cursor", SQL, args).await.map(drop)
    }

    /// Remembers a small value under a name.
    pub async fn set_note(&mut self, name: &str, value: &str) -> Result<()> {
        const SQL: &str = "INSERT INTO notes (name, value) VALUES ($1, $2)
            ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        self.execute("set a note", SQL, vec![Arg::text(name), Arg::text(value)]).await.map(drop)
    }

    /// Remembers a small value under a name unless there is one; gives the one that stands. Two processes that make a secret
    /// at the same time so come to the same one.
    pub async fn keep_note(&mut self, name: &str, value: &str) -> Result<String> {
        const SQL: &str = "INSERT INTO notes (name, value) VALUES ($1, $2)
            ON CONFLICT (name) DO UPDATE SET value = notes.value RETURNING value";
        let rows = self.fetch("keep a note", SQL, vec![Arg::text(name), Arg::text(value)]).await?;
        rows.first().map_or_else(|| Ok(value.to_owned()), |row| row.fields().text())
    }
}

impl Store {
    /// How far each stream of a connection was read.
    pub async fn cursors(&self, connection: &str) -> Result<BTreeMap<String, String>> {
        const SQL: &str = "SELECT stream, value FROM cursors WHERE connection = $1";
        let rows = self.read("read cursors", SQL, vec![Arg::text(connection)]).await?;
        rows.iter()
            .map(|row| {
                let mut fields = row.fields();
                Ok((fields.text()?, fields.text()?))
            })
            .collect()
    }

    /// A value remembered under a name.
    pub async fn note(&self, name: &str) -> Result<Option<String>> {
        const SQL: &str = "SELECT value FROM notes WHERE name = $1";
        let rows = self.read("read a note", SQL, vec![Arg::text(name)]).await?;
        rows.first().map(|row| row.fields().text()).transpose()
    }
}
