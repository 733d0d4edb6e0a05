//! Addresses from which letters have files fetched: in `Attach: https://…` and in `<img src="cid:https://…">`.
//!
//! Not here: from where they may be fetched, and fetching (`mail::attachments`).

use std::ops::Range;

use crate::rulebook::diagnostic::Diagnostic;
use crate::rulebook::source::Source;

/// Where a file of the rulebook names an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// It, as far as it is the same for everyone: up to the first tag of Tera's.
    pub text: String,
    /// What to tell of it if nothing may be fetched from there.
    pub told: Diagnostic,
}

/// Whether what a letter names is an address, perhaps one that is filled; else it is a file of the rulebook.
pub(super) fn is_address(text: &str) -> bool {
    text.contains("://") || has_tag(text)
}

fn has_tag(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// The address that stands at a place of a file. `None`: all of it is filled, so it is known only then.
pub(super) fn address(text: &str, source: &Source, place: &Range<usize>) -> Option<Address> {
    let same = text.find("{{").into_iter().chain(text.find("{%")).min().unwrap_or(text.len());
    let same = text.get(..same).unwrap_or_default().trim();
    if same.is_empty() {
        return None;
    }
    let message = "nothing may be fetched from this address";
    let told = source.error("unlisted-address", place, message);
    Some(Address {
        text: same.to_owned(),
        told: told.help("add the part up to a `/` to `mail.attachments.allow` of the settings"),
    })
}
