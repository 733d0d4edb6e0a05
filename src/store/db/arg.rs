//! Values handed to a statement.
//!
//! PostgreSQL's text cannot hold the character U+0000; it is replaced on both engines alike, so that what a stranger sends
//! can neither fail a batch nor be found on one engine and not on the other.

use std::borrow::Cow;
use std::fmt::Write;

use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::Arguments;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;

use crate::journey::time::Timestamp;
use crate::store::{Result, StoreError};

/// One value.
#[derive(Clone, Debug)]
pub(in crate::store) enum Arg<'a> {
    Int(Option<i64>),
    Text(Option<Cow<'a, str>>),
    Bytes(Cow<'a, [u8]>),
    /// A list, for `= ANY($n)`.
    Texts(Option<Vec<Cow<'a, str>>>),
    /// A list, for `= ANY($n)`.
    Ints(&'a [i64]),
}

impl<'a> Arg<'a> {
    pub(in crate::store) fn int(value: i64) -> Self {
        Self::Int(Some(value))
    }

    pub(in crate::store) fn count(value: usize) -> Self {
        Self::Int(Some(i64::try_from(value).unwrap_or(i64::MAX)))
    }

    pub(in crate::store) fn time(at: Timestamp) -> Self {
        Self::Int(Some(at.micros()))
    }

    pub(in crate::store) fn maybe_time(at: Option<Timestamp>) -> Self {
        Self::Int(at.map(Timestamp::micros))
    }

    pub(in crate::store) fn text(text: &'a str) -> Self {
        Self::Text(Some(clean(text)))
    }

    pub(in crate::store) fn maybe_text(text: Option<&'a str>) -> Self {
        Self::Text(text.map(clean))
    }

    /// Text from outside that a unique index must hold: see [`indexed`].
    pub(in crate::store) fn indexed(text: &'a str) -> Self {
        Self::Text(Some(indexed(text)))
    }

    pub(in crate::store) fn texts(list: impl IntoIterator<Item = &'a str>) -> Self {
        Self::Texts(Some(list.into_iter().map(clean).collect()))
    }

    pub(in crate::store) fn json(what: &'static str, value: &impl Serialize) -> Result<Self> {
        let text = serde_json::to_string(value).map_err(|source| StoreError::Encode { what, source })?;
        Ok(Self::Text(Some(text.into())))
    }
}

fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}

/// Text as it stands in an index. What is longer than any index should hold is named by its hash: a stranger's key of
/// megabytes must not fail the batch that it came in with.
pub(in crate::store) fn indexed(text: &str) -> Cow<'_, str> {
    const LONGEST: usize = 500;
    if text.len() <= LONGEST {
        return clean(text);
    }
    let mut name = String::from("sha256:");
    for byte in Sha256::digest(text.as_bytes()) {
        let _ = write!(name, "{byte:02x}");
    }
    name.into()
}

pub(super) fn sqlite(what: &'static str, args: Vec<Arg<'_>>) -> Result<SqliteArguments> {
    let mut bound = SqliteArguments::default();
    bound.reserve(args.len(), 0);
    for arg in args {
        match arg {
            Arg::Int(value) => bound.add(value),
            Arg::Text(Some(Cow::Borrowed(text))) => bound.add(text),
            Arg::Text(Some(Cow::Owned(text))) => bound.add(text),
            Arg::Text(None) | Arg::Texts(None) => bound.add(None::<String>),
            Arg::Bytes(bytes) => bound.add(bytes.into_owned()),
            Arg::Texts(Some(list)) => bound.add(json_list(what, &list)?),
            Arg::Ints(list) => bound.add(json_list(what, &list)?),
        }
        .map_err(|source| StoreError::Query { what, source: sqlx::Error::Encode(source) })?;
    }
    Ok(bound)
}

fn json_list(what: &'static str, list: &impl Serialize) -> Result<String> {
    serde_json::to_string(list).map_err(|source| StoreError::Encode { what, source })
}

pub(super) fn postgres(what: &'static str, args: Vec<Arg<'_>>) -> Result<PgArguments> {
    let mut bound = PgArguments::default();
    bound.reserve(args.len(), 0);
    for arg in args {
        match arg {
            Arg::Int(value) => bound.add(value),
            Arg::Text(text) => bound.add(text.as_deref()),
            Arg::Bytes(bytes) => bound.add(bytes.as_ref()),
            Arg::Texts(list) => {
                let list: Option<Vec<&str>> = list.as_ref().map(|list| list.iter().map(AsRef::as_ref).collect());
                bound.add(list)
            }
            Arg::Ints(list) => bound.add(list),
        }
        .map_err(|source| StoreError::Query { what, source: sqlx::Error::Encode(source) })?;
    }
    Ok(bound)
}
