//! One way to speak to two engines: pools, transactions, and SQL written once.
//!
//! Statements are written in the words that both engines take. Two phrases are PostgreSQL's and are translated for SQLite:
//! `= ANY($n)` over a list ([`Arg::Texts`], [`Arg::Ints`]) reads the list from a JSON text instead, and `FOR UPDATE` with
//! what follows it on its line is left out, because SQLite has one writer at a time anyway.

mod arg;
mod busy;
mod lazy;
mod row;

use std::borrow::Cow;
use std::sync::Arc;

use sqlx::{AssertSqlSafe, PgPool, Postgres, SqlitePool};
use tokio::sync::Mutex;

pub(super) use arg::{Arg, indexed};
pub(super) use row::Row;

use super::{Engine, Result, StoreError};

/// Connections for writing and for reading, apart from each other: a reader never waits for a writer's connection.
#[derive(Clone, Debug)]
pub(super) enum Pools {
    Sqlite { write: SqlitePool, read: SqlitePool, turn: Arc<Mutex<()>>, busy: Arc<busy::Busy> },
    Postgres { write: PgPool, read: PgPool },
}

#[derive(Debug)]
pub(super) enum Transaction {
    Sqlite(lazy::Lazy),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Pools {
    pub(super) fn engine(&self) -> Engine {
        match self {
            Self::Sqlite { .. } => Engine::Sqlite,
            Self::Postgres { .. } => Engine::Postgres,
        }
    }

    pub(super) async fn begin(&self) -> Result<Transaction> {
        match self {
            // A transaction that first reads and then writes could not be upgraded while another one writes.
            Self::Sqlite { write, read, busy, .. } => {
                let mut tx = lazy::Lazy::new((write, read, busy), None);
                tx.writing().await.map(drop)?;
                Ok(Transaction::Sqlite(tx))
            }
            Self::Postgres { write, .. } => {
                write.begin().await.map(Transaction::Postgres).map_err(failed("begin a transaction"))
            }
        }
    }

    /// Begins a transaction that reads and thinks before it writes. SQLite's takes the database's one writer no sooner than
    /// it writes, and keeps nobody else from writing until then. `in_turn`: after all others that were begun so.
    pub(super) async fn begin_reading(&self, in_turn: bool) -> Result<Transaction> {
        match self {
            Self::Sqlite { write, read, turn, busy } => {
                let turn = if in_turn { Some(Arc::clone(turn).lock_owned().await) } else { None };
                Ok(Transaction::Sqlite(lazy::Lazy::new((write, read, busy), turn)))
            }
            Self::Postgres { .. } => self.begin().await,
        }
    }

    pub(super) async fn fetch(&self, what: &'static str, sql: &str, args: Vec<Arg<'_>>) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite { read, .. } => {
                let statement = AssertSqlSafe(for_sqlite(sql).into_owned());
                let query = sqlx::query_with(statement, arg::sqlite(what, args)?);
                query.fetch_all(read).await.map(|rows| Row::sqlite(what, rows))
            }
            Self::Postgres { read, .. } => {
                let query = sqlx::query_with(AssertSqlSafe(sql.to_owned()), arg::postgres(what, args)?);
                query.fetch_all(read).await.map(|rows| Row::postgres(what, rows))
            }
        }
        .map_err(failed(what))
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite { write, read, .. } => {
                // The writer last: the last connection to close folds the write-ahead log into the file.
                read.close().await;
                write.close().await;
            }
            Self::Postgres { write, read } => {
                read.close().await;
                write.close().await;
            }
        }
    }
}

impl Transaction {
    pub(super) fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    /// Locks customers until the transaction ends, where the statement that reads them does not.
    pub(super) async fn take_in_hand(&mut self, customers: &[String]) {
        match self {
            Self::Sqlite(tx) => tx.hold(customers).await,
            Self::Postgres(_) => {}
        }
    }

    pub(super) async fn begin_writing(&mut self) -> Result<()> {
        match self {
            Self::Sqlite(tx) => tx.writing().await.map(drop),
            Self::Postgres(_) => Ok(()),
        }
    }

    /// Keeps names from other transactions of this process until this one ends; on PostgreSQL a transaction that reads names
    /// is the only one of all nodes.
    pub(super) async fn hold(&mut self, names: &[String]) {
        if let Self::Sqlite(tx) = self {
            tx.hold(names).await;
        }
    }

    pub(super) async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres(tx) => tx.commit().await.map_err(failed("commit a transaction")),
        }
    }

    /// Runs a statement and tells how many rows it touched.
    pub(super) async fn execute(&mut self, what: &'static str, sql: &str, args: Vec<Arg<'_>>) -> Result<u64> {
        match self {
            Self::Sqlite(tx) => {
                let statement = AssertSqlSafe(for_sqlite(sql).into_owned());
                let query = sqlx::query_with(statement, arg::sqlite(what, args)?);
                query.execute(tx.writing().await?).await.map(|done| done.rows_affected())
            }
            Self::Postgres(tx) => {
                let query = sqlx::query_with(AssertSqlSafe(sql.to_owned()), arg::postgres(what, args)?);
                query.execute(&mut **tx).await.map(|done| done.rows_affected())
            }
        }
        .map_err(failed(what))
    }

    /// Runs a statement that only reads, and takes the rows it returns.
    pub(super) async fn look(&mut self, what: &'static str, sql: &str, args: Vec<Arg<'_>>) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite(tx) => {
                let statement = AssertSqlSafe(for_sqlite(sql).into_owned());
                let query = sqlx::query_with(statement, arg::sqlite(what, args)?);
                match tx.open() {
                    Some(open) => query.fetch_all(open).await,
                    None => query.fetch_all(tx.reading()).await,
                }
                .map(|rows| Row::sqlite(what, rows))
                .map_err(failed(what))
            }
            Self::Postgres(_) => self.fetch(what, sql, args).await,
        }
    }

    /// Runs a statement that writes, and takes the rows it returns.
    pub(super) async fn fetch(&mut self, what: &'static str, sql: &str, args: Vec<Arg<'_>>) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite(tx) => {
                let statement = AssertSqlSafe(for_sqlite(sql).into_owned());
                let query = sqlx::query_with(statement, arg::sqlite(what, args)?);
                query.fetch_all(tx.writing().await?).await.map(|rows| Row::sqlite(what, rows))
            }
            Self::Postgres(tx) => {
                let query = sqlx::query_with(AssertSqlSafe(sql.to_owned()), arg::postgres(what, args)?);
                query.fetch_all(&mut **tx).await.map(|rows| Row::postgres(what, rows))
            }
        }
        .map_err(failed(what))
    }
}

fn failed(what: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |source| StoreError::Query { what, source }
}

/// PostgreSQL's two phrases in SQLite's words.
fn for_sqlite(sql: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(sql);
    while let Some(start) = text.find("= ANY(") {
        let open = start + "= ANY(".len();
        let Some(close) = text[open..].find(')') else { break };
        let parameter = &text[open..open + close];
        text = format!("{}IN (SELECT value FROM json_each({parameter})){}", &text[..start], &text[open + close + 1..])
            .into();
    }
    while let Some(start) = text.find("FOR UPDATE") {
        let end = text[start..].find([')', '\n']).map_or(text.len(), |length| start + length);
        text = format!("{}{}", &text[..start], &text[end..]).into();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::for_sqlite;

    #[test]
    fn two_phrases_are_translated_and_nothing_else() {
        let check = |sql: &str, expected: &str| assert_eq!(for_sqlite(sql), expected);
        check("SELECT 1", "SELECT 1");
        check(
            "SELECT a FROM t WHERE a = ANY($1) AND b = ANY($2)",
            "SELECT a FROM t WHERE a IN (SELECT value FROM json_each($1)) AND b IN (SELECT value FROM json_each($2))",
        );
        check(
            "UPDATE t SET a = (SELECT b LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING a",
            "UPDATE t SET a = (SELECT b LIMIT 1 ) RETURNING a",
        );
        check("SELECT a FROM t FOR UPDATE", "SELECT a FROM t ");
    }
}
