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
