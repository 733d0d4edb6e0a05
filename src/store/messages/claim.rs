//! Taking letters out of the queue: claims under a lease, and the mark that is set just before a hand-over.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::super::db::{Arg, Row};
use super::super::rows::Many;
use super::super::{Result, Sealed, Store, Tx};
use super::log::Change;
use super::{Links, MessageState};
use crate::journey::policy::Letter;
use crate::journey::time::Timestamp;

/// A letter to send, held under a lease.
#[derive(Clone, Debug, PartialEq)]
pub struct Claimed {
    /// Message id.
    pub id: String,
    /// To whom.
    pub customer: String,
    /// Enrollment.
    pub enrollment: String,
    /// Step of the rule.
    pub step: String,
    /// Rule.
    pub rule: String,
    /// Map.
    pub map: String,
    /// Stage of that map the customer was at.
    pub stage: Option<String>,
    /// Letter's name.
    pub letter: String,
    /// Purpose.
    pub purpose: String,
    /// Locale.
    pub locale: String,
    /// Address at planning time, or the one it was frozen with.
    pub to: Option<String>,
    /// When it fell due.
    pub due_at: Timestamp,
    /// How often a hand-over was tried.
    pub attempts: i64,
    /// What the letter may read besides the customer.
    pub inputs: Value,
    /// The rulebook that planned it.
    pub rulebook: String,
    /// Its Message-ID, if an earlier try froze it.
    pub message_id: Option<String>,
    /// Its bytes, if an earlier try froze them.
    pub raw: Option<Vec<u8>>,
    /// Whether it goes out again after an uncertain hand-over.
    pub resend: bool,
    /// Whether it shows a promo code.
    pub shows_code: bool,
    /// When it was first put off, if it was.
    pub put_off_since: Option<Timestamp>,
    /// Since when it waits for a file that goes with it.
    pub lacking_since: Option<Timestamp>,
}

impl Claimed {
    /// What it brings along to its last check.
    pub fn brings(&self) -> Letter<'_> {
        Letter { step: &self.step, inputs: &self.inputs }
    }
}

/// A letter as it is about to be handed over.
#[derive(Clone, Debug)]
pub struct Frozen {
    /// Message id.
    pub id: String,
    /// Address.
    pub to: String,
    /// Subject.
    pub subject: String,
    /// Message-ID.
    pub message_id: String,
    /// The exact bytes.
    pub sealed: Sealed,
    /// Relay that gets it.
    pub relay: String,
    /// Locale it was written in.
    pub locale: String,
    /// What its short links lead to, if it has any.
    pub links: Option<Links>,
    /// Until when it is in hand: composing and finding a relay may have used up the claim's lease.
    pub lease_until: Timestamp,
}

/// A letter that no relay takes now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutOffRow {
    /// Message id.
    pub id: String,
    /// When it is to be taken again.
    pub next_at: Timestamp,
    /// Why, in a short stable code.
    pub why: &'static str,
}

impl Tx {
    /// Takes letters whose time has come and puts them under a lease of `owner`, the longest waiting first. With
    /// `applied_before`, only those whose time came before it: what was accepted earlier must be applied first.
    pub async fn claim_messages(
        &mut self,
        owner: &str,
        now: Timestamp,
        lease_until: Timestamp,
        applied_before: Option<Timestamp>,
        limit: usize,
    ) -> Result<Vec<Claimed>> {
        const SQL: &str = "UPDATE messages SET lease_owner = $1, lease_until = $2 WHERE id IN (
                SELECT id FROM messages WHERE state IN ('queued', 'held') AND next_at <= $3 AND (lease_until IS NULL OR lease_until <= $3)
                AND ($4 IS NULL OR next_at < $4) ORDER BY next_at, id LIMIT $5 FOR UPDATE SKIP LOCKED)
            RETURNING id, customer, enrollment, step, rule, map, stage, letter, purpose, locale, address, due_at, attempts,
                inputs, rulebook, message_id, resend, next_at, promo_code, put_off_since, lacking_since";
        let args = vec![
            Arg::text(owner),
            Arg::time(lease_until),
            Arg::time(now),
            Arg::maybe_time(applied_before),
            Arg::count(limit),
        ];
        let rows = self.fetch("claim messages", SQL, args).await?;
        let mut found = rows.iter().map(claimed).collect::<Result<Vec<_>>>()?;
        // What RETURNING returns has no order.
        found.sort_by(|(a, a_next), (b, b_next)| (a_next, &a.id).cmp(&(b_next, &b.id)));
        let mut messages: Vec<Claimed> = found.into_iter().map(|(message, _)| message).collect();
        let frozen: Vec<&str> = frozen(&messages);
        if !frozen.is_empty() {
            let rows = self.fetch("read frozen messages", BYTES, vec![Arg::texts(frozen)]).await?;
            let bytes = self.opened(&rows).await?;
            thaw(&mut messages, bytes);
        }
        Ok(messages)
    }

    /// Ends every lease, for a database that only one process uses: whoever held them is gone.
    pub async fn break_leases(&mut self) -> Result<()> {
        const SQL: &str = "UPDATE messages SET lease_owner = NULL, lease_until = NULL WHERE state IN ('queued', 'held') AND lease_until IS NOT NULL";
        self.execute("break leases", SQL, Vec::new()).await.map(drop)
    }

    /// Gives claims back unsent, to be taken again at the moments given.
    pub async fn put_off_messages(&mut self, owner: &str, rows: &[PutOffRow]) -> Result<()> {
        const MANY: Many = Many {
            what: "put messages off",
            head: "WITH v (v_id, v_owner, v_next_at, v_why) AS (VALUES",
            // What a letter is held for says more than what its relay waits for.
            tail: ") UPDATE messages SET next_at = v_next_at, lease_owner = NULL, lease_until = NULL,
                reason = CASE WHEN state = 'queued' THEN v_why ELSE reason END
                FROM v WHERE id = v_id AND lease_owner = v_owner AND state IN ('queued', 'held')",
        };
        let rows =
            rows.iter().map(|row| [Arg::text(&row.id), Arg::text(owner), Arg::time(row.next_at), Arg::text(row.why)]);
        self.execute_many(&MANY, rows.collect()).await.map(drop)
    }

    /// Lets letters that were put off for one of these reasons be taken at once.
    pub async fn bring_forward_messages(&mut self, why: &[&str], now: Timestamp) -> Result<()> {
        const SQL: &str = "UPDATE messages SET next_at = $1 WHERE state = 'queued' AND next_at > $1
            AND lease_until IS NULL AND reason = ANY($2)";
        let args = vec![Arg::time(now), Arg::texts(why.iter().copied())];
        self.execute("bring messages forward", SQL, args).await.map(drop)
    }

    /// Gives claims back unsent.
    pub async fn release_messages(&mut self, owner: &str, ids: &[String]) -> Result<()> {
        const SQL: &str = "UPDATE messages SET lease_owner = NULL, lease_until = NULL
            WHERE id = ANY($2) AND lease_owner = $1 AND state IN ('queued', 'held')";
        if !ids.is_empty() {
            let args = vec![Arg::text(owner), Arg::texts(ids.iter().map(String::as_str))];
            self.execute("release messages", SQL, args).await?;
        }
        Ok(())
    }

    /// Marks letters as being handed over and keeps their bytes. Gives the ids that may be handed over: one that was
    /// cancelled or taken by somebody else meanwhile is missing, and must not be.
    pub async fn mark_sending(&mut self, letters: &[&Frozen], at: Timestamp) -> Result<Vec<String>> {
        const MANY: Many = Many {
            what: "mark messages as being sent",
            head: "WITH v (v_id, v_at, v_to, v_subject, v_message_id, v_relay, v_locale, v_lease) AS (VALUES",
            tail: ") UPDATE messages SET state = 'sending', changed_at = v_at, address = v_to, subject = v_subject,
                message_id = v_message_id, relay = v_relay, locale = v_locale, lease_until = v_lease
                FROM v WHERE id = v_id AND state IN ('queued', 'held') RETURNING id",
        };
        const KEEP: Many = Many {
            what: "keep messages' bytes",
            head: "INSERT INTO message_bytes (message, bytes) VALUES",
            tail: "ON CONFLICT (message) DO UPDATE SET bytes = excluded.bytes",
        };
        let rows = letters
            .iter()
            .map(|letter| {
                [
                    Arg::text(&letter.id),
                    Arg::time(at),
                    Arg::text(&letter.to),
                    Arg::text(&letter.subject),
                    Arg::text(&letter.message_id),
                    Arg::text(&letter.relay),
                    Arg::text(&letter.locale),
                    Arg::time(letter.lease_until),
                ]
            })
            .collect();
        let changes = letters
            .iter()
            .map(|letter| Change {
                message: &letter.id,
                at,
                state: MessageState::Sending,
                reason: None,
                detail: json!({ "relay": letter.relay, "message_id": letter.message_id, "to": letter.to }),
            })
            .collect();
        let marked = self.transit(&MANY, rows, changes).await?;
        let mut by_id: HashMap<&str, &Frozen> = letters.iter().map(|letter| (letter.id.as_str(), *letter)).collect();
        self.keep_links(marked.iter().filter_map(|id| by_id.get(id.as_str()).copied())).await?;
        let rows = marked
            .iter()
            .filter_map(|id| by_id.remove(id.as_str()))
            .map(|letter| [Arg::text(&letter.id), Arg::Bytes(letter.sealed.as_bytes().into())])
            .collect();
        self.execute_many(&KEEP, rows).await?;
        Ok(marked)
    }
}

impl Store {
    /// When the next letter can be taken: the earliest time of a queued one, or the end of a lease on one.
    pub async fn next_send_at(&self) -> Result<Option<Timestamp>> {
        const FREE: &str = "SELECT next_at FROM messages WHERE state IN ('queued', 'held') AND lease_until IS NULL
            ORDER BY next_at, id LIMIT 1";
        const LEASED: &str =
            "SELECT lease_until FROM messages WHERE state IN ('queued', 'held') AND lease_until IS NOT NULL
            ORDER BY lease_until LIMIT 1";
        let what = "find the next message to send";
        let mut earliest = None;
        for sql in [FREE, LEASED] {
            for row in self.read(what, sql, vec![]).await? {
                earliest = [earliest, row.fields().maybe_time()?].into_iter().flatten().min();
            }
        }
        Ok(earliest)
    }
}

pub(super) const BYTES: &str = "SELECT message, bytes FROM message_bytes WHERE message = ANY($1)";

pub(super) fn claimed(row: &Row) -> Result<(Claimed, Option<Timestamp>)> {
    let mut fields = row.fields();
    let mut message = Claimed {
        id: fields.text()?,
        customer: fields.text()?,
        enrollment: fields.text()?,
        step: fields.text()?,
        rule: fields.text()?,
        map: fields.text()?,
        stage: fields.maybe_text()?,
        letter: fields.text()?,
        purpose: fields.text()?,
        locale: fields.text()?,
        to: fields.maybe_text()?,
        due_at: fields.time()?,
        attempts: fields.int()?,
        inputs: fields.json()?,
        rulebook: fields.text()?,
        message_id: fields.maybe_text()?,
        raw: None,
        resend: fields.flag()?,
        shows_code: false,
        put_off_since: None,
        lacking_since: None,
    };
    let next_at = fields.maybe_time()?;
    message.shows_code = fields.maybe_text()?.is_some();
    message.put_off_since = fields.maybe_time()?;
    message.lacking_since = fields.maybe_time()?;
    Ok((message, next_at))
}

pub(super) fn frozen(messages: &[Claimed]) -> Vec<&str> {
    messages.iter().filter(|message| message.message_id.is_some()).map(|message| message.id.as_str()).collect()
}

pub(super) fn thaw(messages: &mut [Claimed], mut bytes: HashMap<String, Vec<u8>>) {
    for message in messages {
        message.raw = bytes.remove(&message.id);
    }
}
