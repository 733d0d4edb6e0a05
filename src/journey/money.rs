//! Money: integer minor units of a currency. Sums across currencies are refused, not guessed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An amount in the currency's smallest unit (cents, kopecks; yen have none).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// Minor units; negative for refunds.
    pub minor: i64,
    /// ISO 4217 code in capitals, `EUR`.
    pub currency: String,
}

/// How many decimal digits a currency's minor unit has (ISO 4217 table).
pub fn exponent(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI" | "VND"
        | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

impl Money {
    /// An amount of minor units.
    pub fn new(minor: i64, currency: impl Into<String>) -> Self {
        Self { minor, currency: currency.into() }
    }

    /// An amount as people write it, `24.90` or `24`: `None` if it is none, or has more digits than the currency.
    pub fn from_major(text: &str, currency: impl Into<String>) -> Option<Self> {
        let currency = currency.into();
        let (sign, digits) = text.trim().strip_prefix('-').map_or((1, text.trim()), |rest| (-1, rest));
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let sound =
            !whole.is_empty() && !digits.ends_with('.') && [whole, part].concat().bytes().all(|b| b.is_ascii_digit());
        let places = exponent(&currency) as usize;
        let part = part.trim_end_matches('0');
        if !sound || part.len() > places {
            return None;
        }
        let minor: i64 = format!("{whole}{part:0<places$}").parse().ok()?;
        Some(Self::new(sign * minor, currency))
    }

    /// An amount of major units, rounded to the currency's smallest; `None` if it does not fit.
    pub fn from_number(amount: f64, currency: &str) -> Option<Self> {
        let places = exponent(currency) as usize;
        Self::from_major(&format!("{amount:.places$}"), currency)
    }

    /// The amount in major units, for conditions and display only.
    pub fn major(&self) -> f64 {
        self.minor as f64 / 10_f64.powi(exponent(&self.currency).cast_signed())
    }

    /// The sum; `None` when the currencies differ or the sum does not fit.
    pub fn plus(&self, other: &Self) -> Option<Self> {
        (self.currency == other.currency)
            .then(|| self.minor.checked_add(other.minor))
            .flatten()
            .map(|minor| Self::new(minor, self.currency.clone()))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = exponent(&self.currency);
        if digits == 0 {
            return write!(f, "{} {}", self.minor, self.currency);
        }
        let scale = 10_u64.pow(digits);
        let size = self.minor.unsigned_abs();
        let sign = if self.minor < 0 { "-" } else { "" };
        let width = digits as usize;
        write!(f, "{sign}{}.{:0width$} {}", size / scale, size % scale, self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly_or_not_at_all() {
        let check = |text: &str, currency: &str, minor: Option<i64>| {
            assert_eq!(Money::from_major(text, currency).map(|money| money.minor), minor, "{text} {currency}");
        };
        check("24.90", "EUR", Some(2_490));
        check("24.9", "EUR", Some(2_490));
        check("24", "EUR", Some(2_400));
        check("24.900", "EUR", Some(2_490));
        check("-1.05", "EUR", Some(-105));
        check("1500", "JPY", Some(1_500));
        check("1.234", "KWD", Some(1_234));
        for (text, currency) in [
            ("24.905", "EUR"),
            ("1.5", "JPY"),
            ("24,90", "EUR"),
            ("", "EUR"),
            (".5", "EUR"),
            ("5.", "EUR"),
            ("1e3", "EUR"),
            ("99999999999999999999", "EUR"),
        ] {
            check(text, currency, None);
        }
    }
}
