//! A customer's own dates: when rules that follow them start, once or every year.
//!
//! Invariants: of each rule the customer's document holds the next moment and no other, brought into line whenever
//! anything happened; a moment that is past when a date becomes known starts nothing; 29 February is 28 February in other
//! years.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate, NaiveTime, TimeDelta};
use chrono_tz::Tz;

use super::advance::Run;
use super::customer::Customer;
use super::effect::Cause;
use super::facts::topic::Touched;
use super::facts::view;
use super::rule::Trigger;
use super::time::{Timestamp, local_day};
use super::trigger::Occasion;
use super::wait::WaitZone;

/// A date of a customer that starts a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateTrigger {
    /// The fact: `customer.birthday`. A date, or a moment, of which the day counts.
    pub fact: String,
    /// Days after it; before it if negative.
    pub days: i64,
    /// Whether it comes again every year.
    pub yearly: bool,
    /// What the wall clock shows then.
    pub at: NaiveTime,
    /// On whose wall clock.
    pub zone: WaitZone,
}

impl DateTrigger {
    /// The next moment after `after`; `None` if the date is not known or past.
    pub fn next(&self, customer: &Customer, shop: Tz, after: Timestamp) -> Option<Timestamp> {
        let zone = self.zone.of(customer, shop);
        let day = day(&view::value(customer, None, &self.fact)?, zone)?;
        let moment = |day: NaiveDate| {
            let day = day.checked_add_signed(TimeDelta::try_days(self.days)?)?;
            Timestamp::from_local(day.and_time(self.at), zone).filter(|at| *at > after)
        };
        if !self.yearly {
            return moment(day);
        }
        // The days of the offset may put an anniversary of the year before or after into this one.
        let year = local_day(after, zone).year();
        let reach = i32::try_from(self.days.unsigned_abs() / 365).unwrap_or(0) + 1;
        (year - reach..=year + reach + 1)
            .filter(|year| *year >= day.year())
            .filter_map(|year| moment(anniversary(day, year)?))
            .min()
    }
}

/// The same day of another year.
fn anniversary(day: NaiveDate, year: i32) -> Option<NaiveDate> {
    day.with_year(year).or_else(|| NaiveDate::from_ymd_opt(year, 2, 28))
}

/// The day that a fact says: `YYYY-MM-DD`, or the day of a moment on the wall clock.
fn day(value: &serde_json::Value, zone: Tz) -> Option<NaiveDate> {
    let text = value.as_str()?;
    parse_day(text).or_else(|| Timestamp::parse_rfc3339(text).map(|at| local_day(at, zone)))
}

/// Reads `YYYY-MM-DD`, of the years 1 to 9999.
pub fn parse_day(text: &str) -> Option<NaiveDate> {
    let plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|day| plain && day.year() >= 1)
}

impl Run<'_> {
    /// Starts the rules whose date has come.
    pub(super) fn start_on_dates(&mut self, now: Timestamp) {
        let dates = std::mem::take(&mut self.customer.dates);
        let (due, rest): (BTreeMap<_, _>, BTreeMap<_, _>) = dates.into_iter().partition(|(_, at)| *at <= now);
        self.customer.dates = rest;
        let book = self.book;
        for (rule, at) in due {
            if let Some(rule) = book.rules.get(&rule) {
                self.try_start(rule, &Occasion { at, cause: &Cause::Time, event: None });
            }
        }
    }

    /// Brings the moments of all dates into line with the facts.
    pub(super) fn set_dates(&mut self) {
        let book = self.book;
        let (customer, now) = (&self.customer, self.customer.now);
        if customer.deleted_at.is_some() {
            self.customer.dates.clear();
            return;
        }
        let moments: Vec<(String, Option<Timestamp>)> = book
            .started_by_date(&self.touched)
            .filter_map(|rule| match &rule.trigger {
                Trigger::Date(date) => {
                    Some((rule.id.clone(), date.next(customer, book.shop.zone, self.starts_from(rule).unwrap_or(now))))
                }
                _ => None,
            })
            .collect();
        if matches!(self.touched, Touched::All) {
            self.customer.dates.clear();
        }
        for (rule, moment) in moments {
            match moment {
                Some(moment) => self.customer.dates.insert(rule, moment),
                None => self.customer.dates.remove(&rule),
            };
        }
    }
}
