//! Letters and the parts they share: the subject, and the lines that differ.

use std::ops::Range;

use similar::{Algorithm, DiffTag, capture_diff_slices};

use super::Point;
use crate::rulebook::letters::head;
use crate::rulebook::source::Source;

/// Most lines of a file that are compared line by line.
const MOST_LINES: usize = 5_000;

pub(super) fn differences(before: &Source, now: &Source, letter: bool) -> Vec<Point> {
    if !letter {
        return lines((&before.text, &now.text), 1);
    }
    let (old, new) = (head(before, &mut Vec::new()), head(now, &mut Vec::new()));
    let mut points = attached((before, &old.attach), (now, &new.attach));
    for (at, old, new) in [("subject", old.subject, new.subject), ("preheader", old.preheader, new.preheader)] {
        let before = old.and_then(|place| before.text.get(place)).map(str::to_owned);
        let line = new.as_ref().map(|place| now.position(place.start).0);
        let now = new.and_then(|place| now.text.get(place)).map(str::to_owned);
        if before != now {
            points.push(Point { line, at: at.to_owned(), before, now });
        }
    }
    let first = now.position(new.body.start).0;
    let body = |source: &Source, body: Range<usize>| source.text.get(body).unwrap_or_default().to_owned();
    points.extend(lines((&body(before, old.body), &body(now, new.body)), first));
    points
}

/// What is attached no more, and what is attached now.
fn attached((before, old): (&Source, &[Range<usize>]), (now, new): (&Source, &[Range<usize>])) -> Vec<Point> {
    fn names<'s>(source: &'s Source, places: &'s [Range<usize>]) -> impl Iterator<Item = (&'s str, &'s Range<usize>)> {
        places.iter().map(|place| (source.text.get(place.clone()).unwrap_or_default().trim(), place))
    }
    let lacks = |source, places, name: &str| names(source, places).all(|(other, _)| other != name);
    let at = || "attached".to_owned();
    let gone = names(before, old).filter(|(name, _)| lacks(now, new, name));
    let gone = gone.map(|(name, _)| Point { at: at(), before: Some(name.to_owned()), ..Point::default() });
    let come = names(now, new).filter(|(name, _)| lacks(before, old, name));
    let come = come.map(|(name, place)| Point {
        line: Some(now.position(place.start).0),
        at: at(),
        now: Some(name.to_owned()),
        ..Point::default()
    });
    gone.chain(come).collect()
}

/// What a new letter says in short.
pub(super) fn summary(source: &Source) -> Vec<Point> {
    let subject = head(source, &mut Vec::new()).subject;
    let text = subject.and_then(|place| source.text.get(place));
    text.map(|text| Point { at: format!("subject: {text}"), ..Point::default() }).into_iter().collect()
}

/// The lines that are gone and new; `first` is the number of the first line that is there now.
fn lines((before, now): (&str, &str), first: usize) -> Vec<Point> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), now.lines().collect());
    if old.len().max(new.len()) > MOST_LINES {
        let count = |lines: &[&str]| Some(format!("{} lines", lines.len()));
        let (before, now) = (count(&old), count(&new));
        return vec![Point { line: None, at: "text".to_owned(), before, now }];
    }
    let mut points = Vec::new();
    for op in capture_diff_slices(Algorithm::Patience, &old, &new) {
        let (tag, gone, come) = op.as_tag_tuple();
        if tag == DiffTag::Equal {
            continue;
        }
        let told = |line: &str| Some(line.to_owned());
        points.extend(gone.map(|at| Point { before: told(old[at]), ..Point::default() }));
        points.extend(come.map(|at| Point { line: Some(first + at), now: told(new[at]), ..Point::default() }));
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_differ_are_told_in_their_order() {
        for (before, now, expected) in [
            ("a\nb\nc", "a\nb\nc", &[][..]),
            ("a\nb\nc", "a\nx\nc", &["- b", "+ x"]),
            ("a\nb", "a\nb\nc", &["+ c"]),
            ("a\nb\nc", "b\nc", &["- a"]),
            ("", "a", &["+ a"]),
            ("a\r\nb", "a\nb\n", &[]),
        ] {
            let told: Vec<String> = lines((before, now), 1).iter().map(ToString::to_string).collect();
            assert_eq!(told, expected, "{before:?} {now:?}");
        }
    }
}
