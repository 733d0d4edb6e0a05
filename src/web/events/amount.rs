//! Amounts: written in major units, kept in minor ones, never rounded.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::Value;

use super::fields::{Fields, word};
use crate::journey::money::{Money, exponent};

/// Takes a currency code, or the one given.
pub fn currency(fields: &mut Fields<'_>, otherwise: &str) -> String {
    let Some(code) = fields.text("currency") else { return otherwise.to_owned() };
    let code = code.trim().to_ascii_uppercase();
    if code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()) {
        return code;
    }
    fields.fault("currency", "must be a currency code of three letters, for example EUR");
    otherwise.to_owned()
}

/// Takes an amount: `"24.90"` or `24.9`.
pub fn amount(fields: &mut Fields<'_>, name: &'static str, currency: &str) -> Option<Money> {
    let value = fields.value(name)?;
    match read(&value, currency) {
        Ok(money) => Some(money),
        Err(reason) => {
            fields.fault(name, reason);
            None
        }
    }
}

/// An amount in minor units; `None` if it does not fit.
pub fn to_minor(major: Decimal, currency: &str) -> Option<i64> {
    let minor = major.checked_mul(Decimal::from(10_i64.pow(exponent(currency))))?;
    minor.fract().is_zero().then(|| minor.to_i64()).flatten()
}

fn read(value: &Value, currency: &str) -> Result<Money, String> {
    // A number is read by its shortest text, which is what the sender wrote unless it came out of floating arithmetic.
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        other => return Err(format!("must be an amount such as \"24.90\", not {}", word(other))),
    };
    let major = Decimal::from_str_exact(&text)
        .or_else(|_| Decimal::from_scientific(&text))
        .map_err(|_| "must be an amount such as \"24.90\": digits and a point, no sign of currency".to_owned())?;
    if major.is_sign_negative() && !major.is_zero() {
        return Err("must not be negative".into());
    }
    if let Some(minor) = to_minor(major, currency) {
        return Ok(Money::new(minor, currency));
    }
    let places = exponent(currency);
    Err(if major.normalize().scale() > places {
        format!("has more decimal places than {currency} has ({places})")
    } else {
        "is too large".into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn amounts_fit_exactly_or_are_refused() {
        let fits = [
            (json!("24.90"), "EUR", 2_490),
            (json!("24.900"), "EUR", 2_490),
            (json!(24.9), "EUR", 2_490),
            (json!(0.1), "EUR", 10),
            (json!(24), "EUR", 2_400),
            (json!("1500"), "JPY", 1_500),
            (json!("1.234"), "KWD", 1_234),
            (json!(1e3), "EUR", 100_000),
            (json!("-0"), "EUR", 0),
        ];
        for (value, currency, minor) in fits {
            assert_eq!(read(&value, currency), Ok(Money::new(minor, currency)), "{value} {currency}");
        }
        let refused = [
            (json!("24.905"), "EUR"),
            (json!("1.5"), "JPY"),
            (json!(0.300_000_000_000_000_04), "EUR"),
            (json!("-1"), "EUR"),
            (json!("24,90"), "EUR"),
            (json!("€24"), "EUR"),
            (json!(""), "EUR"),
            (json!(1e30), "EUR"),
            (json!("99999999999999999999"), "EUR"),
            (json!("1e400"), "EUR"),
            (json!(true), "EUR"),
        ];
        for (value, currency) in refused {
            assert!(read(&value, currency).is_err(), "{value} {currency}");
        }
    }
}
