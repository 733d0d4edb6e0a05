//! The filters that letters have besides Tera's own: `money`, `date`, `plural`, `first_name`, `urlencode`, and a `default` that also stands in
//! for `null`.

mod check;
mod date;
mod locale;
mod money;
mod name;
mod plural;
mod urlencode;

use tera::{Kwargs, State, Tera, TeraResult, Value};

use crate::journey::book::Shop;

pub(super) use check::{check, locale_of};

/// A Tera without templates: filters registered, `.html` and `.mjml` escaped.
pub(super) fn engine(shop: &Shop) -> Tera {
    let mut tera = Tera::new();
    tera.autoescape_on([".html", ".mjml"]);
    let currency = shop.currency.clone();
    tera.register_filter("money", move |value: Value, kwargs: Kwargs, state: &State| {
        money::money(&value, &kwargs, state, &currency)
    });
    let zone = shop.zone;
    tera.register_filter("date", move |value: Value, kwargs: Kwargs, state: &State| {
        date::date(&value, &kwargs, state, zone)
    });
    tera.register_filter("plural", |value: Value, kwargs: Kwargs, state: &State| {
        plural::plural(&value, &kwargs, state)
    });
    tera.register_filter("first_name", name::first_name);
    tera.register_filter("urlencode", urlencode::urlencode);
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

#[cfg(test)]
mod tests {
    use super::*;
    use tera::Context;

    fn check(template: &str, locale: &str, expected: &str) {
        let shop = Shop { zone: chrono_tz::Europe::Moscow, ..Shop::default() };
        let context = serde_json::json!({
            "locale": locale, "nothing": null, "customer": {"time_zone": null, "first_name": "anna lee"},
            "total": {"minor": 1_234_550, "currency": "RUB", "major": 12345.5},
            "euro": {"minor": -2_000, "currency": "EUR", "major": -20.0},
            "at": 1_795_327_200_000_000_i64, "text": "2026-11-22T06:00:00.000000Z",
        });
        let context = Context::from_serialize(&context).expect("a context");
        let shown = engine(&shop).render_str(template, &context, false).expect(template);
        assert_eq!(shown, expected, "{template} in {locale}");
    }

    #[test]
    fn money_is_written_as_the_language_of_the_letter_does() {
        check("{{ total | money }}", "ru", "12\u{a0}345,50\u{a0}₽");
        check("{{ total | money }}", "en-GB", "12,345.50\u{a0}₽");
        check("{{ total | money(locale='de') }}", "en-GB", "12.345,50\u{a0}₽");
        check("{{ euro | money }}", "en", "\u{2212}€20");
        check("{{ 99.5 | money(currency='USD') }}", "en", "$99.50");
        check("{{ 1234.5 | money(currency='USD') }}", "en", "$1,234.50");
        check("{{ 1234.5 | money(currency='USD') }}", "ru", "1\u{a0}234,50\u{a0}$");
        check("{{ 1234.5 | money(currency='EUR') }}", "de", "1.234,50\u{a0}€");
        check("{{ 1234.5 | money(currency='EUR') }}", "fr-FR", "1\u{a0}234,50\u{a0}€");
        check("{{ 1234.5 | money(currency='EUR') }}", "nl", "€\u{a0}1.234,50");
        check("{{ 1234567.5 | money(currency='INR') }}", "hi", "₹12,34,567.50");
        check("{{ 1234.5 | money(currency='CHF') }}", "de-CH", "1’234.50\u{a0}CHF");
        check("{{ 1234 | money(currency='JPY') }}", "en", "¥1,234");
        check("{{ 1234 | money(currency='JPY') }}", "ru", "1\u{a0}234\u{a0}¥");
        check("{{ 7 | money }}", "de", "7\u{a0}€");
        check("{{ 7 | money(currency=nothing) }}", "en", "€7");
        check("{{ nothing | money }}", "en", "");
    }

    #[test]
    fn dates_are_written_as_the_language_of_the_letter_does() {
        check("{{ at | date }}", "en", "22 November 2026");
        check("{{ at | date }}", "en-US", "November 22, 2026");
        check("{{ at | date }}", "ru", "22 ноября 2026");
        check("{{ at | date }}", "de", "22. November 2026");
        check("{{ at | date }}", "es", "22 de noviembre de 2026");
        check("{{ at | date }}", "pl", "22 listopada 2026");
        check("{{ at | date }}", "ja", "2026年11月22日");
        check("{{ at | date(locale='fr') }}", "en", "22 novembre 2026");
        check("{{ at | date(format='weekday') }}", "en", "Sunday, 22 November");
        check("{{ at | date(format='weekday') }}", "ru", "воскресенье, 22 ноября");
        check("{{ at | date(format='weekday') }}", "de", "Sonntag, 22. November");
        check("{{ at | date(format='short') }}", "ru", "22.11.2026");
        check("{{ at | date(format='short') }}", "en", "22 Nov 2026");
        check("{{ at | date(format='short') }}", "fr", "22/11/2026");
        check("{{ at | date(format='day') }}", "ru", "22 ноября");
        check("{{ at | date(format='time') }}", "en-US", "9:00 AM");
        check("{{ at | date(format='%B') }}", "ru", "ноября");
        check("{{ at | date(format='%H:%M') }}", "en", "09:00");
        check("{{ at | date(format='%H:%M', zone='UTC') }}", "en", "06:00");
        check("{{ text | date }}", "en", "22 November 2026");
    }

    #[test]
    fn a_value_becomes_a_part_of_an_address() {
        check("{{ 'A/7 ё?&#.' | urlencode }}", "en", "A/7%20%D1%91%3F%26%23.");
        check("{{ 12 | urlencode }}", "en", "12");
        check("{{ nothing | urlencode }}", "en", "");
    }

    #[test]
    fn words_go_with_their_number() {
        let words = "{{ N | plural(one='товар', few='товара', many='товаров') }}";
        for (number, expected) in
            [("0", "товаров"), ("1", "товар"), ("3", "товара"), ("11", "товаров"), ("121", "товар"), ("1.5", "товара")]
        {
            check(&words.replace('N', number), "ru-RU", expected);
        }
        check("{{ 1 | plural(one='item', other='items') }}", "en", "item");
        check("{{ 2 | plural(one='item', other='items') }}", "en", "items");
        check("{{ 2 | plural(one='item', other='items') }}", "ru", "items");
        check("{{ 5 | plural(one='x', other='y') }}", "ja", "y");
        check("{{ nothing | plural(one='item', other='items') }}", "en", "items");
    }

    #[test]
    fn names_and_what_is_missing() {
        check("{{ customer.first_name | first_name(fallback='friend') }}", "en", "Anna");
        check("{{ nothing | first_name(fallback='friend') }}", "en", "friend");
        check("{{ 'ANNA' | first_name(fallback='friend') }}", "en", "friend");
        check("{{ 'ANNA' | first_name }}", "en", "");
        check("{{ nothing | default(value='friend') }}", "en", "friend");
        check("{{ nothing }}", "en", "");
    }

    #[test]
    fn a_bad_format_is_an_error_and_no_panic() {
        let shop = Shop::default();
        let context = Context::from_serialize(&serde_json::json!({"at": 0})).expect("a context");
        for bad in ["at | date(format='%Q%')", "at | date(zone='Mars')", "at | plural", "'x' | plural(other='y')"] {
            assert!(engine(&shop).render_str(&format!("{{{{ {bad} }}}}"), &context, false).is_err(), "{bad}");
        }
    }
}
