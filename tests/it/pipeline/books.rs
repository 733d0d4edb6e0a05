//! The audit at the end of a test: mailbox, record, documents and figures tell one story.

use std::collections::{BTreeMap, BTreeSet};

use milepost::insight::{ErrandFigures, MapFigures, RuleFigures, StageFigures, figures};
use milepost::journey::customer::{Customer, RECENT_MESSAGES};
use milepost::journey::effect::StageMove;
use milepost::journey::errand::ErrandKind;
use milepost::journey::money::Money;
use milepost::mail::mailbox::Received;
use milepost::rulebook::Book;
use milepost::store::{EnrollmentRow, ErrandFilter, ErrandRow, ErrandState, MessageRow, MessageState, Store};

use crate::support::{Daemon, record};

/// Audits a daemon in whose mailbox all of its letters arrived.
pub async fn check(daemon: &Daemon) {
    let book = daemon.app.engine.book.load_full();
    audit(&daemon.app.engine.store, &book, &daemon.mailbox.letters()).await;
}

/// Audits a database with its rulebook and what arrived.
pub async fn audit(store: &Store, book: &Book, arrived: &[Received]) {
    letters(store, arrived).await;
    agree(store, book).await;
}

/// Audits a daemon whose letters arrived somewhere else.
pub async fn check_record(daemon: &Daemon) {
    let book = daemon.app.engine.book.load_full();
    agree(&daemon.app.engine.store, &book).await;
}

/// Documents and figures tell what the record tells.
async fn agree(store: &Store, book: &Book) {
    documents(store).await;
    for map in book.rulebook.maps.keys() {
        let counted = figures(store, &book.rulebook, map).await.expect("reads").expect("a map of the book");
        recount(store, &counted).await;
    }
}

/// What arrived is on record to the byte, what is on record as sent arrived, and nothing came twice unless that is said.
async fn letters(store: &Store, arrived: &[Received]) {
    let rows = record(store).await;
    let by_id: BTreeMap<&str, &MessageRow> =
        rows.iter().filter_map(|row| row.message_id.as_deref().map(|id| (id, row))).collect();
    let mut seen = BTreeSet::new();
    for letter in arrived {
        let id = letter.message_id.as_deref().expect("a Message-ID");
        let row = by_id.get(id).unwrap_or_else(|| panic!("{id} arrived and is not on record"));
        let said = [MessageState::Sent, MessageState::Uncertain, MessageState::Bounced, MessageState::Complained]
            .contains(&row.state);
        // What was in doubt and goes again is on record by what becomes of that.
        assert!(said || row.resend, "{id} arrived and is on record as {:?}", row.state);
        let kept = store.raw(&row.id).await.expect("reads").expect("bytes");
        assert_eq!(String::from_utf8_lossy(&kept), String::from_utf8_lossy(&letter.bytes), "the record of {id}");
        assert_eq!(row.to.as_slice(), letter.to, "the envelope of {id}");
        assert!(seen.insert(id) || row.resend, "{id} arrived twice and nothing says so");
    }
    for row in rows {
        let log = store.message_log(&row.id).await.expect("reads");
        assert_eq!(log.last().map(|last| last.state), Some(row.state), "the log of {}", row.id);
        if row.state == MessageState::Sent {
            let id = row.message_id.as_deref().expect("a Message-ID");
            assert!(seen.contains(id), "{id} is on record as sent and did not arrive");
        }
    }
}

/// A customer's document waits for exactly the letters that wait, and remembers those that were handed over.
async fn documents(store: &Store) {
    use MessageState::{Complained, Failed, Held, Queued, Sending, Sent, Uncertain};
    let mut owned: BTreeMap<String, Vec<MessageRow>> = BTreeMap::new();
    for row in record(store).await {
        let owner = store.customer(&row.customer).await.expect("reads").expect("nobody is forgotten");
        owned.entry(owner.id).or_default().push(row);
    }
    for customer in everyone(store).await {
        let own = owned.remove(&customer.id).unwrap_or_default();
        let of = |states: &[MessageState]| -> BTreeSet<&str> {
            own.iter().filter(|row| states.contains(&row.state)).map(|row| row.id.as_str()).collect()
        };
        let pending: BTreeSet<&str> = customer.pending.iter().map(|pending| pending.message.as_str()).collect();
        let handed_over: BTreeSet<&str> = customer.handed_over.iter().map(|past| past.message.as_str()).collect();
        assert!(pending.is_superset(&of(&[Queued, Held])), "{} waits for {pending:?}", customer.id);
        assert!(pending.is_subset(&of(&[Queued, Held, Failed])), "{} waits for {pending:?}", customer.id);
        let gone = of(&[Sending, Sent, Uncertain, Complained]);
        assert_eq!(customer.message_count, gone.len() as u64, "handed over to {}", customer.id);
        assert_eq!(handed_over.len(), gone.len().min(RECENT_MESSAGES), "of {}", customer.id);
        assert!(handed_over.is_subset(&gone), "handed over to {}: {handed_over:?}", customer.id);
    }
}

/// Everybody who was not merged into somebody else.
pub async fn everyone(store: &Store) -> Vec<Customer> {
    store.customers_after("", 100_000).await.expect("reads")
}

/// What counters say, and what counting again gives.
async fn recount(store: &Store, counted: &MapFigures) {
    let map = &counted.map;
    let (mut moves, mut runs): (Vec<StageMove>, Vec<EnrollmentRow>) = (Vec::new(), Vec::new());
    let mut here: BTreeMap<String, i64> = BTreeMap::new();
    for customer in everyone(store).await {
        moves.extend(store.moves_of(&customer.id).await.expect("reads").into_iter().filter(|moved| moved.map == *map));
        runs.extend(store.enrollments_of(&customer.id).await.expect("reads"));
        if let Some(standing) = customer.stages.get(map) {
            *here.entry(standing.stage.clone()).or_default() += 1;
        }
    }
    let rows = record(store).await;
    let everything = ErrandFilter { limit: 100_000, ..ErrandFilter::default() };
    let errands = store.errands(&everything).await.expect("reads");
    for stage in &counted.stages {
        let entered = moves.iter().filter(|moved| moved.to.as_ref() == Some(&stage.stage)).count();
        let left: Vec<Option<&str>> =
            moves.iter().filter(|m| m.from.as_ref() == Some(&stage.stage)).map(|m| m.to.as_deref()).collect();
        let expected = StageFigures {
            here: here.get(&stage.stage).copied().unwrap_or(0),
            entered: whole(entered),
            moved: tally(left.iter().flatten().copied()),
            left: whole(left.iter().filter(|to| to.is_none()).count()),
            // Derived from the others, and from the lengths of stays.
            ..stage.clone()
        };
        let told = StageFigures { moved: sorted(&stage.moved), ..stage.clone() };
        assert_eq!(told, expected, "stage {} of {map}", stage.stage);
    }
    for rule in &counted.rules {
        let rows: Vec<&MessageRow> = rows.iter().filter(|row| row.rule == rule.rule).collect();
        let runs: Vec<&EnrollmentRow> = runs.iter().filter(|run| run.rule == rule.rule).collect();
        let out = |message: &str| rows.iter().any(|row| row.id == message && row.reason.as_deref() == Some("held_out"));
        let (without, converted): (Vec<_>, Vec<_>) =
            runs.iter().filter_map(|run| run.converted.as_ref()).partition(|reached| out(&reached.message));
        let of = |state| rows.iter().filter(move |row| row.state == state);
        let errands: Vec<&ErrandRow> = errands.iter().filter(|errand| errand.rule == rule.rule).collect();
        let number = |state| whole(of(state).count());
        let mut value: BTreeMap<&str, i64> = BTreeMap::new();
        for money in converted.iter().filter_map(|conversion| conversion.value.as_ref()) {
            *value.entry(&money.currency).or_default() += money.minor;
        }
        let expected = RuleFigures {
            // A run may hold somebody out and have no letter to tell it by.
            enrolled: whole(runs.len()) - rule.held_out,
            held_out_converted: whole(without.len()),
            ended: tally(runs.iter().filter_map(|run| run.ended.as_ref()).map(|(_, reason)| reason.code())),
            planned: whole(rows.len()),
            sent: number(MessageState::Sent) + number(MessageState::Bounced) + number(MessageState::Complained),
            withheld: tally(of(MessageState::Withheld).map(|row| row.reason.as_deref().unwrap_or_default())),
            held: tally(of(MessageState::Held).map(|row| row.reason.as_deref().unwrap_or_default())),
            webhooks: of_errands(&errands, ErrandKind::Webhook, &rule.webhooks),
            crm: of_errands(&errands, ErrandKind::Crm, &rule.crm),
            bounced: tally(of(MessageState::Bounced).map(|row| row.reason.as_deref().unwrap_or_default())),
            complained: number(MessageState::Complained),
            refused: number(MessageState::Refused),
            uncertain: number(MessageState::Uncertain),
            failed: number(MessageState::Failed),
            converted: whole(converted.len()),
            value: value.into_iter().map(|(currency, minor)| Money::new(minor, currency)).collect(),
            ..rule.clone()
        };
        let (ended, withheld, held) = (sorted(&rule.ended), sorted(&rule.withheld), sorted(&rule.held));
        let bounced = sorted(&rule.bounced);
        let told = RuleFigures { ended, withheld, held, bounced, ..rule.clone() };
        assert_eq!(told, expected, "rule {} of {map}", rule.rule);
    }
}

/// Errands as they are on record. Those that were not asked for are on no record of their own.
fn of_errands(rows: &[&ErrandRow], kind: ErrandKind, counted: &ErrandFigures) -> ErrandFigures {
    let number = |state| whole(rows.iter().filter(|row| row.kind == kind && row.state == state).count());
    let (queued, done, failed) = (number(ErrandState::Queued), number(ErrandState::Done), number(ErrandState::Dead));
    ErrandFigures { asked: queued + done + failed, done, failed, withheld: counted.withheld }
}

fn whole(number: usize) -> i64 {
    i64::try_from(number).expect("a small number")
}

fn tally<'a>(words: impl Iterator<Item = &'a str>) -> Vec<(String, i64)> {
    let mut numbers: BTreeMap<&str, i64> = BTreeMap::new();
    for word in words {
        *numbers.entry(word).or_default() += 1;
    }
    numbers.into_iter().map(|(word, number)| (word.to_owned(), number)).collect()
}

fn sorted(list: &[(String, i64)]) -> Vec<(String, i64)> {
    let mut list = list.to_vec();
    list.sort();
    list
}
