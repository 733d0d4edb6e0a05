//! Replies as text: fit to be kept, and taken apart.

/// Most characters of a reply that are kept.
pub(super) const MAX_REPLY: usize = 512;

/// A reply's text fit to be kept: one line, no control characters, not endless.
pub fn tidy(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_REPLY).collect();
    clean.trim().to_owned()
}

/// The enhanced code that begins a reply (RFC 2034 §4), with or without the `#` that some write before it; one of another
/// class than the reply's own is none.
pub(super) fn enhanced(code: u16, text: &str) -> Option<String> {
    let word = text.split_whitespace().next()?.trim_start_matches('#');
    (is_enhanced(word) && word.starts_with(&(code / 100).to_string())).then(|| word.to_owned())
}

fn is_enhanced(word: &str) -> bool {
    let number = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<&str> = word.split('.').collect();
    matches!(parts.as_slice(), [class, subject, detail] if matches!(*class, "2" | "4" | "5") && number(subject) && number(detail))
}

/// What a delivery report says (RFC 3464 §2.3.4, §2.3.6): reply code, enhanced code and text. `status` is the field
/// `Status`; `diagnostic` is `Diagnostic-Code`, with or without its type (`smtp; 550 5.1.1 …`).
pub(super) fn of_report(status: &str, diagnostic: &str) -> (u16, Option<String>, String) {
    // A comment may follow the code.
    let status = status.split_whitespace().next().unwrap_or_default();
    let said = match diagnostic.split_once(';') {
        Some((kind, said)) if kind.trim().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') => said,
        _ => diagnostic,
    };
    let said = tidy(said);
    let (first, rest) = said.split_at(said.find(|c: char| !c.is_ascii_digit()).unwrap_or(said.len()));
    let code = first.parse::<u16>().ok().filter(|code| (400..600).contains(code));
    let text = if code.is_some() { rest.trim_start_matches(['-', ' ']) } else { said.as_str() };
    // Servers that have nothing better to say write 5.0.0: what the reply itself begins with says more.
    let code = code.unwrap_or(if status.starts_with('4') { 450 } else { 550 });
    let own = enhanced(code, text);
    let given = (is_enhanced(status) && !status.ends_with(".0.0")).then(|| status.to_owned());
    let begins = own.as_ref().map_or(0, String::len);
    let text = text.get(begins..).unwrap_or(text).trim_start().to_owned();
    (code, own.or(given), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enhanced_codes() {
        for (code, text, expect) in [
            (550, "5.1.1 gone", Some("5.1.1")),
            (550, "5.1.1", Some("5.1.1")),
            (550, "#5.1.0 Address rejected.", Some("5.1.0")),
            (550, "4.1.1 of another class", None),
            (550, "5.1 too short", None),
            (550, "5.1.1.1 too long", None),
            (550, "5.1234.1 too big", None),
            (550, "5.x.1 no number", None),
            (550, "gone 5.1.1", None),
            (550, "", None),
        ] {
            assert_eq!(enhanced(code, text).as_deref(), expect, "{text}");
        }
    }

    #[test]
    fn replies_are_kept_on_one_line() {
        assert_eq!(tidy(" a\r\nb\u{1b}[0m\0 "), "a  b [0m");
        assert_eq!(tidy(&"я".repeat(5_000)).chars().count(), MAX_REPLY);
    }

    #[test]
    fn reports() {
        for (status, diagnostic, code, expect, text) in [
            ("5.1.1", "smtp; 550 5.1.1 unknown", 550, Some("5.1.1"), "unknown"),
            ("5.0.0", "smtp; 550-5.2.2 over quota", 550, Some("5.2.2"), "over quota"),
            ("5.0.0", "smtp; 554 delivery error: no account", 554, None, "delivery error: no account"),
            ("4.4.1 (connection timed out)", "", 450, Some("4.4.1"), ""),
            ("5.4.4", "X-Postfix; Host not found", 550, Some("5.4.4"), "Host not found"),
            ("", "what; ever", 550, None, "ever"),
            ("5.1.1", "user unknown; really", 550, Some("5.1.1"), "user unknown; really"),
            ("5.1.1", "smtp; 99999 odd", 550, Some("5.1.1"), "99999 odd"),
        ] {
            let found = of_report(status, diagnostic);
            assert_eq!((found.0, found.1.as_deref(), found.2.as_str()), (code, expect, text), "{status} {diagnostic}");
        }
    }
}
