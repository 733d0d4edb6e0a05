//! The loops as they run in life: lanes that do not wait for one another, and what stopping leaves behind.

use std::collections::BTreeSet;
use std::time::Duration;

use milepost::mail::Mailbox;
use milepost::mail::mailbox::{Action, Stage};
use milepost::settings::Settings;
use milepost::store::MessageState;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{START, WELCOME, arrives, books, daemon_with};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, at, book};

both! {
    a_server_that_hangs_on_one_letter_holds_up_no_other,
    told_to_stop_it_begins_no_further_letter,
}

/// Far longer than any of it takes, and far shorter than a hanging server is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Letters whose last byte has come. The first one's server hangs if `hang`.
fn count_dots(mailbox: &Mailbox, hang: bool) -> watch::Receiver<usize> {
    let (seen, dots) = watch::channel(0);
    mailbox.follow(move |moment| {
        if moment.stage != Stage::Dot {
            return Action::Go;
        }
        let mut first = false;
        seen.send_modify(|count| {
            first = *count == 0;
            *count += 1;
        });
        if first && hang { Action::Hang } else { Action::Go }
    });
    dots
}

async fn until(dots: &mut watch::Receiver<usize>, wanted: usize) {
    let came = tokio::time::timeout(PATIENCE, dots.wait_for(|count| *count >= wanted)).await;
    came.unwrap_or_else(|_| panic!("{wanted} letters did not come")).expect("the mailbox lives");
}

async fn a_server_that_hangs_on_one_letter_holds_up_no_other(place: &Place) {
    // What the server may take for one letter: longer than this test waits for the others.
    let slow = |settings: &mut Settings| {
        let relay = settings.mail.relays.get_mut("test").expect("a relay");
        (relay.connections, relay.timeout_seconds) = (2, 60);
    };
    let daemon = daemon_with(place, book(&[WELCOME]), slow).await;
    let mut dots = count_dots(&daemon.mailbox, true);
    daemon.engine().start(&daemon.app.recorder, &CancellationToken::new(), &TaskTracker::new());
    daemon.accept(arrives("anna")).await;
    until(&mut dots, 1).await;
    for name in ["ben", "cleo", "dora"] {
        daemon.accept(arrives(name)).await;
    }
    until(&mut dots, 4).await;
    let record = daemon.record().await;
    assert!(record.iter().any(|row| row.state == MessageState::Sending), "the first is still being handed over");
}

async fn told_to_stop_it_begins_no_further_letter(place: &Place) {
    const LETTERS: usize = 20;
    let slow = |settings: &mut Settings| {
        settings.mail.relays.get_mut("test").expect("a relay").rate_per_second = Some(1);
    };
    let daemon = daemon_with(place, book(&[WELCOME]), slow).await;
    for n in 0..LETTERS {
        daemon.accept(arrives(&format!("customer{n}"))).await;
    }
    let mut dots = count_dots(&daemon.mailbox, false);
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    daemon.engine().start(&daemon.app.recorder, &stop, &tasks);
    tasks.close();
    until(&mut dots, 1).await;
    stop.cancel();
    tokio::time::timeout(PATIENCE, tasks.wait()).await.expect("it does not wait for the rate of all the others");

    let record = daemon.record().await;
    let sent = record.iter().filter(|row| row.state == MessageState::Sent).count();
    assert!((1..LETTERS).contains(&sent), "{sent} were sent");
    let mailbox = daemon.mailbox.clone();
    drop(daemon);
    let daemon = Daemon::start_at(mailbox, place.url(), book(&[WELCOME]), at(START), |_| {}).await;
    // Whoever comes next need not wait for the end of a lease.
    daemon.settle().await;
    let to: BTreeSet<String> = daemon.mailbox.letters().into_iter().flat_map(|letter| letter.to).collect();
    assert_eq!((daemon.mailbox.count(), to.len()), (LETTERS, LETTERS), "each got one");
    books::check(&daemon).await;
}
