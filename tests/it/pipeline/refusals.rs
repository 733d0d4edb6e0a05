//! Relays that refuse, put off or break off.

use milepost::journey::time::{Span, Timestamp};
use milepost::mail::Class;
use milepost::mail::mailbox::{Action, Stage};
use milepost::settings::{RefusalRow, Settings};
use milepost::store::{MessageState, SuppressionFilter};
use serde_json::json;

use super::{THANKS, WELCOME, arrives, books, daemon, daemon_with, orders};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, at, book, header, person};

both! {
    a_mailbox_that_is_gone_is_suppressed,
    the_address_that_was_refused_is_the_one_suppressed,
    another_refusal_suppresses_nobody,
    a_letter_put_off_goes_out_again_unchanged,
    a_letter_put_off_at_its_recipient_is_tried_again,
    a_letter_put_off_for_too_long_is_given_up,
    a_full_mailbox_is_tried_less_often_and_left_in_peace_in_the_end,
    a_shop_s_own_row_decides_first,
    a_connection_lost_before_the_letter_is_tried_again,
    a_relay_that_is_not_there_is_tried_again,
    a_connection_lost_after_the_letter_leaves_it_uncertain,
    one_refusal_among_many_holds_up_nobody,
    a_letter_that_is_too_large_is_given_up_and_its_address_left_alone,
    a_relay_that_breaks_off_amid_the_letter_leaves_it_uncertain,
    a_farewell_in_the_middle_of_a_run_costs_no_letter,
}

fn everything() -> SuppressionFilter {
    SuppressionFilter { limit: 10, ..SuppressionFilter::default() }
}

async fn state(daemon: &Daemon) -> (MessageState, Option<String>) {
    let rows = daemon.record().await;
    (rows[0].state, rows[0].reason.clone())
}

async fn a_mailbox_that_is_gone_is_suppressed(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME, THANKS])).await;
    daemon.mailbox.follow(|moment| match moment.stage {
        Stage::Rcpt => Action::say("550 5.1.1 no such user"),
        _ => Action::Go,
    });
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    assert_eq!(state(&daemon).await, (MessageState::Refused, Some("mailbox_gone".into())));
    assert_eq!(daemon.record().await[0].to.as_deref(), Some("anna@mail.example"));
    let store = &daemon.app.engine.store;
    let suppressed = store.suppressed_one("anna@mail.example").await.expect("reads").expect("is suppressed");
    assert_eq!((suppressed.reason.as_str(), suppressed.source.as_str()), ("mailbox_gone", "relay"));
    daemon.mailbox.follow(|_| Action::Go);
    daemon.accept(orders("o", "anna", "1")).await;
    daemon.until("2026-03-11T09:00:00Z").await;
    let rows = daemon.record().await;
    let thanks = rows.iter().find(|row| row.rule == "thanks").expect("on record");
    assert_eq!((thanks.state, thanks.reason.as_deref()), (MessageState::Withheld, Some("suppressed")));
    assert!(daemon.mailbox.letters().is_empty());
    // A way back: the address works again.
    let mut tx = store.begin().await.expect("begins");
    assert!(tx.unsuppress("anna@mail.example", "test", "", daemon.clock.now()).await.expect("writes"));
    tx.commit().await.expect("commits");
    daemon.accept(orders("o2", "anna", "2")).await;
    daemon.settle().await;
    assert_eq!(daemon.subjects(), ["thanks for anna"]);
    books::check(&daemon).await;
}

async fn the_address_that_was_refused_is_the_one_suppressed(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME])).await;
    daemon.mailbox.follow(|moment| match moment.stage {
        Stage::Rcpt if moment.line.contains("anna@mail") => Action::say("450 4.2.1 busy"),
        Stage::Rcpt => Action::say("550 5.1.1 no such user"),
        _ => Action::Go,
    });
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    let moved = json!({"id": "2", "kind": "customer.updated", "customer": {"id": "anna", "email": "new@mail.example"}});
    daemon.accept(moved).await;
    daemon.until("2026-03-10T09:01:00Z").await;
    assert_eq!(state(&daemon).await, (MessageState::Refused, Some("mailbox_gone".into())));
    let store = &daemon.app.engine.store;
    assert!(store.suppressed_one("new@mail.example").await.expect("reads").is_some());
    assert!(store.suppressed_one("anna@mail.example").await.expect("reads").is_none());
    books::check(&daemon).await;
}

async fn another_refusal_suppresses_nobody(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME])).await;
    daemon.mailbox.follow(|moment| match moment.stage {
        Stage::Dot => Action::say("554 5.7.1 we don't like this"),
        _ => Action::Go,
    });
    daemon.accept(arrives("anna")).await;
    daemon.until("2026-03-20T09:00:00Z").await;
    assert_eq!(state(&daemon).await, (MessageState::Refused, Some("refused".into())));
    let rows = daemon.record().await;
    assert_eq!((rows[0].code, rows[0].enhanced.as_deref(), rows[0].attempts), (Some(554), Some("5.7.1"), 1));
    assert_eq!(rows[0].class.as_deref(), Some("policy"));
    assert!(rows[0].reply.as_deref().is_some_and(|reply| reply.contains("we don't like this")), "{:?}", rows[0].reply);
    assert!(daemon.app.engine.store.suppressions(&everything()).await.expect("reads").is_empty());
    books::check(&daemon).await;
}

async fn a_letter_put_off_goes_out_again_unchanged(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME])).await;
    daemon.mailbox.follow(|moment| match moment.stage {
        Stage::Dot => Action::say("451 4.7.1 greylisted"),
        _ => Action::Go,
    });
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    let rows = daemon.record().await;
    assert_eq!((rows[0].state, rows[0].reason.as_deref()), (MessageState::Queued, Some("deferred")));
    assert_eq!(rows[0].next_at, Some(at("2026-03-10T09:01:00Z")));
    let store = &daemon.app.engine.store;
    let first = store.raw(&rows[0].id).await.expect("reads").expect("was frozen");
    // What is learnt meanwhile changes no word of it.
    let renamed = json!({"id": "2", "kind": "customer.updated", "customer": {"id": "anna", "first_name": "Johanna"}});
    daemon.accept(renamed).await;
    daemon.until("2026-03-10T09:03:00Z").await;
    assert_eq!(daemon.record().await[0].next_at, Some(at("2026-03-10T09:06:00Z")), "the second wait is longer");
    daemon.mailbox.follow(|_| Action::Go);
    daemon.until("2026-03-10T09:05:59Z").await;
    assert!(daemon.mailbox.letters().is_empty(), "not before its turn");
    daemon.until("2026-03-10T09:06:00Z").await;
    let letters = daemon.mailbox.letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(String::from_utf8_lossy(&letters[0].bytes), String::from_utf8_lossy(&first));
    assert_eq!(letters[0].message_id.as_deref(), Some(header(&first, "Message-ID").as_str()));
    let row = &daemon.record().await[0];
    assert_eq!((row.state, row.attempts), (MessageState::Sent, 3));
    let log = store.message_log(&row.id).await.expect("reads");
    assert_eq!(
        log.iter().filter(|entry| entry.reason.as_deref() == Some("deferred")).count(),
        2,
        "each try is on record"
    );
    books::check(&daemon).await;
}

async fn a_letter_put_off_at_its_recipient_is_tried_again(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME])).await;
    daemon.mailbox.follow(|moment| match moment.stage {
        Stage::Rcpt => Action::say("450 4.2.1 busy"),
        _ => Action::Go,
    });
    daemon.accept(arrives("anna")).await;
    daemon.until("2026-03-10T09:00:59Z").await;
    assert_eq!(state(&daemon).await, (MessageState::Queued, Some("deferred".into())));
    daemon.mailbox.follow(|_| Action::Go);
    daemon.until("2026-03-10T09:01:00Z").await;
    assert_eq!(daemon.subjects(), ["welcome for anna"]);
    books::check(&daemon).await;
}

async fn a_letter_put_off_for_too_long_is_given_up(place: &Place) {
    // The last wait stands for all that follow.
    let schedule = ["1m", "10m", "1h", "1h"].map(crate::support::span);
    let change = |settings: &mut Settings| {
        settings.mail.retry = schedule[..3].to_vec();
        settings.mail.give_up_after = crate::support::span("2h 30m");
    };
    let daemon = daemon_with(place, book(&[WELCOME]), change).await;
    daemon.mailbox.follow(|moment| match moment.stage {
        Stage::Dot => Action::say("451 4.3.0 try again"),
        _ => Action::Go,
    });
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    let mut turn = daemon.clock.now();
    for wait in schedule {
        turn = turn.after(wait);
        assert_eq!(daemon.record().await[0].next_at, Some(turn));
        daemon.until_moment(turn).await;
    }
    let row = &daemon.record().await[0];
    assert_eq!((row.state, row.reason.as_deref(), row.attempts), (MessageState::Refused, Some("given_up"), 5));
    assert_eq!((row.code, row.class.as_deref()), (Some(451), Some("soft")), "with what was said last");
    assert_eq!(row.next_at, None);
    assert!(daemon.app.engine.store.suppressions(&everything()).await.expect("reads").is_empty());
    assert_eq!(daemon.customer("anna").await.message_count, 0, "it never counts as had");
    books::check(&daemon).await;
}

async fn a_full_mailbox_is_tried_less_often_and_left_in_peace_in_the_end(place: &Place) {
    let daemon = daemon(place, book(&[THANKS])).await;
    daemon.mailbox.follow(|moment| match moment.stage {
        Stage::Rcpt => Action::say("452 4.2.2 The recipient's inbox is out of storage space"),
        _ => Action::Go,
    });
    daemon.accept(orders("o1", "anna", "1")).await;
    daemon.settle().await;
    let row = &daemon.record().await[0];
    assert_eq!((row.state, row.class.as_deref()), (MessageState::Queued, Some("mailbox_full")));
    assert_eq!(row.next_at, Some(at("2026-03-10T13:00:00Z")), "not in a minute");
    daemon.until("2026-03-11T10:00:00Z").await;
    let row = &daemon.record().await[0];
    assert_eq!((row.state, row.reason.as_deref()), (MessageState::Refused, Some("given_up")), "after a day");
    let store = &daemon.app.engine.store;
    for (n, order) in ["2", "3"].into_iter().enumerate() {
        assert!(store.suppressed_one("anna@mail.example").await.expect("reads").is_none(), "{n} letters are no proof");
        daemon.accept(orders(&format!("o{order}"), "anna", order)).await;
        daemon.until_moment(daemon.clock.now().after(Span::days(2))).await;
    }
    let suppressed = store.suppressed_one("anna@mail.example").await.expect("reads").expect("three are enough");
    assert_eq!((suppressed.reason.as_str(), suppressed.source.as_str()), ("mailbox_full", "relay"));
    books::check(&daemon).await;
}

async fn a_shop_s_own_row_decides_first(place: &Place) {
    let row = RefusalRow {
        code: "550".into(),
        text: vec!["not before noon".into()],
        class: Class::Greylisted,
        ..RefusalRow::default()
    };
    let daemon = daemon_with(place, book(&[WELCOME]), |settings| settings.mail.refusals.push(row)).await;
    daemon.mailbox.follow(|moment| match moment.stage {
        Stage::Rcpt => Action::say("550 5.7.1 Not before noon"),
        _ => Action::Go,
    });
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    let row = &daemon.record().await[0];
    assert_eq!((row.state, row.class.as_deref()), (MessageState::Queued, Some("greylisted")));
    daemon.mailbox.follow(|_| Action::Go);
    daemon.until("2026-03-10T09:01:00Z").await;
    assert_eq!(daemon.subjects(), ["welcome for anna"]);
    books::check(&daemon).await;
}

async fn a_connection_lost_before_the_letter_is_tried_again(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME])).await;
    for (minutes, stage) in [(0, Stage::Connected), (1, Stage::Mail), (6, Stage::Rcpt), (21, Stage::Data)] {
        daemon.mailbox.follow(move |moment| if moment.stage == stage { Action::Drop } else { Action::Go });
        if minutes == 0 {
            daemon.accept(arrives("anna")).await;
        }
        daemon.until_moment(minute(minutes)).await;
        assert_eq!(state(&daemon).await, (MessageState::Queued, Some("connection_lost".into())), "{stage:?}");
    }
    daemon.mailbox.follow(|_| Action::Go);
    daemon.until_moment(minute(60)).await;
    assert_eq!(daemon.subjects(), ["welcome for anna"]);
    assert_eq!(daemon.record().await[0].attempts, 5);
    books::check(&daemon).await;
}

fn minute(minutes: i64) -> Timestamp {
    at(super::START).after(Span::seconds(minutes * 60))
}

async fn a_relay_that_is_not_there_is_tried_again(place: &Place) {
    let mut address = None;
    let daemon = daemon_with(place, book(&[WELCOME]), |settings| {
        let relay = settings.mail.relays.get_mut("test").expect("the relay");
        // Nobody listens on the port of the discard service here.
        address = relay.port.replace(9);
    })
    .await;
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    assert_eq!(state(&daemon).await, (MessageState::Queued, Some("connection_lost".into())));
    let mailbox = daemon.mailbox.clone();
    drop(daemon);
    let again = Daemon::start_at(mailbox, place.url(), book(&[WELCOME]), minute(1), |_| {}).await;
    again.settle().await;
    assert_eq!(again.subjects(), ["welcome for anna"]);
    books::check(&again).await;
}

async fn a_connection_lost_after_the_letter_leaves_it_uncertain(place: &Place) {
    for action in [Action::Drop, Action::KeepAndDrop] {
        let kept = action == Action::KeepAndDrop;
        let daemon = daemon(place, book(&[WELCOME])).await;
        daemon.mailbox.follow(move |moment| if moment.stage == Stage::Dot { action.clone() } else { Action::Go });
        let id = if kept { "kept" } else { "lost" };
        daemon.accept(arrives(id)).await;
        daemon.settle().await;
        daemon.mailbox.follow(|_| Action::Go);
        daemon.until("2026-03-20T09:00:00Z").await;
        let rows = daemon.record().await;
        let row = rows.iter().find(|row| row.to.as_deref() == Some(&format!("{id}@mail.example"))).expect("on record");
        assert_eq!(
            (row.state, row.reason.as_deref(), row.attempts),
            (MessageState::Uncertain, Some("no_final_reply"), 1)
        );
        assert_eq!(daemon.mailbox.letters().len(), usize::from(kept), "never sent again");
        books::check(&daemon).await;
    }
}

async fn one_refusal_among_many_holds_up_nobody(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME])).await;
    daemon.mailbox.follow(|moment| match moment.stage {
        Stage::Rcpt if moment.line.contains("<c7@") => Action::say("550 5.1.1 no such user"),
        Stage::Dot if moment.to[0].starts_with("c13@") => Action::say_and_drop("421 4.3.2 going down"),
        Stage::Rcpt if moment.line.contains("<c29@") => Action::Drop,
        _ => Action::Go,
    });
    let crowd: Vec<_> = (0..100)
        .map(|n| json!({"id": format!("{n}"), "kind": "customer.created", "customer": person(&format!("c{n}"))}))
        .collect();
    daemon.accept(json!(crowd)).await;
    daemon.settle().await;
    assert_eq!(daemon.mailbox.letters().len(), 97);
    daemon.mailbox.follow(|_| Action::Go);
    daemon.until("2026-03-10T10:00:00Z").await;
    assert_eq!(daemon.mailbox.letters().len(), 99);
    books::check(&daemon).await;
}

async fn a_letter_that_is_too_large_is_given_up_and_its_address_left_alone(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME])).await;
    daemon.mailbox.follow(|moment| match moment.stage {
        Stage::Dot => Action::say("552 5.3.4 Your message exceeded our size limits"),
        _ => Action::Go,
    });
    daemon.accept(arrives("anna")).await;
    daemon.until("2026-03-20T09:00:00Z").await;
    let row = &daemon.record().await[0];
    assert_eq!((row.state, row.class.as_deref(), row.attempts), (MessageState::Refused, Some("size"), 1));
    assert!(daemon.app.engine.store.suppressions(&everything()).await.expect("reads").is_empty());
    books::check(&daemon).await;
}

async fn a_relay_that_breaks_off_amid_the_letter_leaves_it_uncertain(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME])).await;
    daemon.mailbox.follow(|moment| if moment.stage == Stage::Content { Action::Drop } else { Action::Go });
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    daemon.mailbox.follow(|_| Action::Go);
    daemon.until("2026-03-20T09:00:00Z").await;
    assert_eq!(state(&daemon).await, (MessageState::Uncertain, Some("no_final_reply".into())));
    assert_eq!(daemon.mailbox.count(), 0, "it is not sent again");
    books::check(&daemon).await;
}

async fn a_farewell_in_the_middle_of_a_run_costs_no_letter(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME])).await;
    // Each connection takes three letters, as some relays do, and says good-bye to the fourth.
    daemon.mailbox.follow(|moment| match moment.stage {
        Stage::Mail if moment.letters == 3 => Action::say_and_drop("421 4.7.0 too many letters in one session"),
        _ => Action::Go,
    });
    let crowd: Vec<_> = (0..60).map(|n| arrives(&format!("c{n}"))).collect();
    daemon.accept(json!(crowd)).await;
    daemon.settle().await;
    daemon.until("2026-03-10T10:00:00Z").await;
    assert_eq!(daemon.mailbox.count(), 60);
    let ids: std::collections::BTreeSet<_> =
        daemon.mailbox.letters().into_iter().map(|letter| letter.message_id).collect();
    assert_eq!(ids.len(), 60, "none twice");
    books::check(&daemon).await;
}
