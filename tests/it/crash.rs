//! The program itself under load, killed and stopped: nothing accepted is missing, nothing goes out twice unsaid.
//!
//! The daemon runs as a process of its own over SQLite in a temporary folder; clients post events over HTTP and remember
//! which were acknowledged; letters arrive in a mailbox of the test. Moments of death are chosen by a seed.

mod apply;
mod errands;
mod load;
mod program;
mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fastrand::Rng;
use milepost::mail::Mailbox;
use milepost::mail::mailbox::{Action, Stage};
use milepost::store::{MessageFilter, MessageState, Store};
use tokio::sync::watch;

use self::load::Load;
use self::program::Folder;
use crate::pipeline::books;
use crate::support::record;

/// How often the daemon is killed.
const DEATHS: usize = 20;
/// Connections to the relay: so many letters may be in doubt at each death.
const CONNECTIONS: usize = 4;

/// Counts the letters whose last byte has come, so that the daemon can die with one in hand.
fn count_dots(mailbox: &Mailbox) -> watch::Receiver<usize> {
    let (seen, dots) = watch::channel(0);
    mailbox.follow(move |moment| {
        if moment.stage == Stage::Dot {
            seen.send_modify(|count| *count += 1);
        }
        Action::Go
    });
    dots
}

async fn mailbox() -> Mailbox {
    Mailbox::start(([127, 0, 0, 1], 0).into()).await.expect("a mailbox")
}

/// Waits until something is so in the database that the daemon, another process, writes: it can only be looked at again.
async fn until(so: impl AsyncFn() -> bool) {
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    while !so().await {
        looks.tick().await;
    }
}

/// Whether everything accepted is applied.
async fn applied(store: &Store) -> bool {
    let bodies = store.count_bodies().await.expect("counts");
    bodies.pending + bodies.waiting == 0
}

/// Waits until everything accepted is applied and every letter has come to its end.
async fn drained(store: &Store) {
    let waits = async |state| {
        let filter = MessageFilter { state: Some(state), limit: 1, ..MessageFilter::default() };
        !store.messages(&filter).await.expect("reads").is_empty()
    };
    until(async || {
        applied(store).await
            && store.next_due().await.expect("reads").is_none()
            && !waits(MessageState::Queued).await
            && !waits(MessageState::Sending).await
    })
    .await;
}

/// What must hold at the end, however often the daemon died.
async fn nothing_is_missing(store: &Store, load: &Load, mailbox: &Mailbox) {
    let (acknowledged, posted) = (load.acknowledged(), load.posted());
    let mut applied = BTreeSet::new();
    for customer in books::everyone(store).await {
        let events = store.events_of(&customer.id, 1_000_000).await.expect("reads");
        assert_eq!(customer.orders.count, i64::try_from(events.len()).expect("few"), "orders of {}", customer.id);
        for stored in events {
            assert!(applied.insert(stored.event.id.clone()), "{} was applied twice", stored.event.id);
        }
    }
    let missing: Vec<_> = acknowledged.difference(&applied).collect();
    assert!(missing.is_empty(), "acknowledged and not applied: {missing:?}");
    let strange: Vec<_> = applied.difference(&posted).collect();
    assert!(strange.is_empty(), "applied and never posted: {strange:?}");
    assert_eq!(store.count_bodies().await.expect("counts").dead, 0);

    let mut letters: BTreeMap<(String, String), usize> = BTreeMap::new();
    for row in record(store).await {
        let order = row.inputs["event"]["order"]["id"].as_str().expect("an order").to_owned();
        *letters.entry((order, row.rule.clone())).or_default() += 1;
        match row.state {
            MessageState::Sent => {}
            MessageState::Uncertain => {
                assert_eq!((row.rule.as_str(), row.reason.as_deref()), ("news", Some("interrupted")));
            }
            state => panic!("{} ended as {state:?} because of {:?}", row.id, row.reason),
        }
    }
    assert_eq!(letters.len(), 2 * applied.len(), "two letters an order");
    assert!(letters.values().all(|count| *count == 1));
    books::audit(store, &program::book(), &mailbox.letters()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_twenty_times_under_load_it_loses_nothing_and_repeats_nothing() {
    let mailbox = mailbox().await;
    let folder = Folder::new(&mailbox, CONNECTIONS);
    let mut dots = count_dots(&mailbox);
    let mut rng = Rng::with_seed(7);
    let mut load = Load::start(&mut rng);
    for death in 0..DEATHS {
        load.allow(35);
        let mut program = folder.start();
        if death % 5 == 4 {
            // Before it is up, or just about.
            tokio::time::sleep(Duration::from_millis(rng.u64(0..400))).await;
        } else {
            load.talk_to(Some(program.ready().await));
            if rng.bool() {
                load.acknowledgements(rng.usize(1..28)).await;
            } else {
                let wanted = *dots.borrow() + rng.usize(1..60);
                dots.wait_for(|count| *count >= wanted).await.expect("the mailbox lives");
            }
        }
        program.kill().await;
        load.talk_to(None);
    }
    let mut program = folder.start();
    load.talk_to(Some(program.ready().await));
    load.finish().await;
    let store = Store::open(&folder.database()).await.expect("opens");
    drained(&store).await;
    assert_eq!(program.terminate().await, Some(0));
    nothing_is_missing(&store, &load, &mailbox).await;
    let rows = record(&store).await;
    let uncertain = rows.iter().filter(|row| row.state == MessageState::Uncertain || row.resend).count();
    assert!(uncertain <= DEATHS * CONNECTIONS, "{uncertain} letters in doubt");
    assert!(uncertain > 0, "the daemon never died with a letter in hand: choose other moments");
    assert!(rows.len() > 1_000, "{} letters are no load", rows.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_to_stop_under_load_it_finishes_what_is_in_hand() {
    let mailbox = mailbox().await;
    let folder = Folder::new(&mailbox, CONNECTIONS);
    let mut dots = count_dots(&mailbox);
    let mut load = Load::start(&mut Rng::with_seed(8));
    for round in 1..=3 {
        load.allow(60);
        let mut program = folder.start();
        load.talk_to(Some(program.ready().await));
        let wanted = *dots.borrow() + 20 * round;
        dots.wait_for(|count| *count >= wanted).await.expect("the mailbox lives");
        assert_eq!(program.terminate().await, Some(0));
        load.talk_to(None);
        let store = Store::open(&folder.database()).await.expect("opens");
        let rows = record(&store).await;
        assert!(rows.iter().all(|row| row.state != MessageState::Sending), "every hand-over came to its end");
        store.close().await;
    }
    let mut program = folder.start();
    load.talk_to(Some(program.ready().await));
    load.finish().await;
    let store = Store::open(&folder.database()).await.expect("opens");
    drained(&store).await;
    assert_eq!(program.terminate().await, Some(0));
    nothing_is_missing(&store, &load, &mailbox).await;
    let rows = record(&store).await;
    assert!(rows.iter().all(|row| row.state == MessageState::Sent && !row.resend), "nothing was ever in doubt");
}
