//! How elements stand in one another: what is not closed where MJML wants it closed, and what is nested deeper than any letter.

use std::ops::Range;

use super::flat::Flat;
use super::walk::{Item, Markup};
use crate::rulebook::diagnostic::Diagnostic;

/// Deepest nesting; what reads markup goes into itself for every level.
const MAX_DEPTH: usize = 120;
/// Most elements of a letter.
const MAX_ELEMENTS: usize = 20_000;

const VOID: [&str; 14] =
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"];
/// Elements that HTML closes by itself.
const LOOSE: [&str; 11] = ["p", "li", "td", "th", "tr", "tbody", "thead", "tfoot", "option", "dt", "dd"];

/// For MJML: every element is closed, in the order of opening.
pub(super) fn check_strictly(flat: &Flat<'_>, markup: &Markup, faults: &mut Vec<Diagnostic>) {
    let text = |name: &Range<usize>| flat.text.get(name.clone()).unwrap_or_default();
    let mut open: Vec<Range<usize>> = Vec::new();
    for item in &markup.items {
        match item {
            Item::Start { name, closed: false, .. } if !is_void(text(name)) => {
                open.push(name.clone());
                if open.len() > MAX_DEPTH {
                    return too_deep(flat, name, faults);
                }
            }
            Item::End { name } if !is_void(text(name)) => match open.pop() {
                Some(last) if text(&last) == text(name) => {}
                Some(last) => {
                    let message = format!("`{}` is closed here, but `{}` is open", text(name), text(&last));
                    let line = flat.origin(last.start).map_or(0, |origin| origin.source.position(origin.at).0);
                    let help = format!("close the `<{}>` of line {line} first", text(&last));
                    return fault(flat, name, message, help, faults);
                }
                None => {
                    let message = format!("`{}` is closed here, but was not opened", text(name));
                    return fault(flat, name, message, "take it out".to_owned(), faults);
                }
            },
            _ => {}
        }
    }
    if let Some(last) = open.last() {
        let message = format!("`{}` is not closed", text(last));
        fault(flat, last, message, format!("write `</{}>`", text(last)), faults);
    }
}

/// For HTML: not deeper and no more than can be read. Returns whether it can.
pub(super) fn check_loosely(flat: &Flat<'_>, markup: &Markup, faults: &mut Vec<Diagnostic>) -> bool {
    let text = |name: &Range<usize>| flat.text.get(name.clone()).unwrap_or_default();
    let counts = |name: &str| !is_void(name) && !LOOSE.iter().any(|loose| name.eq_ignore_ascii_case(loose));
    let (mut depth, mut count) = (0_usize, 0);
    for item in &markup.items {
        match item {
            Item::Start { name, closed, .. } => {
                count += 1;
                depth += usize::from(!closed && counts(text(name)));
                if depth > MAX_DEPTH || count > MAX_ELEMENTS {
                    too_deep(flat, name, faults);
                    return false;
                }
            }
            Item::End { name } if counts(text(name)) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    true
}

fn is_void(name: &str) -> bool {
    VOID.iter().any(|void| name.eq_ignore_ascii_case(void))
}

fn too_deep(flat: &Flat<'_>, name: &Range<usize>, faults: &mut Vec<Diagnostic>) {
    let message = format!("more than {MAX_DEPTH} elements in one another, or more than {MAX_ELEMENTS} in all");
    fault(flat, name, message, "no mail program shows such a letter".to_owned(), faults);
}

fn fault(flat: &Flat<'_>, name: &Range<usize>, message: String, help: String, faults: &mut Vec<Diagnostic>) {
    if let Some(origin) = flat.origin(name.start) {
        let place = origin.at..origin.at + name.len();
        faults.push(origin.source.error("letter-markup", &place, message).help(help));
    }
}
