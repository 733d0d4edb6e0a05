//! What follows from what comes back: the letter's outcome, the customer's facts, the list of suppressed addresses, figures.

use milepost::insight::figures;
use milepost::journey::time::Span;
use milepost::store::{MessageState, ReturnedState, SuppressionFilter};
use serde_json::json;

use super::{WELCOME, arrives, came_back, comes_back, complaint, daemon, report};
use crate::pipeline::books;
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, book, person};

both! {
    a_hard_bounce_suppresses_the_address_and_is_told_everywhere,
    a_bounce_told_twice_counts_once,
    a_full_mailbox_is_suppressed_after_three_letters_and_for_a_time,
    a_complaint_suppresses_and_withdraws_the_consent,
    mail_to_the_way_out_unsubscribes,
    an_automatic_answer_and_a_delay_change_nothing,
    what_nobody_can_match_is_kept_until_somebody_looked_at_it,
    a_rule_is_triggered_by_what_comes_back,
    a_report_that_comes_before_the_relay_has_answered_waits,
    a_report_about_somebody_else_s_letter_needs_its_token_or_its_message_id,
}

/// A letter after each order.
const THANKS: &str = "
rule: thanks
on: {event: order.created}
purpose: transactional
reenter: always
steps:
  - send: thanks
";

fn orders(id: &str, order: &str) -> serde_json::Value {
    json!({"id": format!("order/{order}"), "kind": "order.created", "customer": person(id),
        "order": {"id": order, "phase": "open", "total": "10.00"}})
}

/// The last letter that went out: its id and its return path.
async fn last(daemon: &Daemon) -> (String, String) {
    let row = daemon.record().await.pop().expect("a letter");
    let path = daemon.app.engine.mailing.load().composer.envelope_from(None, &row.id).to_string();
    (row.id, path)
}

async fn reasons(daemon: &Daemon) -> Vec<(String, String, bool)> {
    let all = SuppressionFilter { limit: 100, ..SuppressionFilter::default() };
    let found = daemon.app.engine.store.suppressions(&all).await.expect("reads");
    found.into_iter().map(|s| (s.address, s.reason, s.expires_at.is_some())).collect()
}

async fn a_hard_bounce_suppresses_the_address_and_is_told_everywhere(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME, THANKS])).await;
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    let (letter, path) = last(&daemon).await;
    comes_back(&daemon, report(&path, "anna@mail.example", "failed", "5.1.1", "550 5.1.1 no such user")).await;
    let row = &daemon.record().await[0];
    assert_eq!((row.state, row.reason.as_deref()), (MessageState::Bounced, Some("mailbox_gone")));
    assert_eq!((row.enhanced.as_deref(), row.class.as_deref()), (Some("5.1.1"), Some("hard")));
    assert!(row.reply.as_deref().is_some_and(|said| said.contains("no such user")), "{:?}", row.reply);
    assert_eq!(reasons(&daemon).await, [("anna@mail.example".into(), "mailbox_gone".into(), false)]);
    let store = &daemon.app.engine.store;
    let log = store.message_log(&letter).await.expect("reads");
    assert_eq!(log.last().map(|last| last.state), Some(MessageState::Bounced));
    let customer = daemon.customer("anna").await;
    assert_eq!((customer.returns.bounced, customer.message_count), (1, 0), "it was not received");
    let things = came_back(&daemon).await;
    assert_eq!((things[0].state, things[0].message.as_deref()), (ReturnedState::Done, Some(letter.as_str())));
    let told = figures(store, &daemon.engine().book.load().rulebook, "shop").await.expect("reads").expect("a map");
    let rule = told.rule("welcome").expect("a rule").clone();
    assert_eq!((rule.sent, rule.bounced.as_slice()), (1, &[("mailbox_gone".to_owned(), 1)][..]));
    daemon.accept(orders("anna", "1")).await;
    daemon.settle().await;
    let thanks = daemon.record().await.into_iter().find(|row| row.rule == "thanks").expect("on record");
    assert_eq!((thanks.state, thanks.reason.as_deref()), (MessageState::Withheld, Some("suppressed")));
    books::check(&daemon).await;
}

async fn a_bounce_told_twice_counts_once(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME])).await;
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    let (letter, path) = last(&daemon).await;
    for said in ["550 5.1.1 no such user", "550 5.1.1 no such user (again)"] {
        comes_back(&daemon, report(&path, "anna@mail.example", "failed", "5.1.1", said)).await;
    }
    // The very same mail, by another way.
    comes_back(&daemon, report(&path, "anna@mail.example", "failed", "5.1.1", "550 5.1.1 no such user")).await;
    assert_eq!(came_back(&daemon).await.len(), 2);
    assert_eq!(daemon.customer("anna").await.returns.bounced, 1);
    let log = daemon.app.engine.store.message_log(&letter).await.expect("reads");
    assert_eq!(log.iter().filter(|entry| entry.state == MessageState::Bounced).count(), 1);
    // What somebody has allowed since is not undone by a report that comes again.
    let mut tx = daemon.app.engine.store.begin().await.expect("begins");
    tx.unsuppress("anna@mail.example", "cli", "", daemon.clock.now()).await.expect("writes");
    tx.commit().await.expect("commits");
    comes_back(&daemon, report(&path, "anna@mail.example", "failed", "5.1.1", "550 5.1.1 a third time")).await;
    assert!(reasons(&daemon).await.is_empty());
    books::check(&daemon).await;
}

async fn a_full_mailbox_is_suppressed_after_three_letters_and_for_a_time(place: &Place) {
    let daemon = daemon(place, book(&[THANKS])).await;
    for order in 1..=3 {
        assert!(reasons(&daemon).await.is_empty(), "before the third");
        daemon.accept(orders("anna", &order.to_string())).await;
        daemon.settle().await;
        let (_, path) = last(&daemon).await;
        comes_back(&daemon, report(&path, "anna@mail.example", "failed", "5.2.2", "552 5.2.2 mailbox full")).await;
        daemon.until_moment(daemon.clock.now().after(Span::days(1))).await;
    }
    assert_eq!(reasons(&daemon).await, [("anna@mail.example".into(), "mailbox_full".into(), true)]);
    daemon.accept(orders("anna", "4")).await;
    daemon.settle().await;
    assert_eq!(daemon.record().await.pop().map(|row| row.state), Some(MessageState::Withheld));
    daemon.until_moment(daemon.clock.now().after(Span::days(90))).await;
    daemon.accept(orders("anna", "5")).await;
    daemon.settle().await;
    assert_eq!(daemon.record().await.pop().map(|row| row.state), Some(MessageState::Sent), "it is over");
    books::check(&daemon).await;
}

async fn a_complaint_suppresses_and_withdraws_the_consent(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME])).await;
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    let id = daemon.record().await[0].message_id.clone().expect("a Message-ID");
    comes_back(&daemon, complaint(&id)).await;
    let row = &daemon.record().await[0];
    assert_eq!((row.state, row.reason.as_deref()), (MessageState::Complained, Some("complaint")));
    assert_eq!(reasons(&daemon).await, [("anna@mail.example".into(), "complaint".into(), false)]);
    let customer = daemon.customer("anna").await;
    assert!(!customer.consents["marketing"].granted);
    assert!(customer.returns.complained_at.is_some());
    books::check(&daemon).await;
}

async fn mail_to_the_way_out_unsubscribes(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME])).await;
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    let (letter, _) = last(&daemon).await;
    let way_out = daemon.app.engine.mailing.load().composer.returns().unsubscribe(&letter).expect("an address");
    let mail = format!("From: anna@mail.example\r\nTo: {way_out}\r\nSubject: unsubscribe\r\n\r\n\r\n");
    comes_back(&daemon, mail.into_bytes()).await;
    let customer = daemon.customer("anna").await;
    assert!(!customer.consents["marketing"].granted);
    assert!(reasons(&daemon).await.is_empty(), "a refusal of one purpose is no suppression");
    assert_eq!(daemon.record().await[0].state, MessageState::Sent);
    books::check(&daemon).await;
}

async fn an_automatic_answer_and_a_delay_change_nothing(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME])).await;
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    let (letter, path) = last(&daemon).await;
    comes_back(&daemon, report(&path, "anna@mail.example", "delayed", "4.4.1", "no answer yet")).await;
    let away = format!(
        "From: anna@mail.example\r\nTo: {path}\r\nSubject: Out of office\r\nAuto-Submitted: auto-replied\r\n\r\nBack on Monday. 550 5.1.1\r\n"
    );
    comes_back(&daemon, away.into_bytes()).await;
    let stranger = "From: b@mail.example\r\nTo: hello@shop.example\r\nSubject: Out of office\r\nAuto-Submitted: auto-replied\r\n\r\nAway.\r\n";
    comes_back(&daemon, stranger.as_bytes().to_vec()).await;
    assert_eq!(daemon.record().await[0].state, MessageState::Sent);
    let customer = daemon.customer("anna").await;
    assert!(customer.returns.is_empty() && customer.consents["marketing"].granted);
    let log = daemon.app.engine.store.message_log(&letter).await.expect("reads");
    let told: Vec<_> = log.iter().filter_map(|entry| entry.reason.as_deref()).collect();
    assert!(told.ends_with(&["delayed", "auto_reply"]), "{told:?}");
    assert!(came_back(&daemon).await.iter().all(|thing| thing.state == ReturnedState::Done));
    assert_eq!(daemon.mailbox.count(), 1, "nothing is ever answered");
    books::check(&daemon).await;
}

async fn what_nobody_can_match_is_kept_until_somebody_looked_at_it(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME])).await;
    let mail = report("bounce@returns.shop.example", "b@mail.example", "failed", "5.1.1", "550 5.1.1 who?");
    comes_back(&daemon, mail.clone()).await;
    let thing = came_back(&daemon).await.pop().expect("kept");
    assert_eq!((thing.state, thing.what.as_deref(), &thing.bytes), (ReturnedState::Unmatched, Some("bounce"), &mail));
    daemon.until_moment(daemon.clock.now().after(Span::days(400))).await;
    daemon.engine().prune_returns().await.expect("prunes");
    assert_eq!(came_back(&daemon).await.len(), 1, "nobody has looked at it");
    let store = &daemon.app.engine.store;
    let mut tx = store.begin().await.expect("begins");
    assert_eq!(tx.retry_returned(&[thing.id], daemon.clock.now()).await.expect("writes"), 1);
    tx.commit().await.expect("commits");
    daemon.settle().await;
    assert_eq!(came_back(&daemon).await[0].state, ReturnedState::Unmatched, "still");
    let mut tx = store.begin().await.expect("begins");
    assert_eq!(tx.dismiss_returned(&[thing.id], daemon.clock.now()).await.expect("writes"), 1);
    tx.commit().await.expect("commits");
    daemon.until_moment(daemon.clock.now().after(Span::days(91))).await;
    daemon.engine().prune_returns().await.expect("prunes");
    assert!(came_back(&daemon).await.is_empty());
}

async fn a_rule_is_triggered_by_what_comes_back(place: &Place) {
    let alert = "
rule: alert
on: {event: message.bounced}
when: 'messages.bounced >= 1 && event.hard == true'
purpose: transactional
steps:
  - send: alert
";
    let daemon = daemon(place, book(&[WELCOME, alert])).await;
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    let (_, path) = last(&daemon).await;
    comes_back(&daemon, report(&path, "anna@mail.example", "failed", "5.1.1", "550 5.1.1 no such user")).await;
    let alert = daemon.record().await.into_iter().find(|row| row.rule == "alert").expect("planned");
    assert_eq!((alert.state, alert.reason.as_deref()), (MessageState::Withheld, Some("suppressed")));
    books::check(&daemon).await;
}

async fn a_report_that_comes_before_the_relay_has_answered_waits(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME])).await;
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    let (letter, path) = last(&daemon).await;
    place.run(&format!("UPDATE messages SET state = 'sending' WHERE id = '{letter}'")).await.expect("runs");
    comes_back(&daemon, report(&path, "anna@mail.example", "failed", "5.1.1", "550 5.1.1 no such user")).await;
    assert_eq!(came_back(&daemon).await[0].state, ReturnedState::Pending);
    assert!(reasons(&daemon).await.is_empty());
    place.run(&format!("UPDATE messages SET state = 'sent' WHERE id = '{letter}'")).await.expect("runs");
    daemon.until_moment(daemon.clock.now().after(Span::seconds(5))).await;
    assert_eq!(came_back(&daemon).await[0].state, ReturnedState::Done);
    assert_eq!(daemon.record().await[0].state, MessageState::Bounced);
    books::check(&daemon).await;
}

async fn a_report_about_somebody_else_s_letter_needs_its_token_or_its_message_id(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME])).await;
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    let (letter, path) = last(&daemon).await;
    let forged = path.replacen("bounce+a", "bounce+b", 1);
    let forged = if forged == path { path.replacen("bounce+", "bounce+q", 1) } else { forged };
    comes_back(&daemon, report(&forged, "anna@mail.example", "failed", "5.1.1", "550 5.1.1 no such user")).await;
    comes_back(&daemon, complaint(&format!("<{letter}@elsewhere.example>"))).await;
    assert!(came_back(&daemon).await.iter().all(|thing| thing.state == ReturnedState::Unmatched));
    assert_eq!(daemon.record().await[0].state, MessageState::Sent);
    books::check(&daemon).await;
}
