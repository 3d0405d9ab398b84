//! What ratios say. Those of the pairs of one run are the server's own arithmetic
//! ([`barewire::duel::statistics`]); here is what several runs of fresh processes say together.
//!
//! A process has a bias of a per cent or two, by where its memory happens to lie, that no number of
//! its turns removes. So a figure of two processes is made of many sets: the median within each
//! set, and the mean over the sets.

use barewire::duel::statistics as duels;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// The chance that the interval of a single comparison holds the true value.
pub const LEVEL: f64 = 0.95;

/// The chance that each of so many intervals must have, so that all together hold with [`LEVEL`]
/// (Bonferroni's inequality).
pub fn level_of_each(intervals: usize) -> f64 {
    1.0 - (1.0 - LEVEL) / count(intervals.max(1))
}

/// A ratio and its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// Of pairs their median, of sets their geometric mean.
    pub median: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// The chance that such an interval holds the true value.
    pub coverage: f64,
    /// How many pairs, or sets, it is made of.
    pub pairs: usize,
}

/// What an interval allows to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The whole interval lies within 0.5 % of 1.
    #[serde(rename = "below 0.5 %")]
    Negligible,
    /// It costs less.
    Faster,
    /// It costs more.
    Slower,
    /// The interval holds 1 and more around it.
    #[default]
    #[serde(rename = "not resolved")]
    NotResolved,
    /// Slices of double length say something else.
    CarryOver,
    /// Nothing on this machine, or in this load, would show it.
    #[serde(rename = "cannot show here")]
    CannotShow,
}

impl Verdict {
    /// In words, of what costs more or less than something else.
    pub fn words(self) -> &'static str {
        match self {
            Self::Negligible => "below 0.5 %",
            Self::Faster => "less",
            Self::Slower => "more",
            Self::NotResolved => "not resolved",
            Self::CarryOver => "carry-over",
            Self::CannotShow => "cannot show here",
        }
    }

    /// That of an interval.
    pub fn of(estimate: &Estimate) -> Self {
        let near = duels::NEGLIGIBLE;
        if estimate.low >= 1.0 - near && estimate.high <= 1.0 + near {
            Self::Negligible
        } else if estimate.low > 1.0 {
            Self::Slower
        } else if estimate.high < 1.0 {
            Self::Faster
        } else {
            Self::NotResolved
        }
    }
}

/// The median of the ratios of one run's pairs, at a level; `None` of fewer than six.
pub fn of_pairs(ratios: &[f64], level: f64) -> Option<Estimate> {
    let found = duels::estimate(ratios, level)?;
    Some(Estimate {
        median: found.median,
        low: found.low,
        high: found.high,
        coverage: found.coverage,
        pairs: found.pairs,
    })
}

/// The geometric mean of the ratios of sets with Student's interval of their logarithms; `None` of
/// fewer than two, and where a ratio is none.
pub fn of_sets(ratios: &[f64], level: f64) -> Option<Estimate> {
    let logs: Vec<f64> = ratios.iter().map(|ratio| ratio.ln()).collect();
    let Mean { mean, low, high } = mean_of_sets(&logs, level)?;
    Some(Estimate {
        median: mean.exp(),
        low: low.exp(),
        high: high.exp(),
        coverage: level,
        pairs: logs.len(),
    })
}

/// A mean and its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mean {
    /// The mean.
    pub mean: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The mean of the figures of sets with Student's interval; `None` of fewer than two, and where one
/// is no number.
pub fn mean_of_sets(figures: &[f64], level: f64) -> Option<Mean> {
    if figures.len() < 2 || figures.iter().any(|figure| !figure.is_finite()) {
        return None;
    }
    let sets = count(figures.len());
    let mean = figures.iter().sum::<f64>() / sets;
    let squares: f64 = figures.iter().map(|figure| (figure - mean).powi(2)).sum();
    let error = (squares / (sets - 1.0) / sets).sqrt();
    let student = StudentsT::new(0.0, 1.0, sets - 1.0).ok()?;
    let reach = student.inverse_cdf(f64::midpoint(1.0, level)) * error;
    Some(Mean {
        mean,
        low: mean - reach,
        high: mean + reach,
    })
}

/// The middle one, or the middle of the middle two.
pub fn median(figures: &[f64]) -> Option<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    Some(f64::midpoint(sorted[last / 2], sorted[last.div_ceil(2)]))
}

/// A count as a number to divide by.
pub fn count(count: usize) -> f64 {
    float(count as u64)
}

/// The same of bytes, requests and nanoseconds.
#[expect(
    clippy::cast_precision_loss,
    reason = "a double counts to 9e15 without loss"
)]
pub fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    #[test]
    fn the_middle_of_some() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn students_interval_of_known_numbers() {
        // Logarithms 0 and 0.2: mean 0.1, standard error 0.1, t(0.975, 1) = 12.706.
        let found = of_sets(&[1.0, 0.2_f64.exp()], 0.95).unwrap();
        assert!((found.median.ln() - 0.1).abs() < 1e-9);
        assert!((found.high.ln() - (0.1 + 1.2706)).abs() < 1e-3, "{found:?}");
        assert_eq!(of_sets(&[1.0], 0.95), None);
        assert_eq!(of_sets(&[1.0, 0.0], 0.95), None);
    }

    /// Sets with a bias of their own of 1.5 %: the true ratio is inside as often as promised.
    #[test]
    fn the_true_ratio_is_inside() {
        let mut random = SmallRng::seed_from_u64(11);
        let runs = 2_000;
        let inside = (0..runs).filter(|_| {
            let sets: Vec<f64> = (0..20)
                .map(|_| {
                    let noise: f64 = (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
                    1.04 * (0.015 * noise).exp()
                })
                .collect();
            let found = of_sets(&sets, 0.95).unwrap();
            found.low <= 1.04 && 1.04 <= found.high
        });
        let share = count(inside.count()) / f64::from(runs);
        assert!((0.93..=0.97).contains(&share), "{share}");
    }

    #[test]
    fn what_an_interval_says() {
        let of = |low, high| {
            Verdict::of(&Estimate {
                median: f64::midpoint(low, high),
                low,
                high,
                coverage: 0.95,
                pairs: 20,
            })
        };
        assert_eq!(of(0.996, 1.004), Verdict::Negligible);
        assert_eq!(of(1.001, 1.02), Verdict::Slower);
        assert_eq!(of(0.9, 0.99), Verdict::Faster);
        assert_eq!(of(0.99, 1.01), Verdict::NotResolved);
    }
}
