//! What the ledger holds, for people.

use super::super::db::{Arg, Row};
use super::super::{Result, Store};
use super::{CodeState, spellings};
use crate::journey::time::Timestamp;

/// What a pool has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolStock {
    /// Pool.
    pub pool: String,
    /// All that were ever loaded or made.
    pub total: u64,
    /// Those not yet given.
    pub left: u64,
    /// Given, and no letter has brought them yet.
    pub reserved: u64,
    /// Letters brought them.
    pub sent: u64,
    /// Orders carry them.
    pub redeemed: u64,
    /// Their time was over before.
    pub expired: u64,
    /// How often one came back unseen.
    pub returned: u64,
    /// How many were given since the moment asked for, and are not back.
    pub given_lately: u64,
    /// When the first of all was given that is not back.
    pub first_given_at: Option<Timestamp>,
}

/// One code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeRow {
    /// Pool.
    pub pool: String,
    /// Code.
    pub code: String,
    /// How far it has come.
    pub state: CodeState,
    /// To whom it was given, as that customer was called then.
    pub customer: Option<String>,
    /// By which rule.
    pub rule: Option<String>,
    /// When.
    pub given_at: Option<Timestamp>,
    /// When a letter brought it.
    pub sent_at: Option<Timestamp>,
    /// Until when it is good.
    pub expires_at: Option<Timestamp>,
    /// When an order carried it.
    pub redeemed_at: Option<Timestamp>,
    /// Whose order that was.
    pub redeemed_by: Option<String>,
    /// Which.
    pub redeemed_order: Option<String>,
    /// How often it came back unseen.
    pub returned: u64,
}

impl Store {
    /// What every pool has, by name. `lately`: from when on codes given count as given lately.
    pub async fn pool_stock(&self, lately: Timestamp) -> Result<Vec<PoolStock>> {
        const SQL: &str = "SELECT pool, COUNT(*),
                SUM(CASE WHEN state = 'free' THEN 1 ELSE 0 END), SUM(CASE WHEN state = 'reserved' THEN 1 ELSE 0 END),
                SUM(CASE WHEN state = 'sent' THEN 1 ELSE 0 END), SUM(CASE WHEN state = 'redeemed' THEN 1 ELSE 0 END),
                SUM(CASE WHEN state = 'expired' THEN 1 ELSE 0 END), CAST(SUM(returned) AS BIGINT),
                SUM(CASE WHEN given_at >= $1 THEN 1 ELSE 0 END), MIN(given_at)
            FROM promo_codes GROUP BY pool";
        let rows = self.read("count promo codes", SQL, vec![Arg::time(lately)]).await?;
        let mut pools = rows.iter().map(stock).collect::<Result<Vec<_>>>()?;
        // Sorted here: the engines do not sort text alike.
        pools.sort_unstable_by(|a, b| a.pool.cmp(&b.pool));
        Ok(pools)
    }

    /// How many codes of a pool are not given.
    pub async fn codes_left(&self, pool: &str) -> Result<u64> {
        const SQL: &str = "SELECT COUNT(*) FROM promo_codes WHERE pool = $1 AND state = 'free'";
        let rows = self.read("count promo codes left", SQL, vec![Arg::text(pool)]).await?;
        rows.first().map_or(Ok(0), |row| row.fields().count())
    }

    /// Where a code stands, in every pool that has it. Capitals or small letters make no difference, as in orders.
    pub async fn promo_codes(&self, code: &str) -> Result<Vec<CodeRow>> {
        const SQL: &str =
            "SELECT pool, code, state, customer, rule, given_at, sent_at, expires_at, redeemed_at, redeemed_by,
                redeemed_order, returned FROM promo_codes WHERE code = ANY($1) ORDER BY id";
        let spellings = spellings(code);
        let args = vec![Arg::texts(spellings.iter().map(String::as_str))];
        self.read("find a promo code", SQL, args).await?.iter().map(code_row).collect()
    }
}

fn stock(row: &Row) -> Result<PoolStock> {
    let mut fields = row.fields();
    Ok(PoolStock {
        pool: fields.text()?,
        total: fields.count()?,
        left: fields.count()?,
        reserved: fields.count()?,
        sent: fields.count()?,
        redeemed: fields.count()?,
        expired: fields.count()?,
        returned: fields.count()?,
        given_lately: fields.count()?,
        first_given_at: fields.maybe_time()?,
    })
}

fn code_row(row: &Row) -> Result<CodeRow> {
    let mut fields = row.fields();
    Ok(CodeRow {
        pool: fields.text()?,
        code: fields.text()?,
        state: fields.word(CodeState::parse)?,
        customer: fields.maybe_text()?,
        rule: fields.maybe_text()?,
        given_at: fields.maybe_time()?,
        sent_at: fields.maybe_time()?,
        expires_at: fields.maybe_time()?,
        redeemed_at: fields.maybe_time()?,
        redeemed_by: fields.maybe_text()?,
        redeemed_order: fields.maybe_text()?,
        returned: fields.count()?,
    })
}
