//! The queue out under many hands: claims, leases, and races that one side must win.

use std::collections::BTreeSet;
use std::sync::Arc;

use milepost::journey::effect::WithheldReason;
use milepost::store::{Engine, MessageState, Store};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::both;
use super::fixtures::{at, frozen, letter, queue, texts};
use super::place::Place;

both! {
    claims_come_in_order_and_wait_for_older_input,
    a_lease_keeps_others_away_until_it_ends,
    a_claim_can_be_given_back_by_its_owner,
    parallel_claimers_never_get_the_same_letter,
    a_letter_is_cancelled_or_sent_never_both,
    a_letter_is_marked_by_one_sender,
}

async fn claim(store: &Store, owner: &str, now: i64, lease: i64, limit: usize) -> Vec<String> {
    let mut tx = store.begin().await.unwrap();
    let claimed = tx.claim_messages(owner, at(now), at(lease), None, limit).await.unwrap();
    tx.commit().await.unwrap();
    claimed.into_iter().map(|message| message.id).collect()
}

async fn claims_come_in_order_and_wait_for_older_input(place: &Place) {
    let mut tx = place.store.begin().await.unwrap();
    tx.put_messages(&[letter("late", 30), letter("b", 10), letter("a", 10), letter("early", 5)]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(place.store.next_send_at().await.unwrap(), Some(at(5)));
    let mut tx = place.store.begin().await.unwrap();
    let ids =
        |claimed: Vec<milepost::store::Claimed>| claimed.into_iter().map(|message| message.id).collect::<Vec<_>>();
    assert_eq!(ids(tx.claim_messages("w", at(10), at(99), Some(at(5)), 10).await.unwrap()), texts([]));
    assert_eq!(ids(tx.claim_messages("w", at(10), at(99), Some(at(6)), 10).await.unwrap()), texts(["early"]));
    assert_eq!(ids(tx.claim_messages("w", at(20), at(99), None, 10).await.unwrap()), texts(["a", "b"]));
    assert_eq!(ids(tx.claim_messages("w", at(20), at(99), None, 10).await.unwrap()), texts([]));
    tx.commit().await.unwrap();
    assert_eq!(place.store.next_send_at().await.unwrap(), Some(at(30)));
}

async fn a_lease_keeps_others_away_until_it_ends(place: &Place) {
    queue(&place.store, ["m1"]).await;
    assert_eq!(claim(&place.store, "dead", 1, 50, 10).await, texts(["m1"]));
    assert_eq!(claim(&place.store, "other", 49, 90, 10).await, texts([]));
    assert_eq!(place.store.next_send_at().await.unwrap(), Some(at(50)), "the end of the lease, not the past");
    assert_eq!(claim(&place.store, "other", 50, 90, 10).await, texts(["m1"]));
}

async fn a_claim_can_be_given_back_by_its_owner(place: &Place) {
    queue(&place.store, ["m1"]).await;
    claim(&place.store, "mine", 1, 50, 10).await;
    let release = async |owner: &str| {
        let mut tx = place.store.begin().await.unwrap();
        tx.release_messages(owner, &texts(["m1"])).await.unwrap();
        tx.commit().await.unwrap();
    };
    release("somebody else").await;
    assert_eq!(claim(&place.store, "other", 2, 50, 10).await, texts([]));
    release("mine").await;
    assert_eq!(claim(&place.store, "other", 2, 50, 10).await, texts(["m1"]));
}

async fn parallel_claimers_never_get_the_same_letter(place: &Place) {
    const LETTERS: usize = 120;
    let letters: Vec<_> = (0..LETTERS).map(|n| letter(&format!("m{n:03}"), 0)).collect();
    let mut tx = place.store.begin().await.unwrap();
    tx.put_messages(&letters).await.unwrap();
    tx.commit().await.unwrap();
    let other = place.another().await;
    let start = Arc::new(Barrier::new(6));
    let mut claimers = JoinSet::new();
    for n in 0..6 {
        let (store, start) = (if n % 2 == 0 { place.store.clone() } else { other.clone() }, start.clone());
        claimers.spawn(async move {
            start.wait().await;
            let mut mine = Vec::new();
            loop {
                let got = claim(&store, &format!("w{n}"), 1, 999, 7).await;
                if got.is_empty() {
                    return mine;
                }
                mine.extend(got);
            }
        });
    }
    let all: Vec<String> = claimers.join_all().await.into_iter().flatten().collect();
    assert_eq!(all.len(), LETTERS);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), LETTERS);
    other.close().await;
}

async fn a_letter_is_cancelled_or_sent_never_both(place: &Place) {
    let ids: Vec<String> = (0..40).map(|n| format!("m{n:02}")).collect();
    let letters: Vec<_> = ids.iter().map(|id| letter(id, 0)).collect();
    let mut tx = place.store.begin().await.unwrap();
    tx.put_messages(&letters).await.unwrap();
    tx.commit().await.unwrap();
    let start = Arc::new(Barrier::new(2));
    let sender = {
        let (store, ids, start) = (place.store.clone(), ids.clone(), start.clone());
        tokio::spawn(async move {
            start.wait().await;
            let mut marked = Vec::new();
            for pair in ids.chunks(2) {
                let mut tx = store.begin().await.unwrap();
                let letters: Vec<_> = pair.iter().map(|id| frozen(id)).collect();
                let letters: Vec<_> = letters.iter().collect();
                marked.extend(tx.mark_sending(&letters, at(1)).await.unwrap());
                tx.commit().await.unwrap();
            }
            marked
        })
    };
    let other_side = {
        let (store, ids) = (place.another().await, ids.clone());
        tokio::spawn(async move {
            start.wait().await;
            let mut cancelled = Vec::new();
            // From the other end, in the other order within a pair: the two must not wait for each other.
            for pair in ids.chunks(2).rev() {
                let mut tx = store.begin().await.unwrap();
                let list: Vec<_> = pair.iter().rev().map(|id| (id.clone(), WithheldReason::Deleted, at(1))).collect();
                cancelled.extend(tx.cancel_messages(&list).await.unwrap());
                tx.commit().await.unwrap();
            }
            store.close().await;
            cancelled
        })
    };
    let (marked, cancelled) = (sender.await.unwrap(), other_side.await.unwrap());
    let both: BTreeSet<_> = marked.iter().chain(&cancelled).collect();
    assert_eq!((marked.len() + cancelled.len(), both.len()), (40, 40), "each letter went one way");
    for (list, state) in [(marked, MessageState::Sending), (cancelled, MessageState::Withheld)] {
        for id in list {
            assert_eq!(place.store.message(&id).await.unwrap().unwrap().state, state);
            assert_eq!(place.store.message_log(&id).await.unwrap().len(), 2);
        }
    }
}

async fn a_letter_is_marked_by_one_sender(place: &Place) {
    queue(&place.store, ["m1"]).await;
    claim(&place.store, "slow", 1, 10, 1).await;
    claim(&place.store, "quick", 10, 99, 1).await;
    let mut quick = place.store.begin().await.unwrap();
    assert_eq!(quick.mark_sending(&[&frozen("m1")], at(11)).await.unwrap(), texts(["m1"]));
    if place.store.engine() == Engine::Postgres {
        // The slow one waits for the quick one's row, and then sees that it came too late.
        let store = place.store.clone();
        let slow =
            tokio::spawn(
                async move { store.begin().await.unwrap().mark_sending(&[&frozen("m1")], at(11)).await.unwrap() },
            );
        quick.commit().await.unwrap();
        assert_eq!(slow.await.unwrap(), texts([]));
    } else {
        quick.commit().await.unwrap();
        let mut slow = place.store.begin().await.unwrap();
        assert_eq!(slow.mark_sending(&[&frozen("m1")], at(11)).await.unwrap(), texts([]));
    }
}
