//! Opening a database: where it is, how its connections behave, and its schema.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::migrate::{Migrate, MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::db::Pools;
use super::{Result, StoreError, schema};

/// Enough for every text of the store in every chunk size.
const STATEMENTS: usize = 400;
/// More than most statements give.
const ROWS: usize = 1024;
const SQLITE_READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 8;
/// How long a SQLite connection waits for another process that writes.
const BUSY: Duration = Duration::from_secs(20);
/// How long it waits before it tries again to open a file.
const AGAIN: Duration = Duration::from_millis(20);

pub(super) async fn open(url: &str) -> Result<Pools> {
    if url.starts_with("sqlite:") {
        return match sqlite_file(url) {
            Some(path) => file(path).await,
            None => memory().await,
        };
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        server(url).await
    } else {
        Err(StoreError::Url)
    }
}

/// The file of a SQLite database that has one.
pub(super) fn sqlite_file(url: &str) -> Option<&Path> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    (path != ":memory:").then_some(Path::new(path))
}

/// Opens a file. Whoever comes while another turns a new file to write-ahead logging is refused at once, whatever the
/// waiting time of its connection: it tries again.
async fn file(path: &Path) -> Result<Pools> {
    let until = tokio::time::Instant::now() + BUSY;
    loop {
        match try_file(path).await {
            Err(error) if error.is_temporary() && tokio::time::Instant::now() < until => {
                tokio::time::sleep(AGAIN).await;
            }
            opened => return opened,
        }
    }
}

async fn try_file(path: &Path) -> Result<Pools> {
    if path.as_os_str().is_empty() {
        return Err(StoreError::Url);
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        private_folder(folder).map_err(|source| StoreError::Folder { path: folder.to_owned(), source })?;
    }
    let options = sqlite_options(SqliteConnectOptions::new().filename(path))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        // Fewer, larger check points: each one syncs the whole file.
        .pragma("wal_autocheckpoint", "4000")
        .pragma("journal_size_limit", "67108864");
    let write = writer(options.clone().pragma("cache_size", "-8192")).await?;
    let read = SqlitePoolOptions::new()
        .max_connections(SQLITE_READERS)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_with(options.pragma("query_only", "ON"))
        .await
        .map_err(StoreError::Open)?;
    Ok(Pools::Sqlite { write, read, turn: Arc::default(), busy: Arc::default() })
}

/// Makes the folder of the database, for the daemon's own user alone: customers and secrets lie in it.
fn private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

async fn memory() -> Result<Pools> {
    let write = writer(sqlite_options(SqliteConnectOptions::new().in_memory(true))).await?;
    Ok(Pools::Sqlite { read: write.clone(), write, turn: Arc::default(), busy: Arc::default() })
}

fn sqlite_options(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .foreign_keys(true)
        .busy_timeout(BUSY)
        .statement_cache_capacity(STATEMENTS)
        // A statement that gives more rows than this waits for their reader, at two thread switches a time.
        .row_buffer_size(ROWS)
        .pragma("temp_store", "MEMORY")
        .disable_statement_logging()
}

/// The one connection that writes, with the schema up to date.
async fn writer(options: SqliteConnectOptions) -> Result<sqlx::SqlitePool> {
    let pool = SqlitePoolOptions::new()
        .min_connections(1)
        .max_connections(1)
        // An in-memory database lives as long as its connection, and a file's keeps its prepared statements.
        .max_lifetime(None)
        .idle_timeout(None)
        .test_before_acquire(false)
        .connect_with(options)
        .await
        .map_err(StoreError::Open)?;
    // sqlx takes no lock on SQLite: two processes that start together would both apply the same step.
    let mut lock = pool.begin_with("BEGIN IMMEDIATE").await.map_err(StoreError::Open)?;
    migrate(&schema::SQLITE, &mut *lock).await?;
    lock.commit().await.map_err(|source| StoreError::Migrate(MigrateError::Execute(source)))?;
    Ok(pool)
}

async fn server(url: &str) -> Result<Pools> {
    let options = PgConnectOptions::from_str(url)
        .map_err(StoreError::Open)?
        .application_name("milepost")
        .statement_cache_capacity(STATEMENTS)
        .disable_statement_logging();
    let pool = || PgPoolOptions::new().max_connections(POSTGRES_CONNECTIONS);
    let write = pool().connect_with(options.clone()).await.map_err(StoreError::Open)?;
    migrate(&schema::POSTGRES, &mut *write.acquire().await.map_err(StoreError::Open)?).await?;
    let read = pool().connect_with(options).await.map_err(StoreError::Open)?;
    Ok(Pools::Postgres { write, read })
}

/// `Migrator::run` by its general form: the future of the handy one cannot be sent between threads.
async fn migrate<C: Migrate>(schema: &Migrator, connection: &mut C) -> Result<()> {
    schema.run_direct(None, connection, false).await.map_err(StoreError::Migrate)
}
