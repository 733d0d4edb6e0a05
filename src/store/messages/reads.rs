//! What letters linked to, and who opened them and followed their links.

use serde::Serialize;

use super::super::db::Arg;
use super::super::rows::Many;
use super::super::{Result, Sealed, Store, StoreError, Tx, vault};
use super::Frozen;
use crate::journey::reads::{Weighed, What};
use crate::journey::time::Timestamp;

/// The links of a letter, as they stood in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links(Sealed);

impl Links {
    /// Links in the order of their numbers, ready to be stored; `None` if there are none.
    pub fn of(links: &[String]) -> Option<Self> {
        // No address of the web holds a line break.
        (!links.is_empty()).then(|| Self(Sealed::of(links.join("\n").as_bytes())))
    }
}

/// A letter whose clicks or opens are noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracked {
    /// To whom.
    pub customer: String,
    /// Rule.
    pub rule: String,
    /// Map.
    pub map: String,
    /// Letter's name.
    pub letter: String,
    /// What it links to.
    pub links: Vec<String>,
}

/// One open or click on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReadRow {
    /// When.
    pub at: Timestamp,
    /// `opened` or `clicked`.
    pub what: &'static str,
    /// Which of the letter's links, from 0.
    pub link: Option<i64>,
    /// Why it was a program; `None`: a person.
    pub machine: Option<String>,
    /// What the asker called itself.
    pub agent: Option<String>,
}

impl Tx {
    /// Keeps what letters link to.
    pub(super) async fn keep_links(&mut self, letters: impl Iterator<Item = &Frozen>) -> Result<()> {
        const MANY: Many = Many {
            what: "keep the links of messages",
            head: "INSERT INTO message_links (message, links) VALUES",
            tail: "ON CONFLICT (message) DO UPDATE SET links = excluded.links",
        };
        let row = |letter: &'_ Frozen| Some((letter.id.clone(), letter.links.clone()?));
        let kept: Vec<(String, Links)> = letters.filter_map(row).collect();
        let rows = kept.iter().map(|(id, links)| [Arg::text(id), Arg::Bytes(links.0.as_bytes().into())]).collect();
        self.execute_many(&MANY, rows).await.map(drop)
    }

    /// Records opens and clicks.
    pub async fn put_reads(&mut self, reads: &[Weighed]) -> Result<()> {
        const MANY: Many = Many {
            what: "record opens and clicks",
            head: "INSERT INTO message_reads (message, event, at, what, link, machine, agent) VALUES",
            tail: "",
        };
        let rows = reads
            .iter()
            .map(|Weighed { read, .. }| {
                [
                    Arg::text(&read.message),
                    Arg::indexed(&read.event),
                    Arg::time(read.at),
                    Arg::text(read.what.as_str()),
                    Arg::Int(read.link),
                    Arg::maybe_text(read.machine.as_deref()),
                    Arg::maybe_text(read.data.get("agent").and_then(serde_json::Value::as_str)),
                ]
            })
            .collect();
        self.execute_many(&MANY, rows).await.map(drop)
    }
}

impl Store {
    /// A letter that was handed over, with what it links to.
    pub async fn tracked(&self, message: &str) -> Result<Option<Tracked>> {
        const SQL: &str =
            "SELECT customer, rule, map, letter, links FROM messages LEFT JOIN message_links ON message = id
            WHERE id = $1 AND message_id IS NOT NULL";
        let what = "find what a message links to";
        let rows = self.read(what, SQL, vec![Arg::text(message)]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let mut fields = row.fields();
        let (customer, rule, map, letter) = (fields.text()?, fields.text()?, fields.text()?, fields.text()?);
        let links = match fields.maybe_bytes()? {
            Some(sealed) => {
                let text = String::from_utf8(vault::open(&sealed, None)?);
                let text =
                    text.map_err(|_| StoreError::Sealed(std::io::Error::from(std::io::ErrorKind::InvalidData)))?;
                text.lines().map(str::to_owned).collect()
            }
            None => Vec::new(),
        };
        Ok(Some(Tracked { customer, rule, map, letter, links }))
    }

    /// Who opened a letter and followed its links, in the order in which it became known.
    pub async fn reads_of(&self, message: &str) -> Result<Vec<ReadRow>> {
        const SQL: &str = "SELECT at, what, link, machine, agent FROM message_reads WHERE message = $1 ORDER BY id";
        let rows = self.read("read who read a message", SQL, vec![Arg::text(message)]).await?;
        rows.iter()
            .map(|row| {
                let mut fields = row.fields();
                Ok(ReadRow {
                    at: fields.time()?,
                    what: fields.word(What::parse)?.as_str(),
                    link: fields.maybe_int()?,
                    machine: fields.maybe_text()?,
                    agent: fields.maybe_text()?,
                })
            })
            .collect()
    }
}
