//! Finding the links of a letter and putting others in their place, each part in one pass.

use std::borrow::Cow;

/// A letter's HTML with other links. `other` gives what stands in place of a link, if not the link itself.
pub(super) fn html(html: &str, other: &mut impl FnMut(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(html.len() + html.len() / 8);
    let mut copied = 0;
    let mut at = 0;
    while let Some(open) = html[at..].find('<').map(|found| at + found) {
        if html[open..].starts_with("<!--") {
            // What only one program reads is left to it.
            at = html[open..].find("-->").map_or(html.len(), |end| open + end);
            continue;
        }
        let (tag, end) = tag(html, open);
        at = end;
        let Some((start, stop)) = tag.then(|| href(html, open, end)).flatten() else { continue };
        let link = unescaped(html[start..stop].trim());
        if is_web(&link)
            && let Some(new) = other(&link)
        {
            out.push_str(&html[copied..start]);
            escape_onto(&mut out, &new);
            copied = stop;
        }
    }
    out.push_str(&html[copied..]);
    out
}

/// A letter's text with other links.
pub(super) fn text(text: &str, other: &mut impl FnMut(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    let mut copied = 0;
    for (start, _) in text.match_indices("http") {
        let joined = text[..start].chars().next_back().is_some_and(char::is_alphanumeric);
        if start < copied || joined || !is_web(&text[start..]) {
            continue;
        }
        let rest = &text[start..];
        let end = rest.find(|c: char| c.is_whitespace() || c.is_control() || "<>\"".contains(c)).unwrap_or(rest.len());
        let link = without_stop(&rest[..end]);
        if let Some(new) = other(link) {
            out.push_str(&text[copied..start]);
            out.push_str(&new);
            copied = start + link.len();
        }
    }
    out.push_str(&text[copied..]);
    out
}

/// The HTML with a picture that nobody sees, at its end.
pub(super) fn with_picture(html: &str, address: &str) -> String {
    let picture = format!(
        "<img src=\"{address}\" width=\"1\" height=\"1\" alt=\"\" style=\"display:block;border:0;width:1px;height:1px\">"
    );
    let at = html.rfind("</body").or_else(|| html.rfind("</BODY")).unwrap_or(html.len());
    format!("{}{picture}{}", &html[..at], &html[at..])
}

/// Whether the tag that opens here leads somewhere, and where it ends.
fn tag(html: &str, open: usize) -> (bool, usize) {
    let bytes = html.as_bytes();
    let mut quote = None;
    let mut end = open + 1;
    while let Some(&byte) = bytes.get(end) {
        match (quote, byte) {
            (None, b'>') => break,
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
        end += 1;
    }
    let leads = |name: &str| {
        bytes.get(open + 1..open + 1 + name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
            && bytes.get(open + 1 + name.len()).is_some_and(u8::is_ascii_whitespace)
    };
    (leads("a") || leads("area"), end)
}

/// Where the value of `href` stands in the tag between `open` and `end`; unquoted values stay as they are.
fn href(html: &str, open: usize, end: usize) -> Option<(usize, usize)> {
    let bytes = html.as_bytes();
    let mut at = open + 1;
    // The tag's name.
    while at < end && !bytes[at].is_ascii_whitespace() {
        at += 1;
    }
    while at < end {
        while at < end && (bytes[at].is_ascii_whitespace() || bytes[at] == b'/') {
            at += 1;
        }
        let name = at;
        while at < end && !bytes[at].is_ascii_whitespace() && bytes[at] != b'=' {
            at += 1;
        }
        let is_href = bytes[name..at].eq_ignore_ascii_case(b"href");
        while at < end && bytes[at].is_ascii_whitespace() {
            at += 1;
        }
        if at >= end || bytes[at] != b'=' {
            continue;
        }
        at += 1;
        while at < end && bytes[at].is_ascii_whitespace() {
            at += 1;
        }
        let Some(&quote) = bytes.get(at).filter(|byte| matches!(byte, b'"' | b'\'')) else {
            while at < end && !bytes[at].is_ascii_whitespace() {
                at += 1;
            }
            continue;
        };
        let start = at + 1;
        let stop = html[start..end].find(char::from(quote)).map(|found| start + found)?;
        if is_href {
            return Some((start, stop));
        }
        at = stop + 1;
    }
    None
}

fn is_web(link: &str) -> bool {
    let starts = |scheme: &str| link.get(..scheme.len()).is_some_and(|found| found.eq_ignore_ascii_case(scheme));
    starts("https://") || starts("http://")
}

/// A link in a sentence without the sentence's own signs at its end.
fn without_stop(link: &str) -> &str {
    let mut link = link;
    loop {
        let shorter = link.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '»', '”', '*', '_', ']', '}']);
        // A bracket belongs to the link if it was opened in it.
        let closes = shorter.ends_with(')') && shorter.matches(')').count() > shorter.matches('(').count();
        let shorter = if closes { &shorter[..shorter.len() - 1] } else { shorter };
        if shorter.len() == link.len() {
            return link;
        }
        link = shorter;
    }
}

/// An attribute's value as it is meant.
/// A value of an attribute as it is meant.
pub(in crate::mail) fn unescaped(value: &str) -> Cow<'_, str> {
    if !value.contains('&') {
        return value.into();
    }
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.find(';').filter(|end| *end <= 10);
        if let Some((meant, end)) = end.and_then(|end| Some((entity(&rest[1..end])?, end))) {
            out.push(meant);
            rest = &rest[end + 1..];
        } else {
            out.push('&');
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    out.into()
}

fn entity(name: &str) -> Option<char> {
    match name {
        "amp" => return Some('&'),
        "quot" => return Some('"'),
        "apos" => return Some('\''),
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        _ => {}
    }
    let number = name.strip_prefix('#')?;
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => number.parse().ok()?,
    };
    char::from_u32(code)
}

/// Puts a text behind another, as the value of an attribute.
pub(in crate::mail) fn escape_onto(out: &mut String, link: &str) {
    for c in link.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links_of_html(source: &str) -> (Vec<String>, String) {
        let mut found = Vec::new();
        let out = html(source, &mut |link| {
            found.push(link.to_owned());
            Some(format!("https://x.example/?n={}&m", found.len()))
        });
        (found, out)
    }

    #[test]
    fn links_of_html_are_found_and_replaced() {
        for (source, links, expect) in [
            ("<p>none</p>", vec![], "<p>none</p>"),
            (
                "<a class='b' href=\"https://a.example/?x=1&amp;y=2\">A</a> and <A\n HREF = 'http://b.example'>B</A>",
                vec!["https://a.example/?x=1&y=2", "http://b.example"],
                "<a class='b' href=\"https://x.example/?n=1&amp;m\">A</a> and <A\n HREF = 'https://x.example/?n=2&amp;m'>B</A>",
            ),
            (
                "<a title=\"href='https://no.example' >\" href=\" https://a.example \">A</a>",
                vec!["https://a.example"],
                "<a title=\"href='https://no.example' >\" href=\"https://x.example/?n=1&amp;m\">A</a>",
            ),
            (
                "<map><area shape=rect href=\"https://a.example/&#x2d;&unknown;\"></map>",
                vec!["https://a.example/-&unknown;"],
                "<map><area shape=rect href=\"https://x.example/?n=1&amp;m\"></map>",
            ),
            (
                "<a href=\"mailto:a@b.example\">m</a><a href=\"tel:1\">t</a><a href=\"#top\">#</a><a>n</a><a href>h</a>",
                vec![],
                "<a href=\"mailto:a@b.example\">m</a><a href=\"tel:1\">t</a><a href=\"#top\">#</a><a>n</a><a href>h</a>",
            ),
            (
                "<!--[if mso]><a href=\"https://a.example\">A</a><![endif]--><link href=\"https://b.example\"><abbr href=\"https://c.example\">",
                vec![],
                "<!--[if mso]><a href=\"https://a.example\">A</a><![endif]--><link href=\"https://b.example\"><abbr href=\"https://c.example\">",
            ),
            ("<a href=\"https://a.example", vec![], "<a href=\"https://a.example"),
            ("<a", vec![], "<a"),
            ("<a href=https://a.example>A</a> <", vec![], "<a href=https://a.example>A</a> <"),
        ] {
            let (found, out) = links_of_html(source);
            assert_eq!((found, out.as_str()), (links.into_iter().map(str::to_owned).collect(), expect), "{source}");
        }
    }

    #[test]
    fn links_of_text_are_found_without_the_sentence_around_them() {
        for (source, links) in [
            (
                "See https://a.example/x, or (http://b.example/y_(z)).",
                vec!["https://a.example/x", "http://b.example/y_(z)"],
            ),
            (
                "<https://a.example/?q=1&r=2>\nhttps://b.example",
                vec!["https://a.example/?q=1&r=2", "https://b.example"],
            ),
            ("http and xhttps://no.example and https:/no", vec![]),
            ("«https://кошки.example/путь»", vec!["https://кошки.example/путь"]),
        ] {
            let mut found = Vec::new();
            let out = text(source, &mut |link| {
                found.push(link.to_owned());
                None
            });
            assert_eq!((found, out.as_str()), (links.into_iter().map(str::to_owned).collect(), source));
        }
        let out = text("a https://a.example/b.\nc https://a.example", &mut |_| Some("S".into()));
        assert_eq!(out, "a S.\nc S");
    }
}
