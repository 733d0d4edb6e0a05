//! Expected against happened, line by line.

use chrono_tz::Tz;
use serde::Serialize;

use super::run::{Sent, Withheld};
use super::{ExpectedHeld, ExpectedLetter, ExpectedWithheld, Place};
use crate::journey::attention::Held;
use crate::journey::effect::PlannedMessage;
use crate::journey::time::Timestamp;

/// An expectation that was not met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Where it is written.
    #[serde(flatten)]
    pub place: Place,
    /// What it is about.
    pub what: String,
    /// Expected against happened.
    pub lines: Vec<Line>,
}

/// A line of the difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// Expected, and so it was.
    Same(String),
    /// Expected, and it was not so.
    Expected(String),
    /// So it was, and that was not expected.
    Happened(String),
}

impl Failure {
    pub(super) fn new(place: &Place, what: impl Into<String>) -> Self {
        Self { place: place.clone(), what: what.into(), lines: Vec::new() }
    }

    pub(super) fn expected(mut self, text: impl Into<String>) -> Self {
        self.lines.push(Line::Expected(text.into()));
        self
    }

    pub(super) fn happened(mut self, text: impl Into<String>) -> Self {
        self.lines.push(Line::Happened(text.into()));
        self
    }
}

/// Holds the letters that were to go out against those that did.
pub(super) fn letters(
    expected: &[ExpectedLetter],
    sent: &[Sent],
    place: &Place,
    zone: Tz,
    failures: &mut Vec<Failure>,
) {
    let sent = aligned(expected, sent, |sent| sent.at, |wanted, sent| wanted.letter == sent.letter);
    let same_names = expected.len() == sent.len() && expected.iter().zip(&sent).all(|(e, s)| e.letter == s.letter);
    if !same_names {
        let wanted: Vec<(&str, String)> = expected.iter().map(|e| (e.letter.as_str(), e.in_words(zone))).collect();
        let found: Vec<(&str, String)> = sent.iter().map(|s| (s.letter.as_str(), s.in_words(zone))).collect();
        let lines = compare(&wanted, &found);
        failures.push(Failure { lines, ..Failure::new(place, "the letters since the expectation before") });
        return;
    }
    for (expected, sent) in expected.iter().zip(&sent) {
        details(expected, sent, zone, failures);
    }
}

/// What happened, in the order in which it was expected as far as time leaves the order open: of one moment nothing comes first.
fn aligned<'s, E, T>(
    expected: &[E],
    happened: &'s [T],
    at: impl Fn(&T) -> Timestamp,
    met: impl Fn(&E, &T) -> bool,
) -> Vec<&'s T> {
    let mut left: Vec<&T> = happened.iter().collect();
    let mut aligned = Vec::new();
    for wanted in expected {
        let Some(moment) = left.first().map(|first| at(first)) else { break };
        let place = left.iter().position(|one| at(one) == moment && met(wanted, one)).unwrap_or(0);
        aligned.push(left.remove(place));
    }
    aligned.append(&mut left);
    aligned
}

/// Holds the letters that were to be withheld against those that were.
pub(super) fn withheld(expected: &[ExpectedWithheld], withheld: &[Withheld], place: &Place) -> Option<Failure> {
    let met = |wanted: &ExpectedWithheld, withheld: &Withheld| {
        wanted.letter == withheld.letter && wanted.reason.as_ref().is_none_or(|reason| *reason == withheld.reason)
    };
    let withheld = aligned(expected, withheld, |withheld| withheld.at, met);
    if expected.len() == withheld.len() && expected.iter().zip(&withheld).all(|(e, w)| met(e, w)) {
        return None;
    }
    let words = |letter: &str, reason: &str| format!("{letter}: {reason}");
    let found: Vec<(String, String)> =
        withheld.iter().map(|w| words(&w.letter, &w.reason)).map(|line| (line.clone(), line)).collect();
    let wanted: Vec<(String, String)> = expected
        .iter()
        .enumerate()
        .map(|(n, e)| {
            // Without a reason any will do: the line is that of its counterpart.
            let key = match (withheld.get(n), &e.reason) {
                (Some(w), _) if met(e, w) => words(&w.letter, &w.reason),
                (_, Some(reason)) => words(&e.letter, reason),
                (_, None) => e.letter.clone(),
            };
            (key.clone(), key)
        })
        .collect();
    let lines = compare(&borrowed(&wanted), &borrowed(&found));
    Some(Failure { lines, ..Failure::new(place, "the letters withheld since the expectation before") })
}

/// Holds the letters that were to wait against those that do.
pub(super) fn held(expected: &[ExpectedHeld], waiting: &[&PlannedMessage], place: &Place, zone: Tz) -> Option<Failure> {
    let mut waiting: Vec<(&str, &Held)> =
        waiting.iter().filter_map(|message| Some((message.letter.as_str(), message.held.as_ref()?))).collect();
    waiting.sort_by_key(|(letter, held)| (held.until, *letter));
    let met = |wanted: &ExpectedHeld, (letter, held): &(&str, &Held)| {
        wanted.letter == *letter
            && wanted.until.is_none_or(|until| until == held.until)
            && wanted.by.as_ref().is_none_or(|by| by == held.by.code())
    };
    if expected.len() == waiting.len() && expected.iter().zip(&waiting).all(|(e, w)| met(e, w)) {
        return None;
    }
    let mut failure = Failure::new(place, "the letters that wait");
    for wanted in expected {
        let until = wanted.until.map(|until| format!(" until {}", until.in_words(zone))).unwrap_or_default();
        let by = wanted.by.as_ref().map(|by| format!(": {by}")).unwrap_or_default();
        failure = failure.expected(format!("{}{until}{by}", wanted.letter));
    }
    for (letter, held) in waiting {
        failure = failure.happened(format!("{letter} until {}: {}", held.until.in_words(zone), held.by.code()));
    }
    Some(failure)
}

fn borrowed(list: &[(String, String)]) -> Vec<(&str, String)> {
    list.iter().map(|(key, text)| (key.as_str(), text.clone())).collect()
}

fn details(expected: &ExpectedLetter, sent: &Sent, zone: Tz, failures: &mut Vec<Failure>) {
    let mut told = |what: &str, wanted: String, found: String| {
        let what = format!("{what} of the letter {}", sent.letter);
        failures.push(Failure::new(&expected.place, what).expected(wanted).happened(found));
    };
    let words = |at: Timestamp| at.in_words(zone);
    if let Some(at) = expected.at.filter(|at| *at != sent.at) {
        told("the moment", words(at), words(sent.at));
    }
    if let Some(to) = expected.to.as_ref().filter(|to| **to != sent.to) {
        told("the address", to.clone(), sent.to.clone());
    }
    // That it could not be written is told once, for the whole scenario.
    let Ok(text) = &sent.text else { return };
    if let Some(locale) = expected.locale.as_ref().filter(|locale| !locale.eq_ignore_ascii_case(&text.locale)) {
        told("the locale", locale.clone(), text.locale.clone());
    }
    let html = text.html.as_deref().unwrap_or_default();
    for (what, wanted, found) in [
        ("the subject", &expected.subject, text.subject.as_str()),
        ("the text", &expected.text, text.text.as_str()),
        ("the HTML", &expected.html, html),
    ] {
        for fragment in wanted.iter().filter(|fragment| !one_line(found).contains(&one_line(fragment))) {
            told(what, format!("… {fragment} …"), found.trim_end().to_owned());
        }
    }
}

/// Text without regard to its line breaks.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The difference of two lists of a key and its line, by the longest run of keys that both have in the same order.
fn compare(wanted: &[(&str, String)], found: &[(&str, String)]) -> Vec<Line> {
    let (rows, columns) = (wanted.len(), found.len());
    let mut longest = vec![vec![0_usize; columns + 1]; rows + 1];
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            longest[row][column] = if wanted[row].0 == found[column].0 {
                longest[row + 1][column + 1] + 1
            } else {
                longest[row + 1][column].max(longest[row][column + 1])
            };
        }
    }
    let (mut row, mut column) = (0, 0);
    let mut lines = Vec::new();
    while row < rows || column < columns {
        if row < rows && column < columns && wanted[row].0 == found[column].0 {
            lines.push(Line::Same(found[column].1.clone()));
            (row, column) = (row + 1, column + 1);
        } else if column == columns || (row < rows && longest[row + 1][column] >= longest[row][column + 1]) {
            lines.push(Line::Expected(wanted[row].1.clone()));
            row += 1;
        } else {
            lines.push(Line::Happened(found[column].1.clone()));
            column += 1;
        }
    }
    lines
}

impl ExpectedLetter {
    fn in_words(&self, zone: Tz) -> String {
        let at = self.at.map(|at| format!(" at {}", at.in_words(zone))).unwrap_or_default();
        let subject = self.subject.first().map(|subject| format!(": \"{subject}\"")).unwrap_or_default();
        format!("{}{at}{subject}", self.letter)
    }
}
