//! Decimal amounts to integer minor units.

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};

use crate::crm::ParseError;
use crate::journey::money::{Money, exponent};

/// An amount of a currency; halves of a minor unit are rounded away from zero.
pub(super) fn money(field: &'static str, amount: Decimal, currency: &str) -> Result<Money, ParseError> {
    Decimal::from(10_u64.pow(exponent(currency)))
        .checked_mul(amount)
        .map(|minor| minor.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero))
        .and_then(|minor| minor.to_i64())
        .map(|minor| Money::new(minor, currency))
        .ok_or_else(|| ParseError::Amount { field, value: amount.to_string().chars().take(40).collect() })
}

/// The currency that was said, in capitals; `fallback` where none or something else than three letters was said.
pub(super) fn currency(said: Option<&str>, fallback: &str) -> String {
    said.filter(|code| code.len() == 3 && code.bytes().all(|b| b.is_ascii_alphabetic()))
        .map_or_else(|| fallback.to_owned(), str::to_ascii_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::str::FromStr;

    #[test]
    fn amounts_become_minor_units_exactly() {
        for (amount, code, minor) in [
            ("1395.16", "RUB", 139_516),
            ("-247", "EUR", -24_700),
            ("0.005", "EUR", 1),
            ("1500", "JPY", 1500),
            ("1.2345", "KWD", 1235),
        ] {
            let amount = Decimal::from_str(amount).expect("a decimal");
            assert_eq!(money("sum", amount, code).expect("fits"), Money::new(minor, code));
        }
        assert!(money("sum", Decimal::MAX, "EUR").is_err());
        assert!(money("sum", Decimal::from(i64::MAX), "EUR").is_err());
    }

    #[test]
    fn a_strange_currency_is_the_shops() {
        assert_eq!(currency(Some("rub"), "EUR"), "RUB");
        assert_eq!(currency(Some("roubles"), "EUR"), "EUR");
        assert_eq!(currency(None, "EUR"), "EUR");
    }
}
