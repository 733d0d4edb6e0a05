//! What customers agreed to and refused, change by change.
//!
//! Invariant: rows are only ever added. A customer's history includes those of customers who were merged into it.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::db::{Arg, Row};
use super::rows::Many;
use super::{Result, Store, Tx};
use crate::journey::consents::{Answer, ConsentChange};
use crate::journey::time::Timestamp;

/// One change on record.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConsentRow {
    /// Number on record.
    pub seq: i64,
    /// Whose, as that customer was called then.
    pub customer: String,
    /// The purpose.
    pub purpose: String,
    /// What was said.
    pub answer: Answer,
    /// What held before; nothing if nothing was said.
    pub was: Option<Answer>,
    /// When it was said.
    #[serde(serialize_with = "rfc3339")]
    pub at: Timestamp,
    /// When it was recorded.
    #[serde(serialize_with = "rfc3339")]
    pub recorded_at: Timestamp,
    /// Where it was learnt: a connection, `api`, `milepost`, `rule:<id>`.
    pub source: String,
    /// The event that said it, by its id in the source.
    pub event: Option<String>,
    /// What more is known: `by`, `message`, `page`, `text`, `agent`.
    pub proof: Map<String, Value>,
}

/// Which changes are listed, oldest first.
#[derive(Clone, Debug, Default)]
pub struct ConsentFilter {
    /// Of this customer, or one who was merged into it.
    pub customer: Option<String>,
    /// Recorded from this moment on.
    pub from: Option<Timestamp>,
    /// Recorded before this moment.
    pub to: Option<Timestamp>,
    /// Behind this number.
    pub after: Option<i64>,
    /// At most so many.
    pub limit: usize,
}

impl Tx {
    /// Records changes of customers, as of a moment.
    pub async fn put_consents(&mut self, changes: &[(String, ConsentChange)], at: Timestamp) -> Result<()> {
        const MANY: Many = Many {
            what: "record consents",
            head: "INSERT INTO consents (customer, purpose, answer, was, at, recorded_at, source, event, proof) VALUES",
            tail: "",
        };
        let mut rows = Vec::with_capacity(changes.len());
        for (customer, change) in changes {
            rows.push([
                Arg::text(customer),
                Arg::text(&change.purpose),
                Arg::text(change.answer.as_str()),
                Arg::maybe_text(change.was.map(Answer::as_str)),
                Arg::time(change.at),
                Arg::time(at),
                Arg::text(&change.source),
                Arg::maybe_text(change.event.as_deref()),
                Arg::json(MANY.what, &change.proof)?,
            ]);
        }
        self.execute_many(&MANY, rows).await.map(drop)
    }
}

impl Store {
    /// Changes of what customers agreed to, in the order of the record.
    pub async fn consents(&self, filter: &ConsentFilter) -> Result<Vec<ConsentRow>> {
        const SQL: &str =
            "SELECT seq, customer, purpose, answer, was, at, recorded_at, source, event, proof FROM consents
            WHERE ($1 IS NULL OR customer = ANY($2)) AND ($3 IS NULL OR recorded_at >= $3)
            AND ($4 IS NULL OR recorded_at < $4) AND ($5 IS NULL OR seq > $5) ORDER BY seq LIMIT $6";
        let family = match &filter.customer {
            Some(customer) => self.family(customer).await?,
            None => Vec::new(),
        };
        let args = vec![
            Arg::maybe_text(filter.customer.as_deref()),
            Arg::texts(family.iter().map(String::as_str)),
            Arg::maybe_time(filter.from),
            Arg::maybe_time(filter.to),
            Arg::Int(filter.after),
            Arg::count(filter.limit),
        ];
        self.read("list consents", SQL, args).await?.iter().map(row).collect()
    }
}

/// For whoever reads an export years later.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn rfc3339<S: Serializer>(at: &Timestamp, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.rfc3339())
}

fn row(row: &Row) -> Result<ConsentRow> {
    let mut fields = row.fields();
    Ok(ConsentRow {
        seq: fields.int()?,
        customer: fields.text()?,
        purpose: fields.text()?,
        answer: fields.word(Answer::parse)?,
        was: fields.maybe_text()?.as_deref().and_then(Answer::parse),
        at: fields.time()?,
        recorded_at: fields.time()?,
        source: fields.text()?,
        event: fields.maybe_text()?,
        proof: fields.json()?,
    })
}
