//! What can go wrong in the store: the step that failed and what it was about. The source is in the chain, not in the text.

use std::path::PathBuf;

use super::MessageState;

/// The result of everything in the store.
pub type Result<T> = std::result::Result<T, StoreError>;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address names no database that we know.
    #[error("the database url must begin with `sqlite:` or `postgres://`")]
    Url,
    /// The folder of the database file could not be made.
    #[error("cannot make the folder {}", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another daemon works on the file.
    #[error(
        "another milepost daemon works on {}; stop it first, or use PostgreSQL if there are to be several",
        .path.display()
    )]
    Taken {
        /// The database file.
        path: PathBuf,
    },
    /// The file that keeps other daemons away could not be locked.
    #[error("cannot lock {}", .path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No connection.
    #[error("cannot open the database")]
    Open(#[source] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("cannot bring the database's schema up to date")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// A statement failed.
    #[error("the database could not {what}")]
    Query {
        /// What it was to do.
        what: &'static str,
        /// Why.
        source: sqlx::Error,
    },
    /// A stored document does not read as what it should be.
    #[error("a stored document could not be read back to {what}")]
    Document {
        /// What it was read for.
        what: &'static str,
        /// Why.
        source: serde_json::Error,
    },
    /// A document could not be written as JSON.
    #[error("a document could not be written as JSON to {what}")]
    Encode {
        /// What it was written for.
        what: &'static str,
        /// Why.
        source: serde_json::Error,
    },
    /// A column holds a word that this version does not know.
    #[error("the database holds `{word}` where one of Milepost's own words should be, found to {what}")]
    Word {
        /// What it was read for.
        what: &'static str,
        /// The word.
        word: String,
    },
    /// Stored bytes could not be opened.
    #[error("stored bytes are damaged or of a newer version")]
    Sealed(#[source] std::io::Error),
    /// Codes of a pattern need a secret that is made when the daemon starts.
    #[error("the secret that promo codes are made with is missing; it is made when the daemon starts")]
    NoSeed,
    /// An outcome names a state that no hand-over ends in.
    #[error("no hand-over ends in the state `{0}`")]
    Outcome(MessageState),
}

impl StoreError {
    /// Whether the same call may well succeed later: the database was busy, restarted or chose us to break a deadlock.
    pub fn is_temporary(&self) -> bool {
        let (Self::Query { source, .. } | Self::Open(source)) = self else { return false };
        match source {
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed => true,
            // SQLite: busy, locked. PostgreSQL: serialisation failure, deadlock, shutting down, starting up, connection lost.
            sqlx::Error::Database(error) => error.code().is_some_and(|code| {
                matches!(code.as_ref(), "5" | "6" | "261" | "262" | "517" | "40001" | "40P01" | "57P01" | "57P03")
                    || code.starts_with("08")
            }),
            _ => false,
        }
    }

    /// Whether a row with the same unique key was there already.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Query { source: sqlx::Error::Database(error), .. } if error.is_unique_violation())
    }
}
