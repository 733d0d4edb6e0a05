//! A fresh database for one test.

use milepost::store::Store;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};
use tempfile::TempDir;

const SERVER: &str = "MILEPOST_TEST_POSTGRES";

/// A database that nobody else uses.
pub struct Place {
    /// The store on it.
    pub store: Store,
    url: String,
    schema: Option<String>,
    // Goes with the test.
    _folder: Option<TempDir>,
}

impl Place {
    /// A file in a folder of its own, which the store has to make.
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite:{}", folder.path().join("data/deep/milepost.db").display());
        let store = Store::open(&url).await.expect("opens");
        Self { store, url, schema: None, _folder: Some(folder) }
    }

    /// A schema of its own on the server that the tests were given.
    pub async fn postgres() -> Self {
        let (url, schema) = new_schema().await;
        let store = Store::open(&url).await.expect("opens");
        Self { store, url, schema: Some(schema), _folder: None }
    }

    /// The database's address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address of a second database beside this one, with nothing in it.
    pub async fn empty(&self) -> String {
        if self.schema.is_some() { new_schema().await.0 } else { format!("{}.second", self.url) }
    }

    /// Runs a statement behind the store's back.
    pub async fn run(&self, statement: &str) -> Result<(), sqlx::Error> {
        let statement = AssertSqlSafe(statement.to_owned());
        if self.schema.is_some() {
            PgConnection::connect(&self.url).await?.execute(statement).await.map(drop)
        } else {
            SqliteConnection::connect(&self.url).await?.execute(statement).await.map(drop)
        }
    }

    /// A second store on the same database, as another process would open it.
    pub async fn another(&self) -> Store {
        Store::open(&self.url).await.expect("opens again")
    }

    /// Lets the database go.
    pub async fn clear(self) {
        self.store.close().await;
        if let Some(schema) = &self.schema {
            administer(&format!("DROP SCHEMA {schema} CASCADE")).await;
        }
    }
}

async fn new_schema() -> (String, String) {
    let server = server();
    let schema = format!("milepost_test_{}", uuid::Uuid::now_v7().simple());
    administer(&format!("CREATE SCHEMA {schema}")).await;
    let mark = if server.contains('?') { '&' } else { '?' };
    (format!("{server}{mark}options[search_path]={schema}"), schema)
}

fn server() -> String {
    let given = std::env::var(SERVER).ok();
    given
        .unwrap_or_else(|| panic!("{SERVER} is not set: run the tests by tests/run, which starts a private PostgreSQL"))
}

async fn administer(statement: &str) {
    let mut connection = PgConnection::connect(&server()).await.expect("the PostgreSQL of the tests answers");
    connection.execute(AssertSqlSafe(statement.to_owned())).await.expect("the statement runs");
}
