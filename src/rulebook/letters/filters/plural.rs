//! `plural`: the form of a word that goes with a number, by the rules of CLDR.

use intl_pluralrules::{PluralCategory, PluralRuleType, PluralRules};
use tera::{Error, Kwargs, State, TeraResult, Value};
use unic_langid::LanguageIdentifier;

use super::locale::Language;

/// Names of the forms.
pub(super) const FORMS: [&str; 6] = ["zero", "one", "two", "few", "many", "other"];

/// `{{ count }} {{ count | plural(one="товар", few="товара", many="товаров") }}`: the form that the letter's language has for a
/// number, or the nearest that is given.
pub(super) fn plural(value: &Value, kwargs: &Kwargs, state: &State) -> TeraResult<String> {
    let number = match value {
        value if value.is_none() || value.is_undefined() => 0.0,
        value => value
            .as_f64()
            .or_else(|| value.as_str()?.parse().ok())
            .ok_or_else(|| Error::message("`plural` takes a number"))?,
    };
    let language = Language::asked(kwargs, state)?;
    // Fractions are a form of their own in Russian (1,5 товара), which is spelt as `few`.
    let order: [&str; 5] = [form(&language, number), "other", "few", "many", "one"];
    for form in order {
        if let Some(word) = kwargs.get::<String>(form)? {
            return Ok(word);
        }
    }
    Err(Error::message("`plural` needs forms: plural(one=\"item\", other=\"items\")"))
}

/// The forms that whole numbers take in a language.
pub(super) fn forms(locale: &str) -> Vec<&'static str> {
    let language = Language::of(locale);
    let mut forms: Vec<_> = (0..=200).map(|number| form(&language, f64::from(number))).collect();
    forms.sort_unstable();
    forms.dedup();
    forms
}

fn form(language: &Language, number: f64) -> &'static str {
    let rules = |locale: &str| {
        let id: LanguageIdentifier = locale.parse().ok()?;
        PluralRules::create(id, PluralRuleType::CARDINAL).ok()
    };
    // Regions have rules of their own where they differ (`pt-PT`).
    let rules = rules(&format!("{}-{}", language.language, language.region)).or_else(|| rules(&language.language));
    match rules.and_then(|rules| rules.select(number).ok()) {
        Some(PluralCategory::ZERO) => "zero",
        Some(PluralCategory::ONE) => "one",
        Some(PluralCategory::TWO) => "two",
        Some(PluralCategory::FEW) => "few",
        Some(PluralCategory::MANY) => "many",
        Some(PluralCategory::OTHER) | None => "other",
    }
}
