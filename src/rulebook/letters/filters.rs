//! The filters that letters have besides Tera's own: `money`, `date`, and a `default` that also stands in for `null`.

use std::fmt::Write as _;

use chrono::Datelike as _;
use chrono_tz::Tz;
use tera::{Error, Kwargs, State, Tera, TeraResult, Value};

use crate::journey::book::Shop;
use crate::journey::money::{Money, exponent};
use crate::journey::time::Timestamp;

/// Months in the case that a date takes.
const RUSSIAN_MONTHS: [&str; 12] = [
    "января",
    "февраля",
    "марта",
    "апреля",
    "мая",
    "июня",
    "июля",
    "августа",
    "сентября",
    "октября",
    "ноября",
    "декабря",
];

/// A Tera without templates: filters registered, `.html` and `.mjml` escaped.
pub(super) fn engine(shop: &Shop) -> Tera {
    let mut tera = Tera::new();
    tera.autoescape_on([".html", ".mjml"]);
    let currency = shop.currency.clone();
    tera.register_filter("money", move |value: Value, kwargs: Kwargs, state: &State| {
        money(&value, &kwargs, state, &currency)
    });
    let zone = shop.zone;
    tera.register_filter("date", move |value: Value, kwargs: Kwargs, state: &State| date(&value, &kwargs, state, zone));
    tera.register_filter("default", default);
    tera
}

/// Tera's own stands in only for what is undefined; here a missing fact is `null`.
#[expect(clippy::needless_pass_by_value, reason = "the form that Tera calls")]
fn default(value: Value, kwargs: Kwargs, _: &State) -> TeraResult<Value> {
    let other = kwargs.must_get::<Value>("value")?;
    let boolean = kwargs.get::<bool>("boolean")?.unwrap_or_default();
    let absent = value.is_undefined() || value.is_none() || (boolean && !value.is_truthy());
    Ok(if absent { other } else { value })
}

fn language(state: &State) -> String {
    let locale: Option<String> = state.get("locale").ok().flatten();
    locale.unwrap_or_default().split(['-', '_']).next().unwrap_or_default().to_lowercase()
}

/// `{{ cart.total | money(currency=cart.currency) }}`: a number is in major units of that currency, else of the shop's; an
/// object of `minor` and `currency` says its own.
fn money(value: &Value, kwargs: &Kwargs, state: &State, shop_currency: &str) -> TeraResult<String> {
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
        Some(amount) => Ok(show_money(&amount, &language(state))),
        None => Err(Error::message("`money` takes an amount of money or a number")),
    }
}

fn from_major(major: f64, currency: String) -> Option<Money> {
    let minor = (major * 10_f64.powi(exponent(&currency).cast_signed())).round();
    // Beyond this a double no longer holds every cent.
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked on the same line")]
    (minor.abs() < 9e15).then(|| Money::new(minor as i64, currency))
}

fn show_money(amount: &Money, language: &str) -> String {
    let digits = exponent(&amount.currency) as usize;
    let scale = 10_u64.pow(exponent(&amount.currency));
    let size = amount.minor.unsigned_abs();
    let english = matches!(language, "en" | "");
    let (group, point) = if english { (",", ".") } else { ("\u{a0}", ",") };
    let whole = (size / scale).to_string();
    let mut number = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            number.push_str(group);
        }
        number.push(digit);
    }
    if !size.is_multiple_of(scale) {
        // Writing to a String cannot fail.
        let _ = write!(number, "{point}{:0digits$}", size % scale);
    }
    let sign = if amount.minor < 0 { "\u{2212}" } else { "" };
    match symbol(&amount.currency) {
        Some(symbol) if english && matches!(symbol, "€" | "$" | "£") => format!("{sign}{symbol}{number}"),
        Some(symbol) => format!("{sign}{number}\u{a0}{symbol}"),
        None => format!("{sign}{number}\u{a0}{}", amount.currency),
    }
}

fn symbol(currency: &str) -> Option<&'static str> {
    Some(match currency {
        "EUR" => "€",
        "USD" => "$",
        "GBP" => "£",
        "RUB" => "₽",
        "KZT" => "₸",
        "UAH" => "₴",
        _ => return None,
    })
}

/// `{{ orders.last_at | date }}`, `{{ … | date(format="%d.%m.%Y %H:%M", zone="Europe/Moscow") }}`. Without a zone the
/// customer's is taken, else the shop's; without a format the date is written out in the letter's language.
fn date(value: &Value, kwargs: &Kwargs, state: &State, shop_zone: Tz) -> TeraResult<String> {
    if value.is_none() || value.is_undefined() {
        return Ok(String::new());
    }
    let at = value.as_i64().map(Timestamp::from_micros).or_else(|| Timestamp::parse_rfc3339(value.as_str()?));
    let Some(at) = at else {
        return Err(Error::message(
            "`date` takes a moment: a fact of the type time, or text such as 2026-11-22T10:00:00Z",
        ));
    };
    let zone = match kwargs.get::<String>("zone")? {
        Some(name) => name.parse().map_err(|_| Error::message(format!("there is no time zone `{name}`")))?,
        None => customer_zone(state).unwrap_or(shop_zone),
    };
    let local = at.utc().with_timezone(&zone);
    if let Some(format) = kwargs.get::<String>("format")? {
        let mut shown = String::new();
        // chrono fails while writing when the format is not one.
        return match write!(shown, "{}", local.format(&format)) {
            Ok(()) => Ok(shown),
            Err(_) => Err(Error::message(format!("`{format}` is not a format of dates"))),
        };
    }
    if language(state) == "ru" {
        let month = RUSSIAN_MONTHS.get(local.month0() as usize).copied().unwrap_or_default();
        return Ok(format!("{} {month} {}", local.day(), local.year()));
    }
    Ok(local.format("%-d %B %Y").to_string())
}

fn customer_zone(state: &State) -> Option<Tz> {
    let customer: Value = state.get("customer").ok().flatten()?;
    customer.get_from_path("time_zone")?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tera::Context;

    fn check(template: &str, locale: &str, expected: &str) {
        let shop = Shop { zone: chrono_tz::Europe::Moscow, ..Shop::default() };
        let context = serde_json::json!({
            "locale": locale, "nothing": null, "customer": {"time_zone": null},
            "total": {"minor": 1_234_550, "currency": "RUB", "major": 12345.5},
            "euro": {"minor": -2_000, "currency": "EUR", "major": -20.0},
            "at": 1_795_327_200_000_000_i64, "text": "2026-11-22T06:00:00.000000Z",
        });
        let context = Context::from_serialize(&context).expect("a context");
        let shown = engine(&shop).render_str(template, &context, false).expect(template);
        assert_eq!(shown, expected, "{template}");
    }

    #[test]
    fn filters_speak_the_language_of_the_letter() {
        check("{{ total | money }}", "ru", "12\u{a0}345,50\u{a0}₽");
        check("{{ total | money }}", "en-GB", "12,345.50\u{a0}₽");
        check("{{ euro | money }}", "en", "\u{2212}€20");
        check("{{ 99.5 | money(currency='USD') }}", "en", "$99.50");
        check("{{ 7 | money }}", "de", "7\u{a0}€");
        check("{{ 7 | money(currency=nothing) }}", "en", "€7");
        check("{{ nothing | money }}", "en", "");
        check("{{ at | date }}", "en", "22 November 2026");
        check("{{ at | date }}", "ru", "22 ноября 2026");
        check("{{ at | date(format='%H:%M') }}", "en", "09:00");
        check("{{ at | date(format='%H:%M', zone='UTC') }}", "en", "06:00");
        check("{{ text | date }}", "en", "22 November 2026");
        check("{{ nothing | default(value='friend') }}", "en", "friend");
        check("{{ nothing }}", "en", "");
    }

    #[test]
    fn a_bad_format_is_an_error_and_no_panic() {
        let shop = Shop::default();
        let context = Context::from_serialize(&serde_json::json!({"at": 0})).expect("a context");
        assert!(engine(&shop).render_str("{{ at | date(format='%Q%') }}", &context, false).is_err());
        assert!(engine(&shop).render_str("{{ at | date(zone='Mars') }}", &context, false).is_err());
    }
}
