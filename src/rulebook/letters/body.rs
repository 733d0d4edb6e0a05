//! The HTML of a letter made ready when the rulebook loads: layouts and includes resolved, MJML turned into HTML, styles written
//! into the elements. What is left for each letter is Tera's filling.
//!
//! Invariants: the result means to Tera what the files mean; every tag of Tera's in it knows the file and the place it comes
//! from; nothing is fetched from anywhere.

mod flat;
mod flatten;
mod inline;
mod mjml;
mod nesting;
mod pictures;
mod pieces;
mod walk;

use std::collections::BTreeMap;
use std::ops::Range;

use super::files::Shelf;
use super::links::Template;
use crate::rulebook::diagnostic::Diagnostic;
use crate::rulebook::source::Source;

pub(super) use flat::Flat;
use flatten::{MAX_FLAT, Refusal, flatten};
pub(super) use pictures::Pictures;

/// What became of a letter's HTML.
#[derive(Debug)]
pub(super) enum Outcome<'t> {
    /// It is ready, with the pictures that it shows.
    Ready(Flat<'t>, Pictures),
    /// It has faults, which were reported.
    Faulty,
    /// Its files come to themselves again: Tera says where.
    Circle,
}

/// Makes the HTML of a letter from the part of a file that holds it.
pub(super) fn make<'t>(
    source: &'t Source,
    body: Range<usize>,
    templates: &BTreeMap<String, Template<'t>>,
    shelf: Shelf<'_>,
    faults: &mut Vec<Diagnostic>,
) -> Outcome<'t> {
    let flat = match flatten(source, body, templates) {
        Ok(flat) => flat,
        Err(Refusal::Circle) => return Outcome::Circle,
        Err(Refusal::Size) => {
            let message = format!("with everything that it includes this letter is larger than {MAX_FLAT} bytes");
            faults.push(source.error("letter-markup", &(0..0), message));
            return Outcome::Faulty;
        }
    };
    let is_mjml = source.path.extension().is_some_and(|extension| extension == "mjml");
    let made = if is_mjml {
        mjml::html(&flat, faults).and_then(|(html, styles)| inline::inlined(&html, Some(&styles), faults))
    } else {
        inline::inlined(&flat, None, faults)
    };
    let Some(made) = made else { return Outcome::Faulty };
    let map = source.path.iter().next().map(|map| map.to_string_lossy().into_owned()).unwrap_or_default();
    let (made, pictures) = pictures::pictures(&made, &map, shelf, faults);
    Outcome::Ready(made, pictures)
}
