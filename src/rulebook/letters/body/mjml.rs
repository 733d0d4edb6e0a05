//! MJML to HTML, once for all letters: Tera's tags are hidden behind marks that MJML takes for text or for comments, and stand
//! in the HTML where MJML put the marks.

use std::ops::Range;

use mrml::prelude::parser::{Error, Origin as Where, ParserOptions, Span, WarningKind};
use mrml::prelude::render::RenderOptions;

use super::flat::Flat;
use super::nesting;
use super::walk::{Item, Markup, Place, walk};
use crate::journey::spelling::suggest;
use crate::rulebook::diagnostic::Diagnostic;

const ELEMENTS: [&str; 33] = [
    "mjml",
    "mj-head",
    "mj-body",
    "mj-attributes",
    "mj-all",
    "mj-class",
    "mj-breakpoint",
    "mj-font",
    "mj-preview",
    "mj-style",
    "mj-title",
    "mj-accordion",
    "mj-accordion-element",
    "mj-accordion-title",
    "mj-accordion-text",
    "mj-button",
    "mj-carousel",
    "mj-carousel-image",
    "mj-column",
    "mj-divider",
    "mj-group",
    "mj-hero",
    "mj-image",
    "mj-navbar",
    "mj-navbar-link",
    "mj-raw",
    "mj-section",
    "mj-social",
    "mj-social-element",
    "mj-spacer",
    "mj-table",
    "mj-text",
    "mj-wrapper",
];

/// What stands behind a mark.
struct Hole {
    place: Range<usize>,
    /// How it is hidden.
    hidden: String,
    /// What comes back, and whether that is a tag.
    back: Option<(String, bool)>,
}

/// What is to come back: in what kind of place, what, and whether it is a tag.
type Back = Option<(Place, String, bool)>;

/// The HTML, and the styles that are to be written into its elements. `None` if there was a fault.
pub(super) fn html<'t>(flat: &Flat<'t>, faults: &mut Vec<Diagnostic>) -> Option<(Flat<'t>, String)> {
    let markup = walk(flat);
    let before = faults.len();
    let mut work = Work { flat, markup: &markup, faults };
    let Some(part) = work.root() else {
        work.fault(0..0, "mjml", "there is no `<mjml>` in this letter", "write `<mjml><mj-body>…</mj-body></mjml>`");
        return None;
    };
    nesting::check_strictly(flat, &markup, work.faults);
    let (styles, cut) = work.styles();
    work.elements();
    if work.faults.len() > before {
        return None;
    }
    let mut mark = String::from("zq");
    while flat.text.contains(&mark) {
        mark.push('x');
    }
    let holes = work.holes(&mark, cut, &part);
    let hidden = Hidden::new(flat, &holes, part.clone());
    let options = ParserOptions::default();
    let parsed = match mrml::parse_with_options(&hidden.text, &options) {
        Ok(parsed) => parsed,
        Err(error) => {
            work.refused(&error, &hidden);
            return None;
        }
    };
    for warning in parsed.warnings {
        if let (Where::Root, WarningKind::UnexpectedAttribute) = (&warning.origin, warning.kind) {
            let written = hidden.text.get(warning.span.start..warning.span.end).unwrap_or_default();
            let name = written.split('=').next().unwrap_or_default().trim().to_owned();
            let place = hidden.place(warning.span);
            work.warn(&place, "mjml-attribute", format!("MJML has no use for `{name}` here"));
        }
    }
    // Fonts of the network are loaded by nobody who did not ask for them by `mj-font`.
    let options = RenderOptions { fonts: std::collections::HashMap::new(), ..RenderOptions::default() };
    let html = match parsed.element.render(&options) {
        Ok(html) => html,
        Err(error) => {
            work.fault(part.start..part.start + 1, "mjml", format!("MJML cannot show this letter: {error}"), "");
            return None;
        }
    };
    let out = work.restore(&html, &mark, &holes, &part);
    (work.faults.len() == before || !work.faults[before..].iter().any(is_error)).then_some((out, styles))
}

fn is_error(fault: &Diagnostic) -> bool {
    fault.severity == crate::rulebook::diagnostic::Severity::Error
}

struct Work<'a, 't> {
    flat: &'a Flat<'t>,
    markup: &'a Markup,
    faults: &'a mut Vec<Diagnostic>,
}

impl<'t> Work<'_, 't> {
    fn name(&self, name: &Range<usize>) -> &str {
        self.flat.text.get(name.clone()).unwrap_or_default()
    }

    /// From `<mjml>` to behind `</mjml>`; what stands around it are Tera's tags that print nothing.
    fn root(&self) -> Option<Range<usize>> {
        let start = self.markup.items.iter().find_map(|item| match item {
            Item::Start { name, whole, .. } if self.name(name) == "mjml" => Some(whole.start),
            _ => None,
        })?;
        let end = self.markup.items.iter().rev().find_map(|item| match item {
            Item::End { name } if self.name(name) == "mjml" => Some(name.end),
            _ => None,
        });
        let close = end.and_then(|end| self.flat.text.get(end..)?.find('>').map(|offset| end + offset + 1));
        Some(start..close.unwrap_or(self.flat.text.len()))
    }

    /// The styles that are to be inlined, and where they stand.
    fn styles(&mut self) -> (String, Vec<Range<usize>>) {
        let mut styles = String::new();
        let mut cut = Vec::new();
        for triple in self.markup.items.windows(3) {
            let [Item::Start { name, attributes, whole, .. }, Item::Raw { text }, Item::End { name: end }] = triple
            else {
                continue;
            };
            let inline = attributes
                .iter()
                .any(|a| self.name(&a.name) == "inline" && self.name(&a.value).eq_ignore_ascii_case("inline"));
            if self.name(name) != "mj-style" || !inline {
                continue;
            }
            if self.flat.has_tag(text) {
                let message = "a style with Tera's tags in it cannot be written into the elements";
                self.fault(whole.clone(), "mjml-style", message, "leave out `inline`, or the tags");
            }
            styles.push_str(self.flat.text.get(text.clone()).unwrap_or_default());
            styles.push('\n');
            let close =
                self.flat.text.get(end.end..).and_then(|rest| rest.find('>')).map_or(end.end, |at| end.end + at + 1);
            cut.push(whole.start..close);
        }
        (styles, cut)
    }

    /// MJML would show elements that it does not know as they are; its own way to include reads files, where Tera's has checks.
    fn elements(&mut self) {
        for item in &self.markup.items {
            let Item::Start { name: place, .. } = item else { continue };
            let name = self.name(place).to_owned();
            if name == "mj-include" {
                let help = "write `{% include \"shared/part.mjml\" %}`";
                self.fault(place.clone(), "mjml-include", "`mj-include` is not read here", help);
            } else if name.starts_with("mj") && !ELEMENTS.contains(&name.as_str()) {
                let help = suggest(&name, &ELEMENTS, "elements");
                self.fault(place.clone(), "mjml", format!("MJML knows no element `{name}`"), help);
            }
        }
    }

    /// Everything that MJML must not see, in order.
    fn holes(&self, mark: &str, cut: Vec<Range<usize>>, part: &Range<usize>) -> Vec<Hole> {
        let mut holes: Vec<(Range<usize>, Back)> = Vec::new();
        for (place, kind) in &self.markup.tags {
            let text = self.flat.text.get(place.clone()).unwrap_or_default();
            holes.push((place.clone(), Some((*kind, text.to_owned(), true))));
        }
        // mrml writes attributes as Rust shows texts: what that would escape goes around it.
        for item in &self.markup.items {
            let Item::Start { attributes, .. } = item else { continue };
            for attribute in attributes {
                let value = self.flat.text.get(attribute.value.clone()).unwrap_or_default();
                for (at, c) in value.char_indices() {
                    let at = attribute.value.start + at;
                    let place = at..at + c.len_utf8();
                    if c != '\'' && c.escape_debug().len() > 1 && !self.flat.has_tag(&place) {
                        let back = if c == '"' { "&quot;".to_owned() } else { c.to_string() };
                        holes.push((place, Some((Place::Value, back, false))));
                    }
                }
            }
        }
        holes.extend(cut.into_iter().map(|place| (place, None)));
        holes.sort_by_key(|(place, _)| (place.start, place.end));
        let inside = holes.into_iter().filter(|(place, _)| place.start >= part.start && place.end <= part.end);
        let hide = |(index, (place, back)): (usize, (Range<usize>, Back))| {
            let Some((kind, text, tag)) = back else { return Hole { place, hidden: String::new(), back: None } };
            let word = format!("{mark}{index}qz");
            let hidden = match kind {
                Place::Text => format!("<!--{word}-->"),
                Place::Attributes => format!(" {word} "),
                _ => word,
            };
            Hole { place, hidden, back: Some((text, tag)) }
        };
        inside.enumerate().map(hide).collect()
    }

    /// The HTML with what stands behind the marks, and the tags around the letter.
    fn restore(&mut self, html: &str, mark: &str, holes: &[Hole], part: &Range<usize>) -> Flat<'t> {
        let mut out = Flat::default();
        let mut seen = vec![false; holes.len()];
        let Some(mut last) = self.flat.origin(part.start) else { return out };
        let around = |range: Range<usize>, out: &mut Flat<'t>| {
            for (place, _) in self.markup.tags.iter().filter(|(p, _)| p.start >= range.start && p.end <= range.end) {
                if let (Some(origin), Some(text)) = (self.flat.origin(place.start), self.flat.text.get(place.clone())) {
                    out.tag(text, origin);
                }
            }
        };
        around(0..part.start, &mut out);
        let mut rest = html;
        while let Some(at) = rest.find(mark) {
            let number = &rest[at + mark.len()..];
            let digits = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
            let index = number[..digits].parse::<usize>().ok().filter(|_| number[digits..].starts_with("qz"));
            let Some((index, (text, tag))) =
                index.and_then(|index| holes.get(index)?.back.as_ref().map(|back| (index, back)))
            else {
                out.make(&rest[..at + mark.len()], last);
                rest = number;
                continue;
            };
            let (mut before, mut after) = (&rest[..at], &number[digits + 2..]);
            if let (Some(open), Some(close)) = (before.strip_suffix("<!--"), after.strip_prefix("-->")) {
                (before, after) = (open, close);
            }
            out.make(before, last);
            if let Some(origin) = self.flat.origin(holes[index].place.start) {
                last = origin;
                if *tag { out.tag(text, origin) } else { out.make(text, origin) }
            }
            seen[index] = true;
            rest = after;
        }
        out.make(rest, last);
        around(part.end..self.flat.text.len(), &mut out);
        for (hole, seen) in holes.iter().zip(seen) {
            if !seen && hole.back.as_ref().is_some_and(|(_, tag)| *tag) {
                let help = "MJML has to know sizes and names of elements: write them out, or put the tag into a text, a \
                            style, a link or around whole elements";
                self.fault(hole.place.clone(), "mjml-tag", "MJML takes no tag of Tera's in this place", help);
            }
        }
        out
    }

    fn refused(&mut self, error: &Error, hidden: &Hidden) {
        let (place, message, help) = match error {
            Error::UnexpectedElement { position, .. } => {
                let place = hidden.place(*position);
                let name = self.name(&place).trim_matches(['<', '>', '/']).to_owned();
                let help =
                    "mjml holds mj-head and mj-body, mj-body sections, sections columns, columns what is to be seen";
                (place, format!("`{name}` cannot stand here"), help.to_owned())
            }
            Error::MissingAttribute { name, position, .. } => {
                (hidden.place(*position), format!("the attribute `{name}` is missing"), String::new())
            }
            Error::UnexpectedToken { position, .. } => {
                let help = "text and HTML belong into `<mj-text>`, `<mj-button>`, `<mj-table>` or `<mj-raw>`";
                (hidden.place(*position), "MJML cannot have this here".to_owned(), help.to_owned())
            }
            Error::InvalidAttribute { position, .. } | Error::InvalidFormat { position, .. } => {
                (hidden.place(*position), "MJML cannot read this".to_owned(), String::new())
            }
            Error::ParserError { source, .. } => {
                let at = hidden.row_and_column(source.pos().row as usize, source.pos().col as usize);
                (at..at + 1, format!("MJML cannot read this: {source}"), String::new())
            }
            other => {
                let end = self.flat.text.len();
                (end..end, format!("MJML cannot read this letter: {other}"), "is every element closed?".to_owned())
            }
        };
        self.fault(place, "mjml", message, help);
    }

    fn fault(&mut self, place: Range<usize>, code: &'static str, message: impl Into<String>, help: impl Into<String>) {
        let Some(origin) = self.flat.origin(place.start) else { return };
        let fault = origin.source.error(code, &(origin.at..origin.at + place.len().max(1)), message);
        self.faults.push(fault.help_maybe(Some(help.into()).filter(|help| !help.is_empty())));
    }

    fn warn(&mut self, place: &Range<usize>, code: &'static str, message: String) {
        let Some(origin) = self.flat.origin(place.start) else { return };
        let place = origin.at..origin.at + place.len().max(1);
        self.faults.push(origin.source.error(code, &place, message).warning());
    }
}

/// What MJML gets to see, with the way back.
struct Hidden {
    text: String,
    /// Places of pieces: here, and in the flat text.
    map: Vec<(usize, usize)>,
}

impl Hidden {
    fn new(flat: &Flat<'_>, holes: &[Hole], part: Range<usize>) -> Self {
        let mut out = Self { text: String::new(), map: Vec::new() };
        let mut at = part.start;
        for hole in holes {
            // What stands in a style that was taken out is gone with it.
            if hole.place.start < at {
                continue;
            }
            out.map.push((out.text.len(), at));
            out.text.push_str(flat.text.get(at..hole.place.start).unwrap_or_default());
            out.map.push((out.text.len(), hole.place.start));
            out.text.push_str(&hole.hidden);
            at = hole.place.end;
        }
        out.map.push((out.text.len(), at));
        out.text.push_str(flat.text.get(at..part.end).unwrap_or_default());
        out
    }

    fn place(&self, span: Span) -> Range<usize> {
        let start = self.at(span.start);
        start..self.at(span.end).max(start)
    }

    fn at(&self, here: usize) -> usize {
        let index = self.map.partition_point(|(at, _)| *at <= here).saturating_sub(1);
        self.map.get(index).map_or(0, |(at, there)| there + here.saturating_sub(*at))
    }

    fn row_and_column(&self, row: usize, column: usize) -> usize {
        let start: usize = self.text.split_inclusive('\n').take(row.saturating_sub(1)).map(str::len).sum();
        let line = self.text.get(start..).unwrap_or_default();
        self.at(start + line.char_indices().nth(column.saturating_sub(1)).map_or(line.len(), |(at, _)| at))
    }
}
