//! Two tallies side by side: letters by rule and day, who gets more or fewer, and examples with reasons.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Serialize, Serializer};

use super::Window;
use super::tally::{Got, Kept, Last, Person, Tally};
use crate::journey::book::Rulebook;
use crate::journey::time::Timestamp;

/// Most customers shown of each sort.
const EXAMPLES: usize = 5;

/// What a backtest came to. Everywhere `present` is the rulebook in force and `candidate` the one that would replace it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Letters count from here.
    #[serde(serialize_with = "moment")]
    pub from: Timestamp,
    /// Up to here.
    #[serde(serialize_with = "moment")]
    pub until: Timestamp,
    /// Events in that time.
    pub events: u64,
    /// Customers known at its end.
    pub customers: usize,
    /// Every rule of either side that sent a letter, by map and rule.
    pub rules: Vec<RuleLetters>,
    /// Letters withheld, by rule and reason.
    pub withheld: Vec<KeptBack>,
    /// Letters that had to wait, by rule and what they waited for.
    pub held: Vec<KeptBack>,
    /// Customers who would get more letters.
    pub more: usize,
    /// Customers who would get fewer.
    pub fewer: usize,
    /// Customers who would get as many, but others or at other moments.
    pub other: usize,
    /// Some of them: those with the largest difference first.
    pub examples: Vec<Example>,
}

/// The letters of a rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleLetters {
    /// Map.
    pub map: String,
    /// Rule.
    pub rule: String,
    /// Letters by the rulebook in force.
    pub present: u64,
    /// Letters by the candidate.
    pub candidate: u64,
    /// The same day by day, on the shop's calendar; days without a letter are left out.
    pub days: Vec<DayLetters>,
}

/// The letters of a rule on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DayLetters {
    /// The day.
    pub day: NaiveDate,
    /// By the rulebook in force.
    pub present: u64,
    /// By the candidate.
    pub candidate: u64,
}

/// Letters of a rule that were withheld or had to wait for a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeptBack {
    /// Rule.
    pub rule: String,
    /// The reason's short code.
    pub reason: String,
    /// Which limit, if that is the reason: `at most 3 in 7d (the shop, marketing)`.
    pub limit: Option<String>,
    /// By the rulebook in force.
    pub present: u64,
    /// By the candidate.
    pub candidate: u64,
}

/// A customer for whom something would be different.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Example {
    /// Milepost's id of the customer.
    pub customer: String,
    /// The customer's address.
    pub email: Option<String>,
    /// Letters by the rulebook in force.
    pub present: usize,
    /// Letters by the candidate.
    pub candidate: usize,
    /// What is different, by moment.
    pub differences: Vec<Difference>,
}

/// A letter that only one side sends, or both at different moments.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Rule.
    pub rule: String,
    /// Letter.
    pub letter: String,
    /// When the rulebook in force sends it.
    #[serde(serialize_with = "maybe_moment")]
    pub present: Option<Timestamp>,
    /// When the candidate does.
    #[serde(serialize_with = "maybe_moment")]
    pub candidate: Option<Timestamp>,
    /// Why the other side does not send it, in words.
    pub reason: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn moment<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.rfc3339())
}

#[expect(clippy::ref_option, reason = "serde hands a reference")]
fn maybe_moment<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    at.map(Timestamp::rfc3339).serialize(serializer)
}

type Side<'a, 'b> = (&'b Rulebook, &'a Tally<'b>);

pub(super) fn compare(
    window: Window,
    (events, customers): (u64, usize),
    present: Side<'_, '_>,
    candidate: Side<'_, '_>,
) -> Comparison {
    let ids: BTreeSet<&String> = present.1.people.keys().chain(candidate.1.people.keys()).collect();
    let (mut more, mut fewer, mut other) = (Vec::new(), Vec::new(), Vec::new());
    let nobody = Person::default();
    for id in ids {
        let before = present.1.people.get(id).unwrap_or(&nobody);
        let after = candidate.1.people.get(id).unwrap_or(&nobody);
        if same(&before.letters, &after.letters) {
            continue;
        }
        let (from, to) = (before.letters.len(), after.letters.len());
        let of = match to.cmp(&from) {
            Ordering::Greater => &mut more,
            Ordering::Less => &mut fewer,
            Ordering::Equal => &mut other,
        };
        of.push((from.abs_diff(to), id, before, after));
    }
    let mut examples = Vec::new();
    for of in [&mut more, &mut fewer, &mut other] {
        of.sort_by_key(|(by, id, ..)| (Reverse(*by), *id));
        examples.extend(of.iter().take(EXAMPLES).map(|(_, id, before, after)| Example {
            customer: (*id).clone(),
            email: None,
            present: before.letters.len(),
            candidate: after.letters.len(),
            differences: differences((present.0, before), (candidate.0, after)),
        }));
    }
    Comparison {
        from: window.from,
        until: window.until,
        events,
        customers,
        rules: rules(present, candidate),
        withheld: kept_back(&present.1.withheld, &candidate.1.withheld),
        held: kept_back(&present.1.held, &candidate.1.held),
        more: more.len(),
        fewer: fewer.len(),
        other: other.len(),
        examples,
    }
}

fn same(a: &[Got<'_>], b: &[Got<'_>]) -> bool {
    let key = |got: &Got<'_>| (got.at, got.rule.to_owned(), got.letter.clone());
    a.len() == b.len() && a.iter().map(key).collect::<BTreeSet<_>>() == b.iter().map(key).collect()
}

fn rules(present: Side<'_, '_>, candidate: Side<'_, '_>) -> Vec<RuleLetters> {
    let ids: BTreeSet<&str> = present.1.days.keys().chain(candidate.1.days.keys()).copied().collect();
    let mut rules: Vec<RuleLetters> = ids
        .into_iter()
        .map(|rule| {
            let of = |tally: &Tally<'_>| tally.days.get(rule).cloned().unwrap_or_default();
            let (before, after) = (of(present.1), of(candidate.1));
            let on = |days: &BTreeMap<NaiveDate, u64>, day| days.get(day).copied().unwrap_or(0);
            let all: BTreeSet<&NaiveDate> = before.keys().chain(after.keys()).collect();
            let book = candidate.0.rules.get(rule).or_else(|| present.0.rules.get(rule));
            RuleLetters {
                map: book.map(|rule| rule.map.clone()).unwrap_or_default(),
                rule: rule.to_owned(),
                present: before.values().sum(),
                candidate: after.values().sum(),
                days: all
                    .into_iter()
                    .map(|day| DayLetters { day: *day, present: on(&before, day), candidate: on(&after, day) })
                    .collect(),
            }
        })
        .collect();
    rules.sort_by(|a, b| (&a.map, &a.rule).cmp(&(&b.map, &b.rule)));
    rules
}

fn kept_back(present: &Kept<'_>, candidate: &Kept<'_>) -> Vec<KeptBack> {
    let mut all: BTreeMap<(&str, &str, &Option<String>), (u64, u64)> = BTreeMap::new();
    for ((rule, reason, limit), number) in present {
        all.entry((rule, reason, limit)).or_default().0 += number;
    }
    for ((rule, reason, limit), number) in candidate {
        all.entry((rule, reason, limit)).or_default().1 += number;
    }
    all.into_iter()
        .map(|((rule, reason, limit), (present, candidate))| KeptBack {
            rule: rule.to_owned(),
            reason: reason.to_owned(),
            limit: limit.clone(),
            present,
            candidate,
        })
        .collect()
}

/// What is different for a customer. Letters of the same name of the same rule are matched in order.
fn differences(present: (&Rulebook, &Person<'_>), candidate: (&Rulebook, &Person<'_>)) -> Vec<Difference> {
    let mut pairs: BTreeMap<(&str, &str), [Vec<Timestamp>; 2]> = BTreeMap::new();
    for got in &present.1.letters {
        pairs.entry((got.rule, &got.letter)).or_default()[0].push(got.at);
    }
    for got in &candidate.1.letters {
        pairs.entry((got.rule, &got.letter)).or_default()[1].push(got.at);
    }
    let mut differences = Vec::new();
    for ((rule, letter), [before, after]) in pairs {
        for n in 0..before.len().max(after.len()) {
            let (was, is) = (before.get(n).copied(), after.get(n).copied());
            if was == is {
                continue;
            }
            let silent = match (was, is) {
                (Some(_), None) => Some(candidate),
                (None, Some(_)) => Some(present),
                _ => None,
            };
            differences.push(Difference {
                rule: rule.to_owned(),
                letter: letter.to_owned(),
                present: was,
                candidate: is,
                reason: silent.map(|(book, person)| reason(book, person, rule)),
            });
        }
    }
    differences.sort_by_key(|difference| difference.present.or(difference.candidate));
    differences
}

/// Why a side did not send a letter of a rule.
fn reason(book: &Rulebook, person: &Person<'_>, rule: &str) -> String {
    if !book.rules.contains_key(rule) {
        return "there is no such rule".to_owned();
    }
    if let Some((_, limit)) = person.waiting.get(rule) {
        return format!("it waits still: {limit}");
    }
    match person.last.get(rule) {
        Some(Last::UnderWay) => "its run is not over".to_owned(),
        None => "nothing began the rule".to_owned(),
        Some(Last::NotBegun(code)) => format!("the rule did not begin: {}", not_begun(code)),
        Some(Last::Ended(code)) => format!("the run ended without it: {code}"),
        Some(Last::Withheld(code)) => format!("it was withheld: {code}"),
    }
}

fn not_begun(code: &str) -> &str {
    match code {
        "condition_false" => "its condition did not hold",
        "not_at_stage" => "the customer was at another stage",
        "not_on_map" => "the customer was not on the map",
        "too_old" => "it was heard of too late",
        "already_running" => "a run was under way",
        "not_again_yet" => "it had run not long before",
        "never_again" => "it runs once in a life",
        other => other,
    }
}
