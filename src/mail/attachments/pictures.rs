//! Pictures of addresses in the HTML of a letter that is filled: `<img src="cid:https://…">`.

use super::without_credentials;
use crate::mail::tracking::rewrite::{escape_onto, unescaped};

/// What stands before the address.
const BEFORE: &str = "cid:http";
const SCHEME: usize = "cid:".len();

/// The addresses of the pictures that are to go along, each once.
pub(super) fn addresses(html: &str) -> Vec<String> {
    let mut found = Vec::new();
    each(html, |_, address| {
        if !found.contains(&address) {
            found.push(address);
        }
    });
    found
}

/// The HTML with those that go along by their content ids, and the others by their addresses.
pub(super) fn shown(html: &str, ids: &[(String, String)]) -> String {
    let mut out = String::with_capacity(html.len());
    let mut copied = 0;
    each(html, |value, address| {
        out.push_str(html.get(copied..value.start).unwrap_or_default());
        if let Some((_, id)) = ids.iter().find(|(known, _)| *known == address) {
            out.push_str("cid:");
            out.push_str(id);
        } else {
            // What only we may know stays here.
            escape_onto(&mut out, &without_credentials(&address));
        }
        copied = value.end;
    });
    out.push_str(html.get(copied..).unwrap_or_default());
    out
}

/// Calls for each value in quotes that begins so, with its place and its address.
fn each(html: &str, mut found: impl FnMut(std::ops::Range<usize>, String)) {
    for (start, _) in html.match_indices(BEFORE) {
        let before = html.get(..start).unwrap_or_default().trim_end();
        let Some(quote) = before.chars().next_back().filter(|c| matches!(c, '"' | '\'')) else { continue };
        let value = html.get(start..).unwrap_or_default();
        let Some(length) = value.find(quote) else { continue };
        let address = value.get(SCHEME..length).unwrap_or_default().trim();
        found(start..start + length, unescaped(address).into_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_found_and_shown() {
        let html = "<p>\"cid:no</p><img src=\"cid:https://a.example/x?b=1&amp;c=2\"><img alt='' src=' cid:https://a.example/y '>\
            <img src=\"cid:https://a.example/x?b=1&amp;c=2\"><img src=\"https://a.example/z\"> cid:https://a.example/text";
        let (x, y) = ("https://a.example/x?b=1&c=2".to_owned(), "https://a.example/y".to_owned());
        assert_eq!(addresses(html), [x.clone(), y]);
        let out = shown(html, &[(x, "1@files".into())]);
        assert_eq!(
            out,
            "<p>\"cid:no</p><img src=\"cid:1@files\"><img alt='' src=' https://a.example/y'>\
            <img src=\"cid:1@files\"><img src=\"https://a.example/z\"> cid:https://a.example/text"
        );
        assert_eq!(addresses("<img src=\"cid:https://a.example/x"), Vec::<String>::new());
        let secret = "<img src=\"cid:https://ann:key@a.example/x?b&amp;c\">";
        assert_eq!(shown(secret, &[]), "<img src=\"https://a.example/x?b&amp;c\">");
    }
}
