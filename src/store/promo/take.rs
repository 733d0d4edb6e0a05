//! Giving codes: the next one of a list, or one made for the run.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::super::db::Arg;
use super::super::{Engine, Result, StoreError, Tx};
use super::SEED_NOTE;
use crate::journey::promo::Pattern;
use crate::journey::time::Timestamp;

/// Most codes that are tried for one run before a pattern counts as used up: that the first is taken is a rare chance.
const MOST_TRIES: u32 = 20;

/// A run's wish for a code.
#[derive(Clone, Copy, Debug)]
pub struct CodeWish<'a> {
    /// Of this pool.
    pub pool: &'a str,
    /// For this customer.
    pub customer: &'a str,
    /// By this rule.
    pub rule: &'a str,
    /// For this run.
    pub enrollment: &'a str,
    /// When.
    pub at: Timestamp,
    /// Until when it is good.
    pub expires_at: Option<Timestamp>,
    /// Codes that the customer was given before, of whatever pool.
    pub had: &'a [String],
    /// How codes of the pool are made, if they are.
    pub pattern: Option<&'a Pattern>,
}

impl Tx {
    /// Takes the next code of a pool for a run; the same run is given the same code again. `None` when none is left that the
    /// customer has not had.
    pub async fn take_code(&mut self, wish: &CodeWish<'_>) -> Result<Option<String>> {
        const GIVEN: &str = "SELECT code FROM promo_codes WHERE pool = $1 AND enrollment = $2";
        const TAKE: &str =
            "UPDATE promo_codes SET state = 'reserved', customer = $2, rule = $3, enrollment = $4, given_at = $5, expires_at = $6
            WHERE id = (SELECT id FROM promo_codes AS one WHERE pool = $1 AND state = 'free' AND NOT (code = ANY($7)
                AND EXISTS (SELECT 1 FROM promo_codes AS other WHERE other.code = one.code AND other.state <> 'free'))
            ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
            ) RETURNING code";
        // The codes left may all be in other takers' hands, and come back if those roll back: wait and see.
        const WAIT: &str =
            "UPDATE promo_codes SET state = 'reserved', customer = $2, rule = $3, enrollment = $4, given_at = $5, expires_at = $6
            WHERE id = (SELECT id FROM promo_codes AS one WHERE pool = $1 AND state = 'free' AND NOT (code = ANY($7)
                AND EXISTS (SELECT 1 FROM promo_codes AS other WHERE other.code = one.code AND other.state <> 'free'))
            ORDER BY id LIMIT 1 FOR UPDATE
            ) RETURNING code";
        let of_run = vec![Arg::text(wish.pool), Arg::text(wish.enrollment)];
        let given = self.look("look for a promo code given before", GIVEN, of_run).await?;
        if let Some(row) = given.first() {
            return row.fields().text().map(Some);
        }
        let mut args = wish.args();
        args.push(Arg::texts(wish.had.iter().map(String::as_str)));
        let mut taken = self.fetch("take a promo code", TAKE, args.clone()).await?;
        if let (true, Some(pattern)) = (taken.is_empty(), wish.pattern) {
            return self.make_code(wish, pattern).await;
        }
        if taken.is_empty() && self.engine() == Engine::Postgres {
            taken = self.fetch("wait for a promo code", WAIT, args).await?;
        }
        taken.first().map(|row| row.fields().text()).transpose()
    }

    /// Makes a code for a run. Nobody who does not know the store's secret can tell which codes there are; and whoever asks
    /// again for the same run, after whatever crash, is told the same.
    async fn make_code(&mut self, wish: &CodeWish<'_>, pattern: &Pattern) -> Result<Option<String>> {
        const SEED: &str = "SELECT value FROM notes WHERE name = $1";
        const PUT: &str =
            "INSERT INTO promo_codes (pool, customer, rule, enrollment, given_at, expires_at, loaded_at, state, code)
            VALUES ($1, $2, $3, $4, $5, $6, $5, 'reserved', $7) ON CONFLICT (pool, code) DO NOTHING RETURNING code";
        let note = self.look("read the secret of promo codes", SEED, vec![Arg::text(SEED_NOTE)]).await?;
        let seed = note.first().ok_or(StoreError::NoSeed)?.fields().text()?;
        for attempt in 0..MOST_TRIES {
            let code = pattern.fill(&digest(&seed, wish, attempt));
            if wish.had.contains(&code) {
                continue;
            }
            let mut args = wish.args();
            args.push(Arg::text(&code));
            if !self.fetch("make a promo code", PUT, args).await?.is_empty() {
                return Ok(Some(code));
            }
        }
        Ok(None)
    }
}

impl CodeWish<'_> {
    fn args(&self) -> Vec<Arg<'_>> {
        vec![
            Arg::text(self.pool),
            Arg::text(self.customer),
            Arg::text(self.rule),
            Arg::text(self.enrollment),
            Arg::time(self.at),
            Arg::maybe_time(self.expires_at),
        ]
    }
}

/// HMAC-SHA256 by the store's secret.
fn digest(seed: &str, wish: &CodeWish<'_>, attempt: u32) -> [u8; Pattern::MOST_PLACES] {
    let mut bytes = [0; Pattern::MOST_PLACES];
    // A key of any length will do, so there is always a MAC.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(seed.as_bytes()) {
        for part in [wish.pool, wish.enrollment] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac.update(&attempt.to_be_bytes());
        bytes.copy_from_slice(&mac.finalize().into_bytes());
    }
    bytes
}
