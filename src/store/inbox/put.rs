//! Keeping bodies: the hot path of the whole daemon.

use std::collections::HashSet;

use super::super::db::{Arg, indexed};
use super::super::rows::Many;
use super::super::{Result, Sealed, Tx};
use super::NewBody;

/// Bodies that nothing can repeat: no answer is needed from the database.
const PLAIN: Many = Many {
    what: "keep bodies",
    head: "INSERT INTO inbox (connection, channel, content_type, query, body, received_at, dedupe, state, attempts) VALUES",
    tail: "",
};

/// Bodies that may be there already: the database says which were new.
const ONCE: Many = Many {
    what: "keep bodies once",
    head: "INSERT INTO inbox (connection, channel, content_type, query, body, received_at, dedupe, state, attempts) VALUES",
    tail: "ON CONFLICT (connection, dedupe) WHERE dedupe IS NOT NULL DO NOTHING RETURNING connection, dedupe",
};

impl Tx {
    /// Keeps bodies; tells of each whether it is new (`true`) or a duplicate of (connection, dedupe), also inside the slice.
    pub async fn put_bodies(&mut self, bodies: &[NewBody]) -> Result<Vec<bool>> {
        let mut seen = HashSet::new();
        let (mut plain, mut once) = (Vec::new(), Vec::new());
        for body in bodies {
            match &body.dedupe {
                None => plain.push(row(body)),
                Some(dedupe) if seen.insert((body.connection.as_str(), indexed(dedupe))) => once.push(row(body)),
                Some(_) => {}
            }
        }
        self.execute_many(&PLAIN, plain).await?;
        let mut new = HashSet::new();
        for row in self.fetch_many(&ONCE, once).await? {
            let mut fields = row.fields();
            new.insert((fields.text()?, fields.text()?));
        }
        // The first of a slice takes its key away, so that a second one is a duplicate.
        Ok(bodies
            .iter()
            .map(|body| match &body.dedupe {
                None => true,
                Some(dedupe) => new.remove(&(body.connection.clone(), indexed(dedupe).into_owned())),
            })
            .collect())
    }
}

fn row(body: &NewBody) -> [Arg<'_>; 9] {
    [
        Arg::text(&body.connection),
        Arg::text(body.channel.as_str()),
        Arg::text(&body.content_type),
        Arg::text(&body.query),
        Arg::Bytes(Sealed::of(&body.body).into_bytes().into()),
        Arg::time(body.received_at),
        body.dedupe.as_deref().map_or(Arg::Text(None), Arg::indexed),
        Arg::text("pending"),
        Arg::int(0),
    ]
}
