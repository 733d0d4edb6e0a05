//! What is committed stays, what is not leaves no trace, and the schema is made once.

use std::time::Duration;

use milepost::store::{Alone, Engine, Store, StoreError};
use tokio::task::JoinSet;

use super::both;
use super::fixtures::{at, body, customer, letter, texts};
use super::place::Place;

both! {
    a_dropped_transaction_leaves_no_trace,
    another_process_sees_what_is_committed_and_only_that,
    reopening_keeps_everything,
    many_may_open_at_once,
    one_processor_runs_at_a_time,
    a_transaction_can_be_carried_between_threads,
    it_answers,
}

async fn a_dropped_transaction_leaves_no_trace(place: &Place) {
    let mut tx = place.store.begin_processing().await.unwrap();
    tx.put_bodies(&[body("crm", "x", Some("1"))]).await.unwrap();
    tx.save_customers(&[&customer("ada", Some(1))]).await.unwrap();
    tx.put_messages(&[letter("m1", 0)]).await.unwrap();
    tx.set_cursor("crm", "orders", "1").await.unwrap();
    drop(tx);
    assert_eq!(place.store.count_bodies().await.unwrap().pending, 0);
    assert_eq!(place.store.customer("ada").await.unwrap(), None);
    assert_eq!(place.store.message("m1").await.unwrap(), None);
    assert!(place.store.cursors("crm").await.unwrap().is_empty());
    let mut tx = place.store.begin_processing().await.unwrap();
    assert_eq!(tx.put_bodies(&[body("crm", "x", Some("1"))]).await.unwrap(), [true], "nor a lock");
}

async fn another_process_sees_what_is_committed_and_only_that(place: &Place) {
    let other = place.another().await;
    let mut tx = place.store.begin().await.unwrap();
    tx.put_bodies(&[body("crm", "x", None)]).await.unwrap();
    assert_eq!(other.count_bodies().await.unwrap().pending, 0);
    assert_eq!(place.store.count_bodies().await.unwrap().pending, 0, "reads are apart from the transaction");
    tx.commit().await.unwrap();
    assert_eq!(other.count_bodies().await.unwrap().pending, 1);
    other.close().await;
}

async fn reopening_keeps_everything(place: &Place) {
    let mut tx = place.store.begin().await.unwrap();
    tx.put_bodies(&[body("crm", "x", None)]).await.unwrap();
    tx.save_customers(&[&customer("ada", None)]).await.unwrap();
    tx.set_note("name", "value").await.unwrap();
    tx.commit().await.unwrap();
    place.store.close().await;
    assert!(place.store.ping().await.is_err(), "closed");
    let again = place.another().await;
    assert_eq!(again.pending_bodies(9).await.unwrap()[0].body, b"x");
    assert_eq!(again.customer("ada").await.unwrap(), Some(customer("ada", None)));
    assert_eq!(again.note("name").await.unwrap().as_deref(), Some("value"));
    again.close().await;
}

async fn many_may_open_at_once(place: &Place) {
    let fresh = place.empty().await;
    let mut openers = JoinSet::new();
    for _ in 0..4 {
        let url = fresh.clone();
        openers.spawn(async move { Store::open(&url).await.expect("opens") });
    }
    for store in openers.join_all().await {
        store.ping().await.unwrap();
        assert_eq!(store.count_customers().await.unwrap(), 0);
        store.close().await;
    }
}

async fn one_processor_runs_at_a_time(place: &Place) {
    // One process is all that works on a file: see `a_file_has_one_daemon`.
    let other = if place.store.engine() == Engine::Sqlite { place.store.clone() } else { place.another().await };
    let first = place.store.begin_processing().await.unwrap();
    let second = tokio::time::timeout(Duration::from_millis(100), other.begin_processing()).await;
    assert!(second.is_err(), "waits");
    if place.store.engine() == Engine::Postgres {
        let mut apart = other.begin().await.unwrap();
        apart.put_bodies(&[body("crm", "x", None)]).await.unwrap();
        apart.commit().await.unwrap();
    }
    first.commit().await.unwrap();
    other.begin_processing().await.unwrap().commit().await.unwrap();
    other.close().await;
}

#[test]
fn a_file_has_one_daemon() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = format!("sqlite:{}", folder.path().join("milepost.db").display());
    let first = Alone::on(&url).expect("the first");
    let second = Alone::on(&url).expect_err("the second");
    assert!(matches!(second, StoreError::Taken { .. }), "{second}");
    drop(first);
    let _third = Alone::on(&url).expect("after the first has gone");
    let _memory = (Alone::on("sqlite::memory:").expect("one"), Alone::on("sqlite::memory:").expect("another"));
}

async fn a_transaction_can_be_carried_between_threads(place: &Place) {
    let tx = place.store.begin().await.unwrap();
    let carried = tokio::spawn(async move {
        let mut tx = tx;
        tx.put_bodies(&[body("crm", "x", None)]).await.unwrap();
        tokio::task::yield_now().await;
        tx.finish_bodies(&[1], at(1)).await.unwrap();
        tx
    });
    carried.await.unwrap().commit().await.unwrap();
    assert_eq!(place.store.count_bodies().await.unwrap().done, 1);
}

async fn it_answers(place: &Place) {
    place.store.ping().await.unwrap();
    assert_eq!(place.store.clone().begin().await.unwrap().engine(), place.store.engine());
}

#[tokio::test]
async fn a_database_in_memory_works_for_one_process() {
    let store = Store::open("sqlite::memory:").await.unwrap();
    let mut tx = store.begin_processing().await.unwrap();
    tx.save_customers(&[&customer("ada", None)]).await.unwrap();
    assert_eq!(tx.load_customers(&texts(["ada"])).await.unwrap().len(), 1);
    tx.commit().await.unwrap();
    assert_eq!(store.count_customers().await.unwrap(), 1);
}

#[tokio::test]
async fn an_address_that_names_no_database_is_told() {
    for url in ["", "mysql://db.example/x", "sqlite:", "milepost.db"] {
        assert!(matches!(Store::open(url).await, Err(StoreError::Url)), "{url}");
    }
    let unreachable = Store::open("postgres://nobody@127.0.0.1:1/none").await.unwrap_err();
    assert!(matches!(unreachable, StoreError::Open(_)));
    assert!(unreachable.is_temporary());
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let blocked = Store::open(&format!("sqlite:{}", folder.path().join("file/deep/m.db").display())).await.unwrap_err();
    assert!(matches!(blocked, StoreError::Folder { .. }));
}
