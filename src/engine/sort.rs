//! Sorting bodies: what each one asks for.

use crate::crm::{Parsed, References, Via};
use crate::journey::event::Event;
use crate::store::{Body, Channel};

use super::Engine;

/// What a body comes to.
#[derive(Debug)]
pub enum Sorted {
    /// Events to apply; none if it says nothing of interest.
    Events(Vec<Event>),
    /// The CRM must be read first.
    NeedsRead(Vec<crate::crm::Fetch>),
    /// It cannot be understood.
    Dead(String),
}

impl Engine {
    /// Tells what a body comes to. Pure but for the connection's references, which are read before.
    pub fn sort(&self, body: &Body, references: &std::collections::BTreeMap<String, References>) -> Sorted {
        let mut sorted = self.understand(body, references);
        if let Sorted::Events(events) = &mut sorted {
            for event in events {
                // Nothing happens after it was heard of: a clock that is ahead, or a zone that is wrong, would keep the
                // latest facts, a refusal among them, from being replaced until that time has come.
                event.occurred_at = event.occurred_at.min(event.received_at);
            }
        }
        sorted
    }

    fn understand(&self, body: &Body, references: &std::collections::BTreeMap<String, References>) -> Sorted {
        let via = match body.channel {
            Channel::Api | Channel::Own => return own_events(body),
            Channel::Hook => Via::Hook,
            Channel::Poll => Via::Poll,
            Channel::Read => Via::Read,
        };
        let Some(connection) = self.connections.get(&body.connection) else {
            return Sorted::Dead(format!("there is no connection `{}` in the settings any more", body.connection));
        };
        let raw = crate::crm::Raw {
            channel: via,
            content_type: &body.content_type,
            query: &body.query,
            body: &body.body,
            received_at: body.received_at,
        };
        let none = References::default();
        match connection.parse(&raw, references.get(&body.connection).unwrap_or(&none)) {
            Ok(Parsed::Events(events)) => Sorted::Events(events),
            Ok(Parsed::Fetch(wanted)) => Sorted::NeedsRead(wanted),
            Ok(Parsed::Ignored(why)) => {
                tracing::debug!(body.id = body.id, why, "body says nothing of interest");
                Sorted::Events(Vec::new())
            }
            Err(error) => Sorted::Dead(error.to_string()),
        }
    }
}

fn own_events(body: &Body) -> Sorted {
    match serde_json::from_slice::<Vec<Event>>(&body.body) {
        Ok(mut events) => {
            for event in &mut events {
                event.received_at = body.received_at;
            }
            Sorted::Events(events)
        }
        Err(error) => Sorted::Dead(format!("not a list of events: {error}")),
    }
}
