//! Shares of customers: who falls into one is decided by a hash, so that the answer is the same each time and everywhere.

use std::fmt;
use std::str::FromStr;

use super::ids;
use super::time::Span;

/// Parts that a whole is divided into: a hundredth of a per cent can be told.
const WHOLE: u32 = 10_000;

/// A share of all customers, in hundredths of a per cent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u32);

/// What is wrong with a written share.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a share: write per cent with two decimals at most, for example `10%` or `0.5%`")]
pub struct ShareError(String);

impl Share {
    /// Nobody.
    pub const NONE: Self = Self(0);
    /// Everybody.
    pub const ALL: Self = Self(WHOLE);

    /// Both shares together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Whether whatever the parts name falls into the first `self` of the whole. The same parts always give the same answer.
    pub fn holds(self, parts: &[&str]) -> bool {
        place(parts) < self.0
    }
}

/// The part of a time at which whatever the parts name has its turn: evenly spread over it, always the same for the same parts.
pub(super) fn part_of(span: Span, parts: &[&str]) -> Span {
    Span::from_micros(span.micros() / i64::from(WHOLE) * i64::from(place(parts)))
}

/// Where in the whole the parts fall: evenly spread, always the same for the same parts.
fn place(parts: &[&str]) -> u32 {
    let digest = ids::digest("share", parts);
    let number = digest[..8].iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    // Less than the whole, so it fits.
    u32::try_from(number % u64::from(WHOLE)).unwrap_or(0)
}

impl FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Self, ShareError> {
        let fail = || ShareError(text.to_owned());
        let number = text.trim().strip_suffix('%').ok_or_else(fail)?.trim_end();
        let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |part: &str, most: usize| {
            ((1..=most).contains(&part.len()) && part.chars().all(|c| c.is_ascii_digit()))
                .then(|| part.parse::<u32>().ok())
                .flatten()
                .ok_or_else(fail)
        };
        let hundredths = digits(decimals, 2)? * if decimals.len() == 1 { 10 } else { 1 };
        let share = digits(whole, 3)? * 100 + hundredths;
        if share > WHOLE { Err(fail()) } else { Ok(Self(share)) }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 100, self.0 % 100) {
            (whole, 0) => write!(f, "{whole}%"),
            (whole, part) if part % 10 == 0 => write!(f, "{whole}.{}%", part / 10),
            (whole, part) => write!(f, "{whole}.{part:02}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_read_and_shown_alike() {
        for text in ["0%", "10%", "0.5%", "12.25%", "100%"] {
            assert_eq!(text.parse::<Share>().map(|share| share.to_string()).as_deref(), Ok(text));
        }
        for wrong in ["", "10", "%", "101%", "-1%", "1.234%", "1.%", ".5%", "ten%", "1e2%"] {
            assert!(wrong.parse::<Share>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_share_holds_about_its_part_and_always_the_same() {
        let tenth: Share = "10%".parse().expect("a share");
        let held = |n: u32| tenth.holds(&["holdout", "shop", &n.to_string()]);
        let count = (0..10_000).filter(|n| held(*n)).count();
        assert!((900..1_100).contains(&count), "{count}");
        assert!((0..100).all(|n| held(n) == held(n)));
        assert!((0..1_000).all(|n: u32| Share::ALL.holds(&[&n.to_string()]) && !Share::NONE.holds(&[&n.to_string()])));
    }
}
