//! Customers, their keys, their merges, and the events that made them what they are.

use std::collections::HashMap;

use milepost::journey::event::Key;
use milepost::store::StoredEvent;

use super::both;
use super::fixtures::{at, customer, event, texts};
use super::place::Place;

both! {
    documents_are_written_whole,
    keys_name_one_customer_each,
    strange_keys_are_found_again,
    due_customers_come_in_order,
    what_stands_in_indexes_follows_the_documents,
    outdated_customers_are_found,
    a_merged_customer_gives_way_to_the_survivor,
    an_event_is_applied_once,
    history_is_read_newest_first_and_follows_merges,
}

async fn documents_are_written_whole(place: &Place) {
    let (mut ada, ben) = (customer("ada", Some(5)), customer("ben", None));
    let mut tx = place.store.begin_processing().await.unwrap();
    tx.save_customers(&[&ada, &ben]).await.unwrap();
    tx.commit().await.unwrap();
    ada.message_count = 7;
    let mut newer = ada.clone();
    newer.message_count = 8;
    let mut tx = place.store.begin_processing().await.unwrap();
    tx.save_customers(&[&ada, &newer]).await.unwrap();
    let loaded = tx.load_customers(&texts(["ben", "ada", "nobody", "ada"])).await.unwrap();
    assert_eq!(loaded.len(), 2);
    assert_eq!((&loaded["ada"], &loaded["ben"]), (&newer, &ben), "of two in one slice the last stays");
    assert!(tx.load_customers(&[]).await.unwrap().is_empty());
    tx.commit().await.unwrap();
    assert_eq!(place.store.customer("ada").await.unwrap(), Some(newer));
    assert_eq!(place.store.customer("nobody").await.unwrap(), None);
    assert_eq!(place.store.count_customers().await.unwrap(), 2);

    let many: Vec<_> = (0..600).map(|n| customer(&format!("c{n:04}"), Some(n))).collect();
    let mut tx = place.store.begin().await.unwrap();
    tx.save_customers(&many.iter().collect::<Vec<_>>()).await.unwrap();
    tx.commit().await.unwrap();
    let (mut cursor, mut seen) = (String::new(), 0);
    loop {
        let page = place.store.customers_after(&cursor, 100).await.unwrap();
        let Some(last) = page.last() else { break };
        cursor.clone_from(&last.id);
        seen += page.len();
    }
    assert_eq!(seen, 602);
}

async fn keys_name_one_customer_each(place: &Place) {
    let (mail, phone) = (Key::email("ada@shop.example"), Key::phone("+7 900 000-00-01"));
    let mut tx = place.store.begin().await.unwrap();
    tx.save_customers(&[&customer("ada", None), &customer("ben", None)]).await.unwrap();
    tx.put_keys(&[(mail.clone(), "ada".into()), (phone.clone(), "ada".into())]).await.unwrap();
    let other = Key { kind: "external".into(), value: mail.value.clone() };
    let found = tx.find_keys(&[mail.clone(), other.clone(), phone.clone(), mail.clone()]).await.unwrap();
    assert_eq!(found.len(), 2, "the kind is part of the key");
    assert_eq!((found[&mail].as_str(), found[&phone].as_str()), ("ada", "ada"));
    tx.put_keys(&[(mail.clone(), "ada".into()), (mail.clone(), "ben".into())]).await.unwrap();
    assert_eq!(tx.find_keys(std::slice::from_ref(&mail)).await.unwrap()[&mail], "ben", "repointed");
    tx.commit().await.unwrap();
    assert_eq!(place.store.customer_by_key(&mail).await.unwrap().unwrap().id, "ben");
    assert_eq!(place.store.customer_by_key(&other).await.unwrap(), None);
    let keys = place.store.keys_of(&["ada".into(), "ben".into(), "nobody".into()]).await.unwrap();
    assert_eq!(keys, HashMap::from([("ada".into(), vec![phone]), ("ben".into(), vec![mail])]));
}

async fn strange_keys_are_found_again(place: &Place) {
    let keys = ["nul\0inside", &"long".repeat(5_000), "", "кот@shop.example", "1", "'; --"].map(Key::external);
    let mut tx = place.store.begin().await.unwrap();
    let named: Vec<_> = keys.iter().cloned().zip((0..).map(|n| format!("c{n}"))).collect();
    tx.put_keys(&named).await.unwrap();
    let found = tx.find_keys(&keys).await.unwrap();
    for (key, customer) in named {
        assert_eq!(found[&key], customer);
    }
}

async fn due_customers_come_in_order(place: &Place) {
    let all = [customer("a", Some(30)), customer("b", Some(10)), customer("c", None), customer("d", Some(20))];
    let mut tx = place.store.begin().await.unwrap();
    tx.save_customers(&all.iter().collect::<Vec<_>>()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(place.store.next_due().await.unwrap(), Some(at(10)));
    assert_eq!(place.store.due_customers(at(9), 10).await.unwrap(), texts([]));
    assert_eq!(place.store.due_customers(at(20), 10).await.unwrap(), texts(["b", "d"]));
    assert_eq!(place.store.due_customers(at(99), 2).await.unwrap(), texts(["b", "d"]));
    let mut tx = place.store.begin().await.unwrap();
    tx.save_customers(&[&customer("b", None)]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(place.store.next_due().await.unwrap(), Some(at(20)));
}

async fn what_stands_in_indexes_follows_the_documents(place: &Place) {
    let mut tx = place.store.begin_processing().await.unwrap();
    tx.save_customers(&[&customer("ada", Some(10))]).await.unwrap();
    tx.commit().await.unwrap();
    let due = async || place.store.due_customers(at(99), 10).await.unwrap();
    // Only the document changes; then the moment; then it changes and changes back in one transaction.
    for (steps, expected) in
        [(&[Some(10)][..], vec!["ada"]), (&[None], vec![]), (&[Some(20), None], vec![]), (&[Some(5)], vec!["ada"])]
    {
        let mut tx = place.store.begin_processing().await.unwrap();
        tx.load_customers(&texts(["ada"])).await.unwrap();
        for step in steps {
            let mut ada = customer("ada", *step);
            ada.message_count = 3;
            tx.save_customers(&[&ada]).await.unwrap();
        }
        tx.commit().await.unwrap();
        assert_eq!(due().await, expected, "{steps:?}");
        assert_eq!(place.store.customer("ada").await.unwrap().map(|ada| ada.message_count), Some(3));
    }
}

async fn outdated_customers_are_found(place: &Place) {
    let mut all = ["a", "b", "c", "d"].map(|id| customer(id, None));
    for (customer, book) in all.iter_mut().zip(["book-0", "book-1", "book-2", ""]) {
        customer.rulebook = book.into();
    }
    let mut tx = place.store.begin().await.unwrap();
    tx.save_customers(&all.iter().collect::<Vec<_>>()).await.unwrap();
    tx.commit().await.unwrap();
    let mut outdated = place.store.outdated_customers("book-1", 10).await.unwrap();
    outdated.sort_unstable();
    assert_eq!(outdated, texts(["a", "c", "d"]));
    assert_eq!(place.store.outdated_customers("book-1", 2).await.unwrap().len(), 2);
}

async fn a_merged_customer_gives_way_to_the_survivor(place: &Place) {
    let store = &place.store;
    let key = Key::email("old@shop.example");
    let mut tx = store.begin_processing().await.unwrap();
    tx.save_customers(&[&customer("ada", None), &customer("ben", Some(1)), &customer("cyd", Some(1))]).await.unwrap();
    tx.put_keys(&[(key.clone(), "cyd".into())]).await.unwrap();
    tx.retire_customer("cyd", "ben", at(5)).await.unwrap();
    tx.retire_customer("ben", "ada", at(6)).await.unwrap();
    tx.retire_customer("ada", "ada", at(7)).await.unwrap();
    tx.save_customers(&[&customer("cyd", Some(1))]).await.unwrap();
    assert_eq!(tx.find_keys(std::slice::from_ref(&key)).await.unwrap()[&key], "ada");
    assert_eq!(
        tx.load_customers(&texts(["ada", "ben", "cyd"])).await.unwrap().into_keys().collect::<Vec<_>>(),
        ["ada"]
    );
    tx.commit().await.unwrap();
    for id in ["ada", "ben", "cyd"] {
        assert_eq!(store.customer(id).await.unwrap().unwrap().id, "ada");
    }
    assert_eq!(store.customer_by_key(&key).await.unwrap().unwrap().id, "ada");
    assert_eq!((store.count_customers().await.unwrap(), store.next_due().await.unwrap()), (1, None));
    assert_eq!(store.customers_after("", 10).await.unwrap().len(), 1);
    assert_eq!(store.outdated_customers("book-2", 10).await.unwrap(), texts(["ada"]));
}

async fn an_event_is_applied_once(place: &Place) {
    let store = &place.store;
    let stored =
        |id: &str, seconds| StoredEvent { customer: "ada".into(), inbox_id: None, event: event("crm", id, seconds) };
    let long = "e".repeat(9_000);
    let mut tx = store.begin().await.unwrap();
    tx.put_events(&[stored("1", 5), stored(&long, 9), stored("2\0", 7)]).await.unwrap();
    tx.commit().await.unwrap();
    let pair = |source: &str, id: &str| (source.to_owned(), id.to_owned());
    let mut tx = store.begin().await.unwrap();
    let asked = [pair("crm", "1"), pair("crm", &long), pair("crm", "2\0"), pair("crm", "3"), pair("shop", "1")];
    let known = tx.known_events(&asked).await.unwrap();
    assert_eq!(known.len(), 3);
    assert!(asked[..3].iter().all(|pair| known.contains(pair)));
    let again = tx.put_events(&[stored("4", 1), stored("1", 5)]).await.unwrap_err();
    assert!(again.is_conflict() && !again.is_temporary());
    drop(tx);
    assert_eq!(store.events_of("ada", 10).await.unwrap().len(), 3, "the whole call is undone");
    assert_eq!(store.last_event_at("crm").await.unwrap(), Some(at(10)));
    assert_eq!(store.last_event_at("shop").await.unwrap(), None);
    let mut tx = store.begin().await.unwrap();
    tx.put_events(&[stored("5", 2)]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.last_event_at("crm").await.unwrap(), Some(at(10)), "an older event does not move it back");
}

async fn history_is_read_newest_first_and_follows_merges(place: &Place) {
    let stored = |customer: &str, id: &str, seconds| StoredEvent {
        customer: customer.into(),
        inbox_id: Some(3),
        event: event("crm", id, seconds),
    };
    let mut tx = place.store.begin().await.unwrap();
    tx.save_customers(&[&customer("ada", None), &customer("ben", None)]).await.unwrap();
    tx.put_events(&[stored("ada", "1", 10), stored("ben", "2", 20), stored("ada", "3", 5)]).await.unwrap();
    tx.retire_customer("ben", "ada", at(30)).await.unwrap();
    tx.commit().await.unwrap();
    for id in ["ada", "ben"] {
        let events = place.store.events_of(id, 10).await.unwrap();
        assert_eq!(events, [stored("ben", "2", 20), stored("ada", "1", 10), stored("ada", "3", 5)]);
    }
    assert_eq!(place.store.events_of("ada", 1).await.unwrap().len(), 1);
    assert_eq!(place.store.events_of("nobody", 1).await.unwrap(), []);
}
