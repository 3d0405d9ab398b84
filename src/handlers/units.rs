//! Times and counts as the numbers that answers show.

use std::time::Duration;

/// A count, for arithmetic whose result people read: 53 bits are enough for that.
#[allow(clippy::cast_precision_loss)]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

/// `part / whole`; 0 of nothing.
pub(super) fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// `part / whole`, to four decimals; `None` of nothing.
pub(super) fn per(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| decimals(part / whole))
}

/// A number to four decimals: beyond, a ratio of counts that go on is noise.
pub(super) fn decimals(number: f64) -> f64 {
    (number * 1e4).round() / 1e4
}

/// Whole nanoseconds.
pub(super) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Microseconds, to the nanosecond. (Of `as_secs_f64` the decimals would be 0.07127499999999999.)
pub(super) fn microseconds(time: Duration) -> f64 {
    float(nanoseconds(time)) / 1e3
}

/// Milliseconds, to the nanosecond.
pub(super) fn milliseconds(time: Duration) -> f64 {
    float(nanoseconds(time)) / 1e6
}

/// The median of `N` readings.
pub(super) fn median<const N: usize>(read: impl Fn() -> u64) -> u64 {
    let mut readings: [u64; N] = std::array::from_fn(|_| read());
    readings.sort_unstable();
    readings[N / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_decimals_of_their_nanoseconds() {
        let time = Duration::from_nanos(71_275);
        assert_eq!(microseconds(time).to_string(), "71.275");
        assert_eq!(milliseconds(time).to_string(), "0.071275");
        assert_eq!(nanoseconds(Duration::MAX), u64::MAX);
    }

    #[test]
    fn a_part_of_nothing_is_nothing() {
        assert_eq!(ratio(5.0, 0.0).to_string(), "0");
        assert_eq!(ratio(1.0, 4.0).to_string(), "0.25");
        assert_eq!((per(5.0, 0.0), per(1.0, 3.0)), (None, Some(0.3333)));
    }
}
