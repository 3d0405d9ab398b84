//! What a figure is worth: ratios of pairs, their interval, and what may be said of them.
//!
//! Everything here is arithmetic on numbers that were measured elsewhere; the same numbers give the
//! same interval each time, for the resampling has a fixed seed. Absent are means and standard
//! deviations: one block that something disturbed would move both, and hardly moves a median.

use std::collections::BTreeMap;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::results::Ladder;

/// Samples that are drawn, each as large as the original (Efron, Tibshirani: An Introduction to the
/// Bootstrap, 1993, chapter 13).
const RESAMPLES: usize = 4000;
/// What of them lies outside the interval, on each side: 95 % lie inside.
const TAIL: f64 = 0.025;
/// Below six pairs not even the range from the smallest to the largest holds the median with 95 %:
/// both ends of five miss it with 2 / 2^5.
pub const PAIRS_MIN: usize = 6;
/// Below three there is no middle.
const ESTIMATE_MIN: usize = 3;
/// What is too little to matter, to either side of 1.
pub const NO_EFFECT: f64 = 0.01;
/// How much narrower than needed an interval has to be before measuring stops early. Who looks
/// after each pair and stops at the first interval that happens to resolve is wrong too often
/// (Armitage, McPherson, Rowe: Repeated Significance Tests on Accumulating Data, 1969): of noise
/// alone, with 6 to 30 pairs, in 14 % of 6,000 simulated rows, and with this margin in 5 %. A test
/// repeats it.
const MARGIN: f64 = 2.5;
/// Any number: the same ratios must give the same interval.
const SEED: u64 = 0x6261_7265_7769_7265;

/// A median with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// Median of the pairs' ratios.
    pub median: f64,
    /// Lower end of the 95 % interval; of fewer than six pairs the smallest ratio.
    pub low: f64,
    /// Its upper end; of fewer than six pairs the largest ratio.
    pub high: f64,
    /// Pairs that counted.
    pub pairs: u32,
}

/// What may be said of a ratio of costs, `subject` by `base`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The subject costs less: the interval lies below 1.
    Faster,
    /// The subject costs more: the interval lies above 1.
    Slower,
    /// The interval lies within 1 % of 1.
    NoEffect,
    /// Anything else.
    NotResolved,
}

/// The median of ratios with an interval of 95 %; `None` of fewer than three.
///
/// The interval is the wider of two: the percentile bootstrap, which is too narrow of few numbers,
/// and the range between two order statistics, which holds the median of any distribution with the
/// chance that the binomial one gives (David, Nagaraja: Order Statistics, 2003, section 7.1).
pub fn estimate(ratios: &[f64]) -> Option<Estimate> {
    if ratios.len() < ESTIMATE_MIN || ratios.iter().any(|ratio| !ratio.is_finite()) {
        return None;
    }
    let mut sorted = ratios.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = bootstrap(&sorted);
    let outer = outer_rank(sorted.len());
    Some(Estimate {
        median: median_of_sorted(&sorted),
        low: low.min(sorted[outer]),
        high: high.max(sorted[sorted.len() - 1 - outer]),
        pairs: u32::try_from(sorted.len()).unwrap_or(u32::MAX),
    })
}

/// What an interval allows to say.
pub fn verdict(estimate: Option<&Estimate>) -> Verdict {
    let Some(estimate) = estimate.filter(|estimate| estimate.pairs as usize >= PAIRS_MIN) else {
        return Verdict::NotResolved;
    };
    if estimate.low >= 1.0 - NO_EFFECT && estimate.high <= 1.0 + NO_EFFECT {
        Verdict::NoEffect
    } else if estimate.high < 1.0 {
        Verdict::Faster
    } else if estimate.low > 1.0 {
        Verdict::Slower
    } else {
        Verdict::NotResolved
    }
}

/// How many times wider an interval is than it may be for the nearest verdict: below 1 it is
/// resolved, and infinite where no verdict is in reach.
pub fn excess(estimate: &Estimate) -> f64 {
    let middle = estimate.median;
    let (down, up) = (middle - estimate.low, estimate.high - middle);
    let share = |reach: f64, room: f64| {
        if room > 0.0 {
            reach / room
        } else {
            f64::INFINITY
        }
    };
    let no_effect = share(up, 1.0 + NO_EFFECT - middle).max(share(down, middle - 1.0 + NO_EFFECT));
    let (slower, faster) = (share(down, middle - 1.0), share(up, 1.0 - middle));
    no_effect.min(slower).min(faster)
}

/// Whether measuring can stop before its time: resolved, and by a margin.
pub fn is_settled(estimate: Option<&Estimate>) -> bool {
    estimate.is_some_and(|it| it.pairs as usize >= PAIRS_MIN && excess(it) * MARGIN < 1.0)
}

/// The middle number, or the mean of the two; `None` of none.
pub fn median(numbers: &[f64]) -> Option<f64> {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    (!sorted.is_empty()).then(|| median_of_sorted(&sorted))
}

/// How much dearer the second half of a series in time was than its first; 1.0 is no drift. `None`
/// of fewer than four.
pub fn drift(costs: &[f64]) -> Option<f64> {
    let (first, second) = costs.split_at(costs.len() / 2);
    if first.len() < 2 {
        return None;
    }
    Some(median(second)? / median(first)?)
}

/// What a technique takes off the cost, whatever the order in which techniques are added.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// Mean over all ladders: an estimate of the Shapley value (Shapley, A Value for n-Person
    /// Games, 1953), which sums up to the whole way from naive to full.
    pub mean: f64,
    /// The least that it took off in any order.
    pub least: f64,
    /// The most.
    pub most: f64,
}

/// The shares of all techniques, in the ladders' unit, for each request; all ladders are of one
/// workload and unit.
pub fn shares(ladders: &[&Ladder]) -> BTreeMap<String, Share> {
    let mut gains: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for ladder in ladders {
        let mut before = ladder.naive;
        for step in &ladder.steps {
            let gain = before - step.cost;
            gains.entry(&step.technique).or_default().push(gain);
            before = step.cost;
        }
    }
    let share = |gains: &[f64]| Share {
        mean: gains.iter().sum::<f64>() / f64::from(u32::try_from(gains.len()).unwrap_or(u32::MAX)),
        least: gains.iter().copied().fold(f64::INFINITY, f64::min),
        most: gains.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    };
    gains
        .into_iter()
        .map(|(name, gains)| (name.to_owned(), share(&gains)))
        .collect()
}

fn median_of_sorted(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    }
}

fn bootstrap(sorted: &[f64]) -> (f64, f64) {
    let mut random = SmallRng::seed_from_u64(SEED);
    let mut sample = vec![0.0; sorted.len()];
    let mut medians: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            sample.fill_with(|| sorted[random.random_range(0..sorted.len())]);
            sample.sort_by(f64::total_cmp);
            median_of_sorted(&sample)
        })
        .collect();
    medians.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a small positive number"
    )]
    let outside = (RESAMPLES as f64 * TAIL) as usize;
    (medians[outside], medians[RESAMPLES - 1 - outside])
}

/// The largest rank from either end, such that fewer than `TAIL` of all samples have their median
/// beyond it; 0 where even the ends do not suffice.
fn outer_rank(numbers: usize) -> usize {
    let exponent = i32::try_from(numbers).unwrap_or(i32::MAX);
    // Binomial coefficients, by 2^n: the chance that exactly `rank` numbers lie below the median.
    let mut chance = 0.5_f64.powi(exponent);
    let mut below = chance;
    let mut rank = 0;
    while below <= TAIL {
        #[expect(clippy::cast_precision_loss, reason = "numbers of pairs are small")]
        let next = chance * (numbers - rank) as f64 / (rank + 1) as f64;
        chance = next;
        below += chance;
        rank += 1;
    }
    rank.saturating_sub(1)
}

#[cfg(test)]
mod tests;
