//! What a locale's conventions are: separators, names of months, the order of a date. The data are those of the GNU C library.

use pure_rust_locales::Locale;
use tera::{Kwargs, State, TeraResult};

/// The region whose conventions stand for a language that is named without one, where it is not called like the language.
const REGIONS: [(&str, &str); 22] = [
    ("ar", "EG"),
    ("be", "BY"),
    ("cs", "CZ"),
    ("da", "DK"),
    ("el", "GR"),
    ("en", "GB"),
    ("et", "EE"),
    ("he", "IL"),
    ("hi", "IN"),
    ("hy", "AM"),
    ("ja", "JP"),
    ("ka", "GE"),
    ("kk", "KZ"),
    ("ko", "KR"),
    ("ky", "KG"),
    ("nb", "NO"),
    ("sl", "SI"),
    ("sr", "RS"),
    ("sv", "SE"),
    ("uk", "UA"),
    ("vi", "VN"),
    ("zh", "CN"),
];

/// A letter's locale.
#[derive(Clone, Debug)]
pub(super) struct Language {
    /// In lower case: `ru`.
    pub(super) language: String,
    /// In upper case, empty if none was named: `RU`.
    pub(super) region: String,
}

impl Language {
    pub(super) fn of(locale: &str) -> Self {
        let mut parts = locale.split(['-', '_']);
        let language = parts.next().unwrap_or_default().to_lowercase();
        let region = parts.next().unwrap_or_default().to_uppercase();
        Self { language: if language.is_empty() { "en".into() } else { language }, region }
    }

    /// The locale that a filter is given, else the one of the letter.
    pub(super) fn asked(kwargs: &Kwargs, state: &State) -> TeraResult<Self> {
        let asked: Option<String> = match kwargs.get("locale")? {
            Some(locale) => Some(locale),
            None => state.get("locale").ok().flatten(),
        };
        Ok(Self::of(&asked.unwrap_or_default()))
    }

    /// Whether dates and numbers are written as in the United States.
    pub(super) fn american(&self) -> bool {
        self.language == "en" && matches!(self.region.as_str(), "US" | "PH" | "PR")
    }

    /// The conventions of the region, else of the language, else British ones.
    pub(super) fn conventions(&self) -> Locale {
        let known = |region: &str| format!("{}_{region}", self.language).parse::<Locale>().ok();
        let usual = REGIONS.iter().find(|(language, _)| *language == self.language).map(|(_, region)| *region);
        known(&self.region).or_else(|| known(usual.unwrap_or(&self.language.to_uppercase()))).unwrap_or(Locale::en_GB)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_has_the_conventions_of_its_region() {
        let check =
            |locale: &str, expected: Locale| assert_eq!(Language::of(locale).conventions(), expected, "{locale}");
        check("ru", Locale::ru_RU);
        check("ru-kz", Locale::ru_RU);
        check("de-at", Locale::de_AT);
        check("en", Locale::en_GB);
        check("en-us", Locale::en_US);
        check("EN_us", Locale::en_US);
        check("kk", Locale::kk_KZ);
        check("", Locale::en_GB);
        check("tlh", Locale::en_GB);
        for (language, region) in REGIONS {
            assert_eq!(Language::of(language).conventions().to_string(), format!("{language}_{region}"));
        }
    }
}
