//! Rules that could write to one person too often in a day, and rules that compete without a ranking.
//!
//! Counted is the most that the steps allow: waits are taken for as short as they can be.

use std::collections::{BTreeMap, BTreeSet};

use super::Written;
use super::least::{Clock, DAY, least, seconds};
use super::ways::known_at;
use crate::journey::attention::{Attention, Limits};
use crate::journey::map::JourneyMap;
use crate::journey::rule::{Action, Reenter, TRANSACTIONAL, Trigger};
use crate::rulebook::diagnostic::Diagnostic;
use crate::rulebook::forms::LimitsForm;
use crate::rulebook::source::Source;

/// Letters to one person within a day that nobody wonders at, where `rules/limits.yaml` says nothing else.
pub(in crate::rulebook) const USUAL: usize = 5;
/// Seconds from the end of a run to the beginning of the next.
const MOMENT: i64 = 1;

/// Warns of rules, alone and together, that allow more letters to one person within a day than `most`.
pub(in crate::rulebook) fn check_often(
    rules: &[Written<'_>],
    shop: &Attention,
    maps: &BTreeMap<String, JourneyMap>,
    most: usize,
    faults: &mut Vec<Diagnostic>,
) {
    let mut by_event: BTreeMap<(&str, &str), Vec<(&Written<'_>, usize)>> = BTreeMap::new();
    for written in rules.iter().filter(|written| !limited(written, shop, maps, most)) {
        let rule = &written.rule;
        let pace = Pace::of(written);
        if pace.in_a_day > most {
            let message = format!("this rule can send one person {} letters within a day", pace.in_a_day);
            too_often(written, message, most, faults);
        } else if rule.purpose != TRANSACTIONAL && again(written) && pace.repeated() > most {
            let message = "this rule may begin again as soon as it has ended, any number of times a day".to_owned();
            too_often(written, message, most, faults);
        }
        if let Trigger::Event { kind } = &rule.trigger
            && pace.at_first > 0
        {
            by_event.entry((kind, &rule.purpose)).or_default().push((written, pace.at_first));
        }
    }
    for ((kind, _), together) in by_event {
        let sum: usize = together.iter().map(|(_, letters)| letters).sum();
        if together.len() > 1 && sum > most && together.iter().all(|(_, letters)| *letters <= most) {
            let names: Vec<&str> = together.iter().map(|(written, _)| written.rule.id.as_str()).collect();
            let message = format!(
                "`{kind}` begins several rules, which can send one person {sum} letters within a day: {}",
                names.join(", ")
            );
            if let Some((written, _)) = together.last() {
                too_often(written, message, most, faults);
            }
        }
    }
}

fn too_often(written: &Written<'_>, message: String, most: usize, faults: &mut Vec<Diagnostic>) {
    let place = written.form.rule.0.as_ref().map_or(0..0, |id| id.place.clone());
    let help = format!(
        "more than {most} are told: set `caps: [{most} per 1d]` in limits, wait longer, or raise `max_letters_per_day` in rules/limits.yaml"
    );
    faults.push(written.source.error("too-often", &place, message).help(help).warning());
}

/// Whether a limit that concerns the rule's letters keeps them within the number.
fn limited(written: &Written<'_>, shop: &Attention, maps: &BTreeMap<String, JourneyMap>, most: usize) -> bool {
    let map = maps.get(&written.rule.map).map(|map| &map.attention);
    let all = [Some(shop), map, Some(&written.rule.attention)].into_iter().flatten().flat_map(|of| &of.limits);
    let keeps = |limits: &Limits| {
        let capped = limits.caps.iter().any(|cap| cap.most <= most && seconds(cap.span) >= DAY);
        let gap = limits.gap.map_or(0, seconds);
        let spaced = gap > 0 && usize::try_from(DAY / gap + 1).is_ok_and(|letters| letters <= most);
        capped || spaced
    };
    all.filter(|limits| limits.purpose == written.rule.purpose).any(keeps)
}

/// Whether a customer may run the rule time and again by what happens.
fn again(written: &Written<'_>) -> bool {
    // A date comes once a day at most, at its hour.
    let by_what_happens =
        !matches!(written.rule.trigger, Trigger::Cron { .. } | Trigger::Date(_) | Trigger::Stay { .. });
    by_what_happens && written.rule.reenter == Reenter::Always
}

/// How fast a rule can write.
#[derive(Debug, Default)]
struct Pace {
    /// Most letters of one run within any day.
    in_a_day: usize,
    /// Most letters of one run within its first day.
    at_first: usize,
    /// Most letters of one run, and the least seconds such a run takes.
    longest: (usize, i64),
}

/// A run so far: its age, what is known of the clock, its letters, and how long ago those of the last day were sent.
type Run = (i64, Clock, usize, Vec<i64>);

/// Every run so far at each step, and at the end, of those that begin with the clock like this.
fn runs(written: &Written<'_>, clock: Clock) -> Vec<BTreeSet<Run>> {
    let steps = &written.rule.steps;
    let begin = (0, clock, 0, Vec::new());
    let known = known_at(steps, begin, |at, way, (age, clock, letters, recent): &Run| {
        if let Action::Send { .. } = &steps[at].action {
            return (*age, clock.clone(), letters + 1, recent.iter().copied().chain([0]).collect());
        }
        let (takes, clock) = least(steps, at, way, clock);
        let recent = recent.iter().map(|ago| ago + takes).filter(|ago| *ago < DAY).collect();
        (age + takes, clock, *letters, recent)
    });
    known.at
}

impl Pace {
    fn of(written: &Written<'_>) -> Self {
        let first = runs(written, Clock::Unknown);
        let mut pace = Self::default();
        for (age, _, letters, recent) in first.iter().flat_map(BTreeSet::iter) {
            pace.in_a_day = pace.in_a_day.max(recent.len());
            if *age < DAY {
                pace.at_first = pace.at_first.max(*letters);
            }
        }
        // The run after one that ended at an hour of the day begins a moment later.
        let clocks: BTreeSet<Clock> =
            first.last().into_iter().flatten().map(|(_, clock, ..)| clock.later(MOMENT)).collect();
        let ends = clocks.into_iter().filter_map(|clock| runs(written, clock).pop()).flatten();
        pace.longest = ends
            .map(|(age, _, letters, _)| (letters, age))
            .min_by_key(|(letters, age)| (age / i64::try_from((*letters).max(1)).unwrap_or(1), *letters))
            .unwrap_or_default();
        pace
    }

    /// Letters of a day in which runs follow one another.
    fn repeated(&self) -> usize {
        let (letters, seconds) = self.longest;
        let runs = DAY / seconds.max(1) + 1;
        letters.saturating_mul(usize::try_from(runs).unwrap_or(usize::MAX))
    }
}

/// Warns of a cap under which several rules compete, none of which has a rank. `map` is whose limits they are, if not the
/// shop's.
pub(in crate::rulebook) fn check_ranking(
    rules: &[Written<'_>],
    (source, limits): (&Source, &[LimitsForm]),
    map: Option<&str>,
    faults: &mut Vec<Diagnostic>,
) {
    for form in limits.iter().filter(|form| form.caps.as_ref().is_some_and(|caps| !caps.is_empty())) {
        let purpose = form.purpose.as_ref().map_or("marketing", |purpose| &purpose.value);
        let sends =
            |written: &&Written<'_>| written.rule.steps.iter().any(|step| matches!(step.action, Action::Send { .. }));
        let compete: Vec<&Written<'_>> = rules
            .iter()
            .filter(|written| written.rule.purpose == purpose && map.is_none_or(|map| written.rule.map == map))
            .filter(sends)
            .collect();
        if compete.len() < 2 || compete.iter().any(|written| written.rule.priority.is_some()) {
            continue;
        }
        let names: Vec<&str> = compete.iter().map(|written| written.rule.id.as_str()).collect();
        let message = format!(
            "letters of {} rules compete for this cap, and no rule has a rank: {}",
            names.len(),
            names.join(", ")
        );
        let place = form.caps.iter().flatten().next().map_or(form.place.clone(), |cap| cap.place.clone());
        let fault = source.error("no-ranking", &place, message).warning();
        faults.push(fault.help("write `priority: 10` into the rules that matter more: the higher one goes first"));
    }
}
