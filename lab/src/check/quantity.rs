//! A figure as wrk prints it: its value, and what its last digit leaves open.

use std::fmt;

/// Which letters may stand behind the digits, and what each is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// `us`, `ms`, `s`, `m`, `h`; in microseconds.
    Time,
    /// None, `k`, `M`, `G`, `T`: thousands.
    Metric,
    /// `B`, `KB`, `MB`, `GB`, `TB`: each 1024 of the one before.
    Bytes,
}

/// wrk goes to the next unit at 0.85 of it (`format_units` in src/units.c).
const NEXT_UNIT: f64 = 0.85;

/// A figure. It is shown as it was printed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantity<'a> {
    /// As it was printed.
    pub text: &'a str,
    /// In microseconds, bytes, or ones.
    pub value: f64,
    /// The least that it may have been before it was rounded.
    pub low: f64,
    /// The most.
    pub high: f64,
    /// Digits behind the point.
    pub decimals: usize,
    suffix: &'a str,
    /// What one of its unit is worth.
    scale: f64,
}

impl<'a> Quantity<'a> {
    /// Reads a figure; tolerates what wrk would not print, such as thousands' separators.
    pub fn read(text: &'a str, unit: Unit) -> Option<Self> {
        let end = text.find(|letter: char| !letter.is_ascii_digit() && !".,".contains(letter));
        let (digits, suffix) = text.split_at(end.unwrap_or(text.len()));
        let scale = scale(suffix, unit)?;
        let plain = digits.replace(',', "");
        let decimals = plain.split_once('.').map_or(0, |(_, behind)| behind.len());
        let value = plain.parse::<f64>().ok()? * scale;
        let half = 0.5 * 10_f64.powi(-i32::try_from(decimals).ok()?) * scale;
        Some(Self {
            text,
            value,
            low: value - half,
            high: value + half,
            decimals,
            suffix,
            scale,
        })
    }

    /// Whether the amount is below where wrk begins to use its unit. Seconds begin at 1.
    pub fn is_below_its_unit(&self) -> bool {
        let least = if self.suffix == "s" { 1.0 } else { NEXT_UNIT };
        self.scale > 1.0 && self.high < least * self.scale
    }

    /// How wrk would print the same amount, as far as these digits tell.
    pub fn in_smaller_unit(&self) -> String {
        match self.suffix {
            "ms" => format!("{:.2}us", self.value),
            "s" => format!("{:.2}ms", self.value / 1e3),
            "k" => format!("{:.2}", self.value),
            "KB" => format!("{:.2}B", self.value),
            _ => "an amount in the next smaller unit".to_owned(),
        }
    }
}

impl fmt::Display for Quantity<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.text)
    }
}

/// What a suffix multiplies by.
fn scale(suffix: &str, unit: Unit) -> Option<f64> {
    let suffixes = match unit {
        Unit::Time => &["us", "ms", "s", "m", "h"][..],
        Unit::Metric => &["", "k", "M", "G", "T", "P"],
        Unit::Bytes => &["B", "KB", "MB", "GB", "TB", "PB"],
    };
    let mut places = suffixes.iter().zip(0..);
    let (_, place) = places.find(|(known, _)| suffix.eq_ignore_ascii_case(known))?;
    Some(match (unit, place) {
        (Unit::Time, 3) => 60e6,
        (Unit::Time, 4) => 3600e6,
        (Unit::Bytes, _) => 1024_f64.powi(place),
        _ => 1000_f64.powi(place),
    })
}
