//! A real relay that is ended and started again in the middle of a run of five thousand letters.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use milepost::journey::time::Span;
use milepost::settings::RelaySecurity;
use milepost::store::MessageState;
use serde_json::{Value, json};

use super::dovecot::Dovecot;
use super::postfix::Postfix;
use super::refusals::greylist;
use crate::pipeline::books;
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, at, book, header, person};

both! {
    nothing_is_lost_and_nothing_comes_twice,
}

const WELCOME: &str = "rule: welcome\non: {event: customer.created}\nsteps: [{send: welcome}]\n";
const LETTERS: usize = 5_000;
const CONNECTIONS: u32 = 8;
/// Letters that have come when the relay is ended.
const ENDS: [usize; 2] = [1_200, 3_100];

fn count(folder: &Path) -> usize {
    fs::read_dir(folder).expect("the folder").count()
}

/// By what the relay knew a letter that it had taken.
fn queue_id(mail: &[u8]) -> String {
    let text = String::from_utf8_lossy(mail);
    let (_, rest) = text.split_once("(Postfix)").expect("the relay's Received field");
    let (_, rest) = rest.split_once(" id ").expect("its queue id");
    rest.split(|c: char| !c.is_ascii_alphanumeric()).next().expect("a word").to_owned()
}

async fn nothing_is_lost_and_nothing_comes_twice(place: &Place) {
    let dovecot = Dovecot::start().await;
    let postfix = Arc::new(Postfix::start(&dovecot, greylist().await));
    let daemon = Daemon::start_with(place.url(), book(&[WELCOME]), at("2026-03-10T09:00:00Z"), |settings| {
        let relay = settings.mail.relays.get_mut("test").expect("a relay");
        (relay.host, relay.port, relay.security) = ("localhost".into(), Some(postfix.open), RelaySecurity::None);
        relay.connections = CONNECTIONS;
    })
    .await;
    for batch in (0..LETTERS).collect::<Vec<_>>().chunks(500) {
        let arrives = |n: &usize| {
            let mut customer = person(&format!("c{n}"));
            customer["email"] = json!(format!("c{n}@many.example"));
            json!({"id": format!("arrival/{n}"), "kind": "customer.created", "customer": customer})
        };
        daemon.accept(Value::Array(batch.iter().map(arrives).collect())).await;
    }

    let ends = {
        let postfix = Arc::clone(&postfix);
        tokio::spawn(async move {
            for end in ENDS {
                // Another process writes the folder: it can only be looked at again.
                let mut looks = tokio::time::interval(Duration::from_millis(10));
                while count(&postfix.many()) < end {
                    looks.tick().await;
                }
                let postfix = Arc::clone(&postfix);
                tokio::task::spawn_blocking(move || postfix.restart()).await.expect("restarts");
            }
        })
    };
    loop {
        daemon.settle().await;
        let unfinished = |state| !matches!(state, MessageState::Sent | MessageState::Uncertain);
        let record = daemon.record().await;
        if record.len() == LETTERS && !record.iter().any(|row| unfinished(row.state)) {
            break;
        }
        daemon.until_moment(daemon.clock.now().after(Span::seconds(300))).await;
    }
    assert!(ends.is_finished(), "the relay was ended in the middle of the run");
    ends.await.expect("both ends came");

    let record = daemon.record().await;
    let uncertain = record.iter().filter(|row| row.state == MessageState::Uncertain).count();
    assert!(uncertain <= ENDS.len() * CONNECTIONS as usize, "{uncertain} in doubt: one a connection at most");
    let mails = super::arrived(&postfix.many(), LETTERS - uncertain).await;
    postfix.drained().await;
    // A relay that is ended while it delivers delivers that mail again; what it was handed over once has one queue id.
    let mut came: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for mail in super::arrived(&postfix.many(), mails.len()).await {
        came.entry(header(&mail, "Message-ID")).or_default().insert(queue_id(&mail));
    }
    let twice: Vec<_> = came.iter().filter(|(_, ids)| ids.len() > 1).collect();
    assert!(twice.is_empty(), "handed over twice: {twice:?}");
    for row in &record {
        let there = row.message_id.as_ref().is_some_and(|id| came.contains_key(id));
        assert!(there || row.state == MessageState::Uncertain, "on record as sent, and not there: {row:?}");
    }
    assert!(came.len() <= LETTERS, "nothing comes that is not on record");
    books::check_record(&daemon).await;
}
