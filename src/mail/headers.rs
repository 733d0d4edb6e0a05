//! Header fields of a letter, each in a form that no data can break out of.
//!
//! Invariants: what goes into a field is cleaned of every control character and line break first, encoded by RFC 2047 where
//! it is not ASCII, and short enough that no line comes near the 998 octets of RFC 5322 §2.1.1.

use std::time::{Duration, SystemTime};

use lettre::message::header::{Date, HeaderName, HeaderValue};

use super::address::Address;
use super::returns::FORWARDED;
use super::returns::provider::POSTMARK_HEADER;
use crate::journey::time::Timestamp;

/// Most characters of a subject: no reader shows more, and a word of this length still fits one line.
const MAX_SUBJECT: usize = 400;

/// Text fit for a header: one line, single spaces, no control or formatting characters, not endless.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (n, word) in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).enumerate() {
        if n > 0 {
            out.push(' ');
        }
        // Data that looks like an encoded word would be decoded by readers into what it must not be.
        out.push_str(&word.replace("=?", "= ?"));
    }
    match out.char_indices().nth(MAX_SUBJECT) {
        Some((end, _)) => format!("{}…", &out[..end]),
        None => out,
    }
}

/// `Message-ID` of a letter: the same for every try. `None` if the id could not stand there.
pub fn message_id(message: &str, domain: &str) -> Option<String> {
    let sound = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    ((1..=100).contains(&message.len()) && message.bytes().all(sound)).then(|| format!("<{message}@{domain}>"))
}

/// `Date` of a letter.
pub fn date(at: Timestamp) -> Date {
    // A letter from before 1970 can only be a clock gone wrong.
    let micros = u64::try_from(at.micros()).unwrap_or(0);
    Date::new(SystemTime::UNIX_EPOCH + Duration::from_micros(micros))
}

/// `List-Unsubscribe` and `List-Unsubscribe-Post` (RFC 2369, RFC 8058) for a page made by [`super::links`] and, where mail
/// that comes back is read, an address made by [`super::returns`]. The page comes first: readers take the first they can use.
pub fn list_unsubscribe(url: &str, address: Option<&Address>) -> [HeaderValue; 2] {
    let by_mail = address.map(|address| format!(", <mailto:{address}?subject=unsubscribe>")).unwrap_or_default();
    [
        raw("List-Unsubscribe", format!("<{url}>{by_mail}")),
        raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".into()),
    ]
}

/// `Feedback-ID`: campaign, customer group, kind of mail and sender, by which mailbox providers report complaints.
pub fn feedback_id(rule: &str, map: &str, purpose: &str, sender: &str) -> HeaderValue {
    let part = |text: &str| -> String {
        text.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).take(60).collect()
    };
    raw("Feedback-ID", format!("{}:{}:{}:{}", part(rule), part(map), part(purpose), part(sender)))
}

/// `Precedence`: a letter of which many are sent, so that nobody's out-of-office answers it (RFC 3834 §2).
pub fn bulk() -> HeaderValue {
    raw("Precedence", "bulk".into())
}

/// `Auto-Submitted` (RFC 3834), so that nobody's out-of-office answers a receipt.
pub fn auto_submitted() -> HeaderValue {
    raw("Auto-Submitted", "auto-generated".into())
}

/// The header by which Postmark's webhooks name a letter.
pub fn postmark_letter(message: &str) -> HeaderValue {
    raw(POSTMARK_HEADER, message.to_owned())
}

/// The header by which a forwarded answer is known.
pub fn forwarded(message: &str) -> HeaderValue {
    raw(FORWARDED, message.to_owned())
}

/// `X-Milepost-Test`: the letter was sent by somebody who tries it out.
pub fn test() -> HeaderValue {
    raw("X-Milepost-Test", "1".into())
}

/// The subject of a letter that is a test.
pub fn test_subject(subject: &str) -> String {
    format!("[Test] {subject}")
}

/// Whether an address of a page may stand in `List-Unsubscribe` and in a letter.
pub fn is_plain_url(url: &str) -> bool {
    let http = url.starts_with("https://") || url.starts_with("http://");
    http && url.len() <= 400 && url.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b'"' | b'\\'))
}

/// The envelope's and the header's idea of a bare address.
pub(super) fn lettre_address(address: &Address) -> lettre::Address {
    // `Address` is stricter than lettre's own check, so nothing is lost by skipping that.
    lettre::Address::new_dangerous(address.local(), address.domain())
}

/// A field whose value is known to be printable ASCII and short.
fn raw(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::dangerous_new_pre_encoded(HeaderName::new_from_ascii_str(name), value.clone(), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_one_clean_line() {
        for (text, expect) in [
            ("Welcome, Ann", "Welcome, Ann"),
            ("a\r\nBcc: all@shop.example", "a Bcc: all@shop.example"),
            ("a\n\n\tb\u{0}c\u{85}d\u{2028}e", "a b c d e"),
            ("  tidy  me ", "tidy me"),
            ("=?utf-8?q?=0D=0ABcc:_x?=", "= ?utf-8?q?=0D=0ABcc:_x?="),
            ("", ""),
        ] {
            assert_eq!(clean(text), expect, "{text:?}");
        }
        assert_eq!(clean(&"a".repeat(5_000)).chars().count(), MAX_SUBJECT + 1);
    }

    #[test]
    fn message_ids() {
        assert_eq!(message_id("0190-ab_c", "shop.example").as_deref(), Some("<0190-ab_c@shop.example>"));
        for bad in ["", "a b", "a>b", "a\r\nb", "é", "a@b", &"a".repeat(101)] {
            assert_eq!(message_id(bad, "shop.example"), None, "{bad:?}");
        }
    }

    #[test]
    fn urls() {
        assert!(is_plain_url("https://shop.example/mail"));
        assert!(is_plain_url("http://127.0.0.1:8080"));
        for bad in [
            "",
            "ftp://shop.example",
            "https://shop.example/a b",
            "https://shop.example/>",
            "https://кошки.example",
            "https://a\r\nb",
        ] {
            assert!(!is_plain_url(bad), "{bad:?}");
        }
    }
}
