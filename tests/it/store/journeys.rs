//! Moves, runs and decisions, as they are told later.

use milepost::journey::effect::{Cause, Decision, EndReason, StageMove};
use milepost::journey::money::Money;
use milepost::store::{Conversion, EnrollmentRow, OfRule};

use super::both;
use super::fixtures::{at, cause, customer, texts};
use super::place::Place;

both! {
    moves_are_told_in_order,
    a_run_ends_once_and_converts_once,
    decisions_are_told_newest_first_and_pruned,
    history_of_a_merged_customer_is_the_survivors_too,
}

fn moved(seconds: i64, from: Option<&str>, to: Option<&str>) -> StageMove {
    StageMove {
        map: "pets".into(),
        from: from.map(str::to_owned),
        since: from.map(|_| at(seconds - 5)),
        to: to.map(str::to_owned),
        at: at(seconds),
        cause: if seconds % 2 == 0 { cause() } else { Cause::Time },
    }
}

fn run(id: &str, customer: &str) -> EnrollmentRow {
    EnrollmentRow {
        id: id.into(),
        customer: customer.into(),
        rule: "welcome".into(),
        map: "pets".into(),
        stage: Some("search".into()),
        started_at: at(1),
        cause: Cause::Cron,
        ended: None,
        converted: None,
    }
}

fn decision(rule: &str, seconds: i64) -> Decision {
    Decision {
        rule: rule.into(),
        at: at(seconds),
        about: "trigger".into(),
        outcome: "enrolled".into(),
        note: format!("at {seconds}"),
        parts: vec![],
        cause: cause(),
    }
}

async fn moves_are_told_in_order(place: &Place) {
    let (first, second) = (moved(10, None, Some("search")), moved(21, Some("search"), None));
    let mut tx = place.store.begin().await.unwrap();
    tx.put_moves(&[("ada".into(), second.clone()), ("ben".into(), first.clone()), ("ada".into(), first.clone())])
        .await
        .unwrap();
    tx.put_moves(&[]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(place.store.moves_of("ada").await.unwrap(), [first, second]);
}

async fn a_run_ends_once_and_converts_once(place: &Place) {
    let mut tx = place.store.begin().await.unwrap();
    tx.put_enrollments(&[run("r1", "ada"), run("r2", "ada")]).await.unwrap();
    let exit = EndReason::ExitEvent { kind: "order.created".into() };
    assert_eq!(tx.end_enrollments(&[("r1".into(), at(5), exit.clone())]).await.unwrap().len(), 1);
    let again = tx
        .end_enrollments(&[("r1".into(), at(9), EndReason::Finished), ("no".into(), at(9), EndReason::Finished)])
        .await
        .unwrap();
    assert_eq!(again, [], "the first end only");
    let worth = Some(Money::new(12_345, "EUR"));
    let goals = [("r1".into(), at(6), "m1".into(), worth.clone()), ("r2".into(), at(6), "m2".into(), None)];
    let ids = |of: Vec<OfRule>| sorted(of.into_iter().map(|of| of.id).collect());
    assert_eq!(ids(tx.convert_enrollments(&goals).await.unwrap()), texts(["r1", "r2"]));
    let again = [("r1".into(), at(7), "m3".into(), None), ("no".into(), at(7), "m4".into(), None)];
    assert_eq!(ids(tx.convert_enrollments(&again).await.unwrap()), texts([]), "the first time only");
    tx.commit().await.unwrap();

    let converted = |message: &str, value| Some(Conversion { at: at(6), message: message.into(), value });
    let first = EnrollmentRow { ended: Some((at(5), exit)), converted: converted("m1", worth), ..run("r1", "ada") };
    let second = EnrollmentRow { converted: converted("m2", None), ..run("r2", "ada") };
    assert_eq!(place.store.enrollments_of("ada").await.unwrap(), [first, second]);

    let mut tx = place.store.begin().await.unwrap();
    assert!(tx.put_enrollments(&[run("r1", "ada")]).await.unwrap_err().is_conflict(), "a run begins once");
}

fn sorted(mut list: Vec<String>) -> Vec<String> {
    list.sort_unstable();
    list
}

async fn decisions_are_told_newest_first_and_pruned(place: &Place) {
    let mut tx = place.store.begin().await.unwrap();
    let all = [decision("welcome", 1), decision("cart", 2), decision("welcome", 3)];
    tx.put_decisions(&all.clone().map(|decision| ("ada".to_owned(), decision))).await.unwrap();
    tx.put_decisions(&[("ben".into(), decision("cart", 4))]).await.unwrap();
    tx.commit().await.unwrap();
    let store = &place.store;
    let [first, second, third] = all;
    assert_eq!(store.decisions("ada", None, 10).await.unwrap(), [third.clone(), second.clone(), first.clone()]);
    assert_eq!(store.decisions("ada", Some("welcome"), 10).await.unwrap(), [third.clone(), first]);
    assert_eq!(store.decisions("ada", None, 1).await.unwrap(), std::slice::from_ref(&third));

    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.prune_decisions(at(3), 1).await.unwrap(), 1);
    assert_eq!(tx.prune_decisions(at(2), 10).await.unwrap(), 0);
    tx.commit().await.unwrap();
    assert_eq!(store.decisions("ada", None, 10).await.unwrap(), [third, second]);
}

async fn history_of_a_merged_customer_is_the_survivors_too(place: &Place) {
    let mut tx = place.store.begin().await.unwrap();
    tx.save_customers(&[&customer("ada", None), &customer("ben", None)]).await.unwrap();
    tx.put_moves(&[("ben".into(), moved(10, None, Some("search")))]).await.unwrap();
    tx.put_enrollments(&[run("r1", "ben")]).await.unwrap();
    tx.put_decisions(&[("ben".into(), decision("cart", 4))]).await.unwrap();
    tx.retire_customer("ben", "ada", at(30)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(place.store.moves_of("ada").await.unwrap().len(), 1);
    assert_eq!(place.store.enrollments_of("ada").await.unwrap()[0].customer, "ben");
    assert_eq!(place.store.decisions("ada", None, 9).await.unwrap().len(), 1);
}
