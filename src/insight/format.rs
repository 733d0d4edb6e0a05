//! Figures as people read them, the same in the page, in its live updates and in the terminal.

use crate::journey::money::{Money, exponent};
use crate::journey::time::{MICROS_PER_SECOND, Span};

/// What stands where there is no figure yet.
pub const NONE: &str = "–";

/// A count with its thousands set apart: `12,480`.
pub fn count(n: i64) -> String {
    let sign = if n < 0 { "-" } else { "" };
    format!("{sign}{}", grouped(&n.unsigned_abs().to_string()))
}

/// A share as per cent: `0 %`, `0.4 %`, `34 %`; a share that is not everything never shows as 100 %.
pub fn percent(share: Option<f64>) -> String {
    let Some(share) = share else { return NONE.to_owned() };
    let percent = share * 100.0;
    if percent > 0.0 && percent < 10.0 {
        let shown = format!("{percent:.1}");
        return format!("{}\u{a0}%", shown.trim_end_matches(".0"));
    }
    let shown = if percent < 100.0 { percent.round().min(99.0) } else { percent };
    format!("{shown:.0}\u{a0}%")
}

/// A length of time in its two largest units: `2d 4h`, `35m`.
pub fn span(span: Option<Span>) -> String {
    let Some(span) = span else { return NONE.to_owned() };
    let mut seconds = span.micros() / MICROS_PER_SECOND;
    let mut parts = Vec::new();
    for (unit, size) in [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)] {
        let n = seconds / size;
        seconds %= size;
        match (n, parts.len()) {
            (0, 0) => {}
            (0, _) | (_, 2..) => break,
            _ => parts.push(format!("{}{unit}", count(n))),
        }
    }
    if parts.is_empty() { "0s".to_owned() } else { parts.join("\u{a0}") }
}

/// Amounts of one or more currencies, in whole major units once they exceed a hundred: `€1,240`, `RUB 99.50`.
pub fn money(amounts: &[Money]) -> String {
    let shown: Vec<String> = amounts.iter().filter(|m| m.minor != 0).map(one_amount).collect();
    if shown.is_empty() { NONE.to_owned() } else { shown.join(" + ") }
}

fn one_amount(amount: &Money) -> String {
    let scale = 10_u64.pow(exponent(&amount.currency));
    let size = amount.minor.unsigned_abs();
    let sign = if amount.minor < 0 { "-" } else { "" };
    let digits = if size >= 100 * scale || scale == 1 {
        grouped(&((size + scale / 2) / scale).to_string())
    } else {
        let width = exponent(&amount.currency) as usize;
        format!("{}.{:0width$}", size / scale, size % scale)
    };
    let mark = match amount.currency.as_str() {
        "EUR" => "€",
        "USD" => "$",
        "GBP" => "£",
        "RUB" => "₽",
        other => return format!("{sign}{other}\u{a0}{digits}"),
    };
    format!("{sign}{mark}{digits}")
}

fn grouped(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A code in words: `no_consent` becomes `no consent`.
pub fn words(code: &str) -> String {
    code.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped() {
        for (n, shown) in [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678"), (-1_200, "-1,200")] {
            assert_eq!(count(n), shown);
        }
    }

    #[test]
    fn shares_keep_a_digit_where_it_matters_and_never_round_up_to_everything() {
        let cases = [
            (None, "–"),
            (Some(0.0), "0\u{a0}%"),
            (Some(0.004), "0.4\u{a0}%"),
            (Some(0.05), "5\u{a0}%"),
            (Some(0.344), "34\u{a0}%"),
            (Some(0.999), "99\u{a0}%"),
            (Some(1.0), "100\u{a0}%"),
        ];
        for (share, shown) in cases {
            assert_eq!(percent(share), shown);
        }
    }

    #[test]
    fn spans_show_two_units_at_most() {
        let cases = [
            (Span::ZERO, "0s"),
            (Span::seconds(59), "59s"),
            (Span::seconds(3_605), "1h"),
            (Span::seconds(187_200), "2d\u{a0}4h"),
            (Span::seconds(5_430), "1h\u{a0}30m"),
        ];
        for (length, shown) in cases {
            assert_eq!(span(Some(length)), shown);
        }
        assert_eq!(span(None), NONE);
    }

    #[test]
    fn amounts_keep_minor_units_only_while_they_are_small() {
        let cases = [
            (Money::new(2_490, "EUR"), "€24.90"),
            (Money::new(124_050, "RUB"), "₽1,241"),
            (Money::new(1_500, "JPY"), "JPY\u{a0}1,500"),
            (Money::new(-990, "USD"), "-$9.90"),
        ];
        for (amount, shown) in cases {
            assert_eq!(money(&[amount]), shown);
        }
        assert_eq!(money(&[]), NONE);
        assert_eq!(money(&[Money::new(100, "EUR"), Money::new(200, "USD")]), "€1.00 + $2.00");
    }
}
