//! Limits on attention: how many letters a customer may get, when none may come, and which one wins when several compete.
//!
//! Every limit belongs to the shop, a map or a rule, and to one purpose; all that concern a letter hold together. A letter
//! that meets a limit is held until it may go, or withheld, as the limit says; neither is ever silent.
//!
//! Invariants: what is counted is what was handed over, and what waits with a higher rank; the same state at the same moment
//! gives the same answer, when a letter is planned, when another one takes its place, and at the last moment.

mod arrange;
mod earliest;
mod rank;

use chrono::{NaiveDate, NaiveTime, Weekday};
use serde::{Deserialize, Serialize};

pub use rank::{Change, Outcome, Slot, reschedule, slot_of_new, slots};

use super::book::Rulebook;
use super::customer::{HandedOver, MOST_MESSAGES, RECENT_MESSAGES};
use super::rule::Rule;
use super::share::Share;
use super::time::{Span, Timestamp};
use super::wait::WaitZone;

/// Most letters that a cap may allow: no more hand-overs of a customer are remembered than these caps need.
pub const MOST: usize = RECENT_MESSAGES;
/// The longest window of a cap or gap.
pub const LONGEST: Span = Span::days(366);

/// What the shop, a map or a rule asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attention {
    /// Limits, each for one purpose.
    pub limits: Vec<Limits>,
    /// Customers who get no letters, so that it can be seen what letters change.
    pub holdout: Option<Share>,
}

/// Limits for the letters of one purpose.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// The purpose.
    pub purpose: String,
    /// At most so many letters in so long.
    pub caps: Vec<Cap>,
    /// The shortest time between two letters.
    pub gap: Option<Span>,
    /// Hours in which no letter comes.
    pub quiet: Option<Quiet>,
    /// Days of the week on which none comes.
    pub days_off: Vec<Weekday>,
    /// Days of the year on which none comes.
    pub holidays: Vec<Holiday>,
    /// Whose wall clock hours and days are told by.
    pub zone: WaitZone,
    /// What becomes of a letter that may not go yet.
    pub at_limit: AtLimit,
}

/// At most so many letters in any window of a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cap {
    /// Letters, 1 to [`MOST`].
    pub most: usize,
    /// The window.
    pub span: Span,
}

/// Hours of the day, from the first to just before the second, over midnight if that is earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quiet {
    /// The first quiet moment.
    pub from: NaiveTime,
    /// The first moment that is not quiet any more.
    pub to: NaiveTime,
}

/// A day on which no letter comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holiday {
    /// Every year.
    Yearly {
        /// 1 to 12.
        month: u32,
        /// 1 to 31.
        day: u32,
    },
    /// Once.
    Once(NaiveDate),
}

/// What becomes of a letter that may not go yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtLimit {
    /// It waits until it may go, at most so long after it fell due; longer, and it is withheld.
    Wait(Span),
    /// It is withheld.
    Withhold,
}

/// Which kind of limit kept a letter back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitKind {
    /// A frequency cap.
    Cap,
    /// The minimum gap.
    Gap,
    /// Quiet hours.
    Quiet,
    /// A day off.
    DayOff,
    /// A holiday.
    Holiday,
    /// The rule is paused, or was and its letters take their turns.
    Paused,
    /// The customer wishes for fewer letters.
    Fewer,
    /// The customer wishes for no letters until a moment.
    Rest,
}

impl LimitKind {
    /// Every kind.
    pub const ALL: [Self; 8] =
        [Self::Cap, Self::Gap, Self::Quiet, Self::DayOff, Self::Holiday, Self::Paused, Self::Fewer, Self::Rest];

    /// A short stable code for columns, figures and filters.
    pub fn code(self) -> &'static str {
        match self {
            Self::Cap => "frequency_cap",
            Self::Gap => "minimum_gap",
            Self::Quiet => "quiet_hours",
            Self::DayOff => "day_off",
            Self::Holiday => "holiday",
            Self::Paused => "paused",
            Self::Fewer => "customer_cap",
            Self::Rest => "customer_pause",
        }
    }
}

/// A letter that waits for a limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Until when.
    pub until: Timestamp,
    /// Which kind of limit it waits for.
    pub by: LimitKind,
}

/// Whom limits are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope<'a> {
    Shop,
    Map(&'a str),
    Rule(&'a str),
    /// The customer's own wish: letters of every purpose that heeds wishes count together.
    Customer,
}

impl Scope<'_> {
    fn in_words(self) -> String {
        match self {
            Self::Shop => "the shop".into(),
            Self::Map(map) => format!("the map {map}"),
            Self::Rule(rule) => format!("the rule {rule}"),
            Self::Customer => "the customer's wish".into(),
        }
    }
}

/// The limits that concern the letters of a rule, the narrowest last.
fn limits_of<'a>(book: &'a Rulebook, own: Option<&'a Rule>, purpose: &str) -> Vec<(Scope<'a>, &'a Limits)> {
    let map = own.and_then(|rule| book.maps.get(&rule.map));
    let shop = book.attention.limits.iter().map(|limits| (Scope::Shop, limits));
    let map = map.into_iter().flat_map(|map| map.attention.limits.iter().map(|limits| (Scope::Map(&map.id), limits)));
    let own =
        own.into_iter().flat_map(|rule| rule.attention.limits.iter().map(|limits| (Scope::Rule(&rule.id), limits)));
    shop.chain(map).chain(own).filter(|(_, limits)| limits.purpose == purpose).collect()
}

/// Forgets hand-overs that no cap and no gap asks for any more.
pub(super) fn forget(book: &Rulebook, handed_over: &mut Vec<HandedOver>, now: Timestamp) {
    let excess = handed_over.len().saturating_sub(RECENT_MESSAGES);
    if excess == 0 {
        return;
    }
    let needed = now.before(memory(book));
    let old = handed_over.iter().take(excess).take_while(|past| past.at <= needed).count();
    handed_over.drain(..old.max(handed_over.len().saturating_sub(MOST_MESSAGES)));
}

/// How far back hand-overs must be remembered for the caps and gaps of a rulebook.
fn memory(book: &Rulebook) -> Span {
    let every = std::iter::once(&book.attention)
        .chain(book.maps.values().map(|map| &map.attention))
        .chain(book.rules.values().map(|rule| &rule.attention));
    every
        .flat_map(|attention| &attention.limits)
        .flat_map(|limits| limits.caps.iter().map(|cap| cap.span).chain(limits.gap))
        .max()
        .unwrap_or(Span::ZERO)
}
