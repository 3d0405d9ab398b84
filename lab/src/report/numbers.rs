//! How a number is written: the same in HTML, in Markdown and in a terminal.
//!
//! What was not measured is a dash, and never 0. Minus is the typographic one, so that a change of
//! -12 cannot be read as a range.

use indicatif::HumanFloatCount;

use crate::statistics::Estimate;

/// What stands where nothing was measured.
pub const NOT_MEASURED: &str = "–";

/// A value, or the dash.
pub fn or_dash<T>(value: Option<T>, written: impl Fn(T) -> String) -> String {
    value.map_or_else(|| NOT_MEASURED.to_owned(), written)
}

/// A large number without decimals, in groups of three: `12,345`.
pub fn whole(value: f64) -> String {
    grouped(value, 0)
}

/// A count for one request: four decimals at the most: a call of 16 requests is 0.0625, without
/// trailing zeros.
pub fn count(value: f64) -> String {
    grouped(
        value,
        match value.abs() {
            ..10.0 => 4,
            ..100.0 => 1,
            _ => 0,
        },
    )
}

fn grouped(value: f64, decimals: usize) -> String {
    let written = format!("{:.decimals$}", HumanFloatCount(value.abs()));
    match written.as_str() {
        _ if !value.is_finite() => NOT_MEASURED.to_owned(),
        "0" => written,
        _ if value < 0.0 => format!("−{written}"),
        _ => written,
    }
}

/// A change: with its sign, and `0` if there is none.
pub fn change(value: f64) -> String {
    let written = count(value);
    if written == "0" || value < 0.0 {
        written
    } else {
        format!("+{written}")
    }
}

/// A ratio: `0.623`, `12.5`; what is beyond all sense is told as that.
pub fn ratio(value: f64) -> String {
    match value {
        ..10.0 => format!("{value:.3}"),
        ..100.0 => format!("{value:.1}"),
        ..10_000.0 => format!("{value:.0}"),
        _ => "beyond 10,000".to_owned(),
    }
}

/// A ratio with its interval: `0.623 (0.610 to 0.641)`.
pub fn estimate(value: &Estimate) -> String {
    format!(
        "{} ({} to {})",
        ratio(value.median),
        ratio(value.low),
        ratio(value.high)
    )
}

/// A share of one, as `62.3 %`.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// Bytes, as `12.3 MiB`.
pub fn mebibytes(bytes: f64) -> String {
    format!("{:.1} MiB", bytes / 1_048_576.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_three() {
        assert_eq!(whole(0.4), "0");
        assert_eq!(whole(999.0), "999");
        assert_eq!(whole(1_000.0), "1,000");
        assert_eq!(whole(-1_234_567.0), "−1,234,567");
        assert_eq!(whole(f64::NAN), NOT_MEASURED);
    }

    #[test]
    fn counts_lose_their_zeros() {
        assert_eq!(count(1.0), "1");
        assert_eq!(count(0.0625), "0.0625");
        assert_eq!(count(-0.00001), "0");
        assert_eq!(count(66.6667), "66.7");
        assert_eq!(count(30.0), "30");
        assert_eq!(count(1_651.0), "1,651");
        assert_eq!(change(2.5), "+2.5");
        assert_eq!(change(-2.5), "−2.5");
        assert_eq!(change(0.0), "0");
    }
}
