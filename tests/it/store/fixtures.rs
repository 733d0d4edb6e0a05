//! Small values for the tests.

use milepost::journey::customer::{Customer, StayTimer};
use milepost::journey::effect::{Cause, PlannedMessage};
use milepost::journey::event::{Event, Key, kind};
use milepost::journey::time::Timestamp;
use milepost::store::{Channel, Frozen, MessageState, NewBody, NewMessage, OutcomeRow, Sealed, Store};
use serde_json::json;

/// A moment: seconds after the start of the test's time.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_790_000_000 + seconds).expect("in range")
}

pub fn texts<const N: usize>(list: [&str; N]) -> Vec<String> {
    list.map(str::to_owned).to_vec()
}

pub fn body(connection: &str, text: &str, dedupe: Option<&str>) -> NewBody {
    NewBody {
        connection: connection.into(),
        channel: Channel::Hook,
        content_type: "application/json".into(),
        query: "a=b".into(),
        body: text.as_bytes().to_vec(),
        received_at: at(0),
        dedupe: dedupe.map(str::to_owned),
    }
}

pub fn customer(id: &str, due: Option<i64>) -> Customer {
    let mut customer = Customer::new(id, at(0));
    customer.rulebook = "book-1".into();
    customer.keys = vec![Key::email(&format!("{id}@shop.example"))];
    customer.stays = due.map(|due| StayTimer { rule: "stay".into(), since: at(0), at: at(due) }).into_iter().collect();
    customer
}

pub fn event(source: &str, id: &str, seconds: i64) -> Event {
    Event {
        source: source.into(),
        id: id.into(),
        kind: kind::ORDER_CREATED.into(),
        occurred_at: at(seconds),
        received_at: at(seconds + 1),
        keys: vec![Key::email("ada@shop.example")],
        merged: vec![],
        touchpoint: Some("site".into()),
        profile: None,
        order: None,
        cart: None,
        data: serde_json::Map::new(),
    }
}

pub fn cause() -> Cause {
    Cause::Event { source: "crm".into(), id: "order/1/created".into(), kind: kind::ORDER_CREATED.into() }
}

/// A letter due `due` seconds after the start.
pub fn letter(id: &str, due: i64) -> NewMessage {
    NewMessage {
        customer: "ada".into(),
        at: at(due),
        planned: PlannedMessage {
            rulebook: "book-1".into(),
            id: id.into(),
            enrollment: format!("run-of-{id}"),
            step: "0".into(),
            pass: 1,
            rule: "welcome".into(),
            map: "pets".into(),
            stage: Some("search".into()),
            letter: "hello".into(),
            purpose: "marketing".into(),
            locale: "en".into(),
            to: Some("ada@shop.example".into()),
            due_at: at(due),
            withheld: None,
            code: None,
            held: None,
            inputs: json!({ "event": { "total": 12 } }),
            verdicts: vec![],
        },
    }
}

/// Records letters that fell due at the start.
pub async fn queue<const N: usize>(store: &Store, ids: [&str; N]) {
    let letters = ids.map(|id| letter(id, 0));
    let mut tx = store.begin().await.expect("begins");
    assert!(tx.put_messages(&letters).await.expect("records").iter().all(|new| *new));
    tx.commit().await.expect("commits");
}

/// The bytes of every [`frozen`] letter.
pub fn frozen_bytes() -> Vec<u8> {
    format!("Subject: Hello\r\n\r\n{}", "miaow ".repeat(1_000)).into_bytes()
}

pub fn frozen(id: &str) -> Frozen {
    Frozen {
        links: None,
        lease_until: at(10),
        id: id.into(),
        to: "ada@shop.example".into(),
        subject: "Hello".into(),
        message_id: format!("<{id}@shop.example>"),
        sealed: Sealed::of(&frozen_bytes()),
        relay: "main".into(),
        locale: "en".into(),
    }
}

pub fn outcome(id: &str, seconds: i64, state: MessageState) -> OutcomeRow {
    OutcomeRow {
        id: id.into(),
        at: at(seconds),
        state,
        next_at: None,
        code: Some(250),
        enhanced: Some("2.0.0".into()),
        reply: "Ok: queued".into(),
        relay: Some("main".into()),
        reason: None,
        class: None,
        put_off: false,
        lacking: false,
    }
}
