//! Suppressions, figures, cursors, notes and firings.

use std::collections::BTreeMap;
use std::sync::Arc;

use milepost::store::{Count, Firing, Suppression, SuppressionChange, SuppressionFilter};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::both;
use super::fixtures::{at, texts};
use super::place::Place;

both! {
    a_suppression_keeps_its_first_reason,
    a_suppression_for_a_time_ends_by_itself,
    suppressions_are_searched,
    figures_add_up_over_shards_and_nodes,
    cursors_and_notes_are_kept,
    a_firing_opens_once_and_goes_on_where_it_was,
}

fn suppression(address: &str, reason: &str, seconds: i64, until: Option<i64>) -> Suppression {
    Suppression {
        address: address.into(),
        reason: reason.into(),
        source: "main".into(),
        at: at(seconds),
        detail: "550 no".into(),
        expires_at: until.map(at),
    }
}

async fn a_suppression_keeps_its_first_reason(place: &Place) {
    let row = |address: &str, reason: &str, seconds| suppression(address, reason, seconds, None);
    let mut tx = place.store.begin().await.unwrap();
    let rows = [row("Ada@Shop.example", "no_mailbox", 1), row("ada@shop.example ", "complaint", 2)];
    assert_eq!(tx.suppress(&rows).await.unwrap(), texts(["ada@shop.example"]));
    let rows = [row("ben@shop.example", "complaint", 3), row("ada@shop.example", "complaint", 4)];
    assert_eq!(tx.suppress(&rows).await.unwrap(), texts(["ben@shop.example"]), "the other is no news");
    let asked = texts(["ADA@shop.example", "cyd@shop.example", "ben@shop.example", ""]);
    let found = tx.suppressed(&asked, at(5)).await.unwrap();
    assert_eq!(found, [asked[0].clone(), asked[2].clone()].into(), "in the words of the question");
    assert!(tx.suppressed(&[], at(5)).await.unwrap().is_empty());
    tx.commit().await.unwrap();
    let ada = place.store.suppressed_one("ada@SHOP.example").await.unwrap().unwrap();
    assert_eq!((ada.reason.as_str(), ada.at, ada.detail.as_str()), ("no_mailbox", at(1), "550 no"));
    assert_eq!(listed(place, SuppressionFilter::default()).await, texts(["ada@shop.example", "ben@shop.example"]));
    let mut tx = place.store.begin().await.unwrap();
    assert!(tx.unsuppress("Ben@shop.example", "cli", "works again", at(6)).await.unwrap());
    assert!(!tx.unsuppress("ben@shop.example", "cli", "", at(7)).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(place.store.suppressed_one("ben@shop.example").await.unwrap(), None);
    let log = place.store.suppression_log("ben@shop.example").await.unwrap();
    let told: Vec<_> = log.iter().map(|entry| (entry.change, entry.of.source.as_str(), entry.of.at)).collect();
    assert_eq!(told, [(SuppressionChange::Added, "main", at(3)), (SuppressionChange::Lifted, "cli", at(6))]);
}

async fn listed(place: &Place, filter: SuppressionFilter) -> Vec<String> {
    let found = place.store.suppressions(&SuppressionFilter { limit: 10, ..filter }).await.unwrap();
    found.into_iter().map(|row| row.address).collect()
}

async fn a_suppression_for_a_time_ends_by_itself(place: &Place) {
    let asked = texts(["ada@shop.example"]);
    let mut tx = place.store.begin().await.unwrap();
    tx.suppress(&[suppression("ada@shop.example", "mailbox_full", 1, Some(10))]).await.unwrap();
    assert_eq!(tx.suppressed(&asked, at(9)).await.unwrap().len(), 1);
    assert!(tx.suppressed(&asked, at(10)).await.unwrap().is_empty(), "it is over");
    // Shorter is no news, longer is, and for good is longest.
    assert!(tx.suppress(&[suppression("ada@shop.example", "unavailable", 2, Some(5))]).await.unwrap().is_empty());
    assert_eq!(tx.suppress(&[suppression("ada@shop.example", "unavailable", 3, Some(20))]).await.unwrap().len(), 1);
    assert_eq!(tx.suppressed(&asked, at(19)).await.unwrap().len(), 1);
    let both = [suppression("ada@shop.example", "soft", 4, Some(30)), suppression("ada@shop.example", "gone", 4, None)];
    assert_eq!(tx.suppress(&both).await.unwrap().len(), 1);
    assert!(tx.suppress(&[suppression("ada@shop.example", "soft", 5, Some(99))]).await.unwrap().is_empty());
    tx.commit().await.unwrap();
    let ada = place.store.suppressed_one("ada@shop.example").await.unwrap().unwrap();
    assert_eq!((ada.reason.as_str(), ada.expires_at), ("gone", None));
    assert_eq!(place.store.suppression_log("ada@shop.example").await.unwrap().len(), 3);
}

async fn suppressions_are_searched(place: &Place) {
    let mut tx = place.store.begin().await.unwrap();
    let rows = [
        suppression("a_b@mail.ru", "complaint", 1, None),
        suppression("axb@mail.ru", "mailbox_full", 2, Some(10)),
        suppression("cyd@list.ru", "complaint", 3, None),
    ];
    tx.suppress(&rows).await.unwrap();
    tx.commit().await.unwrap();
    let search = |text: &str| SuppressionFilter { search: Some(text.into()), ..SuppressionFilter::default() };
    assert_eq!(listed(place, search("@MAIL.ru")).await, texts(["a_b@mail.ru", "axb@mail.ru"]));
    assert_eq!(listed(place, search("a_b")).await, texts(["a_b@mail.ru"]), "no wildcard");
    assert_eq!(listed(place, search("%")).await, texts([]));
    let counting = SuppressionFilter { counting_at: Some(at(11)), ..search("@mail.ru") };
    assert_eq!(listed(place, counting).await, texts(["a_b@mail.ru"]));
    let reason = SuppressionFilter {
        reason: Some("complaint".into()),
        after: Some("a_b@mail.ru".into()),
        ..SuppressionFilter::default()
    };
    assert_eq!(listed(place, reason).await, texts(["cyd@list.ru"]));
    let source = SuppressionFilter { source: Some("relay".into()), ..SuppressionFilter::default() };
    assert_eq!(listed(place, source).await, texts([]));
}

async fn figures_add_up_over_shards_and_nodes(place: &Place) {
    let count = |subject: &str, figure: &str, detail: &str, by| Count {
        map: "pets".into(),
        subject: subject.into(),
        figure: figure.into(),
        detail: detail.into(),
        by,
    };
    let other = place.another().await;
    let mut adders = JoinSet::new();
    for shard in 0..10_i64 {
        let store = if shard % 2 == 0 { place.store.clone() } else { other.clone() };
        let mut counts = vec![
            count("stage:search", "here", "", 2),
            count("stage:search", "here", "", -1),
            count("rule:welcome", "withheld", "no_consent", 3),
            count("rule:welcome", "sent", "", 0),
        ];
        if shard % 3 == 0 {
            counts.reverse();
        }
        adders.spawn(async move {
            let mut tx = store.begin().await.unwrap();
            tx.add_counts(shard, &counts).await.unwrap();
            tx.commit().await.unwrap();
        });
    }
    adders.join_all().await;
    let expected = [count("rule:welcome", "withheld", "no_consent", 30), count("stage:search", "here", "", 10)];
    assert_eq!(place.store.counts("pets").await.unwrap(), expected);
    assert_eq!(place.store.counts("other").await.unwrap(), []);
    other.close().await;
}

async fn cursors_and_notes_are_kept(place: &Place) {
    let mut tx = place.store.begin().await.unwrap();
    tx.set_cursor("crm", "orders", "10").await.unwrap();
    tx.set_cursor("crm", "orders", "11").await.unwrap();
    tx.set_cursor("crm", "customers", "5").await.unwrap();
    tx.set_cursor("shop", "orders", "1").await.unwrap();
    tx.set_note("health/crm", "bad").await.unwrap();
    tx.set_note("health/crm", "good").await.unwrap();
    assert_eq!(tx.keep_note("secret", "first").await.unwrap(), "first");
    assert_eq!(tx.keep_note("secret", "second").await.unwrap(), "first", "a secret stands once it is made");
    tx.commit().await.unwrap();
    let cursors = place.store.cursors("crm").await.unwrap();
    assert_eq!(cursors, BTreeMap::from([("customers".into(), "5".into()), ("orders".into(), "11".into())]));
    assert_eq!(place.store.note("health/crm").await.unwrap().as_deref(), Some("good"));
    assert_eq!(place.store.note("secret").await.unwrap().as_deref(), Some("first"));
    assert_eq!(place.store.note("nothing").await.unwrap(), None);
}

async fn a_firing_opens_once_and_goes_on_where_it_was(place: &Place) {
    let other = place.another().await;
    let start = Arc::new(Barrier::new(4));
    let mut nodes = JoinSet::new();
    for n in 0..4 {
        let (store, start) = (if n % 2 == 0 { place.store.clone() } else { other.clone() }, start.clone());
        nodes.spawn(async move {
            start.wait().await;
            let mut tx = store.begin().await.unwrap();
            let new = tx.open_firing("promo", at(60)).await.unwrap();
            tx.commit().await.unwrap();
            new
        });
    }
    assert_eq!(nodes.join_all().await.into_iter().filter(|new| *new).count(), 1);
    let mut tx = place.store.begin().await.unwrap();
    assert!(tx.open_firing("promo", at(30)).await.unwrap(), "another moment is another firing");
    tx.move_firing("promo", at(60), "customer-7").await.unwrap();
    tx.commit().await.unwrap();
    let firing = |seconds, cursor: &str| Firing { rule: "promo".into(), at: at(seconds), cursor: cursor.into() };
    assert_eq!(place.store.open_firings().await.unwrap(), [firing(30, ""), firing(60, "customer-7")]);
    let mut tx = place.store.begin().await.unwrap();
    tx.close_firing("promo", at(60)).await.unwrap();
    tx.move_firing("promo", at(60), "later").await.unwrap();
    assert!(!tx.open_firing("promo", at(60)).await.unwrap(), "closed is not forgotten");
    tx.commit().await.unwrap();
    assert_eq!(place.store.open_firings().await.unwrap(), [firing(30, "")]);
    assert_eq!(place.store.last_firing("promo").await.unwrap(), Some(at(60)));
    assert_eq!(place.store.last_firing("other").await.unwrap(), None);
    other.close().await;
}
