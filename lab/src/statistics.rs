//! What a figure is worth: ratios of pairs, their interval, and what may be said of them.
//!
//! Invariant: nothing is said to be faster or slower that an interval of 95 % does not bear out, and
//! that holds for few pairs too. The percentile bootstrap alone (Efron and Tibshirani, An
//! Introduction to the Bootstrap, 1993, chapter 13) is too narrow there: of six values, its interval
//! of the median misses the truth in more than one case of twenty. The interval between two order
//! statistics (David and Nagaraja, Order Statistics, 2003, section 7.1) makes no assumption but that
//! pairs are independent, and holds 95 % for any number from six on. An estimate's interval is
//! the hull of both. Of fewer than six values even the least and the largest enclose the median in
//! less than 95 % of the cases (2^-5 is more than 2.5 % on each side), so that five pairs never
//! resolve anything.
//!
//! Absent are means and standard deviations: one disturbed block in twenty moves them as far as the
//! effects that are looked for.

pub mod drift;

pub mod shares;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Pairs that it takes at least to say anything.
pub const PAIRS_MIN: u32 = 6;
/// Distance from 1 that is no effect: smaller ones are not looked for.
pub const NO_EFFECT: f64 = 0.01;
/// How much narrower than needed an interval has to be before measuring stops early. Who looks after
/// each pair, and stops at the first interval that happens to resolve, is wrong far more often than
/// in 5 % of the cases (Armitage, McPherson and Rowe, 1969: in 14 % with five looks). With an
/// interval half as wide again it is wrong as often as with one look: a test counts it.
pub const MARGIN: f64 = 1.5;

/// Resamples of a bootstrap.
const RESAMPLES: usize = 2_000;
/// Probability that is left out on each side of an interval.
const TAIL: f64 = 0.025;
/// Same figures, same interval: a result file can be evaluated again.
const SEED: u64 = 0x5EED;

/// A median with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// Median of the pairs' ratios.
    pub median: f64,
    /// Lower end of the 95 % interval; of fewer than six pairs, the least.
    pub low: f64,
    /// Its upper end; of fewer than six pairs, the largest.
    pub high: f64,
    /// Pairs that counted.
    pub pairs: u32,
}

/// What may be said of a ratio of costs, `subject` by `base`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The subject costs less: the interval lies below 1, and not within 1 % of it.
    Faster,
    /// The subject costs more: the interval lies above 1, and not within 1 % of it.
    Slower,
    /// The interval lies within 1 % of 1.
    NoEffect,
    /// Anything else.
    NotResolved,
}

/// The median of ratios with its interval of 95 %; `None` of fewer than three.
pub fn estimate(ratios: &[f64]) -> Option<Estimate> {
    if ratios.len() < 3 {
        return None;
    }
    let sorted = ascending(ratios);
    let pairs = u32::try_from(sorted.len()).ok()?;
    let rank = rank_of_lower_end(pairs);
    let ordered = (sorted[rank], sorted[sorted.len() - 1 - rank]);
    let resampled = bootstrap(&sorted);
    Some(Estimate {
        median: median_of_sorted(&sorted),
        low: ordered.0.min(resampled.0),
        high: ordered.1.max(resampled.1),
        pairs,
    })
}

/// What an interval allows to say.
pub fn verdict(estimate: Option<&Estimate>) -> Verdict {
    match estimate {
        Some(it) if it.pairs < PAIRS_MIN => Verdict::NotResolved,
        Some(it) if it.low >= 1.0 - NO_EFFECT && it.high <= 1.0 + NO_EFFECT => Verdict::NoEffect,
        Some(it) if it.high < 1.0 => Verdict::Faster,
        Some(it) if it.low > 1.0 => Verdict::Slower,
        _ => Verdict::NotResolved,
    }
}

/// How many times wider an interval is than it may be for the nearest verdict: below 1 it is
/// resolved, infinite if nothing can be said of what its middle is.
pub fn excess(estimate: &Estimate) -> f64 {
    let Estimate { median, .. } = *estimate;
    let (down, up) = (median - estimate.low, estimate.high - median);
    let share = |reach: f64, room: f64| {
        if room > 0.0 {
            reach / room
        } else {
            f64::INFINITY
        }
    };
    let within = share(up, 1.0 + NO_EFFECT - median).max(share(down, median - 1.0 + NO_EFFECT));
    within
        .min(share(down, median - 1.0))
        .min(share(up, 1.0 - median))
}

/// Whether measuring can stop before its time: resolved, and by a [`MARGIN`].
pub fn is_settled(estimate: Option<&Estimate>) -> bool {
    estimate.is_some_and(|it| it.pairs >= PAIRS_MIN && excess(it) * MARGIN < 1.0)
}

/// The middle one, or the mean of both in the middle; `None` of none.
pub fn median(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| median_of_sorted(&ascending(values)))
}

fn ascending(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

fn median_of_sorted(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    }
}

/// Position, from 0, of the value that the median is below with at most [`TAIL`]; the upper end lies
/// as far from the other side. How many of `count` values are below their median is binomial.
fn rank_of_lower_end(count: u32) -> usize {
    let count_real = f64::from(count);
    // In logarithms: the probability of none is 0 in a float from 1,075 values on.
    let mut logarithm = -count_real * std::f64::consts::LN_2;
    let mut below = logarithm.exp();
    let mut rank = 0;
    for successes in 0..count {
        logarithm += ((count_real - f64::from(successes)) / f64::from(successes + 1)).ln();
        below += logarithm.exp();
        if below > TAIL {
            break;
        }
        rank += 1;
    }
    rank
}

/// Percentile interval of the median.
fn bootstrap(sorted: &[f64]) -> (f64, f64) {
    let mut random = SmallRng::seed_from_u64(SEED);
    let mut resample = vec![0.0; sorted.len()];
    let mut medians: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            resample.fill_with(|| sorted[random.random_range(0..sorted.len())]);
            resample.sort_unstable_by(f64::total_cmp);
            median_of_sorted(&resample)
        })
        .collect();
    medians.sort_unstable_by(f64::total_cmp);
    // 2.5 % of the resamples lie beyond each end.
    let outside = RESAMPLES / 40;
    (medians[outside], medians[RESAMPLES - 1 - outside])
}

#[cfg(test)]
mod tests;
