//! How a single value is written: without quotes where nothing needs them, else in double ones.

use std::fmt::Write as _;

use serde_json::Value as Json;
use serde_saphyr::granit_parser::ScalarStyle;

use super::print::WIDTH;
use super::tree::Scalar;

/// Words that one or another reader of YAML takes for something else than text.
const SPECIAL: [&str; 12] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", ".nan", ".inf"];
/// Marks of conditions: text that has one is quoted, whether or not it must be.
const OPERATORS: [&str; 8] = ["==", "!=", ">=", "<=", "&&", "||", " > ", " < "];
/// Keys whose values are quoted if they are more than a word: schedules and dates read badly without.
const QUOTED_KEYS: [&str; 2] = ["cron", "date"];

/// A value as it will stand in the file.
#[derive(Debug, PartialEq)]
pub(super) enum Written {
    /// On its line.
    Line(String),
    /// `|` or `>`, and the lines below it.
    Block(&'static str, Vec<String>),
}

/// A key.
pub(super) fn key(scalar: &Scalar) -> String {
    let plain = scalar.style == ScalarStyle::Plain && !scalar.text.is_empty() && !scalar.text.contains('\n');
    if plain || fits_plain(&scalar.text, true) { scalar.text.clone() } else { quoted(&scalar.text) }
}

/// A value on one line, inside brackets or not.
pub(super) fn line(scalar: &Scalar, key: Option<&str>, flow: bool) -> String {
    let text = scalar.text.as_str();
    match scalar.meaning() {
        Json::String(_) => {
            let is_quoted = is_code(text) || (text.contains(' ') && key.is_some_and(|key| QUOTED_KEYS.contains(&key)));
            // What others take for a number or a word of their own stays what it was written as.
            let theirs =
                scalar.style == ScalarStyle::Plain && !text.contains(':') && (is_number(text) || is_special(text));
            if theirs || (!is_quoted && fits_plain(text, flow)) { text.to_owned() } else { quoted(text) }
        }
        Json::Null if flow && text.is_empty() => "null".to_owned(),
        _ => text.to_owned(),
    }
}

/// A value under a key or in a list, whose lines would begin at a column.
pub(super) fn value(scalar: &Scalar, key: Option<&str>, column: usize) -> Written {
    let folds = match scalar.style {
        ScalarStyle::Literal => {
            return literal(&scalar.text).unwrap_or_else(|| Written::Line(line(scalar, key, false)));
        }
        ScalarStyle::Folded => true,
        // What its writer had broken into lines, and does not fit on one, is broken again.
        _ => scalar.spread && column + scalar.text.chars().count() > WIDTH && !is_code(&scalar.text),
    };
    if folds && let Some(folded) = folded(&scalar.text, column) {
        return folded;
    }
    match scalar.style {
        ScalarStyle::Folded => literal(&scalar.text).unwrap_or_else(|| Written::Line(line(scalar, key, false))),
        _ => Written::Line(line(scalar, key, false)),
    }
}

fn is_code(text: &str) -> bool {
    let call = text.match_indices('(').any(|(at, _)| {
        text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_') && text[at..].contains(')')
    });
    call || OPERATORS.iter().any(|operator| text.contains(operator))
}

/// Whether text without quotes is read as the same text, by ours and by other readers.
fn fits_plain(text: &str, flow: bool) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let mark = |c: char| "-?:,[]{}#&*!|>'\"%@`=~<".contains(c);
    let broken =
        text.contains(": ") || text.ends_with(':') || text.contains(" #") || text.chars().any(char::is_control);
    let in_brackets = flow && text.contains([',', '[', ']', '{', '}']);
    let strange = |c: char| matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{85}' | '\u{a0}');
    !mark(first)
        && !broken
        && !in_brackets
        && !text.contains(strange)
        && text.trim() == text
        && !is_special(text)
        && !is_number(text)
}

fn is_special(text: &str) -> bool {
    SPECIAL.contains(&text.to_ascii_lowercase().as_str())
}

/// Whether text may be taken for a number or a time of day; a date is text to us and a date to others.
fn is_number(text: &str) -> bool {
    let date = text.len() == 10
        && text.char_indices().all(|(at, c)| if matches!(at, 4 | 7) { c == '-' } else { c.is_ascii_digit() });
    let begins = text.trim_start_matches(['+', '-', '.']).starts_with(|c: char| c.is_ascii_digit());
    let hexadecimal = ["0x", "0o", "0b"].iter().any(|base| text.starts_with(base));
    let digits = text.chars().all(|c| c.is_ascii_digit() || "+-.,:_eE".contains(c));
    begins && !date && (digits || hexadecimal)
}

/// Text in double quotes; in single ones where that saves escaping.
fn quoted(text: &str) -> String {
    let plain = !text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{85}'));
    if text.contains(['"', '\\']) && plain {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                // Writing to text can't fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The lines of a text and the mark of how it ends; `None` where its spaces would need more than that.
fn literal(text: &str) -> Option<Written> {
    let (body, mark) = match text.strip_suffix('\n') {
        Some(body) => (body, "|"),
        None => (text, "|-"),
    };
    let sound = |line: &str| line.is_empty() || (!line.trim().is_empty() && !line.chars().any(char::is_control));
    let lines: Vec<String> = body.split('\n').map(str::to_owned).collect();
    let first = lines.first().is_some_and(|line| !line.is_empty() && !line.starts_with([' ', '\t']));
    let last = lines.last().is_some_and(|line| !line.is_empty());
    (first && last && lines.iter().all(|line| sound(line))).then_some(Written::Block(mark, lines))
}

/// The same, broken where a line would be too long; `None` where breaking would change the text.
fn folded(text: &str, column: usize) -> Option<Written> {
    let (body, mark) = match text.strip_suffix('\n') {
        Some(body) => (body, ">"),
        None => (text, ">-"),
    };
    if body.is_empty() {
        return None;
    }
    let mut lines = Vec::new();
    for (n, paragraph) in body.split('\n').enumerate() {
        // One line's end reads as a space, two as one line's end.
        if n > 0 {
            lines.push(String::new());
        }
        let sound = paragraph.trim() == paragraph && !paragraph.contains("  ") && !paragraph.is_empty();
        if !sound || paragraph.chars().any(char::is_control) {
            return None;
        }
        let mut line = String::new();
        for word in paragraph.split(' ') {
            if !line.is_empty() && column + line.chars().count() + 1 + word.chars().count() > WIDTH {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    Some(Written::Block(mark, lines))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, style: ScalarStyle, expect: &str) {
        let scalar = Scalar { text: text.into(), style, place: 0..0, spread: false };
        assert_eq!(line(&scalar, None, false), expect, "{text}");
    }

    #[test]
    fn quotes_stand_where_they_are_needed() {
        for (text, expect) in [
            ("abandoned-cart", "abandoned-cart"),
            ("Is a full bowl bad for her?", "Is a full bowl bad for her?"),
            ("The vet's portions", "The vet's portions"),
            ("true", "\"true\""),
            ("No", "\"No\""),
            ("10:00", "\"10:00\""),
            ("0755", "\"0755\""),
            ("2026-12-24", "2026-12-24"),
            ("30d", "30d"),
            ("", "\"\""),
            ("a: b", "\"a: b\""),
            ("a #b", "\"a #b\""),
            (" a", "\" a\""),
            ("- a", "\"- a\""),
            ("orders.count > 0", "\"orders.count > 0\""),
            ("older_than(orders.last_at, '14d')", "\"older_than(orders.last_at, '14d')\""),
            ("customer.city == \"Omsk\"", "'customer.city == \"Omsk\"'"),
            ("a\nb\u{7}", "\"a\\nb\\u0007\""),
        ] {
            check(text, ScalarStyle::DoubleQuoted, expect);
        }
        for (text, expect) in [("true", "true"), ("4", "4"), ("~", "~"), ("10:00", "\"10:00\""), ("a > b", "\"a > b\"")]
        {
            check(text, ScalarStyle::Plain, expect);
        }
    }
}
