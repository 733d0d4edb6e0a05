//! What is accepted is kept, once, and leaves the queue in an orderly way.

use milepost::store::{BodyCounts, BodyFilter, BodyState};

use super::both;
use super::fixtures::{at, body};
use super::place::Place;

both! {
    bodies_come_back_as_they_went_in,
    duplicates_are_told_apart,
    strange_text_is_kept,
    a_body_goes_through_its_states,
    dead_and_waiting_bodies_can_be_sent_through_again,
    lists_are_filtered_and_paged,
    old_bodies_are_pruned_and_numbers_never_reused,
}

async fn bodies_come_back_as_they_went_in(place: &Place) {
    let large = "x".repeat(300_000);
    let bodies = [body("crm", "first", None), body("crm", "", None), body("crm", &large, None)];
    let mut tx = place.store.begin().await.unwrap();
    assert_eq!(tx.put_bodies(&bodies).await.unwrap(), [true; 3]);
    tx.commit().await.unwrap();

    let kept = place.store.pending_bodies(10).await.unwrap();
    assert_eq!(kept.len(), 3);
    assert!(kept.is_sorted_by_key(|body| body.id));
    for (kept, put) in kept.iter().zip(&bodies) {
        assert_eq!((&kept.body, &kept.connection, kept.channel), (&put.body, &put.connection, put.channel));
        assert_eq!((&kept.content_type, &kept.query), (&put.content_type, &put.query));
        assert_eq!((kept.received_at, kept.state, kept.attempts), (at(0), BodyState::Pending, 0));
        assert_eq!(place.store.body(kept.id).await.unwrap().as_ref(), Some(kept));
    }
    assert_eq!(place.store.pending_bodies(2).await.unwrap().len(), 2);
    assert_eq!(place.store.body(999_999).await.unwrap(), None);
}

async fn duplicates_are_told_apart(place: &Place) {
    let first =
        [body("crm", "a", Some("1")), body("crm", "b", None), body("crm", "c", Some("2")), body("crm", "d", Some("1"))];
    let mut tx = place.store.begin().await.unwrap();
    assert_eq!(tx.put_bodies(&first).await.unwrap(), [true, true, true, false], "also inside the slice");
    tx.commit().await.unwrap();
    let second = [
        body("crm", "e", Some("2")),
        body("shop", "f", Some("2")),
        body("crm", "g", Some("3")),
        body("crm", "b", None),
    ];
    let mut tx = place.store.begin().await.unwrap();
    assert_eq!(tx.put_bodies(&second).await.unwrap(), [false, true, true, true], "the connection is part of the key");
    tx.commit().await.unwrap();
    assert_eq!(place.store.count_bodies().await.unwrap().pending, 6);

    let many: Vec<_> = (0..700).map(|n| body("crm", "x", Some(&format!("n{}", n % 350)))).collect();
    let mut tx = place.store.begin().await.unwrap();
    let new = tx.put_bodies(&many).await.unwrap();
    assert!(new[..350].iter().all(|new| *new) && !new[350..].iter().any(|new| *new));
}

async fn strange_text_is_kept(place: &Place) {
    let long = "k".repeat(100_000);
    let mut strange = body("crm", "a\0b", Some(&long));
    strange.query = "nul=\0&emoji=\u{1f408}".into();
    let mut tx = place.store.begin().await.unwrap();
    assert_eq!(tx.put_bodies(&[strange.clone(), body("crm", "c", Some("nul\0"))]).await.unwrap(), [true, true]);
    assert_eq!(tx.put_bodies(&[strange.clone(), body("crm", "c", Some("nul\0"))]).await.unwrap(), [false, false]);
    tx.commit().await.unwrap();
    let kept = place.store.pending_bodies(1).await.unwrap();
    assert_eq!(kept[0].body, strange.body, "bytes are kept exactly");
    assert_eq!(kept[0].query, "nul=\u{fffd}&emoji=\u{1f408}");
}

async fn a_body_goes_through_its_states(place: &Place) {
    let mut bodies: Vec<_> = ["a", "b", "c", "d"].map(|text| body("crm", text, None)).into();
    for (n, body) in bodies.iter_mut().enumerate() {
        body.received_at = at(10 - i64::try_from(n).unwrap());
    }
    let mut tx = place.store.begin().await.unwrap();
    tx.put_bodies(&bodies).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(place.store.oldest_unapplied_at().await.unwrap(), Some(at(7)));

    let ids: Vec<i64> = place.store.pending_bodies(10).await.unwrap().iter().map(|body| body.id).collect();
    let mut tx = place.store.begin().await.unwrap();
    tx.finish_bodies(&ids[..1], at(20)).await.unwrap();
    tx.bury_bodies(&[(ids[1], "not JSON".into())], at(20)).await.unwrap();
    tx.park_bodies(&[(ids[2], "order 7".into(), at(60)), (ids[3], "order 8".into(), at(30))]).await.unwrap();
    tx.commit().await.unwrap();

    let counts = place.store.count_bodies().await.unwrap();
    assert_eq!(counts, BodyCounts { pending: 0, waiting: 2, dead: 1, done: 1 });
    let oldest = place.store.oldest_unapplied_at().await.unwrap();
    assert_eq!(oldest, Some(at(7)), "a body counts while it waits for its first read");
    let mut tx = place.store.begin().await.unwrap();
    tx.park_bodies(&[(ids[2], "order 7".into(), at(60))]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(place.store.oldest_unapplied_at().await.unwrap(), Some(at(7)), "the other one has not failed yet");
    let waiting = place.store.waiting_bodies(at(30), 10).await.unwrap();
    assert_eq!(waiting.iter().map(|body| body.id).collect::<Vec<_>>(), [ids[3]]);
    assert_eq!(
        (waiting[0].attempts, waiting[0].reason.as_deref(), waiting[0].next_at),
        (1, Some("order 8"), Some(at(30)))
    );
    assert_eq!(place.store.waiting_bodies(at(60), 10).await.unwrap().len(), 2);

    // What is settled stays settled.
    let mut tx = place.store.begin().await.unwrap();
    tx.park_bodies(&[(ids[0], "late".into(), at(60))]).await.unwrap();
    tx.finish_bodies(&[ids[1], ids[3]], at(61)).await.unwrap();
    tx.finish_bodies(&[], at(61)).await.unwrap();
    tx.commit().await.unwrap();
    let state = async |id| place.store.body(id).await.unwrap().unwrap().state;
    assert_eq!((state(ids[0]).await, state(ids[1]).await), (BodyState::Done, BodyState::Dead));
    assert_eq!((state(ids[2]).await, state(ids[3]).await), (BodyState::Waiting, BodyState::Done));
}

async fn dead_and_waiting_bodies_can_be_sent_through_again(place: &Place) {
    let mut tx = place.store.begin().await.unwrap();
    tx.put_bodies(&["a", "b", "c"].map(|text| body("crm", text, None))).await.unwrap();
    tx.commit().await.unwrap();
    let ids: Vec<i64> = place.store.pending_bodies(10).await.unwrap().iter().map(|body| body.id).collect();
    let mut tx = place.store.begin().await.unwrap();
    tx.bury_bodies(&[(ids[0], "why".into())], at(1)).await.unwrap();
    tx.park_bodies(&[(ids[1], "why".into(), at(9))]).await.unwrap();
    tx.finish_bodies(&ids[2..], at(1)).await.unwrap();
    assert_eq!(tx.retry_bodies(&ids).await.unwrap(), 2, "what was applied is not applied again");
    tx.commit().await.unwrap();
    let pending = place.store.pending_bodies(10).await.unwrap();
    assert_eq!(pending.iter().map(|body| body.id).collect::<Vec<_>>(), ids[..2]);
    assert!(pending.iter().all(|body| body.attempts == 0 && body.reason.is_none() && body.next_at.is_none()));
}

async fn lists_are_filtered_and_paged(place: &Place) {
    let bodies: Vec<_> = (0..6).map(|n| body(if n % 2 == 0 { "crm" } else { "shop" }, "x", None)).collect();
    let mut tx = place.store.begin().await.unwrap();
    tx.put_bodies(&bodies).await.unwrap();
    tx.commit().await.unwrap();
    let all = BodyFilter { limit: 100, ..BodyFilter::default() };
    let ids: Vec<i64> = place.store.bodies(&all).await.unwrap().iter().map(|body| body.id).collect();
    assert_eq!(ids.len(), 6);
    assert!(ids.is_sorted_by(|a, b| a > b), "newest first");
    let check = async |filter: BodyFilter, expected: &[i64]| {
        let found: Vec<i64> = place.store.bodies(&filter).await.unwrap().iter().map(|body| body.id).collect();
        assert_eq!(found, expected);
    };
    check(BodyFilter { limit: 2, before_id: Some(ids[1]), ..all.clone() }, &ids[2..4]).await;
    check(BodyFilter { connection: Some("shop".into()), ..all.clone() }, &[ids[0], ids[2], ids[4]]).await;
    check(BodyFilter { state: Some(BodyState::Dead), ..all.clone() }, &[]).await;
}

async fn old_bodies_are_pruned_and_numbers_never_reused(place: &Place) {
    let mut tx = place.store.begin().await.unwrap();
    tx.put_bodies(&["a", "b", "c"].map(|text| body("crm", text, None))).await.unwrap();
    tx.commit().await.unwrap();
    let ids: Vec<i64> = place.store.pending_bodies(10).await.unwrap().iter().map(|body| body.id).collect();
    let mut tx = place.store.begin().await.unwrap();
    tx.finish_bodies(&ids, at(5)).await.unwrap();
    assert_eq!(tx.prune_bodies(at(5), 10).await.unwrap(), 0);
    assert_eq!(tx.prune_bodies(at(6), 2).await.unwrap(), 2);
    assert_eq!(tx.prune_bodies(at(6), 2).await.unwrap(), 1);
    tx.put_bodies(&[body("crm", "d", None)]).await.unwrap();
    tx.commit().await.unwrap();
    assert!(place.store.pending_bodies(1).await.unwrap()[0].id > ids[2]);
}
