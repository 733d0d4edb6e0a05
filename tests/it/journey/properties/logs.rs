//! Random logs: what a few customers do, hour by hour.

use milepost::journey::event::Event;
use milepost::journey::time::{Span, Timestamp};
use milepost::web::events::{read, read_call};
use proptest::prelude::*;
use serde_json::{Value, json};

const CUSTOMERS: usize = 4;
/// The rule that calls ask for.
pub const CALLED: &str = "rule0";

/// Something that a customer does, so many minutes after what was done before.
#[derive(Clone, Debug)]
pub struct Done {
    pub gap: i64,
    pub customer: usize,
    pub what: What,
}

#[derive(Clone, Debug)]
pub enum What {
    Arrives(bool),
    Cart(i64),
    Cleared,
    Order(i64),
    Consents(bool),
    Wishes,
    /// The shop's own program calls the first rule.
    Calls,
}

/// Any log of up to so many things, after four customers came of whom most agreed to marketing.
pub fn log(most: usize) -> impl Strategy<Value = Vec<Done>> {
    let what = prop_oneof![
        2 => any::<bool>().prop_map(What::Arrives),
        4 => (1_i64..100).prop_map(What::Cart),
        1 => Just(What::Cleared),
        3 => (1_i64..5).prop_map(What::Order),
        1 => any::<bool>().prop_map(What::Consents),
        2 => Just(What::Wishes),
        2 => Just(What::Calls),
    ];
    // Whole half hours, so that things happen at the very moments at which others fall due.
    let done = (0_i64..40, 0..CUSTOMERS, what).prop_map(|(gap, customer, what)| Done { gap: gap * 30, customer, what });
    let first = prop::collection::vec(prop::bool::weighted(0.8), CUSTOMERS..=CUSTOMERS);
    (first, prop::collection::vec(done, 1..most)).prop_map(|(first, rest)| {
        let arrives = |(customer, agrees)| Done { gap: 30, customer, what: What::Arrives(agrees) };
        first.into_iter().enumerate().map(arrives).chain(rest).collect()
    })
}

/// Each thing with its moment, as the events API is told of it; a call names its rule under `call`.
pub fn told(log: &[Done], from: Timestamp) -> Vec<(Timestamp, usize, Value)> {
    let mut now = from;
    log.iter()
        .enumerate()
        .map(|(n, done)| {
            now = now.after(Span::seconds(done.gap * 60));
            (now, done.customer, done.said(n))
        })
        .collect()
}

impl Done {
    fn said(&self, n: usize) -> Value {
        let id = format!("c{}", self.customer);
        let mut customer = json!({"id": id});
        let mut event = json!({"id": n.to_string()});
        match self.what {
            What::Arrives(agrees) => {
                event["kind"] = json!("customer.created");
                customer["email"] = json!(format!("{id}@mail.example"));
                // A day or two after the log begins, so that dates come while it goes on.
                customer["birthday"] = json!(format!("1990-03-1{}", 1 + self.customer % 2));
                if agrees {
                    customer["consent"] = json!({"marketing": true});
                }
            }
            What::Cart(euros) => {
                event["kind"] = json!("cart.updated");
                event["cart"] = json!({"items": [{"name": "Feeder", "price": euros}]});
            }
            What::Cleared => event["kind"] = json!("cart.cleared"),
            What::Order(order) => {
                event["kind"] = json!("order.created");
                event["order"] = json!({"id": format!("{id}/{order}"), "phase": "open", "total": "10.00"});
            }
            What::Consents(agrees) => {
                event["kind"] = json!("customer.updated");
                customer["consent"] = json!({"marketing": agrees});
            }
            What::Wishes => event["kind"] = json!("wish.added"),
            What::Calls => event["call"] = json!(CALLED),
        }
        event["customer"] = customer;
        event
    }
}

/// What is told that is a call of a rule, as its API wants it.
pub fn call(said: &Value) -> Value {
    json!({"id": said["id"], "customer": said["customer"]})
}

/// A log as events of the core, each with its customer.
pub fn events(log: &[Done], from: Timestamp) -> Vec<(String, Event)> {
    let event = |(at, customer, said): (Timestamp, usize, Value)| {
        if said.get("call").is_some() {
            let said = call(&said).to_string();
            let event = read_call(said.as_bytes(), CALLED, None, at).expect("a batch").expect("a sound call");
            return (format!("c{customer}"), event);
        }
        let mut read = read(said.to_string().as_bytes(), "EUR", at).expect("a batch");
        (format!("c{customer}"), read.remove(0).event.expect("a sound event"))
    };
    told(log, from).into_iter().map(event).collect()
}
