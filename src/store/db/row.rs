//! Rows that come back, read column by column in the order of the statement's list.

use serde::de::DeserializeOwned;
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

use crate::journey::time::Timestamp;
use crate::store::{Result, StoreError};

/// One row, and what it was asked for.
pub(in crate::store) struct Row {
    what: &'static str,
    inner: Inner,
}

enum Inner {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// Reads a row's columns from the first on.
pub(in crate::store) struct Fields<'r> {
    row: &'r Row,
    next: usize,
}

impl Row {
    pub(super) fn sqlite(what: &'static str, rows: Vec<SqliteRow>) -> Vec<Self> {
        rows.into_iter().map(|row| Self { what, inner: Inner::Sqlite(row) }).collect()
    }

    pub(super) fn postgres(what: &'static str, rows: Vec<PgRow>) -> Vec<Self> {
        rows.into_iter().map(|row| Self { what, inner: Inner::Postgres(row) }).collect()
    }

    /// The columns, from the first on.
    pub(in crate::store) fn fields(&self) -> Fields<'_> {
        Fields { row: self, next: 0 }
    }
}

macro_rules! take {
    ($fields:ident) => {{
        let index = $fields.next;
        $fields.next += 1;
        match &$fields.row.inner {
            Inner::Sqlite(row) => row.try_get(index),
            Inner::Postgres(row) => row.try_get(index),
        }
        .map_err(|source| StoreError::Query { what: $fields.row.what, source })
    }};
}

impl Fields<'_> {
    pub(in crate::store) fn int(&mut self) -> Result<i64> {
        take!(self)
    }

    pub(in crate::store) fn maybe_int(&mut self) -> Result<Option<i64>> {
        take!(self)
    }

    pub(in crate::store) fn flag(&mut self) -> Result<bool> {
        Ok(self.int()? != 0)
    }

    pub(in crate::store) fn count(&mut self) -> Result<u64> {
        Ok(u64::try_from(self.int()?).unwrap_or_default())
    }

    pub(in crate::store) fn time(&mut self) -> Result<Timestamp> {
        self.int().map(Timestamp::from_micros)
    }

    pub(in crate::store) fn maybe_time(&mut self) -> Result<Option<Timestamp>> {
        Ok(self.maybe_int()?.map(Timestamp::from_micros))
    }

    pub(in crate::store) fn text(&mut self) -> Result<String> {
        take!(self)
    }

    pub(in crate::store) fn maybe_text(&mut self) -> Result<Option<String>> {
        take!(self)
    }

    pub(in crate::store) fn bytes(&mut self) -> Result<Vec<u8>> {
        take!(self)
    }

    pub(in crate::store) fn maybe_bytes(&mut self) -> Result<Option<Vec<u8>>> {
        take!(self)
    }

    pub(in crate::store) fn json<T: DeserializeOwned>(&mut self) -> Result<T> {
        let text = self.text()?;
        serde_json::from_str(&text).map_err(|source| StoreError::Document { what: self.row.what, source })
    }

    pub(in crate::store) fn maybe_json<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        let text = self.maybe_text()?;
        text.map(|text| serde_json::from_str(&text))
            .transpose()
            .map_err(|source| StoreError::Document { what: self.row.what, source })
    }

    /// One of our own words, by its `parse`.
    pub(in crate::store) fn word<T>(&mut self, parse: impl Fn(&str) -> Option<T>) -> Result<T> {
        let word = self.text()?;
        parse(&word).ok_or(StoreError::Word { what: self.row.what, word })
    }
}
