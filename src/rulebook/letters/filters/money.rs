//! `money`: an amount as the letter's language writes it.

use std::fmt::Write as _;

use pure_rust_locales::{Locale, locale_match};
use tera::{Error, Kwargs, State, TeraResult, Value};

use super::locale::Language;
use crate::journey::money::{Money, exponent};

/// Symbols, and whether they may stand before the number where a language likes that. Currencies that are not here are told by
/// their code.
const SYMBOLS: [(&str, &str, bool); 23] = [
    ("AMD", "֏", false),
    ("BRL", "R$", true),
    ("BYN", "Br", false),
    ("CNY", "¥", true),
    ("CZK", "Kč", false),
    ("DKK", "kr.", false),
    ("EUR", "€", true),
    ("GBP", "£", true),
    ("GEL", "₾", false),
    ("HUF", "Ft", false),
    ("ILS", "₪", true),
    ("INR", "₹", true),
    ("JPY", "¥", true),
    ("KRW", "₩", true),
    ("KZT", "₸", false),
    ("NOK", "kr", false),
    ("PLN", "zł", false),
    ("RUB", "₽", false),
    ("SEK", "kr", false),
    ("THB", "฿", true),
    ("TRY", "₺", true),
    ("UAH", "₴", false),
    ("USD", "$", true),
];

/// `{{ cart.total | money(currency=cart.currency) }}`: a number is in major units of that currency, else of the shop's; an
/// object of `minor` and `currency` says its own. `locale` stands in for the letter's.
pub(super) fn money(value: &Value, kwargs: &Kwargs, state: &State, shop_currency: &str) -> TeraResult<String> {
    if value.is_none() || value.is_undefined() {
        return Ok(String::new());
    }
    let given = kwargs.get::<Value>("currency")?.and_then(|currency| currency.as_str().map(str::to_owned));
    let amount = if value.is_map() {
        let minor = value.get_from_path("minor").and_then(Value::as_i64);
        let currency = value.get_from_path("currency").and_then(Value::as_str);
        minor.zip(currency).map(|(minor, currency)| Money::new(minor, currency))
    } else {
        value.as_f64().and_then(|major| from_major(major, given.unwrap_or_else(|| shop_currency.to_owned())))
    };
    match amount {
        Some(amount) => Ok(show(&amount, &Language::asked(kwargs, state)?)),
        None => Err(Error::message("`money` takes an amount of money or a number")),
    }
}

fn from_major(major: f64, currency: String) -> Option<Money> {
    let minor = (major * 10_f64.powi(exponent(&currency).cast_signed())).round();
    // Beyond this a double no longer holds every cent.
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked on the same line")]
    (minor.abs() < 9e15).then(|| Money::new(minor as i64, currency))
}

fn show(amount: &Money, language: &Language) -> String {
    let conventions = language.conventions();
    let number = number(amount, conventions);
    let sign = if amount.minor < 0 { "\u{2212}" } else { "" };
    let leads = locale_match!(conventions => LC_MONETARY::P_CS_PRECEDES) == 1;
    let known = SYMBOLS.iter().find(|(code, ..)| *code == amount.currency);
    match known {
        Some((_, symbol, true)) if leads => {
            // Some languages put a space behind it.
            let gap = if locale_match!(conventions => LC_MONETARY::P_SEP_BY_SPACE) == 0 { "" } else { "\u{a0}" };
            format!("{sign}{symbol}{gap}{number}")
        }
        Some((_, symbol, _)) => format!("{sign}{number}\u{a0}{symbol}"),
        None => format!("{sign}{number}\u{a0}{}", amount.currency),
    }
}

/// The number without its sign; a whole one has no decimals.
fn number(amount: &Money, conventions: Locale) -> String {
    let digits = exponent(&amount.currency) as usize;
    let scale = 10_u64.pow(exponent(&amount.currency));
    let size = amount.minor.unsigned_abs();
    let group = locale_match!(conventions => LC_MONETARY::MON_THOUSANDS_SEP);
    // The narrow space of some languages is a box in the fonts of some mail programs.
    let group = if group.trim().is_empty() && !group.is_empty() { "\u{a0}" } else { group };
    let sizes = locale_match!(conventions => LC_MONETARY::MON_GROUPING);
    let whole = (size / scale).to_string();
    let mut number = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && begins_group(whole.len() - index, sizes) {
            number.push_str(group);
        }
        number.push(digit);
    }
    if !size.is_multiple_of(scale) {
        let point = locale_match!(conventions => LC_MONETARY::MON_DECIMAL_POINT);
        // Writing to a String cannot fail.
        let _ = write!(number, "{point}{:0digits$}", size % scale);
    }
    number
}

/// Whether a group begins with so many digits to come, by sizes of groups from the right of which the last goes on for ever
/// (`3, 2`: 12,34,567).
fn begins_group(mut left: usize, sizes: &[i64]) -> bool {
    let mut sizes = sizes.iter().filter_map(|size| usize::try_from(*size).ok()).filter(|size| *size > 0);
    let Some(mut size) = sizes.next() else { return false };
    while left > size {
        left -= size;
        size = sizes.next().unwrap_or(size);
    }
    left == size
}
