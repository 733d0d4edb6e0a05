//! Pausing a rule and resuming it, told as stories of one customer. The table is that of docs/changing-rules.md.

use milepost::journey::advance::{Input, advance};
use milepost::journey::book::{Rulebook, Shop};
use milepost::journey::customer::Customer;
use milepost::journey::effect::Effect;
use milepost::journey::pause::{Over, Overdue, Pause, waiting};
use milepost::journey::policy;
use milepost::journey::time::{Span, Timestamp};

use crate::support::{arrival, at, book_in, event, rulebook};

const SLOW: &str = "{rule: slow, on: {event: customer.created}, exit_on: [a.done], reenter: always,
    steps: [{wait: 1d}, {send: first}, {wait: 1d}, {send: second}]}";

/// Paused after six hours, with what became of the pause, if anything did.
fn paused(over: Option<(&str, Overdue)>) -> Rulebook {
    let over = over.map(|(moment, overdue)| Over { at: at(moment), overdue });
    let pause = Pause { since: at("2026-03-10T15:00:00Z"), over };
    rulebook(&[SLOW]).with_pauses([("slow".to_owned(), pause)].into())
}

struct Story {
    customer: Customer,
    told: Vec<String>,
}

impl Story {
    /// Anna came at nine, and her run waits for a day when the rule is paused.
    fn begin() -> Self {
        let mut story = Self { customer: Customer::new("c1", at("2026-03-10T08:00:00Z")), told: Vec::new() };
        let came = arrival(at("2026-03-10T09:00:00Z"));
        story.take(&rulebook(&[SLOW]), &Input::Event(&came), came.received_at);
        story.take(&paused(None), &Input::Rulebook, at("2026-03-10T15:00:01Z"));
        assert_eq!(story.customer.due_at(), None, "its clock stands still");
        story
    }

    fn take(&mut self, book: &Rulebook, input: &Input<'_>, now: Timestamp) {
        let done = advance(book, std::mem::take(&mut self.customer), input, now);
        self.customer = done.state;
        self.told.extend(done.effects.iter().filter_map(|effect| match effect {
            Effect::MessagePlanned(planned) => Some(match &planned.withheld {
                Some(reason) => format!("{} {}", planned.letter, reason.code()),
                None => format!("{} {}", planned.letter, &planned.due_at.rfc3339()[5..16]),
            }),
            Effect::Ended { reason, .. } => Some(reason.code().to_owned()),
            Effect::Decided(decision) if decision.outcome == "paused" => Some("paused".into()),
            Effect::MessageHeld { held, .. } => Some(match held {
                Some(held) if held.until == Timestamp::MAX => "held".into(),
                Some(held) => format!("held until {}", &held.until.rfc3339()[5..16]),
                None => "free".into(),
            }),
            Effect::MessageCancelled { reason, .. } => Some(format!("withheld {}", reason.code())),
            _ => None,
        }));
    }

    fn tells(&mut self) -> String {
        std::mem::take(&mut self.told).join(", ")
    }
}

#[test]
fn what_is_overdue_is_what_the_operator_says() {
    let spread = Overdue::Spread(Span::seconds(4 * 3_600));
    for (resumed, overdue, expected) in [
        // Due at 09:00 on the 11th, overdue by three hours.
        ("2026-03-11T12:00:00Z", Overdue::Send, "first 03-11T12:00, second 03-12T12:00, finished"),
        ("2026-03-11T12:00:00Z", Overdue::Skip, "first skipped, second 03-12T12:00, finished"),
        // 21 hours later than it would have been.
        ("2026-03-11T12:00:00Z", Overdue::Shift, "first 03-12T06:00, second 03-13T06:00, finished"),
        // Not overdue: only a shift changes anything.
        ("2026-03-11T06:00:00Z", Overdue::Send, "first 03-11T09:00, second 03-12T09:00, finished"),
        ("2026-03-11T06:00:00Z", Overdue::Skip, "first 03-11T09:00, second 03-12T09:00, finished"),
        ("2026-03-11T06:00:00Z", spread, "first 03-11T09:00, second 03-12T09:00, finished"),
        ("2026-03-11T06:00:00Z", Overdue::Shift, "first 03-12T00:00, second 03-13T00:00, finished"),
    ] {
        let book = paused(Some((resumed, overdue)));
        // It is all the same whether anybody looked at the customer during the pause.
        for looked_at in [true, false] {
            let mut story = Story::begin();
            if looked_at {
                story.take(&paused(None), &Input::Due, at(resumed));
                assert_eq!(story.tells(), "", "nothing is done while it is paused");
            }
            story.take(&book, &Input::Rulebook, at(resumed));
            story.take(&book, &Input::Due, at("2026-03-20T00:00:00Z"));
            assert_eq!(story.tells(), expected, "{overdue:?} at {resumed}, {looked_at}");
        }
    }
}

#[test]
fn a_spread_gives_each_customer_a_moment_of_their_own() {
    let book = paused(Some(("2026-03-11T12:00:00Z", Overdue::Spread(Span::seconds(4 * 3_600)))));
    let mut moments = Vec::new();
    for n in 0..50 {
        let mut story = Story::begin();
        story.customer.id = format!("c{n}");
        story.take(&book, &Input::Rulebook, at("2026-03-11T12:00:00Z"));
        moments.push(story.customer.due_at().expect("waits for its turn"));
    }
    moments.sort_unstable();
    assert!(moments[0] >= at("2026-03-11T12:00:00Z") && moments[49] < at("2026-03-11T16:00:00Z"), "{moments:?}");
    assert!(moments[49].since(moments[0]) > Span::seconds(2 * 3_600), "they lie apart");
    assert!(moments.windows(2).filter(|pair| pair[0] == pair[1]).count() < 5);
}

#[test]
fn a_paused_rule_starts_nothing_and_ends_as_ever() {
    let book = paused(None);
    let mut story = Story::begin();
    let done = event("a.done", at("2026-03-10T16:00:00Z"));
    story.take(&book, &Input::Event(&done), done.received_at);
    assert_eq!(story.tells(), "exit_event");
    let came = arrival(at("2026-03-10T17:00:00Z"));
    story.take(&book, &Input::Event(&came), came.received_at);
    assert_eq!(story.tells(), "paused");
    assert_eq!(story.customer.enrollments, []);
}

#[test]
fn a_letter_on_its_way_is_held_until_then() {
    for (overdue, expected) in [(Overdue::Send, "free"), (Overdue::Skip, "withheld skipped"), (Overdue::Shift, "free")]
    {
        let one = "{rule: slow, on: {event: customer.created}, steps: [{send: first}]}";
        let with = |over| {
            let pause = Pause { since: at("2026-03-10T09:00:01Z"), over };
            rulebook(&[one]).with_pauses([("slow".to_owned(), pause)].into())
        };
        let mut story = Story { customer: Customer::new("c1", at("2026-03-10T08:00:00Z")), told: Vec::new() };
        let came = arrival(at("2026-03-10T09:00:00Z"));
        story.take(&rulebook(&[one]), &Input::Event(&came), came.received_at);
        let message = story.customer.pending[0].message.clone();
        story.tells();
        let brings = policy::Letter { step: "", inputs: &serde_json::Value::Null };
        let verdict =
            policy::at_sending(&with(None), &story.customer, &message, &brings, false, at("2026-03-10T09:00:02Z"));
        assert!(verdict.withhold.is_none() && !verdict.lets_go(), "also before the customer was told: {verdict:?}");
        story.take(&with(None), &Input::Rulebook, at("2026-03-10T09:00:03Z"));
        assert_eq!(story.tells(), "held");
        let over = Over { at: at("2026-03-10T12:00:00Z"), overdue };
        story.take(&with(Some(over)), &Input::Rulebook, at("2026-03-10T12:00:01Z"));
        assert_eq!(story.tells(), expected, "{overdue:?}");
    }
}

#[test]
fn what_waits_is_counted_before_anybody_decides() {
    let story = Story::begin();
    let found = waiting(&story.customer, "slow", at("2026-03-11T08:59:59Z"));
    assert_eq!((found.runs, found.overdue.len(), found.letters), (1, 0, 0));
    let found = waiting(&story.customer, "slow", at("2026-03-11T09:00:00Z"));
    assert_eq!(found.overdue, [("wait-1d".to_owned(), at("2026-03-11T09:00:00Z"))]);
    assert_eq!(waiting(&story.customer, "other", at("2026-03-12T09:00:00Z")).runs, 0);
}

#[test]
fn a_pause_that_comes_back_counts_from_its_first_moment() {
    // Paused again before anybody was told that it had been resumed.
    let again = Pause {
        since: at("2026-03-11T20:00:00Z"),
        over: Some(Over { at: at("2026-03-11T21:00:00Z"), overdue: Overdue::Shift }),
    };
    let book = rulebook(&[SLOW]).with_pauses([("slow".to_owned(), again)].into());
    let mut story = Story::begin();
    story.take(&book, &Input::Rulebook, at("2026-03-11T21:00:01Z"));
    assert_eq!(story.customer.due_at(), Some(at("2026-03-12T15:00:00Z")));
}

#[test]
fn a_life_does_not_count_the_time_of_pauses() {
    let short = SLOW.replace("reenter", "max_life: 36h, reenter");
    let with = |pause: Option<Pause>| {
        rulebook(&[&short]).with_pauses(pause.map(|pause| ("slow".to_owned(), pause)).into_iter().collect())
    };
    let mut story = Story { customer: Customer::new("c1", at("2026-03-10T08:00:00Z")), told: Vec::new() };
    let came = arrival(at("2026-03-10T09:00:00Z"));
    story.take(&with(None), &Input::Event(&came), came.received_at);
    let ends = |story: &Story| story.customer.enrollments.first().and_then(|run| run.ends_at);
    assert_eq!(ends(&story), Some(at("2026-03-11T21:00:00Z")));
    let pause = Pause { since: at("2026-03-10T15:00:00Z"), over: None };
    story.take(&with(Some(pause.clone())), &Input::Rulebook, at("2026-03-10T15:00:01Z"));
    story.take(&with(Some(pause.clone())), &Input::Due, at("2026-03-13T00:00:00Z"));
    assert_eq!(story.tells(), "", "no life ends while the clock stands still");
    // Two days and nine hours, of which every moment is given back; also if other rules come into force later.
    let over = Some(Over { at: at("2026-03-13T00:00:00Z"), overdue: Overdue::Send });
    story.take(&with(Some(Pause { over, ..pause.clone() })), &Input::Rulebook, at("2026-03-13T00:00:02Z"));
    assert_eq!(ends(&story), Some(at("2026-03-14T06:00:00Z")));
    story.take(&with(None), &Input::Rulebook, at("2026-03-13T00:00:03Z"));
    assert_eq!(ends(&story), Some(at("2026-03-14T06:00:00Z")));
    story.take(&with(None), &Input::Due, at("2026-03-20T00:00:00Z"));
    assert_eq!(story.tells(), "first 03-13T00:00, second 03-14T00:00, finished");
}

#[test]
fn what_is_skipped_is_asked_of_nobody_else_either() {
    let calls = "{rule: slow, on: {event: customer.created}, steps: [{wait: 1d}, {webhook: stock}, \
                 {crm: {connection: shop, tags: {add: [late]}}}, {set: {vip: true}}, {wait: 1d}, {webhook: stock}]}";
    let shop =
        Shop { webhooks: ["stock".to_owned()].into(), connections: ["shop".to_owned()].into(), ..Shop::default() };
    let with = |over: Option<Over>| {
        let pause = Pause { since: at("2026-03-10T15:00:00Z"), over };
        book_in(shop.clone(), &[("shop/slow.yaml", calls)]).rulebook.with_pauses([("slow".to_owned(), pause)].into())
    };
    for (overdue, expected) in [(Overdue::Skip, 1), (Overdue::Send, 3)] {
        let mut customer = Customer::new("c1", at("2026-03-10T08:00:00Z"));
        let mut asked = 0;
        let over = Over { at: at("2026-03-11T12:00:00Z"), overdue };
        let came = arrival(at("2026-03-10T09:00:00Z"));
        let plain = book_in(shop.clone(), &[("shop/slow.yaml", calls)]).rulebook;
        for (book, input, now) in [
            (&plain, Input::Event(&came), "2026-03-10T09:00:00Z"),
            (&with(None), Input::Rulebook, "2026-03-10T15:00:01Z"),
            (&with(Some(over)), Input::Rulebook, "2026-03-11T12:00:00Z"),
            (&with(Some(over)), Input::Due, "2026-03-20T12:00:00Z"),
        ] {
            let done = advance(book, customer, &input, at(now));
            customer = done.state;
            asked += done.effects.iter().filter(|effect| matches!(effect, Effect::Errand(_))).count();
        }
        assert_eq!(asked, expected, "{overdue:?}");
        // What is set here is no word to anybody.
        assert_eq!(customer.attribute("vip"), Some(&serde_json::Value::Bool(true)));
    }
}
