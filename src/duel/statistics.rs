//! What the pairs of a duel say: a median, its interval, and a verdict. Pure functions of numbers.
//!
//! Nothing is assumed of how the ratios are distributed. A burst of other work spoils a few pairs,
//! which moves a mean and hardly a median.

use serde::Serialize;

/// A verdict of "below 0.5 %" needs the whole interval this close to 1.
pub const NEGLIGIBLE: f64 = 0.005;
/// A duel ends before its time when its interval is this narrow, wherever it lies...
pub const WIDTH_ENOUGH: f64 = 0.005;
/// ... and when it has as many pairs. To stop because of where the interval lies would find effects
/// of nothing: looking each second until 1 is excluded does so in 17 to 31 % of null duels.
pub const PAIRS_ENOUGH: usize = 50;
/// Below this there is no interval: the range of five pairs misses the median in one case of 16.
pub const PAIRS_MIN: usize = 6;

/// A median and its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The median of the pairs' ratios.
    pub median: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// The chance that such an interval holds the true median: at least the one asked for.
    pub coverage: f64,
    /// How many pairs it is made of.
    pub pairs: usize,
}

/// What an interval allows to say about what `b` costs, compared with `a`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The difference, if there is one, is below 0.5 %.
    #[serde(rename = "below 0.5 %")]
    Negligible,
    /// It costs less.
    Faster,
    /// It costs more.
    Slower,
    /// The interval holds 1 and more around it.
    #[serde(rename = "not resolved")]
    NotResolved,
    /// Slices of double length say something else: what one arm does reaches into the other.
    CarryOver,
}

/// The median of the ratios, and the interval that holds the true one with a chance of `level` at
/// least: the range between two order statistics (David, Nagaraja: Order Statistics, 2003, section
/// 7.1). `None` of fewer than [`PAIRS_MIN`], and where even the whole range is not enough.
pub fn estimate(ratios: &[f64], level: f64) -> Option<Estimate> {
    let pairs = ratios.len();
    let mut sorted = ratios.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (rank, coverage) = rank(pairs, level)?;
    let (before, after) = (sorted[(pairs - 1) / 2], sorted[pairs / 2]);
    Some(Estimate {
        median: f64::midpoint(before, after),
        low: sorted[rank],
        high: sorted[pairs - 1 - rank],
        coverage,
        pairs,
    })
}

/// How many of so many numbers can be left out at either end, such that the rest spans the median
/// with a chance of `level` at least; and the chance. Each number lies below the median with a
/// chance of a half, so how many do is binomial.
fn rank(numbers: usize, level: f64) -> Option<(usize, f64)> {
    if numbers < PAIRS_MIN {
        return None;
    }
    // Logarithms: 2^-n itself is no number any more from n = 1,075 on.
    let mut log_chance = float(numbers) * 0.5_f64.ln();
    let mut missed = 0.0;
    let mut found = None;
    for rank in 0..numbers / 2 {
        missed += 2.0 * log_chance.exp();
        if 1.0 - missed < level {
            break;
        }
        found = Some((rank, 1.0 - missed));
        log_chance += (float(numbers - rank) / float(rank + 1)).ln();
    }
    found
}

/// The verdict of an interval; `doubled` is that of the pairs with slices of double length, which
/// must agree.
pub fn verdict(all: &Estimate, doubled: Option<&Estimate>, short: Option<&Estimate>) -> Verdict {
    let disagree = doubled.zip(short).is_some_and(|(doubled, short)| {
        let is_apart = doubled.low > short.high || doubled.high < short.low;
        is_apart && (doubled.median - short.median).abs() > NEGLIGIBLE
    });
    if disagree {
        Verdict::CarryOver
    } else if all.low >= 1.0 - NEGLIGIBLE && all.high <= 1.0 + NEGLIGIBLE {
        Verdict::Negligible
    } else if all.low > 1.0 {
        Verdict::Slower
    } else if all.high < 1.0 {
        Verdict::Faster
    } else {
        Verdict::NotResolved
    }
}

/// Whether a duel may end before its time.
pub fn is_narrow(estimate: &Estimate) -> bool {
    estimate.pairs >= PAIRS_ENOUGH && estimate.high - estimate.low <= WIDTH_ENOUGH
}

/// Counts and nanoseconds stay far below 2^53.
#[allow(clippy::cast_precision_loss)]
pub(super) fn float(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
