//! What letters of one template have in common, kept once: without it they can't be read.

use std::collections::{HashMap, HashSet};

use super::db::{Arg, Row};
use super::vault::{self, Dictionary};
use super::{Result, Store, Tx};
use crate::journey::time::Timestamp;

const WANTED: (&str, &str) = ("read dictionaries", "SELECT id, content FROM dictionaries WHERE id = ANY($1)");

impl Tx {
    /// Keeps a dictionary; one that is kept already stays as it is. To be committed before the first letter by it.
    pub async fn keep_dictionary(&mut self, dictionary: &Dictionary, at: Timestamp) -> Result<()> {
        const SQL: &str =
            "INSERT INTO dictionaries (id, kept_at, content) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING";
        let id = dictionary.id();
        let args = vec![Arg::text(&id), Arg::time(at), Arg::Bytes(dictionary.content().into())];
        self.execute("keep a dictionary", SQL, args).await.map(drop)
    }

    /// Rows of a name and its stored bytes, opened.
    pub(super) async fn opened(&mut self, rows: &[Row]) -> Result<HashMap<String, Vec<u8>>> {
        let sealed = sealed(rows)?;
        let wanted = wanted(&sealed);
        let found = if wanted.is_empty() {
            Vec::new()
        } else {
            self.look(WANTED.0, WANTED.1, vec![Arg::texts(wanted.iter().map(String::as_str))]).await?
        };
        open_all(sealed, &found)
    }
}

impl Store {
    /// Whether a dictionary is kept.
    pub async fn has_dictionary(&self, dictionary: &Dictionary) -> Result<bool> {
        const SQL: &str = "SELECT CAST(1 AS BIGINT) FROM dictionaries WHERE id = $1";
        Ok(!self.read("look for a dictionary", SQL, vec![Arg::text(&dictionary.id())]).await?.is_empty())
    }

    /// Rows of a name and its stored bytes, opened.
    pub(super) async fn opened(&self, rows: &[Row]) -> Result<HashMap<String, Vec<u8>>> {
        let sealed = sealed(rows)?;
        let wanted = wanted(&sealed);
        let found = if wanted.is_empty() {
            Vec::new()
        } else {
            self.read(WANTED.0, WANTED.1, vec![Arg::texts(wanted.iter().map(String::as_str))]).await?
        };
        open_all(sealed, &found)
    }
}

fn sealed(rows: &[Row]) -> Result<HashMap<String, Vec<u8>>> {
    rows.iter()
        .map(|row| {
            let mut fields = row.fields();
            Ok((fields.text()?, fields.bytes()?))
        })
        .collect()
}

fn wanted(sealed: &HashMap<String, Vec<u8>>) -> HashSet<String> {
    sealed.values().filter_map(|bytes| vault::dictionary(bytes)).collect()
}

fn open_all(named: HashMap<String, Vec<u8>>, found: &[Row]) -> Result<HashMap<String, Vec<u8>>> {
    let dictionaries = sealed(found)?;
    let open = |(name, bytes): (String, Vec<u8>)| {
        let dictionary = vault::dictionary(&bytes).and_then(|id| dictionaries.get(&id));
        Ok((name, vault::open(&bytes, dictionary.map(Vec::as_slice))?))
    };
    named.into_iter().map(open).collect()
}
