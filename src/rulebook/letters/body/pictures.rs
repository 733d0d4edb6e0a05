//! Pictures that come with the letter: `<img src="files/logo.png">` shows a file of the rulebook, which goes along as a part of
//! the letter (RFC 2392), so that it is seen where nothing is loaded from the network.

use std::ops::Range;

use super::super::files::{Enclosed, Shelf};
use super::flat::Flat;
use super::walk::{Item, walk};
use crate::rulebook::diagnostic::Diagnostic;

/// The letter with its pictures by their content ids, and the pictures.
pub(super) fn pictures<'t>(
    flat: &Flat<'t>,
    map: &str,
    shelf: Shelf<'_>,
    faults: &mut Vec<Diagnostic>,
) -> (Flat<'t>, Vec<Enclosed>) {
    let text = |place: &Range<usize>| flat.text.get(place.clone()).unwrap_or_default();
    let mut edits = Vec::new();
    let mut found: Vec<Enclosed> = Vec::new();
    for item in walk(flat).items {
        let Item::Start { name, attributes, .. } = item else { continue };
        if !text(&name).eq_ignore_ascii_case("img") {
            continue;
        }
        let sources = attributes.iter().filter(|attribute| text(&attribute.name).eq_ignore_ascii_case("src"));
        for place in sources.map(|attribute| &attribute.value).filter(|place| !flat.has_tag(place)) {
            let source = text(place).trim();
            let Some(file) = source.strip_prefix("files/").or_else(|| source.strip_prefix("cid:")) else { continue };
            match shelf.find(map, file, true) {
                Ok(picture) => {
                    let id = picture.content_id.clone().unwrap_or_default();
                    edits.push((place.clone(), format!("cid:{id}")));
                    if !found.contains(&picture) {
                        found.push(picture);
                    }
                }
                Err(help) => {
                    if let Some(origin) = flat.origin(place.start) {
                        let place = origin.at..origin.at + place.len().max(1);
                        let fault = origin.source.error("unknown-file", &place, format!("there is no file `{file}`"));
                        faults.push(fault.help(help));
                    }
                }
            }
        }
    }
    (flat.edited(&edits), found)
}
