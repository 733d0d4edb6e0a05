//! Waits on wall clocks, right across daylight-saving changes.

use milepost::journey::customer::{Attribute, Customer};
use milepost::journey::rule::{Action, CronSchedule, Trigger};
use milepost::journey::wait::{Length, Wait, WaitZone, wait_until};
use proptest::prelude::*;

use crate::support::{at, rulebook, span};

fn check(wait: &str, customer_zone: &str, from: &str, expected: &str) {
    let text = format!("{{rule: r, on: {{event: customer.created}}, steps: [{{wait: {wait}}}, {{send: x}}]}}");
    let book = rulebook(&[&text]);
    let Action::Wait(wait) = &book.rules["r"].steps[0].action else { panic!("a wait") };
    let mut customer = Customer::new("c", at(from));
    customer.attributes.insert("time_zone".into(), Attribute { value: customer_zone.into(), at: at(from) });
    let until = wait_until(wait, &customer, chrono_tz::Europe::Berlin, at(from));
    assert_eq!(until, at(expected), "{text} from {from}: {until}");
}

#[test]
fn waits_end_when_a_person_would_say_so() {
    for (wait, zone, from, expected) in [
        ("1h", "Asia/Tokyo", "2026-03-28T23:30:00Z", "2026-03-29T00:30:00Z"),
        // A day is 24 hours, also when the clocks change.
        ("1d", "Europe/Berlin", "2026-03-28T11:00:00Z", "2026-03-29T11:00:00Z"),
        ("{at: '10:00', tz: customer}", "Asia/Tokyo", "2026-03-01T00:00:00Z", "2026-03-01T01:00:00Z"),
        ("{at: '10:00', tz: customer}", "Asia/Tokyo", "2026-03-01T01:00:00Z", "2026-03-01T01:00:00Z"),
        ("{at: '10:00', tz: customer}", "Asia/Tokyo", "2026-03-01T01:00:01Z", "2026-03-02T01:00:00Z"),
        ("{at: '10:00', tz: shop}", "Asia/Tokyo", "2026-03-01T01:00:01Z", "2026-03-01T09:00:00Z"),
        // No zone of his own: the shop's.
        ("{at: '10:00', tz: customer}", "Mars/Olympus", "2026-03-01T01:00:01Z", "2026-03-01T09:00:00Z"),
        // Spring in Berlin: 02:30 does not exist on 29 March; the first instant after the gap is 03:00 (01:00 UTC).
        ("{at: '02:30', tz: shop}", "", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"),
        // Autumn in Berlin: 02:30 happens twice on 25 October; the first of them.
        ("{at: '02:30', tz: shop}", "", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),
        // Across the change the wall clock is kept: 10:00 is an hour earlier in UTC after spring.
        ("{for: 1d, at: '10:00', tz: shop}", "", "2026-03-28T09:00:00Z", "2026-03-30T08:00:00Z"),
        ("{for: 1d, at: '10:00', tz: shop}", "", "2026-10-24T08:00:00Z", "2026-10-25T09:00:00Z"),
        ("{weekday: mon, at: '09:00', tz: shop}", "", "2026-03-27T12:00:00Z", "2026-03-30T07:00:00Z"),
        ("{weekday: sat, tz: shop}", "", "2026-03-27T12:00:00Z", "2026-03-27T23:00:00Z"),
        // A day of the calendar, at midnight unless a time is given; what is past is no wait.
        ("{until: 2026-12-24}", "Asia/Tokyo", "2026-03-01T00:00:00Z", "2026-12-23T23:00:00Z"),
        (
            "{until: 2026-12-24, at: '09:30', tz: customer}",
            "Asia/Tokyo",
            "2026-03-01T00:00:00Z",
            "2026-12-24T00:30:00Z",
        ),
        ("{until: 2026-03-29, at: '02:30'}", "", "2026-03-01T00:00:00Z", "2026-03-29T01:00:00Z"),
        ("{until: 2026-02-24}", "", "2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z"),
        // The next firing of a schedule: one that is now is not the next.
        ("{cron: '0 10 * * 2'}", "Asia/Tokyo", "2026-03-01T00:00:00Z", "2026-03-03T09:00:00Z"),
        ("{cron: '0 10 * * 2'}", "", "2026-03-03T09:00:00Z", "2026-03-10T09:00:00Z"),
        ("{cron: '0 10 * * 2', tz: customer}", "Asia/Tokyo", "2026-03-01T00:00:00Z", "2026-03-03T01:00:00Z"),
        ("{cron: '30 2 29 3 *', tz: shop}", "", "2026-03-01T00:00:00Z", "2026-03-29T01:00:00Z"),
    ] {
        check(wait, zone, from, expected);
    }
}

fn schedule(cron: &str, zone: &str) -> CronSchedule {
    let text = format!("{{rule: r, on: {{cron: '{cron}', tz: '{zone}'}}, steps: [{{send: x}}]}}");
    let book = rulebook(&[&text]);
    let Trigger::Cron { schedule, .. } = &book.rules["r"].trigger else { panic!("a schedule") };
    schedule.as_ref().clone()
}

#[test]
fn schedules_follow_the_wall_clock() {
    for (cron, zone, from, expected) in [
        ("0 10 * * 2", "Europe/Moscow", "2026-03-01T00:00:00Z", "2026-03-03T07:00:00Z"),
        ("0 10 * * sun", "UTC", "2026-03-02T00:00:00Z", "2026-03-08T10:00:00Z"),
        ("0 10 * * 0", "UTC", "2026-03-02T00:00:00Z", "2026-03-08T10:00:00Z"),
        ("0 10 * * 7", "UTC", "2026-03-02T00:00:00Z", "2026-03-08T10:00:00Z"),
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"),
        ("30 2 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),
        ("0 9 29 2 *", "UTC", "2026-03-01T00:00:00Z", "2028-02-29T09:00:00Z"),
    ] {
        assert_eq!(schedule(cron, zone).next_after(at(from)), Some(at(expected)), "{cron} in {zone} after {from}");
    }
}

proptest! {
    #[test]
    fn a_wait_is_never_shorter_than_its_span_nor_longer_than_eight_days_more(
        start in 1_700_000_000_i64..1_900_000_000,
        hours in 0_i64..100,
        time in proptest::option::of((0_u32..24, 0_u32..60)),
        day in proptest::option::of(0_u8..7),
        zone in prop::sample::select(vec!["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Cairo", "UTC"]),
    ) {
        let from = milepost::journey::time::Timestamp::from_seconds(start).expect("in range");
        let wait = Length {
            span: span(&format!("{hours}h")),
            at: time.and_then(|(h, m)| chrono::NaiveTime::from_hms_opt(h, m, 0)),
            weekday: day.and_then(|d| chrono::Weekday::try_from(d).ok()),
            zone: WaitZone::Shop,
        };
        let zone: chrono_tz::Tz = zone.parse().expect("a zone");
        let until = wait_until(&Wait::Length(wait.clone()), &Customer::new("c", from), zone, from);
        prop_assert!(until >= from.after(wait.span));
        prop_assert!(until <= from.after(wait.span).after(span("9d")));
        // Asked again at its end, a wait for a time of day is over.
        let again = Length { span: span("0s"), ..wait };
        if again.at.is_some() || again.weekday.is_some() {
            let shown = until.local(zone);
            let wanted = again.at.unwrap_or_default();
            let asked_again = wait_until(&Wait::Length(again), &Customer::new("c", until), zone, until);
            prop_assert!(shown.time() >= wanted || until == asked_again);
        }
    }
}
