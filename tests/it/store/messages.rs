//! The record of letters: one row a step, guarded transitions, a log that nobody can change.

use milepost::journey::effect::{EndReason, PolicyVerdict, WithheldReason};
use milepost::store::{Frozen, MessageFilter, MessageState, StoreError};

use super::both;
use super::fixtures::{at, customer, frozen, frozen_bytes, letter, outcome, queue, texts};
use super::place::Place;

both! {
    a_step_makes_one_message,
    a_message_withheld_at_once_is_on_record,
    a_letter_is_kept_exactly_as_it_went_out,
    a_deferred_letter_is_tried_again_with_the_same_bytes,
    no_transition_leaves_a_final_state,
    failed_messages_can_be_retried,
    doubt_is_kept_or_resent,
    a_late_answer_settles_doubt,
    outcomes_name_only_states_that_a_hand_over_ends_in,
    the_log_cannot_be_changed,
    lists_are_filtered_and_paged,
}

async fn state(place: &Place, id: &str) -> MessageState {
    place.store.message(id).await.unwrap().unwrap().state
}

async fn a_step_makes_one_message(place: &Place) {
    let (first, mut same_step, mut next_pass) = (letter("m1", 0), letter("m2", 0), letter("m3", 0));
    same_step.planned.enrollment.clone_from(&first.planned.enrollment);
    next_pass.planned.enrollment.clone_from(&first.planned.enrollment);
    next_pass.planned.pass = 2;
    let mut tx = place.store.begin().await.unwrap();
    assert_eq!(
        tx.put_messages(&[first.clone(), first.clone(), same_step.clone(), next_pass]).await.unwrap(),
        [true, false, false, true]
    );
    tx.commit().await.unwrap();
    let mut tx = place.store.begin().await.unwrap();
    assert_eq!(tx.put_messages(&[same_step, first.clone()]).await.unwrap(), [false, false]);
    tx.commit().await.unwrap();
    let row = place.store.message("m1").await.unwrap().unwrap();
    assert_eq!((row.state, row.attempts, row.next_at, row.due_at), (MessageState::Queued, 0, Some(at(0)), at(0)));
    assert_eq!(
        (row.inputs, row.stage, row.rulebook),
        (first.planned.inputs, first.planned.stage, first.planned.rulebook)
    );
    assert_eq!(place.store.message_log("m1").await.unwrap().len(), 1);
    assert_eq!(place.store.message("m2").await.unwrap(), None);
}

async fn a_message_withheld_at_once_is_on_record(place: &Place) {
    let mut message = letter("m1", 0);
    message.planned.withheld = Some(WithheldReason::NoConsent);
    message.planned.verdicts =
        vec![PolicyVerdict { policy: "consent".into(), pass: false, note: "never agreed".into(), limit: None }];
    let mut tx = place.store.begin().await.unwrap();
    assert_eq!(tx.put_messages(&[message.clone()]).await.unwrap(), [true]);
    assert!(tx.claim_messages("w", at(9), at(99), None, 10).await.unwrap().is_empty());
    tx.commit().await.unwrap();
    let row = place.store.message("m1").await.unwrap().unwrap();
    assert_eq!((row.state, row.reason.as_deref(), row.next_at), (MessageState::Withheld, Some("no_consent"), None));
    assert_eq!(row.verdicts, message.planned.verdicts);
    let log = place.store.message_log("m1").await.unwrap();
    assert_eq!((log[0].state, log[0].reason.as_deref()), (MessageState::Withheld, Some("no_consent")));
    assert_eq!(place.store.next_send_at().await.unwrap(), None);
}

async fn a_letter_is_kept_exactly_as_it_went_out(place: &Place) {
    queue(&place.store, ["m1"]).await;
    let letter = frozen("m1");
    let mut tx = place.store.begin().await.unwrap();
    assert_eq!(tx.claim_messages("w", at(1), at(99), None, 10).await.unwrap().len(), 1);
    tx.commit().await.unwrap();
    let mut tx = place.store.begin().await.unwrap();
    assert_eq!(tx.mark_sending(&[&letter], at(2)).await.unwrap(), texts(["m1"]));
    tx.commit().await.unwrap();
    assert_eq!(state(place, "m1").await, MessageState::Sending);
    let mut tx = place.store.begin().await.unwrap();
    assert_eq!(tx.record_outcomes(&[outcome("m1", 3, MessageState::Sent)]).await.unwrap(), texts(["m1"]));
    tx.commit().await.unwrap();

    assert_eq!(place.store.raw("m1").await.unwrap(), Some(frozen_bytes()));
    assert_eq!(place.store.raw("m2").await.unwrap(), None);
    let row = place.store.message("m1").await.unwrap().unwrap();
    assert_eq!((row.state, row.sent_at, row.attempts), (MessageState::Sent, Some(at(3)), 1));
    assert_eq!((row.message_id, row.subject), (Some("<m1@shop.example>".into()), Some("Hello".into())));
    assert_eq!((row.code, row.reply, row.relay), (Some(250), Some("Ok: queued".into()), Some("main".into())));
    let log = place.store.message_log("m1").await.unwrap();
    let states: Vec<_> = log.iter().map(|row| (row.state, row.at)).collect();
    assert_eq!(states, [(MessageState::Queued, at(0)), (MessageState::Sending, at(2)), (MessageState::Sent, at(3))]);
    assert_eq!(log[2].detail["reply"], "Ok: queued");
}

async fn a_deferred_letter_is_tried_again_with_the_same_bytes(place: &Place) {
    queue(&place.store, ["m1"]).await;
    let mut tx = place.store.begin().await.unwrap();
    tx.claim_messages("w", at(1), at(99), None, 10).await.unwrap();
    tx.mark_sending(&[&frozen("m1")], at(2)).await.unwrap();
    let mut deferred = outcome("m1", 3, MessageState::Queued);
    deferred.next_at = Some(at(60));
    deferred.code = Some(451);
    tx.record_outcomes(&[deferred]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(place.store.next_send_at().await.unwrap(), Some(at(60)), "and the lease is over");
    let mut tx = place.store.begin().await.unwrap();
    assert!(tx.claim_messages("w", at(59), at(99), None, 10).await.unwrap().is_empty());
    let again = tx.claim_messages("w", at(60), at(99), None, 10).await.unwrap();
    assert_eq!((again[0].attempts, again[0].resend), (1, false));
    assert_eq!((again[0].message_id.as_deref(), &again[0].raw), (Some("<m1@shop.example>"), &Some(frozen_bytes())));
    // Refused before it was marked at all: the relay would not take the recipient.
    tx.record_outcomes(&[outcome("m1", 61, MessageState::Refused)]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(state(place, "m1").await, MessageState::Refused);
}

async fn no_transition_leaves_a_final_state(place: &Place) {
    queue(&place.store, ["sent", "cancelled"]).await;
    let mut tx = place.store.begin().await.unwrap();
    tx.mark_sending(&[&frozen("sent")], at(1)).await.unwrap();
    tx.record_outcomes(&[outcome("sent", 2, MessageState::Sent)]).await.unwrap();
    let goal = WithheldReason::Exited { end: EndReason::Goal };
    assert_eq!(tx.cancel_messages(&[("cancelled".into(), goal.clone(), at(2))]).await.unwrap(), texts(["cancelled"]));
    tx.commit().await.unwrap();

    for id in ["sent", "cancelled", "unknown"] {
        let list = [id.to_owned()];
        let mut tx = place.store.begin().await.unwrap();
        assert_eq!(tx.cancel_messages(&[(id.into(), goal.clone(), at(3))]).await.unwrap(), texts([]));
        let no_address = (id.to_owned(), WithheldReason::NoAddress, vec![], at(3));
        assert_eq!(tx.withhold_messages(&[no_address]).await.unwrap(), texts([]));
        assert_eq!(tx.mark_sending(&[&frozen(id)], at(3)).await.unwrap(), texts([]));
        assert_eq!(tx.record_outcomes(&[outcome(id, 3, MessageState::Queued)]).await.unwrap(), texts([]));
        assert_eq!(tx.record_outcomes(&[outcome(id, 3, MessageState::Uncertain)]).await.unwrap(), texts([]));
        assert_eq!(tx.fail_messages(&[(id.into(), "no".into(), at(3))]).await.unwrap(), texts([]));
        assert_eq!(tx.retry_messages(&list, at(3)).await.unwrap(), 0);
        assert_eq!(tx.mark_uncertain(&[(id.into(), at(3))]).await.unwrap(), texts([]));
        assert_eq!(tx.requeue_uncertain(&[(id.into(), at(3))]).await.unwrap(), texts([]));
        assert!(tx.claim_messages("w", at(9), at(99), None, 10).await.unwrap().is_empty());
        tx.commit().await.unwrap();
    }
    assert_eq!(state(place, "sent").await, MessageState::Sent);
    let cancelled = place.store.message("cancelled").await.unwrap().unwrap();
    assert_eq!((cancelled.state, cancelled.reason.as_deref()), (MessageState::Withheld, Some("goal_reached")));
    assert_eq!(place.store.message_log("sent").await.unwrap().len(), 3, "what did not happen is not logged");
    assert_eq!(place.store.message_log("cancelled").await.unwrap().len(), 2);
    assert_eq!(place.store.raw("cancelled").await.unwrap(), None);
}

async fn failed_messages_can_be_retried(place: &Place) {
    queue(&place.store, ["m1", "m2"]).await;
    let mut tx = place.store.begin().await.unwrap();
    tx.claim_messages("w", at(1), at(99), None, 10).await.unwrap();
    assert_eq!(tx.fail_messages(&[("m1".into(), "no such letter".into(), at(2))]).await.unwrap(), texts(["m1"]));
    tx.commit().await.unwrap();
    let row = place.store.message("m1").await.unwrap().unwrap();
    assert_eq!((row.state, row.reason.as_deref()), (MessageState::Failed, Some("no such letter")));
    let mut tx = place.store.begin().await.unwrap();
    assert_eq!(tx.retry_messages(&texts(["m1", "m2"]), at(50)).await.unwrap(), 1);
    let claimed = tx.claim_messages("w", at(50), at(99), None, 10).await.unwrap();
    assert_eq!(claimed.iter().map(|message| message.id.as_str()).collect::<Vec<_>>(), ["m1"]);
    assert_eq!(claimed[0].attempts, 0);
}

async fn doubt_is_kept_or_resent(place: &Place) {
    queue(&place.store, ["keep", "resend", "live"]).await;
    let mut tx = place.store.begin().await.unwrap();
    // The claim's lease was for finding a relay; from the mark on the mark's counts, be it longer or shorter.
    tx.claim_messages("w", at(1), at(3), None, 2).await.unwrap();
    tx.mark_sending(&[&frozen("keep"), &frozen("live")], at(2)).await.unwrap();
    tx.claim_messages("w", at(1), at(1_000), None, 2).await.unwrap();
    let resend = Frozen { lease_until: at(100), ..frozen("resend") };
    tx.mark_sending(&[&resend], at(2)).await.unwrap();
    tx.commit().await.unwrap();

    assert!(place.store.in_doubt(at(10)).await.unwrap().is_empty(), "leases that still run leave no doubt");
    let doubtful = place.store.in_doubt(at(101)).await.unwrap();
    assert_eq!(doubtful.len(), 3);
    assert!(doubtful.iter().all(|message| message.raw.as_ref() == Some(&frozen_bytes())));
    assert_eq!(place.store.in_doubt(at(11)).await.unwrap().len(), 2);

    let mut tx = place.store.begin().await.unwrap();
    assert_eq!(tx.mark_uncertain(&[("keep".into(), at(101))]).await.unwrap(), texts(["keep"]));
    assert_eq!(tx.requeue_uncertain(&[("resend".into(), at(101))]).await.unwrap(), texts(["resend"]));
    tx.commit().await.unwrap();
    assert_eq!(state(place, "keep").await, MessageState::Uncertain);
    let mut tx = place.store.begin().await.unwrap();
    let again = tx.claim_messages("w", at(101), at(200), None, 10).await.unwrap();
    assert_eq!(
        again.iter().map(|message| (message.id.as_str(), message.resend)).collect::<Vec<_>>(),
        [("resend", true)]
    );
    assert_eq!(again[0].message_id.as_deref(), Some("<resend@shop.example>"));
    assert_eq!(again[0].raw, Some(frozen_bytes()));
}

async fn a_late_answer_settles_doubt(place: &Place) {
    queue(&place.store, ["m1"]).await;
    let mut tx = place.store.begin().await.unwrap();
    tx.mark_sending(&[&frozen("m1")], at(2)).await.unwrap();
    tx.mark_uncertain(&[("m1".into(), at(50))]).await.unwrap();
    assert_eq!(tx.record_outcomes(&[outcome("m1", 51, MessageState::Queued)]).await.unwrap(), texts([]));
    assert_eq!(tx.record_outcomes(&[outcome("m1", 51, MessageState::Sent)]).await.unwrap(), texts(["m1"]));
    tx.commit().await.unwrap();
    assert_eq!(state(place, "m1").await, MessageState::Sent);
}

async fn outcomes_name_only_states_that_a_hand_over_ends_in(place: &Place) {
    queue(&place.store, ["m1"]).await;
    for state in [MessageState::Held, MessageState::Sending, MessageState::Withheld] {
        let mut tx = place.store.begin().await.unwrap();
        let refused = tx.record_outcomes(&[outcome("m1", 1, state)]).await.unwrap_err();
        assert!(matches!(refused, StoreError::Outcome(named) if named == state));
    }
}

async fn the_log_cannot_be_changed(place: &Place) {
    queue(&place.store, ["m1"]).await;
    for statement in ["UPDATE message_log SET reason = 'forged'", "DELETE FROM message_log"] {
        let refused = place.run(statement).await.unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }
    assert_eq!(place.store.message_log("m1").await.unwrap().len(), 1);
}

async fn lists_are_filtered_and_paged(place: &Place) {
    let mut letters: Vec<_> = (0..6).map(|n| letter(&format!("m{n}"), n)).collect();
    letters[1].customer = "ben".into();
    letters[2].planned.rule = "cart".into();
    letters[3].planned.map = "b2b".into();
    letters[4].planned.stage = None;
    letters[5].planned.withheld = Some(WithheldReason::Suppressed);
    let mut tx = place.store.begin().await.unwrap();
    tx.put_messages(&letters).await.unwrap();
    tx.save_customers(&[&customer("ada", None), &customer("ben", None)]).await.unwrap();
    tx.commit().await.unwrap();
    let all = MessageFilter { limit: 100, ..MessageFilter::default() };
    let check = async |filter: MessageFilter, expected: &[&str]| {
        let found = place.store.messages(&filter).await.unwrap();
        assert_eq!(found.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), expected);
        found.last().map(|row| row.seq)
    };
    check(all.clone(), &["m5", "m4", "m3", "m2", "m1", "m0"]).await;
    let page = MessageFilter { limit: 2, ..all.clone() };
    let after = check(page.clone(), &["m5", "m4"]).await;
    check(MessageFilter { after, ..page }, &["m3", "m2"]).await;
    check(MessageFilter { customer: Some("ben".into()), ..all.clone() }, &["m1"]).await;
    check(MessageFilter { rule: Some("cart".into()), ..all.clone() }, &["m2"]).await;
    check(MessageFilter { map: Some("b2b".into()), ..all.clone() }, &["m3"]).await;
    check(MessageFilter { stage: Some("search".into()), ..all.clone() }, &["m5", "m3", "m2", "m1", "m0"]).await;
    check(MessageFilter { state: Some(MessageState::Withheld), ..all.clone() }, &["m5"]).await;
    check(MessageFilter { from: Some(at(1)), to: Some(at(3)), ..all.clone() }, &["m2", "m1"]).await;
    let ada = MessageFilter { customer: Some("ada".into()), rule: Some("welcome".into()), ..all.clone() };
    check(ada.clone(), &["m5", "m4", "m3", "m0"]).await;

    let mut tx = place.store.begin().await.unwrap();
    tx.retire_customer("ben", "ada", at(9)).await.unwrap();
    tx.commit().await.unwrap();
    check(ada, &["m5", "m4", "m3", "m1", "m0"]).await;
}
