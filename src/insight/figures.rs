//! The figures of one map, put together from summed counters. Pure.
//!
//! Invariant: a stage or rule of the rulebook is always there, with zeros if nothing was counted; what the rulebook does not
//! know any more is left out.

use std::collections::BTreeMap;

use serde::Serialize;

use super::metrics;
use super::segments::{SegmentFigures, segment_figures};
use super::stay::median_stay;
use crate::journey::book::Rulebook;
use crate::journey::errand::ErrandKind;
use crate::journey::map::JourneyMap;
use crate::journey::money::Money;
use crate::journey::reads::What;
use crate::journey::time::Span;
use crate::store::{Count, HeldLetters};

/// The figures of one map.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MapFigures {
    /// Map id.
    pub map: String,
    /// One a stage, in map order.
    pub stages: Vec<StageFigures>,
    /// One a rule, in the order of their ids.
    pub rules: Vec<RuleFigures>,
    /// One a segment of the map, by name.
    pub segments: Vec<SegmentFigures>,
}

/// The figures of one stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageFigures {
    /// Stage id.
    pub stage: String,
    /// Customers here now.
    pub here: i64,
    /// Times that a customer came here.
    pub entered: i64,
    /// Where those who left went to: stage id and how many, most first.
    pub moved: Vec<(String, i64)>,
    /// How many left the map from here.
    pub left: i64,
    /// Share of those who entered that moved on to a later stage, 0 to 1; `None` for the last stage and before anyone left:
    /// whoever came a moment ago has not stayed behind.
    pub conversion: Option<f64>,
    /// Middle length of the stays that are over, within a tenth.
    pub median_stay: Option<Span>,
}

/// The figures of one rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleFigures {
    /// Rule id.
    pub rule: String,
    /// Runs that began, but for those of customers who are held out.
    pub enrolled: i64,
    /// Runs of customers who are held out.
    pub held_out: i64,
    /// Such runs whose goal was reached all the same.
    pub held_out_converted: i64,
    /// Share of those runs; `None` before the first.
    pub held_out_conversion: Option<f64>,
    /// Runs that ended, by the reason's code, most first.
    pub ended: Vec<(String, i64)>,
    /// Letters planned.
    pub planned: i64,
    /// Letters that a relay accepted.
    pub sent: i64,
    /// Letters withheld, by the reason's code, most first.
    pub withheld: Vec<(String, i64)>,
    /// Letters that wait for a limit now, by what they wait for, most first.
    pub held: Vec<(String, i64)>,
    /// Letters refused for good.
    pub refused: i64,
    /// Letters in doubt.
    pub uncertain: i64,
    /// Letters that came back undelivered, by the reason's code, most first.
    pub bounced: Vec<(String, i64)>,
    /// Letters that were called spam.
    pub complained: i64,
    /// Letters that could not be sent.
    pub failed: i64,
    /// Letters that customers opened, as far as opens are noted.
    pub opened: i64,
    /// Letters of which customers followed a link, as far as clicks are noted.
    pub clicked: i64,
    /// Opens by programs.
    pub opened_by_machine: i64,
    /// Clicks by programs.
    pub clicked_by_machine: i64,
    /// Runs whose goal was reached within its window.
    pub converted: i64,
    /// Share of the runs that reached the goal; `None` before the first run.
    pub conversion: Option<f64>,
    /// What that was worth, by currency.
    pub value: Vec<Money>,
    /// Webhooks out.
    pub webhooks: ErrandFigures,
    /// Changes in a CRM.
    pub crm: ErrandFigures,
}

/// The figures of what a rule asks of others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ErrandFigures {
    /// Asked for.
    pub asked: i64,
    /// Carried out.
    pub done: i64,
    /// Given up until somebody tries again.
    pub failed: i64,
    /// Not asked for though a step is made to: of customers who are held out, overdue, or not known there.
    pub withheld: i64,
}

/// Counts of one subject: figure -> detail -> sum.
type Sums<'a> = BTreeMap<&'a str, BTreeMap<&'a str, i64>>;

impl MapFigures {
    /// Puts the figures of a map of the book together; `held` are the letters that wait for a limit now.
    pub fn from_counts(book: &Rulebook, map: &JourneyMap, counts: &[Count], held: &[HeldLetters]) -> Self {
        let mut subjects: BTreeMap<&str, Sums<'_>> = BTreeMap::new();
        for count in counts.iter().filter(|c| c.map == map.id) {
            let figures = subjects.entry(&count.subject).or_default();
            *figures.entry(&count.figure).or_default().entry(&count.detail).or_default() += count.by;
        }
        let none = Sums::new();
        let sums = |subject: &str| subjects.get(subject).unwrap_or(&none);
        Self {
            map: map.id.clone(),
            stages: (0..map.stages.len())
                .map(|index| stage_figures(map, index, sums(&metrics::stage_subject(&map.stages[index].id))))
                .collect(),
            rules: book
                .rules_of(&map.id)
                .map(|rule| rule_figures(&rule.id, sums(&metrics::rule_subject(&rule.id)), held))
                .collect(),
            segments: segment_figures(book, &map.id, counts),
        }
    }

    /// The figures of a stage.
    pub fn stage(&self, id: &str) -> Option<&StageFigures> {
        self.stages.iter().find(|s| s.stage == id)
    }

    /// The figures of a rule.
    pub fn rule(&self, id: &str) -> Option<&RuleFigures> {
        self.rules.iter().find(|r| r.rule == id)
    }

    /// Customers on the map now.
    pub fn here(&self) -> i64 {
        self.stages.iter().map(|s| s.here).sum()
    }

    /// What all rules brought, by currency.
    pub fn value(&self) -> Vec<Money> {
        let mut by_currency: BTreeMap<&str, i64> = BTreeMap::new();
        for value in self.rules.iter().flat_map(|r| &r.value) {
            let sum = by_currency.entry(&value.currency).or_default();
            *sum = sum.saturating_add(value.minor);
        }
        by_currency.into_iter().map(|(currency, minor)| Money::new(minor, currency)).collect()
    }
}

impl RuleFigures {
    /// Letters withheld, for whatever reason.
    pub fn withheld_total(&self) -> i64 {
        self.withheld.iter().map(|(_, n)| n).sum()
    }

    /// Letters that wait for a limit, whichever.
    pub fn held_total(&self) -> i64 {
        self.held.iter().map(|(_, n)| n).sum()
    }

    /// Whether anything is known of who read its letters.
    pub fn is_read(&self) -> bool {
        self.opened + self.clicked + self.opened_by_machine + self.clicked_by_machine > 0
    }

    /// Letters that came back undelivered, for whatever reason.
    pub fn bounced_total(&self) -> i64 {
        self.bounced.iter().map(|(_, n)| n).sum()
    }

    /// Letters refused, in doubt or failed: what somebody should look at.
    pub fn troubled(&self) -> i64 {
        self.refused + self.uncertain + self.failed
    }
}

fn stage_figures(map: &JourneyMap, index: usize, sums: &Sums<'_>) -> StageFigures {
    let left = sums.get(metrics::LEFT);
    let moved: Vec<(String, i64)> = ranked(left).into_iter().filter(|(to, _)| !to.is_empty()).collect();
    let entered = total(sums, metrics::ENTERED);
    let onward: i64 =
        moved.iter().filter(|(to, _)| map.index_of(to).is_some_and(|there| there > index)).map(|(_, n)| n).sum();
    let gone: i64 = left.into_iter().flat_map(|to| to.values()).sum();
    let last = index + 1 == map.stages.len();
    let histogram = sums.get(metrics::STAY).map(|stays| {
        stays.iter().filter_map(|(bucket, n)| Some((bucket.parse().ok()?, *n))).collect::<BTreeMap<u32, i64>>()
    });
    StageFigures {
        stage: map.stages[index].id.clone(),
        here: total(sums, metrics::HERE),
        entered,
        left: left.and_then(|to| to.get("")).copied().unwrap_or(0),
        conversion: (!last && gone > 0).then(|| share(onward, entered)).flatten(),
        median_stay: histogram.as_ref().and_then(median_stay),
        moved,
    }
}

fn rule_figures(rule: &str, sums: &Sums<'_>, held: &[HeldLetters]) -> RuleFigures {
    let waiting: BTreeMap<&str, i64> =
        held.iter().filter(|held| held.rule == rule).map(|held| (held.by.as_str(), held.number)).collect();
    let enrolled = total(sums, metrics::ENROLLED);
    let converted = total(sums, metrics::CONVERTED);
    let held_out = total(sums, metrics::HELD_OUT);
    let held_out_converted = total(sums, metrics::HELD_OUT_CONVERTED);
    RuleFigures {
        rule: rule.to_owned(),
        enrolled,
        held_out,
        held_out_converted,
        held_out_conversion: share(held_out_converted, held_out),
        ended: ranked(sums.get(metrics::ENDED)),
        planned: total(sums, metrics::PLANNED),
        sent: total(sums, metrics::SENT),
        withheld: ranked(sums.get(metrics::WITHHELD)),
        held: ranked(Some(&waiting)),
        refused: total(sums, metrics::REFUSED),
        uncertain: total(sums, metrics::UNCERTAIN),
        bounced: ranked(sums.get(metrics::BOUNCED)),
        complained: total(sums, metrics::COMPLAINED),
        failed: total(sums, metrics::FAILED),
        opened: total(sums, metrics::OPENED),
        clicked: total(sums, metrics::CLICKED),
        opened_by_machine: detail(sums, metrics::BY_MACHINE, What::Opened.as_str()),
        clicked_by_machine: detail(sums, metrics::BY_MACHINE, What::Clicked.as_str()),
        converted,
        conversion: share(converted, enrolled),
        value: sums
            .get(metrics::VALUE)
            .into_iter()
            .flatten()
            .map(|(currency, minor)| Money::new(*minor, *currency))
            .collect(),
        webhooks: errand_figures(sums, ErrandKind::Webhook),
        crm: errand_figures(sums, ErrandKind::Crm),
    }
}

fn errand_figures(sums: &Sums<'_>, kind: ErrandKind) -> ErrandFigures {
    let of = |figure: &str| detail(sums, figure, kind.as_str());
    ErrandFigures {
        asked: of(metrics::ERRANDS),
        done: of(metrics::ERRANDS_DONE),
        failed: of(metrics::ERRANDS_FAILED),
        withheld: of(metrics::ERRANDS_WITHHELD),
    }
}

fn total(sums: &Sums<'_>, figure: &str) -> i64 {
    sums.get(figure).map_or(0, |details| details.values().sum())
}

fn detail(sums: &Sums<'_>, figure: &str, detail: &str) -> i64 {
    sums.get(figure).and_then(|details| details.get(detail)).copied().unwrap_or(0)
}

/// Details with their sums, most first; those that came to nothing are left out.
fn ranked(details: Option<&BTreeMap<&str, i64>>) -> Vec<(String, i64)> {
    let mut ranked: Vec<(String, i64)> =
        details.into_iter().flatten().filter(|(_, n)| **n != 0).map(|(detail, n)| ((*detail).to_owned(), *n)).collect();
    ranked.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    ranked
}

fn share(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| (part as f64 / whole as f64).clamp(0.0, 1.0))
}
