//! Promo codes: the ledger of who was given which, and how far each has come.
//!
//! ```text
//! free -> reserved (given to a run) -> sent (a letter brought it) -> redeemed (an order carries it)
//!         reserved -> free (no letter brought it)                 -> expired -> redeemed (an order came late)
//! ```
//!
//! Invariants: a code is given to one run of a rule; one that a letter brought, or may have brought, never becomes free
//! again; each of these changes is made in the transaction of the letter or the order that it follows from.

mod ledger;
mod list;
mod take;

use std::collections::BTreeSet;

use super::db::Arg;
use super::rows::Many;
use super::words::words;
use super::{Result, Tx};
use crate::journey::time::Timestamp;

pub use list::{CodeRow, PoolStock};
pub use take::CodeWish;

/// Under which note the secret lies that codes of patterns are made with.
pub const SEED_NOTE: &str = "secret/promo";

words! {
    /// How far a promo code has come.
    CodeState {
        /// Not given, or given back.
        Free = "free",
        /// Given to a run, and no letter has brought it yet.
        Reserved = "reserved",
        /// A letter brought it to the customer, or may have.
        Sent = "sent",
        /// An order carries it.
        Redeemed = "redeemed",
        /// Its time was over before an order carried it.
        Expired = "expired",
    }
}

/// Codes that are looked for at once.
const CHUNK: usize = 1_000;

/// What people type in capitals or small letters is the same code: how it may stand in the ledger.
fn spellings(code: &str) -> [String; 3] {
    [code.to_owned(), code.to_uppercase(), code.to_lowercase()]
}

impl Tx {
    /// Adds codes to a pool; those it has already, in whatever case, are left as they are, given or not. Tells how many are new.
    pub async fn load_pool(&mut self, pool: &str, codes: &[String], at: Timestamp) -> Result<u64> {
        const MANY: Many = Many {
            what: "load promo codes",
            head: "INSERT INTO promo_codes (pool, code, loaded_at) VALUES",
            tail: "ON CONFLICT (pool, code) DO NOTHING",
        };
        const KNOWN: &str = "SELECT code FROM promo_codes WHERE pool = $1 AND code = ANY($2)";
        let mut seen = BTreeSet::new();
        for chunk in codes.chunks(CHUNK) {
            let spellings: Vec<String> = chunk.iter().flat_map(|code| spellings(code)).collect();
            let args = vec![Arg::text(pool), Arg::texts(spellings.iter().map(String::as_str))];
            for row in self.look("find promo codes that are there already", KNOWN, args).await? {
                seen.insert(row.fields().text()?.to_lowercase());
            }
        }
        let rows = codes
            .iter()
            .filter(|code| seen.insert(code.to_lowercase()))
            .map(|code| [Arg::text(pool), Arg::indexed(code), Arg::time(at)])
            .collect();
        self.execute_many(&MANY, rows).await
    }
}
