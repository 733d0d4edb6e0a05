//! The daemon and the simulator over the same log come to the same letters, on both engines.

use std::collections::{BTreeMap, HashSet};

use milepost::engine::backtest::backtest;
use milepost::journey::backtest::Window;
use milepost::journey::event::Event;
use milepost::journey::simulate::{Entry, Pools, Simulator, What};
use milepost::journey::time::Span;
use milepost::store::MessageState;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;

use super::{START, books, daemon};
use crate::journey::properties::{books as rulebooks, logs};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, at};

both! { daemon_and_simulator_come_to_the_same_letters }

/// How long the clock runs on after the last event.
const AFTERWARDS: Span = Span::days(4);
/// Just before a moment.
const MOMENT: i64 = 1;

async fn daemon_and_simulator_come_to_the_same_letters(place: &Place) {
    let mut runner = TestRunner::deterministic();
    // One that does something: what comes of nothing is the same everywhere.
    let busy = (0..200).find_map(|_| {
        let written = rulebooks::written().new_tree(&mut runner).ok()?.current();
        let log = logs::log(24).new_tree(&mut runner).ok()?.current();
        let said = logs::events(&log, at(START));
        let letters = simulated(&written, &said);
        let states = letters.values().map(|(state, _)| state).collect::<HashSet<_>>();
        (letters.len() > 12 && states.len() > 1 && written.cap.is_some()).then_some((written, log))
    });
    let (written, log) = busy.expect("a rulebook and a log that come to letters");
    let daemon = daemon(place, written.book()).await;
    for (moment, _, said) in logs::told(&log, at(START)) {
        // What is accepted at a moment has its say in the letters of that moment.
        daemon.until_moment(moment.before(Span::from_micros(MOMENT))).await;
        daemon.clock.set(moment);
        daemon.accept(said).await;
        daemon.settle().await;
    }
    daemon.until_moment(daemon.clock.now().after(AFTERWARDS)).await;

    let live = on_record(&daemon).await;
    let said = heard(&daemon).await;
    assert_eq!(live, simulated(&written, &said), "left: the daemon, right: the simulator");
    books::check(&daemon).await;

    // A backtest of the rules in force over the stored events comes to the letters that really went out.
    let window = Window { known_until: at(START), from: at(START), until: daemon.clock.now() };
    let book = std::sync::Arc::new(written.book());
    let mut read = Vec::new();
    let found = backtest(&daemon.app.engine.store, window, &book, &book, |done, all| read.push((done, all)));
    let found = found.await.expect("reads");
    let sent = live.values().filter(|(state, _)| *state == "sent").count();
    assert_eq!(found.rules.iter().map(|rule| rule.present).sum::<u64>(), sent as u64);
    assert_eq!((found.more, found.fewer, found.other), (0, 0, 0));
    assert_eq!(read, [(log.len() as u64, log.len() as u64)]);
}

/// What became of each letter, by its id: its state and reason.
type Letters = BTreeMap<String, (&'static str, String)>;

async fn on_record(daemon: &Daemon) -> Letters {
    let rows = daemon.record().await.into_iter().filter_map(|row| {
        let state = match row.state {
            MessageState::Sent => "sent",
            MessageState::Withheld => "withheld",
            _ => return None,
        };
        Some((row.id, (state, format!("{} {}", row.letter, row.reason.unwrap_or_default()))))
    });
    rows.collect()
}

/// The events as the daemon applied them, with the ids that it gave to customers.
async fn heard(daemon: &Daemon) -> Vec<(String, Event)> {
    let store = &daemon.app.engine.store;
    let stored = store.events_after(0, 10_000).await.expect("reads");
    stored.into_iter().map(|(_, stored)| (stored.customer, stored.event)).collect()
}

fn simulated(written: &rulebooks::Written, said: &[(String, Event)]) -> Letters {
    let book = written.book();
    let mut world = Simulator::new(&book.rulebook, at(START), Pools::new(book.pools.clone()), HashSet::new());
    let mut record: Vec<Entry> = Vec::new();
    for (customer, event) in said {
        world.hear(customer, event, &mut record);
    }
    world.run_until(world.now().after(AFTERWARDS), &mut record);
    let letters = record.into_iter().filter_map(|entry| match entry.what {
        What::Sent(message) => Some((message.id, ("sent", format!("{} ", message.letter)))),
        What::Withheld { message, reason } => {
            Some((message.id, ("withheld", format!("{} {}", message.letter, reason.code()))))
        }
        _ => None,
    });
    letters.collect()
}
