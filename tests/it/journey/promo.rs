//! What a run does with a promo code, and without one.

use milepost::journey::advance::{Input, advance};
use milepost::journey::book::Rulebook;
use milepost::journey::customer::Customer;
use milepost::journey::effect::Effect;
use milepost::journey::event::{Event, Order};
use milepost::journey::time::Timestamp;

use crate::support::{arrival, at, book_of, event, span};

const LETTER: &str = "Subject: A gift\n\n{{ promo.code }} {{ unsubscribe_url }}\n";
const PLAIN: &str = "Subject: Hello\n\n{{ unsubscribe_url }}\n";

fn rulebook(promo: &str) -> Rulebook {
    let rule = format!(
        "rule: gift\non: {{event: customer.created}}\nsteps:\n  - promo: {promo}\n  - send: gift\n  - send: plain\n"
    );
    let files = [
        ("shop/gift.yaml", rule.as_str()),
        ("shop/templates/gift.txt", LETTER),
        ("shop/templates/plain.txt", PLAIN),
        ("shop/promo/codes.csv", "code\nA\n"),
        ("shop/promo/codes.yaml", "valid: 30d\n"),
    ];
    book_of(&files).rulebook
}

/// A customer comes, and the pool has what `codes` has, answer by answer; then time goes on until `until`.
fn story(promo: &str, codes: &[Option<&str>], until: &str) -> (Customer, Vec<String>) {
    let book = rulebook(promo);
    let mut codes = codes.iter();
    let mut customer = Customer::new("c1", at("2026-03-01T08:00:00Z"));
    let mut told = Vec::new();
    let came = arrival(at("2026-03-01T08:00:00Z"));
    for (input, now) in [(Input::Event(&came), came.received_at), (Input::Due, at(until))] {
        loop {
            let done = advance(&book, std::mem::take(&mut customer), &input, now);
            customer = done.state;
            let mut effects = done.effects;
            while let Some(place) = effects.iter().position(|e| matches!(e, Effect::PromoWanted { .. })) {
                let Effect::PromoWanted { enrollment, .. } = effects.remove(place) else { continue };
                let answer = codes.next().copied().flatten();
                told.push(format!("asked at {}", customer.now));
                let input = Input::Promo { enrollment: &enrollment, code: answer };
                let moment = customer.now;
                let done = advance(&book, std::mem::take(&mut customer), &input, moment);
                customer = done.state;
                effects.extend(done.effects);
            }
            told.extend(effects.iter().filter_map(line));
            if done.taken {
                break;
            }
        }
    }
    (customer, told)
}

fn line(effect: &Effect) -> Option<String> {
    match effect {
        Effect::MessagePlanned(planned) => {
            let code = planned.code.as_deref().unwrap_or("no code");
            let why = planned.withheld.as_ref().map_or("planned", |why| why.code());
            Some(format!("{} {why}: {code}", planned.letter))
        }
        Effect::Ended { reason, .. } => Some(format!("ends: {}", reason.code())),
        Effect::PromoSettled { .. } => Some("the code is settled".into()),
        Effect::Decided(decision) if decision.about == "promo" => Some(decision.outcome.clone()),
        _ => None,
    }
}

fn check(promo: &str, codes: &[Option<&str>], until: &str, expected: &[&str]) {
    assert_eq!(story(promo, codes, until).1, expected, "{promo}");
}

#[test]
fn a_code_comes_with_the_letters_that_show_it_and_has_its_time() {
    let (customer, told) = story("codes", &[Some("A")], "2026-03-02T00:00:00Z");
    let all = [
        "asked at 2026-03-01T08:00:00Z",
        "assigned",
        "gift planned: A",
        "plain planned: no code",
        "ends: finished",
        "the code is settled",
    ];
    assert_eq!(told, all);
    assert_eq!(customer.promo_codes[0].expires_at, Some(at("2026-03-31T08:00:00Z")));
}

#[test]
fn an_empty_pool_ends_the_run_unless_it_may_go_on() {
    let none = [None];
    let asked = "asked at 2026-03-01T08:00:00Z";
    check("codes", &none, "2026-03-02T00:00:00Z", &[asked, "empty", "ends: no_promo_code"]);
    check("{pool: codes, when_empty: end}", &none, "2026-03-02T00:00:00Z", &[asked, "empty", "ends: no_promo_code"]);
    let withheld = [
        asked,
        "empty",
        "gift no_promo_code: no code",
        "plain planned: no code",
        "ends: finished",
        "the code is settled",
    ];
    check("{pool: codes, when_empty: withhold}", &none, "2026-03-02T00:00:00Z", &withheld);
}

#[test]
fn a_run_that_is_held_asks_again_and_gives_up_in_time() {
    let step = "{pool: codes, when_empty: hold, at_most: 25m}";
    let asked = |minute: u32| format!("asked at 2026-03-01T08:{minute:02}:00Z");
    let (first, second, third, last) = (asked(0), asked(10), asked(20), asked(25));
    let filled = [
        first.as_str(),
        "held",
        &second,
        &third,
        "assigned",
        "gift planned: B",
        "plain planned: no code",
        "ends: finished",
        "the code is settled",
    ];
    check(step, &[None, None, Some("B")], "2026-03-02T00:00:00Z", &filled);
    let empty = [first.as_str(), "held", &second, &third, &last, "empty", "ends: no_promo_code"];
    check(step, &[None], "2026-03-02T00:00:00Z", &empty);
    let (waiting, _) = story(step, &[None], "2026-03-01T08:05:00Z");
    assert_eq!(waiting.due_at(), Some(at("2026-03-01T08:10:00Z")));
    assert_eq!(waiting.enrollments[0].promo_until, Some(at("2026-03-01T08:00:00Z").after(span("25m"))));
}

/// What an order that carries a code tells, sight by sight.
fn redeemed(sights: &[Option<&str>]) -> Vec<String> {
    let book = Rulebook::default();
    let mut customer = Customer::new("c1", Timestamp::MIN);
    let mut told = Vec::new();
    for (n, code) in (0..).zip(sights) {
        let when = at("2026-03-01T08:00:00Z").after(span("1m")).after(milepost::journey::time::Span::seconds(n));
        let order = Order {
            id: "5".into(),
            number: None,
            status: None,
            phase: None,
            created_at: None,
            total: None,
            paid: None,
            items: None,
            promo_code: code.map(str::to_owned),
        };
        let sight = Event { order: Some(order), ..event("order.updated", when) };
        let done = advance(&book, customer, &Input::Event(&sight), when);
        customer = done.state;
        told.extend(done.effects.into_iter().filter_map(|effect| match effect {
            Effect::PromoRedeemed { code, order, .. } => Some(format!("{code} by {order}")),
            _ => None,
        }));
    }
    told
}

#[test]
fn an_order_brings_a_code_back_once() {
    assert_eq!(redeemed(&[None, Some(" A "), Some("A"), None, Some("A")]), ["A by shop/5"]);
    assert_eq!(redeemed(&[Some("A"), Some("B")]), ["A by shop/5", "B by shop/5"]);
    assert_eq!(redeemed(&[Some("  "), None]), [""; 0]);
}
