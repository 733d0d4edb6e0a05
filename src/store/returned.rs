//! What came back, whole, with what was made of it: a durable queue and a list.
//!
//! A thing that came back is `pending` until it has been read, `done` when what it says was applied, `unmatched` while nobody
//! knows what it is about, and `forwarding` while an answer waits to be passed on. What is unmatched stays until a person has
//! looked at it.

use serde_json::json;
use sha2::{Digest, Sha256};

use super::db::{Arg, Row};
use super::rows::Many;
use super::words::words;
use super::{Result, Sealed, Store, Tx, vault};
use crate::journey::time::Timestamp;

words! {
    /// How the bytes of what came back are to be read.
    ReturnedForm {
        /// A mail (RFC 5322).
        Mail = "mail",
        /// A notification of Amazon SES, out of its envelope of SNS.
        Ses = "ses",
        /// A batch of SendGrid's event webhook.
        Sendgrid = "sendgrid",
        /// A webhook of Mailgun.
        Mailgun = "mailgun",
        /// A webhook of Postmark.
        Postmark = "postmark",
    }
}

words! {
    /// How far a thing that came back has come.
    ReturnedState {
        /// Waits to be read.
        Pending = "pending",
        /// Read and applied.
        Done = "done",
        /// Nobody knows what it is about.
        Unmatched = "unmatched",
        /// An answer that waits to be passed on.
        Forwarding = "forwarding",
        /// An answer that could not be passed on.
        Failed = "failed",
    }
}

/// A thing that came back, to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewReturned {
    /// Where it came from: `maildir`, `imap`, `listener`, or a provider's name in the settings.
    pub source: String,
    /// How it is to be read.
    pub form: ReturnedForm,
    /// The recipients of its envelope, as far as they are known.
    pub recipients: Vec<String>,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What tells it from others of its form; where there is nothing better, recipients and bytes do.
    pub once: Option<String>,
    /// When it came.
    pub received_at: Timestamp,
}

/// A thing that came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Returned {
    /// Its number.
    pub id: i64,
    /// Where it came from.
    pub source: String,
    /// How it is to be read.
    pub form: ReturnedForm,
    /// The recipients of its envelope, as far as they are known.
    pub recipients: Vec<String>,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// When it came.
    pub received_at: Timestamp,
    /// How far it has come.
    pub state: ReturnedState,
    /// What it is, in a short stable word, once it was read.
    pub what: Option<String>,
    /// The letter that it is about.
    pub message: Option<String>,
    /// What was made of it, in words.
    pub note: Option<String>,
    /// How often it was taken up.
    pub attempts: i64,
    /// When it is taken up next.
    pub next_at: Option<Timestamp>,
}

/// What was made of a thing that came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Its number.
    pub id: i64,
    /// How far it has come.
    pub state: ReturnedState,
    /// What it is.
    pub what: String,
    /// The letter that it is about.
    pub message: Option<String>,
    /// In words.
    pub note: String,
    /// When it is taken up again, if it is.
    pub next_at: Option<Timestamp>,
}

/// Which things that came back to list; the latest first.
#[derive(Clone, Debug, Default)]
pub struct ReturnedFilter {
    /// In this state only.
    pub state: Option<ReturnedState>,
    /// Of this kind only: `bounce`, `complaint`, …
    pub what: Option<String>,
    /// About this letter only.
    pub message: Option<String>,
    /// Below this number only, to go on after a page.
    pub before_id: Option<i64>,
    /// At most so many.
    pub limit: usize,
}

impl Store {
    /// What is to be taken up now, in the order in which it came.
    pub async fn due_returned(&self, now: Timestamp, answers: bool, limit: usize) -> Result<Vec<Returned>> {
        const SQL: &str =
            "SELECT id, source, form, recipients, bytes, received_at, state, what, message, note, attempts, next_at
            FROM returned WHERE next_at <= $1 AND (state = 'forwarding') = ($2 = 1) ORDER BY next_at, id LIMIT $3";
        let args = vec![Arg::time(now), Arg::int(answers.into()), Arg::count(limit)];
        returned(&self.read("read what came back", SQL, args).await?)
    }

    /// When the next thing that came back is to be read, or else the next answer to be passed on.
    pub async fn next_returned_at(&self, answers: bool) -> Result<Option<Timestamp>> {
        const SQL: &str =
            "SELECT MIN(next_at) FROM returned WHERE next_at IS NOT NULL AND (state = 'forwarding') = ($1 = 1)";
        let rows = self.read("find what came back", SQL, vec![Arg::int(answers.into())]).await?;
        rows.first().map_or(Ok(None), |row| row.fields().maybe_time())
    }

    /// Things that pass the filter, the latest first.
    pub async fn returned(&self, filter: &ReturnedFilter) -> Result<Vec<Returned>> {
        const SQL: &str = "SELECT id, source, form, recipients, bytes, received_at, state, what, message, note, attempts, next_at
            FROM returned WHERE ($1 IS NULL OR state = $1) AND ($2 IS NULL OR what = $2) AND ($3 IS NULL OR message = $3)
                AND ($4 IS NULL OR id < $4) ORDER BY id DESC LIMIT $5";
        let args = vec![
            Arg::maybe_text(filter.state.map(ReturnedState::as_str)),
            Arg::maybe_text(filter.what.as_deref()),
            Arg::maybe_text(filter.message.as_deref()),
            Arg::Int(filter.before_id),
            Arg::count(filter.limit),
        ];
        returned(&self.read("list what came back", SQL, args).await?)
    }

    /// One of them.
    pub async fn returned_one(&self, id: i64) -> Result<Option<Returned>> {
        const SQL: &str =
            "SELECT id, source, form, recipients, bytes, received_at, state, what, message, note, attempts, next_at
            FROM returned WHERE id = $1";
        Ok(returned(&self.read("read one that came back", SQL, vec![Arg::int(id)]).await?)?.pop())
    }
}

impl Tx {
    /// Keeps things that came back; tells of each whether it is new. The same bytes to the same recipients are the same thing.
    pub async fn put_returned(&mut self, things: &[NewReturned]) -> Result<Vec<bool>> {
        const MANY: Many = Many {
            what: "keep what came back",
            head: "INSERT INTO returned (source, form, recipients, bytes, digest, received_at, state, attempts, next_at) VALUES",
            tail: "ON CONFLICT (form, digest) DO NOTHING RETURNING digest",
        };
        let digests: Vec<String> = things.iter().map(digest).collect();
        let mut new = std::collections::HashSet::new();
        let rows = things.iter().zip(&digests).filter(|(_, digest)| new.insert((*digest).clone()));
        let rows = rows.map(|(thing, digest)| {
            Ok([
                Arg::text(&thing.source),
                Arg::text(thing.form.as_str()),
                Arg::json(MANY.what, &thing.recipients)?,
                Arg::Bytes(Sealed::of(&thing.bytes).into_bytes().into()),
                Arg::text(digest),
                Arg::time(thing.received_at),
                Arg::text(ReturnedState::Pending.as_str()),
                Arg::int(0),
                Arg::time(thing.received_at),
            ])
        });
        let rows = rows.collect::<Result<Vec<_>>>()?;
        let mut kept = std::collections::HashSet::new();
        for row in self.fetch_many(&MANY, rows).await? {
            kept.insert(row.fields().text()?);
        }
        // The first of a slice takes its digest away, so that a second one is a duplicate.
        Ok(digests.iter().map(|digest| kept.remove(digest)).collect())
    }

    /// Of things that were to be taken up, those that still are, for this transaction alone.
    pub async fn hold_returned(&mut self, ids: &[i64], now: Timestamp) -> Result<Vec<i64>> {
        const SQL: &str =
            "SELECT id FROM returned WHERE id = ANY($1) AND next_at <= $2 ORDER BY id FOR UPDATE SKIP LOCKED";
        let rows = self.fetch("hold what came back", SQL, vec![Arg::Ints(ids), Arg::time(now)]).await?;
        rows.iter().map(|row| row.fields().int()).collect()
    }

    /// Records what was made of things that came back.
    pub async fn settle_returned(&mut self, settled: &[Settled], at: Timestamp) -> Result<()> {
        const MANY: Many = Many {
            what: "settle what came back",
            head: "WITH v (v_id, v_state, v_what, v_message, v_note, v_next_at, v_at) AS (VALUES",
            tail: ") UPDATE returned SET state = v_state, what = v_what, message = v_message, note = v_note, next_at = v_next_at,
                settled_at = v_at, attempts = attempts + 1 FROM v WHERE id = v_id",
        };
        let rows = settled.iter().map(|settled| {
            [
                Arg::int(settled.id),
                Arg::text(settled.state.as_str()),
                Arg::text(&settled.what),
                Arg::maybe_text(settled.message.as_deref()),
                Arg::text(&settled.note),
                Arg::maybe_time(settled.next_at),
                Arg::time(at),
            ]
        });
        self.execute_many(&MANY, rows.collect()).await.map(drop)
    }

    /// Keeps things from being taken up before a moment.
    pub async fn put_off_returned(&mut self, ids: &[i64], until: Timestamp) -> Result<()> {
        const SQL: &str = "UPDATE returned SET next_at = $2 WHERE id = ANY($1)";
        self.execute("put off what came back", SQL, vec![Arg::Ints(ids), Arg::time(until)]).await.map(drop)
    }

    /// Takes things up again that are unmatched, or answers that could not be passed on: those have been read. Tells how many
    /// there were.
    pub async fn retry_returned(&mut self, ids: &[i64], at: Timestamp) -> Result<u64> {
        const SQL: &str = "UPDATE returned SET next_at = $2, attempts = 0,
            state = CASE WHEN state = 'failed' THEN 'forwarding' ELSE 'pending' END
            WHERE id = ANY($1) AND state IN ('unmatched', 'failed')";
        self.execute("take up again what came back", SQL, vec![Arg::Ints(ids), Arg::time(at)]).await
    }

    /// Sets things aside that a person has looked at; tells how many were unmatched or could not be passed on.
    pub async fn dismiss_returned(&mut self, ids: &[i64], at: Timestamp) -> Result<u64> {
        const SQL: &str = "UPDATE returned SET state = 'done', next_at = NULL, settled_at = $2
            WHERE id = ANY($1) AND state IN ('unmatched', 'failed')";
        self.execute("set aside what came back", SQL, vec![Arg::Ints(ids), Arg::time(at)]).await
    }

    /// Removes things that were done with before a moment; tells how many.
    pub async fn prune_returned(&mut self, done_before: Timestamp, limit: usize) -> Result<u64> {
        const SQL: &str =
            "DELETE FROM returned WHERE id IN (SELECT id FROM returned WHERE state = 'done' AND settled_at < $1
            ORDER BY settled_at LIMIT $2)";
        self.execute("prune what came back", SQL, vec![Arg::time(done_before), Arg::count(limit)]).await
    }
}

fn digest(thing: &NewReturned) -> String {
    let mut hash = Sha256::new();
    if let Some(once) = &thing.once {
        hash.update(&thing.source);
        hash.update([0]);
        hash.update(once);
        return hex::encode(hash.finalize());
    }
    hash.update(json!(thing.recipients).to_string());
    hash.update([0]);
    hash.update(&thing.bytes);
    hex::encode(hash.finalize())
}

fn returned(rows: &[Row]) -> Result<Vec<Returned>> {
    let read = |row: &Row| {
        let mut fields = row.fields();
        Ok(Returned {
            id: fields.int()?,
            source: fields.text()?,
            form: fields.word(ReturnedForm::parse)?,
            recipients: fields.json()?,
            bytes: vault::open(&fields.bytes()?, None)?,
            received_at: fields.time()?,
            state: fields.word(ReturnedState::parse)?,
            what: fields.maybe_text()?,
            message: fields.maybe_text()?,
            note: fields.maybe_text()?,
            attempts: fields.int()?,
            next_at: fields.maybe_time()?,
        })
    };
    rows.iter().map(read).collect()
}
