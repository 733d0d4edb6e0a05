//! What nodes that share a database share of their relays: how much of each ceiling is given out, and what stands still.

use super::db::Arg;
use super::{Result, Store, Tx};
use crate::journey::time::{Span, Timestamp};

/// Of what something is a ceiling: a relay as a whole (no domain), or a relay for a domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ceiling {
    /// Relay.
    pub relay: String,
    /// Domain or group of domains; empty for the relay as a whole.
    pub domain: String,
}

/// A stretch of time that letters are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// `hour` or `day`.
    pub span: &'static str,
    /// Its beginning.
    pub start: Timestamp,
}

/// What a node keeps from going out for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayStop {
    /// Relay.
    pub relay: String,
    /// Domain; empty if the relay is not used at all.
    pub domain: String,
    /// Since when.
    pub since: Timestamp,
    /// When it is tried again.
    pub until: Timestamp,
    /// Why.
    pub why: String,
}

impl Tx {
    /// Takes `wanted` of what a window has left under its limit, or less if there is less left; gives how many.
    pub async fn take_of_window(&mut self, ceiling: &Ceiling, window: Window, limit: u32, wanted: u32) -> Result<u32> {
        const TAKE: &str = "INSERT INTO relay_windows (relay, domain, span, start_at, used) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (relay, domain, span, start_at) DO UPDATE SET used = relay_windows.used + excluded.used
                WHERE relay_windows.used + excluded.used <= $6 RETURNING used";
        let mut wanted = wanted.min(limit);
        // What is left can only shrink while others take of it, too.
        while wanted > 0 {
            let mut args = key(ceiling, window);
            args.extend([Arg::int(wanted.into()), Arg::int(limit.into())]);
            if !self.fetch("take of a relay's ceiling", TAKE, args).await?.is_empty() {
                return Ok(wanted);
            }
            let rows = self.look("read a relay's ceiling", USED, key(ceiling, window)).await?;
            let used = rows.first().map_or(Ok(0), |row| row.fields().count())?;
            let left = u32::try_from(u64::from(limit).saturating_sub(used)).unwrap_or(0);
            wanted = left.min(wanted.saturating_sub(1));
        }
        Ok(0)
    }

    /// Takes some letters of a rate: all of them, which take `cost` together, if the one before them has had its time. Else
    /// the moment at which it has.
    pub async fn take_of_rate(
        &mut self,
        ceiling: &Ceiling,
        now: Timestamp,
        cost: Span,
    ) -> Result<std::result::Result<(), Timestamp>> {
        const TAKE: &str = "INSERT INTO relay_rates (relay, domain, free_at) VALUES ($1, $2, $3)
            ON CONFLICT (relay, domain) DO UPDATE SET free_at = excluded.free_at WHERE relay_rates.free_at <= $4
            RETURNING free_at";
        const FREE: &str = "SELECT free_at FROM relay_rates WHERE relay = $1 AND domain = $2";
        let name = [Arg::text(&ceiling.relay), Arg::text(&ceiling.domain)];
        let mut args = name.to_vec();
        args.extend([Arg::time(now.after(cost)), Arg::time(now)]);
        if !self.fetch("take of a relay's rate", TAKE, args).await?.is_empty() {
            return Ok(Ok(()));
        }
        let rows = self.look("read a relay's rate", FREE, name.to_vec()).await?;
        // Whoever cleared it away meanwhile let everybody go.
        Ok(Err(rows.first().map_or(Ok(now), |row| row.fields().time())?))
    }

    /// Remembers that a node stops; what it said of the same before is replaced.
    pub async fn stop_relay(&mut self, node: &str, stop: &RelayStop) -> Result<()> {
        const SQL: &str = "INSERT INTO relay_stops (relay, domain, node, since, until_at, why)
            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (relay, domain, node)
            DO UPDATE SET since = excluded.since, until_at = excluded.until_at, why = excluded.why";
        let args = vec![
            Arg::text(&stop.relay),
            Arg::text(&stop.domain),
            Arg::text(node),
            Arg::time(stop.since),
            Arg::time(stop.until),
            Arg::text(&stop.why),
        ];
        self.execute("remember that a relay stands still", SQL, args).await.map(drop)
    }

    /// Forgets that a node stops.
    pub async fn resume_relay(&mut self, node: &str, relay: &str, domain: &str) -> Result<()> {
        const SQL: &str = "DELETE FROM relay_stops WHERE relay = $1 AND domain = $2 AND node = $3";
        let args = vec![Arg::text(relay), Arg::text(domain), Arg::text(node)];
        self.execute("forget that a relay stood still", SQL, args).await.map(drop)
    }

    /// Forgets everything that a node stops.
    pub async fn resume_relays(&mut self, node: &str) -> Result<()> {
        const SQL: &str = "DELETE FROM relay_stops WHERE node = $1";
        self.execute("forget that relays stood still", SQL, vec![Arg::text(node)]).await.map(drop)
    }

    /// Forgets windows from before a moment, and stops that ended before it; gives how many.
    pub async fn forget_relays(&mut self, windows: Timestamp, stops: Timestamp) -> Result<u64> {
        const WINDOWS: &str = "DELETE FROM relay_windows WHERE start_at < $1";
        const STOPS: &str = "DELETE FROM relay_stops WHERE until_at < $1";
        Ok(self.execute("forget relays' ceilings", WINDOWS, vec![Arg::time(windows)]).await?
            + self.execute("forget relays' stops", STOPS, vec![Arg::time(stops)]).await?)
    }
}

const USED: &str = "SELECT used FROM relay_windows WHERE relay = $1 AND domain = $2 AND span = $3 AND start_at = $4";

impl Store {
    /// How much of a window is given out.
    pub async fn window_used(&self, ceiling: &Ceiling, window: Window) -> Result<u64> {
        let rows = self.read("read a relay's ceiling", USED, key(ceiling, window)).await?;
        rows.first().map_or(Ok(0), |row| row.fields().count())
    }

    /// What stands still, as the nodes told it last: of a relay or domain that several keep from going out, the one that does
    /// so the longest.
    pub async fn relay_stops(&self, after: Timestamp) -> Result<Vec<RelayStop>> {
        const SQL: &str = "SELECT relay, domain, since, until_at, why FROM relay_stops WHERE until_at > $1
            ORDER BY relay, domain, until_at DESC";
        let rows = self.read("list what stands still", SQL, vec![Arg::time(after)]).await?;
        let mut stops = rows
            .iter()
            .map(|row| {
                let mut fields = row.fields();
                Ok(RelayStop {
                    relay: fields.text()?,
                    domain: fields.text()?,
                    since: fields.time()?,
                    until: fields.time()?,
                    why: fields.text()?,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        stops.dedup_by(|next, before| next.relay == before.relay && next.domain == before.domain);
        Ok(stops)
    }
}

fn key(ceiling: &Ceiling, window: Window) -> Vec<Arg<'_>> {
    vec![Arg::text(&ceiling.relay), Arg::text(&ceiling.domain), Arg::text(window.span), Arg::time(window.start)]
}
