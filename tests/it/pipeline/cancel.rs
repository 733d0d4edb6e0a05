//! Checked at the last moment: what was accepted before a letter fell due decides about it.

use milepost::store::MessageState;
use serde_json::json;

use super::{REMINDER, books, daemon, fills_cart, orders};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, at, book};

both! {
    an_order_a_second_before_cancels_the_reminder,
    an_order_in_the_same_instant_cancels_the_reminder,
    an_order_still_in_the_inbox_cancels_the_reminder,
    an_order_a_second_after_comes_too_late,
    an_order_while_the_relay_is_busy_cancels_the_retry,
    an_order_between_claim_and_hand_over_cancels_the_letter,
    a_letter_that_is_stale_at_the_last_moment_is_withheld,
    a_crowd_is_told_apart,
}

async fn with_a_cart(place: &Place) -> Daemon {
    let daemon = daemon(place, book(&[REMINDER])).await;
    daemon.accept(fills_cart("1", "anna")).await;
    daemon.settle().await;
    daemon
}

async fn nothing_was_sent(daemon: &Daemon, reason: Option<&str>) {
    daemon.until("2026-03-11T09:00:00Z").await;
    assert_eq!(daemon.subjects(), [""; 0]);
    let rows = daemon.record().await;
    let reasons: Vec<_> = rows.iter().map(|row| row.reason.as_deref()).collect();
    assert_eq!(reasons, reason.map(Some).as_slice());
    books::check(daemon).await;
}

async fn an_order_a_second_before_cancels_the_reminder(place: &Place) {
    let daemon = with_a_cart(place).await;
    daemon.until("2026-03-10T09:59:59Z").await;
    daemon.accept(orders("2", "anna", "o1")).await;
    daemon.settle().await;
    nothing_was_sent(&daemon, None).await;
}

async fn an_order_in_the_same_instant_cancels_the_reminder(place: &Place) {
    let daemon = with_a_cart(place).await;
    daemon.clock.set(at("2026-03-10T10:00:00Z"));
    daemon.accept(orders("2", "anna", "o1")).await;
    // The reminder is planned first, as the loops may do it; the order lies in the inbox.
    daemon.app.engine.process_due().await.expect("works");
    assert_eq!(
        daemon.app.engine.send_due(&daemon.app.recorder).await.expect("works").handled,
        0,
        "waits for the inbox"
    );
    nothing_was_sent(&daemon, Some("goal_reached")).await;
}

async fn an_order_still_in_the_inbox_cancels_the_reminder(place: &Place) {
    let daemon = with_a_cart(place).await;
    daemon.clock.set(at("2026-03-10T09:59:59Z"));
    daemon.accept(orders("2", "anna", "o1")).await;
    daemon.clock.set(at("2026-03-10T10:00:05Z"));
    let engine = daemon.engine();
    engine.process_due().await.expect("works");
    assert_eq!(daemon.record().await[0].state, MessageState::Queued);
    assert_eq!(engine.send_due(&daemon.app.recorder).await.expect("works").handled, 0, "waits for the inbox");
    nothing_was_sent(&daemon, Some("goal_reached")).await;
}

async fn an_order_a_second_after_comes_too_late(place: &Place) {
    let daemon = with_a_cart(place).await;
    daemon.until("2026-03-10T10:00:00Z").await;
    assert_eq!(daemon.subjects(), ["reminder for anna"]);
    daemon.until("2026-03-10T10:00:01Z").await;
    daemon.accept(orders("2", "anna", "o1")).await;
    daemon.settle().await;
    let runs = daemon.app.engine.store.enrollments_of(&daemon.customer("anna").await.id).await.expect("reads");
    let conversion = runs[0].converted.as_ref().expect("the letter is credited");
    assert_eq!(conversion.value.as_ref().map(ToString::to_string).as_deref(), Some("49.90 EUR"));
    books::check(&daemon).await;
}

async fn an_order_while_the_relay_is_busy_cancels_the_retry(place: &Place) {
    use milepost::mail::mailbox::{Action, Stage};
    let daemon = with_a_cart(place).await;
    daemon.mailbox.follow(|moment| match moment.stage {
        Stage::Dot => Action::say("451 4.3.0 later"),
        _ => Action::Go,
    });
    daemon.until("2026-03-10T10:00:30Z").await;
    assert_eq!(daemon.record().await[0].state, MessageState::Queued);
    daemon.mailbox.follow(|_| Action::Go);
    daemon.accept(orders("2", "anna", "o1")).await;
    daemon.settle().await;
    nothing_was_sent(&daemon, Some("goal_reached")).await;
}

async fn an_order_between_claim_and_hand_over_cancels_the_letter(place: &Place) {
    use milepost::journey::time::Span;
    let daemon = with_a_cart(place).await;
    daemon.clock.set(at("2026-03-10T10:00:00Z"));
    let engine = daemon.engine();
    engine.process_due().await.expect("works");
    // A sender takes the letter and is slow; meanwhile the order is accepted and applied.
    let now = daemon.clock.now();
    let mut tx = engine.store.begin().await.expect("begins");
    let claimed = tx.claim_messages("slow", now, now.after(Span::seconds(300)), None, 10).await.expect("claims");
    tx.commit().await.expect("commits");
    assert_eq!(claimed.len(), 1);
    daemon.accept(orders("2", "anna", "o1")).await;
    engine.process_bodies().await.expect("works");
    let claimed = std::sync::Arc::new(claimed.into_iter().next().expect("one"));
    daemon.app.recorder.keep_back(&claimed, claimed.customer.clone(), claimed.to.clone()).await.expect("records");
    nothing_was_sent(&daemon, Some("goal_reached")).await;
}

async fn a_letter_that_is_stale_at_the_last_moment_is_withheld(place: &Place) {
    use milepost::mail::mailbox::{Action, Stage};
    let rule = "{rule: reminder, on: {event: cart.updated}, capture: [cart], still: captured.cart.total == cart.total, \
         steps: [{wait: 1h}, {send: reminder}]}";
    let daemon = daemon(place, book(&[rule])).await;
    let filled = |event: &str, price: &str| {
        json!({"id": event, "kind": "cart.updated", "customer": crate::support::person("anna"),
            "cart": {"items": [{"name": "Feeder", "price": price}]}})
    };
    daemon.accept(filled("1", "49.90")).await;
    daemon.settle().await;
    // The relay is busy, so the letter has been handed over and taken back: what it was made from is not forgotten.
    daemon.mailbox.follow(|moment| match moment.stage {
        Stage::Dot => Action::say("451 4.3.0 later"),
        _ => Action::Go,
    });
    daemon.until("2026-03-10T10:00:30Z").await;
    assert_eq!(daemon.record().await[0].state, MessageState::Queued);
    daemon.mailbox.follow(|_| Action::Go);
    daemon.accept(filled("2", "39.90")).await;
    daemon.settle().await;
    nothing_was_sent(&daemon, Some("stale")).await;
}

async fn a_crowd_is_told_apart(place: &Place) {
    let daemon = daemon(place, book(&[REMINDER])).await;
    let carts: Vec<_> = (0..300).map(|n| fills_cart(&format!("cart/{n}"), &format!("c{n}"))).collect();
    daemon.accept(json!(carts)).await;
    daemon.until("2026-03-10T09:59:00Z").await;
    let bought: Vec<_> =
        (0..300).step_by(3).map(|n| orders(&format!("order/{n}"), &format!("c{n}"), &format!("o{n}"))).collect();
    daemon.accept(json!(bought)).await;
    // More than one batch of each waits when the hour is over, and time goes first.
    daemon.clock.set(at("2026-03-10T10:00:00Z"));
    while daemon.app.engine.process_due().await.expect("works").handled > 0 {}
    daemon.until("2026-03-11T09:00:00Z").await;
    let mut subjects = daemon.subjects();
    subjects.sort();
    let mut expected: Vec<_> = (0..300).filter(|n| n % 3 != 0).map(|n| format!("reminder for c{n}")).collect();
    expected.sort();
    assert_eq!(subjects, expected);
    books::check(&daemon).await;
}
