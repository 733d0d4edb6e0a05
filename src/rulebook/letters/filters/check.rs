//! What is said to the filters of letters, looked at before anybody gets a letter: names of arguments, formats, zones, forms of
//! words.

use std::path::Path;

use chrono_tz::Tz;

use super::super::calls::{Argument, Call};
use super::{date, plural};
use crate::journey::spelling::{nearest, suggest};
use crate::rulebook::diagnostic::Diagnostic;
use crate::rulebook::source::Source;

/// The arguments of each filter.
fn arguments(filter: &str) -> Option<&'static [&'static str]> {
    Some(match filter {
        "money" => &["currency", "locale"],
        "date" => &["format", "zone", "locale"],
        "plural" => &["zero", "one", "two", "few", "many", "other", "locale"],
        "first_name" => &["fallback"],
        "default" => &["value", "boolean"],
        _ => return None,
    })
}

/// Reports what a call says that its filter cannot take. `locale` is the one that the file is written for, if it is one.
pub(in crate::rulebook::letters) fn check(
    call: &Call,
    locale: Option<&str>,
    source: &Source,
    faults: &mut Vec<Diagnostic>,
) {
    let filter = call.name.as_str();
    let Some(known) = arguments(filter) else { return };
    for argument in &call.arguments {
        if !known.contains(&argument.name.as_str()) {
            let message = format!("`{filter}` takes no `{}`", argument.name);
            let help = suggest(&argument.name, known, "what it takes");
            faults.push(source.error("filter-argument", &argument.place, message).help(help));
        }
        if let Some(written) = &argument.text
            && let Some((message, help)) = wrong(filter, argument, written)
        {
            faults.push(source.error("filter-argument", &argument.place, message).help(help));
        }
    }
    let given = |name: &str| call.arguments.iter().find(|argument| argument.name == name);
    if filter == "default" && given("value").is_none() {
        let fault = source.error("filter-argument", &call.place, "`default` is not told what stands in");
        faults.push(fault.help("write `default(value=\"…\")`"));
    }
    if filter == "plural" {
        let stated = given("locale").map(|argument| argument.text.as_deref());
        // A locale out of the data is anybody's.
        if let Some(locale) = stated.unwrap_or(locale) {
            check_forms(call, locale, source, faults);
        }
    }
}

fn wrong(filter: &str, argument: &Argument, written: &str) -> Option<(String, String)> {
    match (filter, argument.name.as_str()) {
        ("date", "format") if !date::is_format(written) => {
            let message = format!("`{written}` is not a format of dates");
            let help = match nearest(written, date::FORMATS) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("write one of `{}`, or a pattern such as `%d.%m.%Y`", date::FORMATS.join("`, `")),
            };
            Some((message, help))
        }
        ("date", "zone") if written.parse::<Tz>().is_err() => {
            let zones: Vec<&str> = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()).collect();
            let near = nearest(written, zones);
            let help = near.map_or("write it as `Europe/Moscow`".to_owned(), |near| format!("did you mean `{near}`?"));
            Some((format!("there is no time zone `{written}`"), help))
        }
        ("money", "currency") if written.len() != 3 || !written.bytes().all(|b| b.is_ascii_uppercase()) => {
            Some((format!("`{written}` is not the code of a currency"), "write it as `EUR`".to_owned()))
        }
        _ => None,
    }
}

/// A language's forms that are missing: somebody would read `5 товар`.
fn check_forms(call: &Call, locale: &str, source: &Source, faults: &mut Vec<Diagnostic>) {
    let given: Vec<&str> = call.arguments.iter().map(|argument| argument.name.as_str()).collect();
    let missing: Vec<String> = plural::forms(locale)
        .into_iter()
        .filter(|form| !given.contains(form))
        .map(|form| format!("`{form}`"))
        .collect();
    if missing.is_empty() {
        return;
    }
    let none = !plural::FORMS.iter().any(|form| given.contains(form));
    let message = format!("`plural` is missing the form {} of `{locale}`", missing.join(" and "));
    let fault = source.error("plural-forms", &call.place, message);
    let fault = if none { fault } else { fault.warning() };
    let forms: Vec<String> = plural::forms(locale).iter().map(|form| format!("{form}=\"…\"")).collect();
    faults.push(fault.help(format!("write `plural({})`", forms.join(", "))));
}

/// The locale that a file of a letter is written for, if its name says one.
pub(in crate::rulebook::letters) fn locale_of(path: &Path) -> Option<String> {
    let stem = path.file_stem()?.to_str()?;
    stem.split_once('.').map(|(_, locale)| locale.to_owned())
}
