//! What a backtest came to, for people.

use std::collections::HashMap;
use std::io;

use chrono_tz::Tz;

use crate::cli::out;
use crate::insight::format;
use crate::journey::backtest::{Comparison, Difference, Example, KeptBack, RuleLetters};
use crate::journey::time::Timestamp;

/// Most days of a rule that are shown: those with the largest difference.
const DAYS: usize = 3;

pub(super) fn print(found: &Comparison, names: &HashMap<String, String>, zone: Tz) -> io::Result<()> {
    let (from, until) = (found.from.in_words(zone), found.until.in_words(zone));
    out::line("\nLetters of the time that has passed, by the rules in force and by these")?;
    out::line(format_args!("{from} to {until}: {} events, {} customers.", found.events, found.customers))?;
    let rows = found.rules.iter().map(rule).collect();
    let head = ["map", "rule", "letters now", "then", "difference", "most on"];
    out::table(&head, rows, "No letters by either.")?;
    kept_back("Withheld", &found.withheld)?;
    kept_back("Had to wait", &found.held)?;
    let (more, fewer, other) = (found.more, found.fewer, found.other);
    if more + fewer + other == 0 {
        return out::line("Nobody would get anything else.");
    }
    out::line(format_args!(
        "{more} customers would get more letters, {fewer} fewer, {other} as many but others or at other times."
    ))?;
    for example in &found.examples {
        print_example(example, names, zone)?;
    }
    Ok(())
}

fn rule(rule: &RuleLetters) -> Vec<String> {
    let mut days: Vec<_> = rule.days.iter().filter(|day| day.present != day.candidate).collect();
    days.sort_by_key(|day| (std::cmp::Reverse(day.present.abs_diff(day.candidate)), day.day));
    let days = days.iter().take(DAYS).map(|day| format!("{}: {} -> {}", day.day, day.present, day.candidate));
    vec![
        rule.map.clone(),
        rule.rule.clone(),
        rule.present.to_string(),
        rule.candidate.to_string(),
        difference(rule.present, rule.candidate),
        days.collect::<Vec<_>>().join("\n"),
    ]
}

fn difference(present: u64, candidate: u64) -> String {
    let sign = if candidate > present { "+" } else { "-" };
    if candidate == present { String::new() } else { format!("{sign}{}", candidate.abs_diff(present)) }
}

fn kept_back(what: &str, list: &[KeptBack]) -> io::Result<()> {
    if list.is_empty() {
        return Ok(());
    }
    out::line(format_args!("\n{what}:"))?;
    let row = |of: &KeptBack| {
        let (present, candidate) = (of.present, of.candidate);
        vec![
            of.rule.clone(),
            of.limit
                .as_ref()
                .map_or_else(|| format::words(&of.reason), |limit| format!("{}: {limit}", format::words(&of.reason))),
            present.to_string(),
            candidate.to_string(),
            difference(present, candidate),
        ]
    };
    out::table(&["rule", "reason", "now", "then", "difference"], list.iter().map(row).collect(), "")
}

fn print_example(example: &Example, names: &HashMap<String, String>, zone: Tz) -> io::Result<()> {
    let Example { customer, present, candidate, differences, .. } = example;
    let name = names.get(customer).unwrap_or(customer);
    out::line(format_args!("\n{} gets {present} now, {candidate} then:", out::clean(name)))?;
    for Difference { rule, letter, present, candidate, reason } in differences {
        let at = |at: &Timestamp| at.in_words(zone);
        let reason = reason.as_deref().unwrap_or_default();
        match (present, candidate) {
            (Some(now), Some(then)) => {
                out::line(format_args!("  {rule}: {letter} at {} instead of {}", at(then), at(now)))?;
            }
            (Some(now), None) => out::line(format_args!("  {rule}: no {letter} at {}; {reason}", at(now)))?,
            (None, Some(then)) => out::line(format_args!("  {rule}: {letter} at {}; now, {reason}", at(then)))?,
            (None, None) => {}
        }
    }
    Ok(())
}
