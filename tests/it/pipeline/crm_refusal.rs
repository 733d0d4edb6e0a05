//! A refusal that a CRM tells takes effect before the next letter.

use milepost::store::MessageState;
use serde_json::{Value, json};

use super::{books, connect, daemon_with, post_hook};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, book};

both! {
    a_refusal_learnt_from_the_crm_stops_the_letter_that_is_due,
}

const RULE: &str = "
rule: later
on: {event: customer.created}
steps:
  - wait: 1h
  - send: later
";

/// The CRM's trigger posts the whole customer.
async fn tells(daemon: &Daemon, id: u32, subscribed: bool, changed_at: &str) {
    let topic = json!({"channel": "email", "code": "default_marketing", "active": true});
    let customer: Value = json!({"id": id, "createdAt": "2026-03-10 09:00:00", "firstName": "Anna", "site": "pets",
        "email": format!("c{id}@mail.example"),
        "customerSubscriptions": [{"subscription": topic, "subscribed": subscribed, "changedAt": changed_at}]});
    let form: String =
        form_urlencoded::Serializer::new(String::new()).append_pair("customer", &customer.to_string()).finish();
    let answer = post_hook(daemon, form).await;
    assert!(answer.status.is_success(), "{}", answer.status);
}

async fn a_refusal_learnt_from_the_crm_stops_the_letter_that_is_due(place: &Place) {
    let daemon = daemon_with(place, book(&[RULE]), |settings| connect(settings, None)).await;
    for id in [7, 8] {
        tells(&daemon, id, true, "2026-03-10 09:00:00").await;
    }
    daemon.until("2026-03-10T09:59:59Z").await;
    tells(&daemon, 7, false, "2026-03-10 09:59:58").await;
    // The letters fall due with the refusal still in the inbox.
    daemon.clock.set(crate::support::at("2026-03-10T10:00:00Z"));
    daemon.settle().await;
    let rows = daemon.record().await;
    let of = |to: &str| rows.iter().find(|row| row.to.as_deref() == Some(to)).expect("a letter");
    assert_eq!(of("c8@mail.example").state, MessageState::Sent);
    let refused = of("c7@mail.example");
    assert_eq!((refused.state, refused.reason.as_deref()), (MessageState::Withheld, Some("consent_refused")));
    books::check(&daemon).await;
}
