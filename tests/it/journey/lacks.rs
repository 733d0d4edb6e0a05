//! What a condition lacks, and what a rule would need to start: told so that a person can act on it.

use milepost::journey::advance::{Input, advance};
use milepost::journey::book::Rulebook;
use milepost::journey::condition::{Condition, Facts};
use milepost::journey::customer::Customer;
use milepost::journey::event::{Event, Phase};
use milepost::journey::explain::{Explanation, explain};
use milepost::journey::facts::Scope;

use crate::support::{arrival, at, cart, order, rulebook};

const NOW: &str = "2026-03-10T09:00:00Z";

/// Anna, who agreed, ordered on 1 March and has a feeder for 120 euros in her cart.
fn anna(book: &Rulebook) -> Customer {
    let heard = |state: Customer, event: &Event| advance(book, state, &Input::Event(event), event.received_at).state;
    let mut state = Customer::new("anna", at("2026-02-01T00:00:00Z"));
    for event in [
        arrival(at("2026-02-01T00:00:00Z")),
        order("order.created", at("2026-03-01T00:00:00Z"), "1", Phase::Open, 5_000),
        cart(at("2026-03-10T08:00:00Z"), 12_000),
    ] {
        state = heard(state, &event);
    }
    state
}

fn lacks(text: &str, expect: &[&str]) {
    let scope = Scope { purposes: vec!["marketing".into()], event: true, ..Scope::default() };
    let condition = Condition::compile(text, &scope).unwrap_or_else(|faults| panic!("{text}: {faults:?}"));
    let customer = anna(&rulebook(&[]));
    let facts = Facts::new(&customer, None, at(NOW), chrono_tz::UTC);
    assert_eq!(condition.lacks(facts), expect, "{text}");
    let told = condition.told(facts);
    assert_eq!(told == Some(true), expect.is_empty(), "{text}: {told:?}");
}

#[test]
fn a_condition_tells_what_it_lacks() {
    lacks("orders.count > 0", &[]);
    lacks("orders.count > 3", &["`orders.count > 3` is true (now orders.count = 1)"]);
    lacks(
        "orders.count > 3 && cart.total >= 100 && customer.vip == true",
        &[
            "`orders.count > 3` is true (now orders.count = 1)",
            "`customer.vip == true` is true (now customer.vip = null)",
        ],
    );
    lacks(
        "orders.count > 3 || (orders.count == 1 && customer.vip == true)",
        &[
            "`orders.count > 3` is true (now orders.count = 1), or `customer.vip == true` is true (now customer.vip = null)",
        ],
    );
    lacks("!(orders.count == 1)", &["`orders.count == 1` is not true (now orders.count = 1)"]);
    lacks("!(orders.count == 2 || cart.total > 500)", &[]);
    lacks(
        "older_than(orders.last_at, '30d')",
        &["`older_than(orders.last_at, '30d')` is true: by itself on 2026-03-31 00:00:00 UTC"],
    );
    lacks(
        "!within(orders.last_at, '30d')",
        &["`within(orders.last_at, '30d')` is not true: by itself on 2026-03-31 00:00:00 UTC"],
    );
    lacks(
        "within(orders.last_at, '2d')",
        &["`within(orders.last_at, '2d')` is true: `orders.last_at` would be of the last 2d \
           (now orders.last_at = \"2026-03-01T00:00:00.000000Z\")"],
    );
    lacks(
        "older_than(messages.last_at, '2d')",
        &["`older_than(messages.last_at, '2d')` is true (`messages.last_at` was never said)"],
    );
    lacks("event.page == 'cart'", &["`event.page == 'cart'` is true of the event"]);
    lacks("event.page == 'cart' || orders.count > 0", &[]);
    lacks(
        "event.page == 'cart' && orders.count > 3",
        &["`event.page == 'cart'` is true of the event", "`orders.count > 3` is true (now orders.count = 1)"],
    );
}

/// A rule that may run again and again, unless it says otherwise.
fn explained(rule: &str) -> Explanation {
    let again = if rule.contains("reenter") { "" } else { "reenter: always\n" };
    let book = rulebook(&[&format!("rule: r\n{again}{rule}steps: [{{send: hello}}]\n")]);
    let customer = anna(&book);
    explain(&book, &book.rules["r"], &customer, false, at(NOW))
}

#[test]
fn a_rule_tells_what_would_start_it() {
    for (rule, expect) in [
        ("on: {event: order.paid}\n", &["the event order.paid comes"][..]),
        (
            "on: {event: order.paid}\nstage: buyer\nwhen: \"orders.count > 3\"\n",
            &[
                "the event order.paid comes",
                "the customer is at the stage buyer",
                "`cart.items.size() == 0` is true (now cart.items",
                "`orders.count > 3` is true (now orders.count = 1)",
            ],
        ),
        (
            "on: {enter: buyer}\n",
            &["the customer comes to the stage buyer", "`cart.items.size() == 0` is true (now cart.items"],
        ),
        (
            "on: {enter: known}\n",
            &[
                "the customer comes to the stage known",
                "the later stage cart does not hold any more: `cart.items.size() > 0`",
            ],
        ),
        ("on: {enter: cart}\n", &["the customer leaves the stage cart and comes back"]),
        ("on: {leave: cart}\n", &["the customer leaves the stage cart"]),
        ("on: {stay: cart, for: 2d}\n", &["the customer stays at the stage cart until 2026-03-12 08:00:00 UTC"]),
        ("on: {becomes: \"orders.count > 3\"}\n", &["`orders.count > 3` is true (now orders.count = 1)"]),
        ("on: {becomes: \"orders.count == 1\"}\n", &["`orders.count == 1` turns false, and true again after that"]),
        (
            "on: {cron: \"0 10 * * 2\", segment: \"customer.vip == true\"}\n",
            &[
                "the schedule fires: next on 2026-03-10 10:00:00 UTC",
                "`customer.vip == true` is true (now customer.vip = null)",
            ],
        ),
        // It began with the cart and has ended.
        ("on: {event: cart.updated}\nreenter: never\n", &[]),
        (
            "on: {event: cart.updated}\nreenter: {after: 7d}\n",
            &["the event cart.updated comes", "that is on 2026-03-17 08:00:00 UTC or later"],
        ),
    ] {
        let told = explained(rule).would_start_if;
        let same = told.len() == expect.len() && told.iter().zip(expect).all(|(told, expect)| told.starts_with(expect));
        assert!(same, "{rule}: {told:#?}");
    }
}

#[test]
fn a_letter_tells_what_would_let_it_go() {
    let told = explained("on: {event: order.paid}\npurpose: news\n");
    assert_eq!(told.would_withhold.as_deref(), Some("the customer never agreed to this purpose"));
    assert_eq!(told.would_send_if.as_deref(), Some("the customer agrees to news"));
    let book = rulebook(&["rule: r\non: {event: order.paid}\nsteps: [{send: hello}]\n"]);
    let told = explain(&book, &book.rules["r"], &anna(&book), true, at(NOW));
    assert_eq!(told.would_send_if.as_deref(), Some("the address is taken off the suppression list"));
    let policies: Vec<&str> = told.policies.iter().map(|verdict| verdict.policy.as_str()).collect();
    assert_eq!(policies.last(), Some(&"suppression"), "{policies:?}");
}

#[test]
fn what_only_the_event_can_say_is_left_to_it() {
    let told = explained("on: {event: quiz.done}\nwhen: \"event.score > 3 && orders.count > 0\"\n");
    assert_eq!(told.could_start, Ok(()));
    assert_eq!(told.when[0].result, "the event decides");
    assert_eq!(told.when[1].result, "true");
    let told = explained("on: {event: quiz.done}\nwhen: \"event.score > 3 && orders.count > 5\"\n");
    assert!(told.could_start.is_err(), "no event could make it hold");
}
