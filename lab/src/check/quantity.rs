//! A figure as wrk prints it: its value, and what its last digit leaves open.

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

/// A figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantity<'a> {
    /// As it was printed.
    pub text: &'a str,
    /// In microseconds, bytes, or ones.
    pub value: f64,
    /// What the last digit leaves open, to either side.
    pub half: f64,
    /// Digits behind the point.
    pub decimals: usize,
    /// The number before the unit.
    pub mantissa: f64,
    /// Whether thousands are separated.
    pub has_separators: bool,
    suffix: &'a str,
}

impl<'a> Quantity<'a> {
    /// Reads a figure; tolerates what wrk would not print, such as thousands' separators.
    pub fn read(text: &'a str, unit: Unit) -> Option<Self> {
        let end = text
            .find(|letter: char| !letter.is_ascii_digit() && letter != '.' && letter != ',')
            .unwrap_or(text.len());
        let (digits, suffix) = text.split_at(end);
        let scale = scale(suffix, unit)?;
        let plain = digits.replace(',', "");
        let mantissa: f64 = plain.parse().ok()?;
        let decimals = plain.split_once('.').map_or(0, |(_, behind)| behind.len());
        let places = i32::try_from(decimals).ok()?;
        Some(Self {
            text,
            value: mantissa * scale,
            half: 0.5 * 10_f64.powi(-places) * scale,
            decimals,
            mantissa,
            has_separators: digits.contains(','),
            suffix,
        })
    }

    /// The least that it may have been before it was rounded.
    pub fn low(&self) -> f64 {
        self.value - self.half
    }

    /// The most.
    pub fn high(&self) -> f64 {
        self.value + self.half
    }

    /// Whether the amount is below where wrk begins to use its unit. Seconds begin at 1.
    pub fn is_below_its_unit(&self) -> bool {
        let least = match self.suffix {
            "" | "B" | "us" => 0.0,
            "s" => 1.0,
            _ => NEXT_UNIT,
        };
        let half = 0.5 * 10_f64.powi(-i32::try_from(self.decimals).unwrap_or(0));
        self.mantissa + half < least
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

fn scale(suffix: &str, unit: Unit) -> Option<f64> {
    let power = |letter: &str, base: f64| {
        let place = ["", "k", "m", "g", "t", "p"]
            .iter()
            .position(|known| letter.eq_ignore_ascii_case(known))?;
        Some(base.powi(i32::try_from(place).ok()?))
    };
    match unit {
        Unit::Time => match suffix {
            "us" => Some(1.0),
            "ms" => Some(1e3),
            "s" => Some(1e6),
            "m" => Some(60e6),
            "h" => Some(3600e6),
            _ => None,
        },
        Unit::Metric => power(suffix, 1000.0),
        Unit::Bytes => power(suffix.strip_suffix('B')?, 1024.0),
    }
}
