//! Limits on attention in the whole daemon: what is held goes when it may, and not before; nothing is lost and nothing silent.

use std::sync::atomic::{AtomicBool, Ordering};

use milepost::journey::book::Shop;
use milepost::mail::mailbox::{Action, Stage};
use milepost::rulebook::{Book, load_files, render};
use milepost::store::MessageState::{Held, Sending, Sent, Withheld};
use serde_json::{Value, json};

use super::{arrives, books, daemon, daemon_with};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, MAP, at, files, person};

both! {
    a_held_letter_goes_when_there_is_room,
    of_two_in_one_instant_the_higher_ranked_goes,
    a_letter_withdrawn_at_the_last_moment_makes_room,
    a_letter_that_cannot_be_composed_makes_room,
    a_letter_the_relay_refuses_makes_room,
    a_held_letter_survives_a_restart,
    those_who_are_held_out_are_counted_apart,
}

fn shop(limits: &str, rules: &[&str]) -> Book {
    let mut files = files(MAP, rules);
    files.insert("limits.yaml".into(), limits.into());
    let loaded = load_files(&files, Shop::default());
    loaded.book.unwrap_or_else(|| panic!("{}", render(&loaded.diagnostics, false)))
}

fn rule(name: &str, priority: i32, more: &str) -> String {
    format!(
        "{{rule: {name}, on: {{event: shop.{name}}}, reenter: always, priority: {priority}, steps: [{{send: {name}}}]{more}}}"
    )
}

fn says(kind: &str, id: &str, n: u32) -> Value {
    json!({"id": format!("{kind}/{id}/{n}"), "kind": kind, "customer": person(id)})
}

/// State and reason of every letter, with its rule.
async fn letters(daemon: &Daemon) -> Vec<String> {
    let rows = daemon.record().await;
    let told = rows.iter().map(|row| {
        let reason = row.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        format!("{} {}{reason}", row.rule, row.state.as_str())
    });
    let mut told: Vec<String> = told.collect();
    told.sort();
    told
}

async fn a_held_letter_goes_when_there_is_room(place: &Place) {
    let book = shop("limits: {caps: ['1 per 1d']}", &[&rule("a", 0, ""), &rule("b", 0, "")]);
    let daemon = daemon(place, book).await;
    daemon.accept(json!([arrives("anna"), says("shop.a", "anna", 1)])).await;
    daemon.settle().await;
    daemon.clock.set(at("2026-03-10T12:00:00Z"));
    daemon.accept(says("shop.b", "anna", 1)).await;
    daemon.until("2026-03-11T08:59:59Z").await;
    assert_eq!(letters(&daemon).await, ["a sent", "b held: frequency_cap"]);
    let row = daemon.record().await.pop().expect("a letter");
    assert_eq!((row.state, row.next_at), (Held, Some(at("2026-03-11T09:00:00Z"))));
    assert_eq!(daemon.subjects().len(), 1);
    // The map counts it where it waits.
    books::check(&daemon).await;
    daemon.until("2026-03-11T09:00:00Z").await;
    assert_eq!(letters(&daemon).await, ["a sent", "b sent"]);
    let log = daemon.engine().store.message_log(&row.id).await.expect("reads");
    let states: Vec<_> = log.iter().map(|entry| entry.state).collect();
    assert_eq!(states, [Held, Sending, Sent]);
    assert_eq!(log[0].detail["held"]["by"], "cap");
    books::check(&daemon).await;
}

async fn of_two_in_one_instant_the_higher_ranked_goes(place: &Place) {
    let book = shop("limits: {caps: ['1 per 1d'], at_limit: withhold}", &[&rule("low", 1, ""), &rule("high", 2, "")]);
    let daemon = daemon(place, book).await;
    let crowd: Vec<Value> =
        (0..20).flat_map(|n| [says("shop.low", &format!("c{n}"), 1), says("shop.high", &format!("c{n}"), 1)]).collect();
    daemon.accept(json!(crowd)).await;
    daemon.until("2026-03-12T09:00:00Z").await;
    let rows = daemon.record().await;
    for row in &rows {
        let expected = if row.rule == "high" { (Sent, None) } else { (Withheld, Some("frequency_cap")) };
        assert_eq!((row.state, row.reason.as_deref()), expected, "{}", row.rule);
    }
    assert_eq!((rows.len(), daemon.subjects().len()), (40, 20));
    books::check(&daemon).await;
}

async fn a_letter_withdrawn_at_the_last_moment_makes_room(place: &Place) {
    let rules = [&*rule("low", 1, ""), &rule("high", 2, ", exit_when: \"customer.vip == true\"")];
    let daemon = daemon(place, shop("limits: {caps: ['1 per 1d']}", &rules)).await;
    daemon.accept(json!([arrives("anna"), says("shop.low", "anna", 1), says("shop.high", "anna", 1)])).await;
    let engine = daemon.engine();
    engine.process_bodies().await.expect("works");
    assert_eq!(letters(&daemon).await, ["high queued", "low held: frequency_cap"]);
    let mut vip = person("anna");
    vip["attributes"] = json!({"vip": true});
    daemon.accept(json!({"id": "vip", "kind": "customer.updated", "customer": vip})).await;
    daemon.settle().await;
    assert_eq!(letters(&daemon).await, ["high withheld: exited", "low sent"]);
    books::check(&daemon).await;
}

async fn a_letter_that_cannot_be_composed_makes_room(place: &Place) {
    let mut files = files(MAP, &[&rule("low", 1, ""), &rule("high", 2, "")]);
    files.insert("limits.yaml".into(), "limits: {caps: ['1 per 1d']}".into());
    let broken = "Subject: Hello\n\n{{ event.fee | money }} {{ unsubscribe_url }}\n";
    files.insert("shop/templates/high.txt".into(), broken.into());
    let loaded = load_files(&files, Shop::default());
    let book = loaded.book.unwrap_or_else(|| panic!("{}", render(&loaded.diagnostics, false)));
    let daemon = daemon(place, book).await;
    let mut high = says("shop.high", "anna", 1);
    high["data"] = json!({"fee": "much"});
    daemon.accept(json!([arrives("anna"), says("shop.low", "anna", 1), high])).await;
    daemon.settle().await;
    let told = letters(&daemon).await;
    assert!(told[0].starts_with("high failed"), "{told:?}");
    assert_eq!(told[1], "low sent");
    books::check(&daemon).await;
}

async fn a_letter_the_relay_refuses_makes_room(place: &Place) {
    let daemon =
        daemon(place, shop("limits: {caps: ['1 per 1d']}", &[&rule("low", 1, ""), &rule("high", 2, "")])).await;
    let first = AtomicBool::new(true);
    daemon.mailbox.follow(move |moment| match moment.stage {
        Stage::Dot if first.swap(false, Ordering::Relaxed) => Action::say("554 5.7.1 not today"),
        _ => Action::Go,
    });
    daemon.accept(json!([arrives("anna"), says("shop.low", "anna", 1), says("shop.high", "anna", 1)])).await;
    daemon.settle().await;
    assert_eq!(letters(&daemon).await, ["high refused: refused", "low sent"]);
    books::check(&daemon).await;
}

async fn a_held_letter_survives_a_restart(place: &Place) {
    let limits = "limits: {quiet: {from: '08:00', to: '15:00'}, tz: shop}";
    let first = daemon(place, shop(limits, &[&rule("a", 0, "")])).await;
    first.accept(json!([arrives("anna"), says("shop.a", "anna", 1)])).await;
    first.settle().await;
    assert_eq!(letters(&first).await, ["a held: quiet_hours"]);
    let Daemon { app, mailbox, .. } = first;
    drop(app);
    let book = shop(limits, &[&rule("a", 0, "")]);
    let again = Daemon::start_at(mailbox, place.url(), book, at("2026-03-10T14:59:00Z"), |_| {}).await;
    again.settle().await;
    assert_eq!(again.subjects().len(), 0);
    again.until("2026-03-10T15:00:00Z").await;
    assert_eq!((letters(&again).await, again.subjects().len()), (vec!["a sent".to_owned()], 1));
    books::check(&again).await;
}

async fn those_who_are_held_out_are_counted_apart(place: &Place) {
    let goal = ", goal: {event: order.created, within: 3d, value: order.total}, holdout: 40%";
    let daemon = daemon_with(place, shop("{}", &[&rule("a", 0, goal)]), |_| {}).await;
    let crowd: Vec<Value> = (0..30).map(|n| says("shop.a", &format!("c{n}"), 1)).collect();
    daemon.accept(json!(crowd)).await;
    daemon.settle().await;
    let orders: Vec<Value> =
        (0..30).map(|n| super::orders(&format!("o{n}"), &format!("c{n}"), &n.to_string())).collect();
    daemon.accept(json!(orders)).await;
    daemon.settle().await;
    let engine = daemon.engine();
    let book = engine.book.load_full();
    let figures =
        milepost::insight::figures(&engine.store, &book.rulebook, "shop").await.expect("reads").expect("a map");
    let rule = figures.rule("a").expect("a rule");
    let withheld = i64::try_from(letters(&daemon).await.iter().filter(|told| *told == "a withheld: held_out").count());
    assert_eq!(Ok(rule.held_out), withheld);
    assert!(rule.held_out > 3 && rule.enrolled > 3, "{rule:?}");
    assert_eq!((rule.enrolled + rule.held_out, rule.sent), (30, rule.enrolled));
    assert_eq!((rule.converted, rule.held_out_converted), (rule.enrolled, rule.held_out));
    assert_eq!((rule.conversion, rule.held_out_conversion), (Some(1.0), Some(1.0)));
    books::check(&daemon).await;
}
