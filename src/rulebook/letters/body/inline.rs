//! Styles written into the elements that they are for, once for all letters.
//!
//! The text of the letter stays as it is written but for its `style` attributes and style sheets: css-inline says which
//! element gets which declarations, and only those are put in. So what a browser would move about (Tera's tags between the
//! rows of a table, halves of elements in an `if`) stays where it is.
//!
//! What mail programs must find in a sheet stays in one: media queries, `:hover`, whatever matched nothing, and every sheet
//! that has Tera's tags in it or says `data-css-inline="ignore"`. Nothing is fetched.

use std::collections::BTreeMap;
use std::ops::Range;

use css_inline::CSSInliner;

use super::flat::Flat;
use super::nesting;
use super::walk::{Attribute, Item, Markup, Place, walk};
use crate::rulebook::diagnostic::Diagnostic;

/// Marks elements by number.
const MARK: &str = "data-milepost-element";
/// What a sheet says that is to be left as it is.
const IGNORE: (&str, &str) = ("data-css-inline", "ignore");
/// Elements times bytes of style sheets, above which matching takes longer than a person waits.
const MAX_WORK: usize = 400_000_000;

/// The letter with its styles in its elements, those of `extra` with them. `None` if there was a fault.
pub(super) fn inlined<'t>(flat: &Flat<'t>, extra: Option<&str>, faults: &mut Vec<Diagnostic>) -> Option<Flat<'t>> {
    let markup = walk(flat);
    if !nesting::check_loosely(flat, &markup, faults) {
        return None;
    }
    remote(flat, &markup, faults);
    let work = Work { flat, markup: &markup };
    let sheets: Vec<Sheet> = if extra.is_some() { Vec::new() } else { work.sheets() };
    let css: usize = sheets.iter().map(|sheet| sheet.text.len()).sum::<usize>() + extra.map_or(0, str::len);
    if css == 0 {
        let edits = work.edits(&Found::default(), &[]);
        return Some(flat.edited(&edits));
    }
    let elements = markup.items.iter().filter(|item| matches!(item, Item::Start { .. })).count();
    if css.saturating_mul(elements) > MAX_WORK {
        if let Some(origin) = flat.origin(0) {
            let message = format!("{css} bytes of styles for {elements} elements are more than can be matched");
            faults.push(origin.source.error("letter-markup", &(origin.at..origin.at + 1), message));
        }
        return None;
    }
    let inliner = CSSInliner::options()
        .load_remote_stylesheets(false)
        .inline_style_tags(extra.is_none())
        .keep_style_tags(true)
        .keep_link_tags(true)
        .keep_at_rules(extra.is_none())
        .remove_inlined_selectors(true)
        .extra_css(extra.map(Into::into))
        .build();
    match inliner.inline(&work.seen()) {
        Ok(html) => {
            let edits = work.edits(&Found::read(&html), &sheets);
            Some(flat.edited(&edits))
        }
        Err(error) => {
            let origin = flat.origin(sheets.first().map_or(0, |sheet| sheet.text.start))?;
            let message = format!("the styles cannot be read: {error}");
            faults.push(origin.source.error("letter-style", &(origin.at..origin.at + 1), message));
            None
        }
    }
}

/// Style sheets of other places: they are not fetched, and mail programs do not fetch them either.
fn remote(flat: &Flat<'_>, markup: &Markup, faults: &mut Vec<Diagnostic>) {
    let text = |place: &Range<usize>| flat.text.get(place.clone()).unwrap_or_default();
    let mut warn = |at: usize, length: usize, message: &str| {
        if let Some(origin) = flat.origin(at) {
            let fault = origin.source.error("remote-style", &(origin.at..origin.at + length), message).warning();
            faults.push(fault.help("write the styles into a `<style>` of the letter or of its layout"));
        }
    };
    for item in &markup.items {
        match item {
            Item::Start { name, attributes, .. } if text(name).eq_ignore_ascii_case("link") => {
                let sheet = attributes.iter().any(|attribute| {
                    text(&attribute.name).eq_ignore_ascii_case("rel")
                        && text(&attribute.value).to_ascii_lowercase().contains("stylesheet")
                });
                if sheet {
                    warn(name.start, name.len(), "a style sheet of another place is not fetched");
                }
            }
            Item::Raw { text: place } => {
                for (at, import) in text(place).match_indices("@import") {
                    warn(place.start + at, import.len(), "`@import` is not fetched");
                }
            }
            _ => {}
        }
    }
}

/// A style sheet that is written into the elements.
struct Sheet {
    /// Number of its element.
    number: usize,
    text: Range<usize>,
    whole: Range<usize>,
}

struct Work<'a, 't> {
    flat: &'a Flat<'t>,
    markup: &'a Markup,
}

impl Work<'_, '_> {
    fn text(&self, place: &Range<usize>) -> &str {
        self.flat.text.get(place.clone()).unwrap_or_default()
    }

    fn starts(&self) -> impl Iterator<Item = (usize, &Range<usize>, &Vec<Attribute>)> {
        let starts = self.markup.items.iter().filter_map(|item| match item {
            Item::Start { name, attributes, .. } => Some((name, attributes)),
            _ => None,
        });
        starts.enumerate().map(|(number, (name, attributes))| (number, name, attributes))
    }

    fn sheets(&self) -> Vec<Sheet> {
        let mut number = 0;
        let mut sheets = Vec::new();
        for (index, item) in self.markup.items.iter().enumerate() {
            let Item::Start { name, attributes, whole, .. } = item else { continue };
            let here = number;
            number += 1;
            let (Some(Item::Raw { text }), Some(Item::End { name: end })) =
                (self.markup.items.get(index + 1), self.markup.items.get(index + 2))
            else {
                continue;
            };
            let ignored =
                attributes.iter().any(|a| self.text(&a.name) == "data-css-inline" && self.text(&a.value) == "ignore");
            if !self.text(name).eq_ignore_ascii_case("style") || ignored || self.flat.has_tag(text) {
                continue;
            }
            let close =
                self.flat.text.get(end.end..).and_then(|rest| rest.find('>')).map_or(end.end, |at| end.end + at + 1);
            sheets.push(Sheet { number: here, text: text.clone(), whole: whole.start..close });
        }
        sheets
    }

    /// What css-inline gets to see: the letter without Tera's tags, each element with its number.
    fn seen(&self) -> String {
        let mut edits: Vec<(Range<usize>, String)> = Vec::new();
        for (number, name, attributes) in self.starts() {
            edits.push((name.end..name.end, format!(" {MARK}=\"{number}\"")));
            for attribute in attributes {
                // Half of a style is no style; it is put behind what is found here.
                if self.is_style(attribute) && self.flat.has_tag(&attribute.value) {
                    edits.push((attribute.name.clone(), "data-style".into()));
                }
            }
        }
        for item in &self.markup.items {
            if let Item::Raw { text } = item
                && self.flat.has_tag(text)
            {
                edits.push((text.clone(), String::new()));
            }
        }
        for (place, kind) in &self.markup.tags {
            let word = matches!(kind, Place::Name | Place::Attributes | Place::Bare);
            edits.push((place.clone(), if word { "x".into() } else { String::new() }));
        }
        edits.sort_by_key(|(place, _)| (place.start, place.end));
        let mut out = String::with_capacity(self.flat.text.len() * 2);
        let mut at = 0;
        for (place, with) in edits {
            if place.start < at {
                continue;
            }
            out.push_str(self.text(&(at..place.start)));
            out.push_str(&with);
            at = place.end;
        }
        out.push_str(self.text(&(at..self.flat.text.len())));
        out
    }

    fn is_style(&self, attribute: &Attribute) -> bool {
        self.text(&attribute.name).eq_ignore_ascii_case("style")
    }

    /// What changes in the letter, in order.
    fn edits(&self, found: &Found, sheets: &[Sheet]) -> Vec<(Range<usize>, String)> {
        let mut edits = Vec::new();
        for (number, name, attributes) in self.starts() {
            let Some(style) = found.styles.get(&number) else { continue };
            match attributes.iter().find(|attribute| self.is_style(attribute)) {
                None => edits.push((name.end..name.end, format!(" style=\"{style}\""))),
                Some(attribute) if self.flat.has_tag(&attribute.value) => {
                    let style =
                        if attribute.quote == Some(b'\'') { style.replace('\'', "&#39;") } else { style.clone() };
                    let start = attribute.value.start;
                    edits.push((start..start, format!("{};", style.trim_end_matches([';', ' ']))));
                }
                Some(attribute) if self.text(&attribute.value) != style => {
                    let quotes = usize::from(attribute.quote.is_some());
                    let place = attribute.value.start - quotes..attribute.value.end + quotes;
                    edits.push((place, format!("\"{style}\"")));
                }
                Some(_) => {}
            }
        }
        for item in &self.markup.items {
            let Item::Start { attributes, .. } = item else { continue };
            // It speaks to us, not to mail programs.
            let marks = attributes.iter().filter(|attribute| self.text(&attribute.name) == IGNORE.0);
            edits.extend(marks.map(|a| (a.name.start..a.value.end + usize::from(a.quote.is_some()), String::new())));
        }
        for sheet in sheets {
            match found.sheets.get(&sheet.number).map(|rules| rules.trim()).filter(|rules| !rules.is_empty()) {
                Some(rules) => edits.push((sheet.text.clone(), format!("\n{rules}\n"))),
                None => edits.push((sheet.whole.clone(), String::new())),
            }
        }
        edits.sort_by_key(|(place, _)| (place.start, place.end));
        // Nothing is put into a sheet that is taken out.
        let mut end = 0;
        edits.retain(|(place, _)| {
            let free = place.start >= end;
            end = end.max(place.end);
            free
        });
        edits
    }
}

/// What css-inline answered, by the numbers of elements.
#[derive(Default)]
struct Found {
    styles: BTreeMap<usize, String>,
    sheets: BTreeMap<usize, String>,
}

impl Found {
    fn read(html: &str) -> Self {
        let mut flat = Flat::default();
        flat.text.push_str(html);
        let mut found = Self::default();
        let text = |place: &Range<usize>| html.get(place.clone()).unwrap_or_default();
        let mut last = None;
        for item in walk(&flat).items {
            match item {
                Item::Start { attributes, .. } => {
                    let value = |name: &str| attributes.iter().find(|a| text(&a.name) == name).map(|a| text(&a.value));
                    last = value(MARK).and_then(|number| number.parse::<usize>().ok());
                    if let (Some(number), Some(style)) = (last, value("style")) {
                        found.styles.insert(number, style.to_owned());
                    }
                }
                Item::Raw { text: place } => {
                    if let Some(number) = last {
                        found.sheets.insert(number, text(&place).to_owned());
                    }
                }
                Item::End { .. } => last = None,
            }
        }
        found
    }
}
