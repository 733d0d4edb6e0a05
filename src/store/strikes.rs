//! Refusals that count against an address only when they repeat: each letter counts once.

use super::db::{Arg, indexed};
use super::rows::Many;
use super::{Result, Tx};
use crate::journey::time::Timestamp;

/// A refusal that counts against an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strike {
    /// The address, in lower case.
    pub address: String,
    /// What kind of refusal it was.
    pub class: &'static str,
    /// The letter that was refused.
    pub message: String,
    /// When.
    pub at: Timestamp,
}

impl Tx {
    /// Remembers refusals; a letter that is told of twice counts once.
    pub async fn add_strikes(&mut self, strikes: &[Strike]) -> Result<()> {
        const MANY: Many = Many {
            what: "remember refusals",
            head: "INSERT INTO strikes (address, class, message, at) VALUES",
            tail: "ON CONFLICT (address, class, message) DO NOTHING",
        };
        let rows = strikes.iter().map(|strike| {
            [Arg::indexed(&strike.address), Arg::text(strike.class), Arg::text(&strike.message), Arg::time(strike.at)]
        });
        let rows = rows.collect();
        self.execute_many(&MANY, rows).await.map(drop)
    }

    /// How many letters to an address were refused in one way since a moment.
    pub async fn strikes(&mut self, address: &str, class: &str, since: Timestamp) -> Result<u64> {
        const SQL: &str = "SELECT COUNT(*) FROM strikes WHERE address = $1 AND class = $2 AND at >= $3";
        let address = indexed(address);
        let rows =
            self.look("count refusals", SQL, vec![Arg::text(&address), Arg::text(class), Arg::time(since)]).await?;
        rows.first().map_or(Ok(0), |row| row.fields().count())
    }

    /// Forgets refusals from before a moment; gives how many.
    pub async fn forget_strikes(&mut self, before: Timestamp) -> Result<u64> {
        const SQL: &str = "DELETE FROM strikes WHERE at < $1";
        self.execute("forget refusals", SQL, vec![Arg::time(before)]).await
    }
}
