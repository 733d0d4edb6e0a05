//! The name and the head of a letter's file: `welcome.ru.txt` or `welcome/body.ru.txt`, and the lines before its first empty one.

use std::ops::Range;

use crate::journey::spelling::suggest;
use crate::rulebook::diagnostic::Diagnostic;
use crate::rulebook::source::Source;

const HEADERS: [&str; 3] = ["Subject", "Preheader", "Attach"];

/// What a template's file name says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileName {
    pub(super) letter: String,
    /// Empty for the file without a locale.
    pub(super) locale: String,
    /// The text part; else HTML or MJML.
    pub(super) text: bool,
}

/// What stands for the letter's name in a folder of its own.
const BODY: &str = "body";

/// Takes the path of a letter's file apart, as it is inside `templates/`: `welcome.txt`, `welcome.ru.html`,
/// `welcome.en-GB.mjml`, `welcome/body.ru.txt`. `None` if it is not of that form.
pub(super) fn file_name(path: &str) -> Option<FileName> {
    let (folder, name) = path.rsplit_once('/').map_or((None, path), |(folder, name)| (Some(folder), name));
    let (stem, extension) = name.rsplit_once('.')?;
    let (stem, locale) = stem.split_once('.').unwrap_or((stem, ""));
    let letter = match folder {
        Some(letter) => Some(letter).filter(|_| stem == BODY)?,
        None => stem,
    };
    let sound = locale.is_empty() || is_locale(locale);
    (crate::rulebook::is_id(letter) && sound).then(|| FileName {
        letter: letter.to_owned(),
        locale: normal_locale(locale),
        text: extension == "txt",
    })
}

fn is_locale(text: &str) -> bool {
    let mut parts = text.split(['-', '_']);
    let language = parts.next().unwrap_or_default();
    (2..=3).contains(&language.len())
        && language.chars().all(|c| c.is_ascii_lowercase())
        && parts.all(|part| (2..=4).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric()))
}

/// A locale in one spelling: `ru_RU` and `RU-ru` are `ru-ru`.
pub(super) fn normal_locale(locale: &str) -> String {
    locale.trim().replace('_', "-").to_lowercase()
}

/// The parts of a letter's file, as places in it.
#[derive(Debug, Default)]
pub(in crate::rulebook) struct Head {
    pub(in crate::rulebook) subject: Option<Range<usize>>,
    pub(in crate::rulebook) preheader: Option<Range<usize>>,
    /// Names of files that are attached.
    pub(in crate::rulebook) attach: Vec<Range<usize>>,
    pub(in crate::rulebook) body: Range<usize>,
}

/// Reads the head of a letter's file; its faults are reported. A text begins with one; HTML and MJML may.
pub(in crate::rulebook) fn head(source: &Source, faults: &mut Vec<Diagnostic>) -> Head {
    let text = source.text.as_str();
    let is_text = source.path.extension().is_some_and(|extension| extension == "txt");
    if !is_text && !begins_with_header(text) {
        let head = Head { body: 0..text.len(), ..Head::default() };
        check_body(source, &head, faults);
        return head;
    }
    let mut head = Head { body: text.len()..text.len(), ..Head::default() };
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let line = line.trim_end();
        if line.is_empty() {
            head.body = at..text.len();
            break;
        }
        header(source, start..start + line.len(), &mut head, faults);
    }
    if let Some(subject) = head.subject.as_ref().filter(|subject| subject.is_empty()) {
        faults.push(source.error("no-subject", subject, "the subject is empty"));
    }
    check_body(source, &head, faults);
    head
}

/// `Name: …`, where HTML begins with `<` and Tera's tags with `{`.
fn begins_with_header(text: &str) -> bool {
    let name = text.split([':', '\n']).next().unwrap_or_default();
    name.len() < text.len()
        && text.as_bytes().get(name.len()) == Some(&b':')
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn header(source: &Source, place: Range<usize>, head: &mut Head, faults: &mut Vec<Diagnostic>) {
    let start = place.start;
    let line = source.text.get(place.clone()).unwrap_or_default();
    let Some((name, value)) = line.split_once(':') else {
        let fault = source.error("letter-head", &place, "this line belongs to no header");
        faults.push(fault.help("a letter begins with `Subject: …`, then an empty line, then its text"));
        return;
    };
    let value = start + name.len() + 1 + (value.len() - value.trim_start().len())..place.end;
    let slot = match name.trim() {
        "Subject" => &mut head.subject,
        "Preheader" => &mut head.preheader,
        // Each file has a line of its own.
        "Attach" => {
            head.attach.push(value);
            return;
        }
        other => {
            let place = start..start + name.len();
            let fault = source.error("letter-head", &place, format!("a letter has no header `{other}`"));
            faults.push(fault.help(suggest(other, &HEADERS, "headers")));
            return;
        }
    };
    if slot.is_some() {
        faults.push(source.error("letter-head", &place, format!("`{}` is written twice", name.trim())));
    }
    *slot = Some(value);
}

fn check_body(source: &Source, head: &Head, faults: &mut Vec<Diagnostic>) {
    let text = source.text.as_str();
    if text.get(head.body.clone()).is_none_or(|body| body.trim().is_empty()) {
        let fault = source.error("empty-letter", &(text.len()..text.len()), "the letter has no text");
        faults.push(fault.help("after the headers comes an empty line, then the text"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_letter_and_locale() {
        let check = |name: &str, expected: Option<(&str, &str, bool)>| {
            let found = file_name(name);
            let found = found.as_ref().map(|f| (f.letter.as_str(), f.locale.as_str(), f.text));
            assert_eq!(found, expected, "{name}");
        };
        check("welcome.txt", Some(("welcome", "", true)));
        check("welcome.ru.html", Some(("welcome", "ru", false)));
        check("welcome.pt_BR.txt", Some(("welcome", "pt-br", true)));
        check("welcome.mjml", Some(("welcome", "", false)));
        check("welcome/body.ru.mjml", Some(("welcome", "ru", false)));
        check("welcome/body.txt", Some(("welcome", "", true)));
        check("welcome/welcome.txt", None);
        check("Welcome/body.txt", None);
        check("Welcome.txt", None);
        check("welcome.russian.txt", None);
        check("welcome.ru.old.txt", None);
    }

    #[test]
    fn html_may_begin_with_a_head() {
        let check = |name: &str, text: &str, body: &str, codes: &[&str]| {
            let source = Source::new(name.into(), text.into());
            let mut faults = Vec::new();
            let head = head(&source, &mut faults);
            assert_eq!(&text[head.body], body, "{text}");
            assert_eq!(faults.iter().map(|fault| fault.code).collect::<Vec<_>>(), codes, "{text}");
        };
        check("a.html", "<p>x</p>\n\n<p>y</p>", "<p>x</p>\n\n<p>y</p>", &[]);
        check("a.html", "Subject: Hi\n\n<p>x</p>", "<p>x</p>", &[]);
        check("a.mjml", "{% extends \"shared/a.mjml\" %}", "{% extends \"shared/a.mjml\" %}", &[]);
        check("a.html", "Sbject: Hi\n\n<p>x</p>", "<p>x</p>", &["letter-head"]);
        check("a.html", "Hello: <b>you</b>", "", &["letter-head", "empty-letter"]);
        check("a.txt", "Hello\n\nx", "x", &["letter-head"]);
    }
}
