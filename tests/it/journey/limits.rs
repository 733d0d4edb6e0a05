//! Limits on attention, ranks, groups and holdouts, told as short stories of one customer.

use milepost::journey::advance::{Input, advance, handed_over};
use milepost::journey::attention::{Outcome, reschedule};
use milepost::journey::book::{Rulebook, Shop};
use milepost::journey::customer::Customer;
use milepost::journey::effect::{Effect, WithheldReason};
use milepost::journey::event::Event;
use milepost::journey::policy;
use milepost::journey::time::Timestamp;
use milepost::rulebook::{load_files, render};

use crate::support::{MAP, arrival, at, event, files};

/// A customer under a rulebook, whose letters are handed over as soon as they may go.
pub(super) struct Story {
    pub(super) book: Rulebook,
    pub(super) customer: Customer,
    told: Vec<String>,
}

impl Story {
    pub(super) fn new(limits: &str, rules: &[&str]) -> Self {
        Self::of("c1", &rulebook(limits, MAP, rules))
    }

    fn of(customer: &str, book: &Rulebook) -> Self {
        let customer = Customer::new(customer, at("2026-03-02T00:00:00Z"));
        let mut story = Self { book: book.clone(), customer, told: Vec::new() };
        story.hear(&arrival(at("2026-03-02T08:00:00Z")));
        story.told.clear();
        story
    }

    pub(super) fn hear(&mut self, event: &Event) -> &mut Self {
        self.take(&Input::Event(event), event.received_at)
    }

    /// The shop's own event, at a moment.
    pub(super) fn say(&mut self, kind: &str, when: &str) -> &mut Self {
        self.hear(&event(kind, at(when)))
    }

    pub(super) fn wait_until(&mut self, moment: &str) -> &mut Self {
        self.take(&Input::Due, at(moment)).send(at(moment))
    }

    fn take(&mut self, input: &Input<'_>, now: Timestamp) -> &mut Self {
        let done = advance(&self.book, std::mem::take(&mut self.customer), input, now);
        self.customer = done.state;
        self.told.extend(done.effects.iter().filter_map(line));
        self
    }

    /// Hands over what may go at a moment, the highest ranked first.
    pub(super) fn send(&mut self, now: Timestamp) -> &mut Self {
        let pending = self.customer.pending.clone();
        for letter in pending {
            let brings = policy::Letter { step: "", inputs: &serde_json::Value::Null };
            let verdict = policy::at_sending(&self.book, &self.customer, &letter.message, &brings, false, now);
            if verdict.lets_go() {
                handed_over(&self.book, &mut self.customer, &letter.message, now);
                self.told.push(format!("{} sent", letter.rule));
            } else if let Some(reason) = verdict.withhold {
                self.customer.pending.retain(|other| other.message != letter.message);
                self.told.push(format!("{} withheld: {}", letter.rule, reason.code()));
            }
        }
        self
    }

    pub(super) fn tells(&mut self, expected: &[&str]) -> &mut Self {
        assert_eq!(std::mem::take(&mut self.told), expected);
        self
    }
}

fn line(effect: &Effect) -> Option<String> {
    match effect {
        Effect::MessagePlanned(planned) => Some(match (&planned.withheld, &planned.held) {
            (Some(reason), _) => format!("{} withheld: {}", planned.rule, reason.code()),
            (None, Some(held)) => format!("{} held until {}: {}", planned.rule, held.until, held.by.code()),
            (None, None) => format!("{} planned", planned.rule),
        }),
        Effect::MessageHeld { held: Some(held), .. } => Some(format!("held until {}: {}", held.until, held.by.code())),
        Effect::MessageHeld { held: None, .. } => Some("held no more".into()),
        Effect::MessageCancelled { rule, reason, .. } => Some(format!("{rule} cancelled: {}", reason.code())),
        Effect::Ended { rule, reason, .. } if reason.code() != "finished" => {
            Some(format!("{rule} ends: {}", reason.code()))
        }
        Effect::Decided(decision) if decision.outcome == "group_taken" => {
            Some(format!("{} does not begin: {}", decision.rule, decision.outcome))
        }
        Effect::Converted { rule, held_out, .. } => Some(format!("{rule} converted, held out: {held_out}")),
        _ => None,
    }
}

/// Rules, each of one line, over a map and the limits of the shop.
fn rulebook(limits: &str, map: &str, rules: &[&str]) -> Rulebook {
    let mut files = files(map, rules);
    files.insert("limits.yaml".into(), limits.into());
    let loaded = load_files(&files, Shop::default());
    loaded.book.unwrap_or_else(|| panic!("{}", render(&loaded.diagnostics, false))).rulebook
}

/// A rule that sends one letter for the shop's own event of its name.
pub(super) fn rule(name: &str, more: &str) -> String {
    format!("{{rule: {name}, on: {{event: shop.{name}}}, reenter: always, steps: [{{send: {name}}}]{more}}}")
}

#[test]
fn a_cap_holds_back_what_is_too_much_and_lets_it_go_when_there_is_room() {
    let (a, b, c) = (rule("a", ", priority: 1"), rule("b", ", priority: 1"), rule("c", ", priority: 1"));
    let mut story = Story::new("limits: {caps: ['2 per 7d']}", &[&a, &b, &c]);
    story.say("shop.a", "2026-03-02T09:00:00Z").send(at("2026-03-02T09:00:00Z"));
    story.say("shop.b", "2026-03-03T09:00:00Z").send(at("2026-03-03T09:00:00Z"));
    story.tells(&["a planned", "a sent", "b planned", "b sent"]);
    story.say("shop.c", "2026-03-04T09:00:00Z").send(at("2026-03-04T09:00:00Z"));
    story.tells(&["c held until 2026-03-09T09:00:00Z: frequency_cap"]);
    story.wait_until("2026-03-09T08:59:59Z").tells(&[]);
    story.wait_until("2026-03-09T09:00:00Z").tells(&["held no more", "c sent"]);
}

#[test]
fn what_would_wait_too_long_is_withheld_with_the_reason() {
    let (a, b) = (rule("a", ", priority: 1"), rule("b", ", priority: 1"));
    for (at_limit, told) in [
        ("withhold", "b withheld: frequency_cap"),
        ("{wait: 1d}", "b withheld: frequency_cap"),
        ("{wait: 3d}", "b held until 2026-03-05T09:00:00Z: frequency_cap"),
    ] {
        let mut story = Story::new(&format!("limits: {{caps: ['1 per 3d'], at_limit: {at_limit}}}"), &[&a, &b]);
        story.say("shop.a", "2026-03-02T09:00:00Z").send(at("2026-03-02T09:00:00Z"));
        story.say("shop.b", "2026-03-02T10:00:00Z").tells(&["a planned", "a sent", told]);
    }
}

#[test]
fn other_purposes_have_limits_of_their_own() {
    let order = rule("order", ", purpose: transactional");
    let news = rule("news", "");
    let mut story = Story::new("limits: {caps: ['1 per 7d']}", &[&order, &news]);
    for hour in 10..13 {
        story.say("shop.order", &format!("2026-03-02T{hour}:00:00Z"));
        story.send(at(&format!("2026-03-02T{hour}:00:00Z")));
    }
    story.say("shop.news", "2026-03-02T13:00:00Z").send(at("2026-03-02T13:00:00Z"));
    let sent = ["order planned", "order sent"].repeat(3);
    story.tells(&[sent.as_slice(), &["news planned", "news sent"]].concat());
}

#[test]
fn the_higher_ranked_goes_first_and_the_other_waits() {
    let (sale, cart) = (rule("sale", ", priority: 10"), rule("cart", ", priority: 50"));
    let mut story = Story::new("limits: {caps: ['1 per 1d']}", &[&sale, &cart]);
    // Both in the same second, before either has gone.
    story.say("shop.sale", "2026-03-02T09:00:00Z");
    story.say("shop.cart", "2026-03-02T09:00:00Z");
    story.tells(&["sale planned", "cart planned", "held until 2026-03-03T09:00:00Z: frequency_cap"]);
    story.wait_until("2026-03-02T09:00:01Z").tells(&["held until 2026-03-03T09:00:01Z: frequency_cap", "cart sent"]);
    story.wait_until("2026-03-03T09:00:01Z").tells(&["held no more", "sale sent"]);
}

#[test]
fn where_one_is_withdrawn_the_other_may_go_at_once() {
    let sale = rule("sale", ", priority: 10");
    let cart = rule("cart", ", priority: 50, exit_on: [shop.paid]");
    let mut story = Story::new("limits: {caps: ['1 per 1d']}", &[&sale, &cart]);
    story.say("shop.sale", "2026-03-02T09:00:00Z").say("shop.cart", "2026-03-02T09:00:00Z");
    story.told.clear();
    story.say("shop.paid", "2026-03-02T09:00:00Z").tells(&["cart cancelled: exited", "held no more"]);
    story.send(at("2026-03-02T09:00:00Z")).tells(&["sale sent"]);
}

#[test]
fn a_gap_keeps_letters_apart() {
    let (a, b) = (rule("a", ""), rule("b", ""));
    let mut story = Story::new("limits: {gap: 4h}", &[&a, &b]);
    story.say("shop.a", "2026-03-02T09:00:00Z").send(at("2026-03-02T09:00:00Z"));
    story.say("shop.b", "2026-03-02T10:00:00Z").tells(&[
        "a planned",
        "a sent",
        "b held until 2026-03-02T13:00:00Z: minimum_gap",
    ]);
}

#[test]
fn quiet_hours_days_off_and_holidays_follow_the_customer_s_clock() {
    let a = rule("a", "");
    let limits = "limits: {quiet: {from: '21:00', to: '09:00'}, days_off: [sun], holidays: [03-30, 2026-04-01]}";
    // 2026-03-29 is a Sunday, and clocks in Berlin are put forward on it.
    for (zone, when, told) in [
        ("UTC", "2026-03-27T20:59:59Z", "a planned"),
        ("UTC", "2026-03-27T21:00:00Z", "a held until 2026-03-28T09:00:00Z: quiet_hours"),
        ("UTC", "2026-03-28T08:59:59Z", "a held until 2026-03-28T09:00:00Z: quiet_hours"),
        ("UTC", "2026-03-28T09:00:00Z", "a planned"),
        ("Europe/Berlin", "2026-03-27T20:00:00Z", "a held until 2026-03-28T08:00:00Z: quiet_hours"),
        // Saturday night: quiet until Sunday, which is off, and Monday is a holiday: Tuesday 09:00 in summer time.
        ("Europe/Berlin", "2026-03-28T20:30:00Z", "a held until 2026-03-31T07:00:00Z: quiet_hours"),
        ("America/New_York", "2026-03-31T13:00:00Z", "a planned"),
        ("America/New_York", "2026-04-01T13:00:00Z", "a held until 2026-04-02T13:00:00Z: quiet_hours"),
    ] {
        let mut story = Story::new(limits, &[&a]);
        let mut moved = event("customer.updated", at("2026-03-02T08:30:00Z"));
        let profile = milepost::journey::event::Profile {
            attributes: serde_json::json!({"time_zone": zone}).as_object().cloned().expect("an object"),
            ..Default::default()
        };
        moved.profile = Some(profile);
        story.hear(&moved).say("shop.a", when).tells(&[told]);
    }
}

#[test]
fn limits_of_a_map_and_of_a_rule_hold_besides_those_of_the_shop() {
    let map = format!("{MAP}limits: [{{caps: ['2 per 1d']}}]\n");
    let (a, b) = (rule("a", ", limits: {caps: ['1 per 12h']}"), rule("b", ""));
    let mut story = Story::of("c1", &rulebook("limits: [{caps: ['3 per 7d']}]", &map, &[&a, &b]));
    story.say("shop.a", "2026-03-02T09:00:00Z").send(at("2026-03-02T09:00:00Z"));
    story.say("shop.a", "2026-03-02T10:00:00Z");
    story.tells(&["a planned", "a sent", "a held until 2026-03-02T21:00:00Z: frequency_cap"]);
    story.say("shop.b", "2026-03-02T11:00:00Z");
    // The second `a` was planned first and will take the map's last place of the day.
    story.tells(&["b held until 2026-03-03T09:00:00Z: frequency_cap"]);
}

#[test]
fn a_letter_that_failed_takes_no_room() {
    let (a, b) = (rule("a", ", priority: 5"), rule("b", ""));
    let mut story = Story::new("limits: {caps: ['1 per 1d']}", &[&a, &b]);
    story.say("shop.a", "2026-03-02T09:00:00Z").say("shop.b", "2026-03-02T09:00:00Z");
    story.tells(&["a planned", "b held until 2026-03-03T09:00:00Z: frequency_cap"]);
    let failed = story.customer.pending.iter_mut().find(|letter| letter.rule == "a").expect("it waits");
    failed.stuck = true;
    let changes = reschedule(&story.book, &mut story.customer, at("2026-03-02T09:00:05Z"));
    let told: Vec<_> = changes.iter().map(|change| (change.rule.as_str(), &change.what)).collect();
    assert_eq!(told, [("b", &Outcome::Free(at("2026-03-02T09:00:05Z")))]);
}

#[test]
fn hand_overs_are_remembered_as_long_as_a_cap_asks_for_them() {
    let order = rule("order", ", purpose: transactional");
    let news = rule("news", "");
    let mut story = Story::new("limits: {caps: ['1 per 60d'], at_limit: {wait: 90d}}", &[&order, &news]);
    story.say("shop.news", "2026-03-02T09:00:00Z").send(at("2026-03-02T09:00:00Z"));
    for minute in 0..70 {
        let now = at("2026-03-03T09:00:00Z").after(milepost::journey::time::Span::seconds(minute * 60));
        story.hear(&event("shop.order", now)).send(now);
    }
    story.told.clear();
    story.say("shop.news", "2026-03-20T09:00:00Z").tells(&["news held until 2026-05-01T09:00:00Z: frequency_cap"]);
}

#[test]
fn of_a_group_the_higher_ranked_runs() {
    let wait = |name: &str, priority: i32| {
        format!(
            "{{rule: {name}, on: {{event: shop.{name}}}, reenter: always, group: cart, priority: {priority}, \
             steps: [{{wait: 1h}}, {{send: {name}}}]}}"
        )
    };
    let mut story = Story::new("{}", &[&wait("low", 1), &wait("high", 2), &wait("also-high", 2)]);
    story.say("shop.low", "2026-03-02T09:00:00Z");
    story.say("shop.high", "2026-03-02T09:10:00Z").tells(&["low ends: outranked"]);
    story.say("shop.low", "2026-03-02T09:20:00Z").tells(&["low does not begin: group_taken"]);
    story.say("shop.also-high", "2026-03-02T09:20:00Z").tells(&["also-high does not begin: group_taken"]);
    story.wait_until("2026-03-02T10:10:00Z").tells(&["high planned", "high sent"]);
    story
        .say("shop.low", "2026-03-02T11:00:00Z")
        .wait_until("2026-03-02T12:00:00Z")
        .tells(&["low planned", "low sent"]);
}

#[test]
fn who_is_held_out_walks_the_steps_and_gets_no_letter() {
    let goal = "goal: {event: order.created, within: 3d}, ";
    let news = format!(
        "{{rule: news, on: {{event: shop.news}}, {goal}holdout: 50%, steps: [{{promo: codes}}, {{send: news}}]}}"
    );
    let book = rulebook("{}", MAP, &[&news]);
    let (mut out, mut mailed) = (0, 0);
    for n in 0..40 {
        let mut story = Story::of(&format!("customer-{n}"), &book);
        story.say("shop.news", "2026-03-02T09:00:00Z");
        if story.told == ["news withheld: held_out"] {
            assert_eq!(story.customer.promo_codes, [], "no code is lost on those who get no letter");
            let order = crate::support::order(
                "order.created",
                at("2026-03-03T09:00:00Z"),
                "1",
                milepost::journey::event::Phase::Open,
                100,
            );
            story.told.clear();
            story.hear(&order).tells(&["news converted, held out: true"]);
            // Asked again, the answer is the same.
            let mut again = Story::of(&format!("customer-{n}"), &book);
            again.say("shop.news", "2026-03-05T09:00:00Z").tells(&["news withheld: held_out"]);
            out += 1;
        } else {
            assert!(story.customer.enrollments[0].wants_promo.is_some());
            mailed += 1;
        }
    }
    assert!(out > 8 && mailed > 8, "{out} held out, {mailed} not");
}

#[test]
fn holdouts_of_shop_and_map_leave_transactional_letters_alone() {
    let map = format!("{MAP}holdout: 99.99%\n");
    let (news, order) = (rule("news", ""), rule("order", ", purpose: transactional"));
    let mut story = Story::of("c1", &rulebook("holdout: 99.99%", &map, &[&news, &order]));
    story.say("shop.news", "2026-03-02T09:00:00Z").say("shop.order", "2026-03-02T09:00:00Z");
    story.tells(&["news withheld: held_out", "order planned"]);
    let told = WithheldReason::HeldOut { of: "the map shop".into() }.to_string();
    assert_eq!(told, "the customer is held out from the letters of the map shop");
}
