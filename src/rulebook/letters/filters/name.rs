//! `first_name`: what to call a customer by, from whatever stands in the field for it.

use tera::{Kwargs, State, TeraResult, Value};

/// Most characters of a name that somebody is called by.
const MAX_NAME: usize = 30;
/// Words before a name.
const TITLES: [&str; 12] = ["mr", "mrs", "ms", "miss", "mx", "dr", "prof", "herr", "frau", "г-н", "г-жа", "господин"];
/// Ends of the Russian names that come from a father's.
const PATRONYMICS: [&str; 6] = ["вич", "вна", "ична", "инична", "оглы", "кызы"];

/// `{{ customer.first_name | first_name(fallback="friend") }}`: the given name out of a full one; the fallback (nothing, if there
/// is none) where the field is empty, shouts, or holds no name: an address, a number, a single letter.
#[expect(clippy::needless_pass_by_value, reason = "the form that Tera calls")]
pub(super) fn first_name(value: Value, kwargs: Kwargs, _: &State) -> TeraResult<String> {
    let fallback = kwargs.get::<Value>("fallback")?.and_then(|value| value.as_str().map(str::to_owned));
    Ok(value.as_str().and_then(given).unwrap_or_else(|| fallback.unwrap_or_default()))
}

fn given(text: &str) -> Option<String> {
    let strange = |c: char| !(c.is_alphabetic() || c.is_whitespace() || matches!(c, '-' | '\'' | '’' | '.' | ','));
    if text.contains(strange) {
        return None;
    }
    // `Smith, Anna`
    let text = text.split_once(',').map_or(text, |(_, behind)| behind);
    let is_title = |word: &&str| TITLES.contains(&word.trim_end_matches('.').to_lowercase().as_str());
    let words: Vec<&str> = text.split_whitespace().filter(|word| !is_title(word)).collect();
    let patronymic = |word: &str| {
        let word = word.to_lowercase();
        PATRONYMICS.iter().any(|end| word.ends_with(end))
    };
    let word = match words.as_slice() {
        // `Петрова Анна Сергеевна`
        [_, name, last] if patronymic(last) => name,
        [name, ..] => name,
        [] => return None,
    };
    is_name(word).then(|| capital(word))
}

fn is_name(word: &str) -> bool {
    let letters: Vec<char> = word.chars().filter(|c| c.is_alphabetic()).collect();
    let shouts =
        letters.iter().all(|c| c.is_uppercase()) && letters.iter().any(|c| c.is_lowercase() || c.is_uppercase());
    // A name in a script without capitals may be one character.
    let long_enough = letters.len() > 1 || letters.first().is_some_and(|c| !c.is_lowercase() && !c.is_uppercase());
    long_enough && letters.len() <= MAX_NAME && !shouts && !word.contains('.')
}

/// `anna-maria` as `Anna-Maria`, `McKay` as it is.
fn capital(word: &str) -> String {
    if word.chars().any(char::is_uppercase) {
        return word.to_owned();
    }
    let parts = word.split('-').map(|part| {
        let mut chars = part.chars();
        chars.next().map(|first| first.to_uppercase().chain(chars).collect::<String>()).unwrap_or_default()
    });
    parts.collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_out_of_what_people_write() {
        for (text, expected) in [
            ("Anna", Some("Anna")),
            ("  anna ", Some("Anna")),
            ("Anna Lee", Some("Anna")),
            ("anna-maria", Some("Anna-Maria")),
            ("Smith, John", Some("John")),
            ("Mr. John Smith", Some("John")),
            ("Петрова Анна Сергеевна", Some("Анна")),
            ("Анна Сергеевна", Some("Анна")),
            ("D'Arcy", Some("D'Arcy")),
            ("McKay", Some("McKay")),
            ("李", Some("李")),
            ("ANNA", None),
            ("АННА ПЕТРОВА", None),
            ("A.", None),
            ("a", None),
            ("anna@mail.example", None),
            ("anna1985", None),
            ("+7 900", None),
            ("https://evil.example", None),
            ("www.evil.example", None),
            ("", None),
            ("Dr.", None),
        ] {
            assert_eq!(given(text).as_deref(), expected, "{text}");
        }
    }
}
