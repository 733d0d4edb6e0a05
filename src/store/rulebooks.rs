//! The archive of rulebooks, and which of them is in force.

use super::db::Arg;
use super::{Result, Sealed, Store, Tx, vault};
use crate::journey::time::Timestamp;

/// The rulebook that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce {
    /// How many have come into force up to it.
    pub number: i64,
    /// Its hash.
    pub rulebook: String,
    /// Since when.
    pub at: Timestamp,
}

impl Tx {
    /// Keeps a rulebook's files under its hash; one that is kept already stays as it is.
    pub async fn keep_rulebook(&mut self, hash: &str, files: &Sealed, at: Timestamp) -> Result<()> {
        const SQL: &str =
            "INSERT INTO rulebooks (hash, kept_at, files) VALUES ($1, $2, $3) ON CONFLICT (hash) DO NOTHING";
        let args = vec![Arg::text(hash), Arg::time(at), Arg::Bytes(files.as_bytes().into())];
        self.execute("keep a rulebook", SQL, args).await.map(drop)
    }

    /// Puts a rulebook that is kept in force after the one with the number `after` (0: after none). `false`: another came
    /// first, and nothing was written.
    pub async fn put_in_force(&mut self, hash: &str, after: i64, at: Timestamp) -> Result<bool> {
        const SQL: &str = "INSERT INTO activations (number, rulebook, at) VALUES ($1, $2, $3)
            ON CONFLICT (number) DO NOTHING";
        let args = vec![Arg::int(after.saturating_add(1)), Arg::text(hash), Arg::time(at)];
        Ok(self.execute("put a rulebook in force", SQL, args).await? > 0)
    }
}

impl Store {
    /// The rulebook that is in force; `None` before the first start.
    pub async fn in_force(&self) -> Result<Option<InForce>> {
        const SQL: &str = "SELECT number, rulebook, at FROM activations ORDER BY number DESC LIMIT 1";
        let rows = self.read("find the rulebook in force", SQL, vec![]).await?;
        let in_force = rows.first().map(|row| {
            let mut fields = row.fields();
            Ok(InForce { number: fields.int()?, rulebook: fields.text()?, at: fields.time()? })
        });
        in_force.transpose()
    }

    /// The files of a rulebook that was ever in force.
    pub async fn rulebook_files(&self, hash: &str) -> Result<Option<Vec<u8>>> {
        const SQL: &str = "SELECT files FROM rulebooks WHERE hash = $1";
        let rows = self.read("read a rulebook", SQL, vec![Arg::text(hash)]).await?;
        rows.first().map(|row| vault::open(&row.fields().bytes()?, None)).transpose()
    }
}
