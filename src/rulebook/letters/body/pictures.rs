//! Pictures that come with the letter: `<img src="files/logo.png">` shows a file of the rulebook, which goes along as a part of
//! the letter (RFC 2392), so that it is seen where nothing is loaded from the network. `<img src="cid:https://…">` does the
//! same with a file that is fetched when the letter is composed.

use std::ops::Range;

use super::super::addresses::{Address, address, is_address};
use super::super::files::{Enclosed, Shelf};
use super::flat::Flat;
use super::walk::{Item, walk};
use crate::rulebook::diagnostic::Diagnostic;

/// The pictures of a letter.
#[derive(Clone, Debug, Default)]
pub(in crate::rulebook::letters) struct Pictures {
    /// Those of the rulebook.
    pub(in crate::rulebook::letters) enclosed: Vec<Enclosed>,
    /// Whether there are others, which are fetched.
    pub(in crate::rulebook::letters) fetched: bool,
    /// Where from, as far as that is the same for everyone.
    pub(in crate::rulebook::letters) addresses: Vec<Address>,
}

/// The letter with its pictures by their content ids, and the pictures.
pub(super) fn pictures<'t>(
    flat: &Flat<'t>,
    map: &str,
    shelf: Shelf<'_>,
    faults: &mut Vec<Diagnostic>,
) -> (Flat<'t>, Pictures) {
    let text = |place: &Range<usize>| flat.text.get(place.clone()).unwrap_or_default();
    let mut edits = Vec::new();
    let mut found = Pictures::default();
    for item in walk(flat).items {
        let Item::Start { name, attributes, .. } = item else { continue };
        if !text(&name).eq_ignore_ascii_case("img") {
            continue;
        }
        let sources = attributes.iter().filter(|attribute| text(&attribute.name).eq_ignore_ascii_case("src"));
        for place in sources.map(|attribute| &attribute.value) {
            let source = text(place).trim();
            if let Some(fetched) = source.strip_prefix("cid:").filter(|rest| is_address(rest)) {
                found.fetched = true;
                found.addresses.extend(
                    flat.origin(place.start).and_then(|origin| {
                        address(fetched, origin.source, &(origin.at..origin.at + place.len().max(1)))
                    }),
                );
                continue;
            }
            if flat.has_tag(place) {
                continue;
            }
            let Some(file) = source.strip_prefix("files/").or_else(|| source.strip_prefix("cid:")) else { continue };
            match shelf.find(map, file, true) {
                Ok(picture) => {
                    let id = picture.content_id.clone().unwrap_or_default();
                    edits.push((place.clone(), format!("cid:{id}")));
                    if !found.enclosed.contains(&picture) {
                        found.enclosed.push(picture);
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
