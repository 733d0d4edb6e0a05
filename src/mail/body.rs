//! The body of a letter: text, or text and HTML as alternatives, in transfer encodings that every relay takes.
//!
//! Invariants: CRLF line ends only, no bare CR or LF, no NUL or other control character; lines of at most 998 octets
//! (longer ones go out as quoted-printable, mostly non-ASCII text as base64: lettre chooses).

use lettre::message::header::{ContentTransferEncoding, ContentType, ContentTypeErr};
use lettre::message::{Attachment, Body, MultiPart, MultiPartKind, SinglePart};

use crate::rulebook::{Enclosed, Rendered};

/// What hides the preheader in every mail program, Outlook included.
const HIDDEN: &str = "<div style=\"display:none;max-height:0;max-width:0;overflow:hidden;opacity:0;mso-hide:all\">";

/// Text with `\n` line ends and no control characters but tabs.
pub fn clean(text: &str) -> String {
    // Most letters are clean; C1 controls begin with this byte in UTF-8.
    let may_be_unclean = |b: u8| (b < b' ' && b != b'\n' && b != b'\t') || b == 0x7f || b == 0xc2;
    if !text.bytes().any(may_be_unclean) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                chars.next_if_eq(&'\n');
                out.push('\n');
            }
            '\n' | '\t' => out.push(c),
            // C1 controls (NEL among them) are line breaks to some readers.
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// The HTML with its preheader: the line that mailboxes show beside the subject, hidden in the letter itself.
pub fn with_preheader(html: &str, preheader: Option<&str>) -> String {
    let Some(line) = preheader.map(str::trim).filter(|line| !line.is_empty()) else { return html.to_owned() };
    let mut hidden = String::from(HIDDEN);
    for c in line.chars() {
        match c {
            '&' => hidden.push_str("&amp;"),
            '<' => hidden.push_str("&lt;"),
            '>' => hidden.push_str("&gt;"),
            '"' => hidden.push_str("&quot;"),
            c => hidden.push(c),
        }
    }
    hidden.push_str("</div>");
    let at = after_body_tag(html);
    format!("{}{hidden}{}", &html[..at], &html[at..])
}

/// The text alone.
pub(super) fn single(text: &str) -> SinglePart {
    SinglePart::plain(Body::new(ended(text)))
}

/// All of a letter's body.
pub(super) enum Whole {
    One(SinglePart),
    Several(MultiPart),
}

/// Puts the body of a letter together: text and HTML with its pictures as alternatives, and what is attached behind them. Each
/// level has a boundary of its own, by its name.
pub(super) fn whole(letter: &Rendered, boundary: impl Fn(&str) -> String) -> Result<Whole, ContentTypeErr> {
    let of_kind = |kind, name| MultiPart::builder().kind(kind).boundary(boundary(name));
    let (pictures, attached): (Vec<&Enclosed>, Vec<&Enclosed>) =
        letter.enclosed.iter().partition(|file| file.content_id.is_some());
    let body = match &letter.html {
        None => Whole::One(single(&letter.text)),
        Some(html) if pictures.is_empty() => Whole::Several(alternatives(&letter.text, html, boundary(""))),
        Some(html) => {
            let html = SinglePart::html(Body::new(ended(html)));
            let mut related = of_kind(MultiPartKind::Related, "related").singlepart(html);
            for picture in pictures {
                related = related.singlepart(part(picture)?);
            }
            let text = of_kind(MultiPartKind::Alternative, "").singlepart(single(&letter.text));
            Whole::Several(text.multipart(related))
        }
    };
    let attached = attached.into_iter().map(part).collect::<Result<Vec<_>, _>>()?;
    Ok(with_attached(body, attached, || boundary("mixed")))
}

/// A body with files behind it, if there are any.
pub(super) fn with_attached(body: Whole, files: Vec<SinglePart>, boundary: impl FnOnce() -> String) -> Whole {
    if files.is_empty() {
        return body;
    }
    let mixed = MultiPart::builder().kind(MultiPartKind::Mixed).boundary(boundary());
    let mixed = match body {
        Whole::One(text) => mixed.singlepart(text),
        Whole::Several(parts) => mixed.multipart(parts),
    };
    Whole::Several(files.into_iter().fold(mixed, MultiPart::singlepart))
}

fn part(file: &Enclosed) -> Result<SinglePart, ContentTypeErr> {
    let kind = ContentType::parse(&file.kind)?;
    let attachment = match &file.content_id {
        Some(id) => Attachment::new_inline_with_name(id.clone(), file.name.clone()),
        None => Attachment::new(file.name.clone()),
    };
    Ok(attachment.body(octets(file.bytes.to_vec()), kind))
}

/// The content of a file: Base64 whatever is in it, as octets that go as text may get other line ends on their way.
pub(super) fn octets(bytes: Vec<u8>) -> Body {
    Body::new_with_encoding(bytes, ContentTransferEncoding::Base64).unwrap_or_else(Body::new)
}

/// Text and HTML, the plainer first (RFC 2046 §5.1.4).
pub(super) fn alternatives(text: &str, html: &str, boundary: String) -> MultiPart {
    MultiPart::builder()
        .kind(MultiPartKind::Alternative)
        .boundary(boundary)
        .singlepart(single(text))
        .singlepart(SinglePart::html(Body::new(ended(html))))
}

/// Clean text that ends its last line.
fn ended(text: &str) -> String {
    let mut text = clean(text);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// Where the content of `<body …>` begins; the beginning if there is no such tag.
fn after_body_tag(html: &str) -> usize {
    let is_tag = |at: usize| {
        let rest = &html.as_bytes()[at..];
        rest.len() > 5 && rest[..5].eq_ignore_ascii_case(b"<body") && (rest[5] == b'>' || rest[5].is_ascii_whitespace())
    };
    html.match_indices('<')
        .map(|(at, _)| at)
        .find(|at| is_tag(*at))
        .and_then(|at| html[at..].find('>').map(|end| at + end + 1))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_and_control_characters() {
        for (text, expect) in [
            ("a\nb", "a\nb"),
            ("a\r\nb", "a\nb"),
            ("a\rb", "a\nb"),
            ("a\r\r\nb", "a\n\nb"),
            ("a\tb\u{0}c\u{8}d\u{85}e\u{7f}", "a\tbcde"),
            ("кошки", "кошки"),
        ] {
            assert_eq!(clean(text), expect, "{text:?}");
        }
    }

    #[test]
    fn the_preheader_is_hidden_at_the_top_of_the_body() {
        let hidden = HIDDEN;
        for (html, line, expect) in [
            ("<p>x</p>", None, "<p>x</p>".to_owned()),
            ("<p>x</p>", Some(" "), "<p>x</p>".to_owned()),
            ("<p>x</p>", Some("a < b"), format!("{hidden}a &lt; b</div><p>x</p>")),
            ("<html><BODY class=\"a\"><p>x</p>", Some("y"), format!("<html><BODY class=\"a\">{hidden}y</div><p>x</p>")),
            ("<bodyguard><body>x", Some("y"), format!("<bodyguard><body>{hidden}y</div>x")),
            ("<body", Some("y"), format!("{hidden}y</div><body")),
        ] {
            assert_eq!(with_preheader(html, line), expect);
        }
    }
}
