//! The name and the head of a letter's file: `welcome.ru.txt` and the lines before its first empty one.

use std::ops::Range;

use crate::journey::spelling::suggest;
use crate::rulebook::diagnostic::Diagnostic;
use crate::rulebook::source::Source;

const HEADERS: [&str; 2] = ["Subject", "Preheader"];

/// What a template's file name says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileName {
    pub(super) letter: String,
    /// Empty for the file without a locale.
    pub(super) locale: String,
    pub(super) html: bool,
}

/// Takes a file name apart: `welcome.txt`, `welcome.ru.html`, `welcome.en-GB.txt`. `None` if it is not of that form.
pub(super) fn file_name(name: &str) -> Option<FileName> {
    let (stem, extension) = name.rsplit_once('.')?;
    let (letter, locale) = stem.split_once('.').unwrap_or((stem, ""));
    let sound = locale.is_empty() || is_locale(locale);
    (crate::rulebook::is_id(letter) && sound).then(|| FileName {
        letter: letter.to_owned(),
        locale: normal_locale(locale),
        html: extension == "html",
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

/// The parts of a text file, as places in it.
#[derive(Debug, Default)]
pub(in crate::rulebook) struct Head {
    pub(in crate::rulebook) subject: Option<Range<usize>>,
    pub(in crate::rulebook) preheader: Option<Range<usize>>,
    pub(in crate::rulebook) body: Range<usize>,
}

/// Reads the head of a text file; its faults are reported.
pub(in crate::rulebook) fn head(source: &Source, faults: &mut Vec<Diagnostic>) -> Head {
    let text = source.text.as_str();
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
        let place = start..start + line.len();
        let Some((name, value)) = line.split_once(':') else {
            let fault = source.error("letter-head", &place, "this line belongs to no header");
            faults.push(fault.help("a letter begins with `Subject: …`, then an empty line, then its text"));
            continue;
        };
        let value_start = start + name.len() + 1 + (value.len() - value.trim_start().len());
        let slot = match name.trim() {
            "Subject" => &mut head.subject,
            "Preheader" => &mut head.preheader,
            other => {
                let place = start..start + name.len();
                let fault = source.error("letter-head", &place, format!("a letter has no header `{other}`"));
                faults.push(fault.help(suggest(other, &HEADERS, "headers")));
                continue;
            }
        };
        if slot.is_some() {
            faults.push(source.error("letter-head", &place, format!("`{}` is written twice", name.trim())));
        }
        *slot = Some(value_start..place.end);
    }
    match &head.subject {
        None => {
            let fault = source.error("no-subject", &(0..0), "the letter has no subject");
            faults.push(fault.help("begin the file with `Subject: …` and an empty line"));
        }
        Some(subject) if subject.is_empty() => {
            faults.push(source.error("no-subject", subject, "the subject is empty"));
        }
        Some(_) => {}
    }
    if text.get(head.body.clone()).is_none_or(|body| body.trim().is_empty()) {
        let fault = source.error("empty-letter", &(text.len()..text.len()), "the letter has no text");
        faults.push(fault.help("after the headers comes an empty line, then the text"));
    }
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_letter_and_locale() {
        let check = |name: &str, expected: Option<(&str, &str, bool)>| {
            let found = file_name(name);
            let found = found.as_ref().map(|f| (f.letter.as_str(), f.locale.as_str(), f.html));
            assert_eq!(found, expected, "{name}");
        };
        check("welcome.txt", Some(("welcome", "", false)));
        check("welcome.ru.html", Some(("welcome", "ru", true)));
        check("welcome.pt_BR.txt", Some(("welcome", "pt-br", false)));
        check("Welcome.txt", None);
        check("welcome.russian.txt", None);
        check("welcome.ru.old.txt", None);
    }
}
