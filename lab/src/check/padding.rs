//! Whether wrk's padding can explain a mean latency that Little's law forbids.
//!
//! wrk adds latencies that nobody measured: for each of at least twice I = time x connections /
//! requests it adds one that is I shorter, one that is 2 I shorter, and so on, as long as they are
//! above I (`stats_correct` in src/stats.c, against coordinated omission). So the printed mean may
//! be above what was measured, and only what was measured obeys the law.
//!
//! The proof that no measurement pads to the printed figures is by linear duality. A latency x
//! becomes c(x) numbers, whose squared distances from the printed mean M sum up to D(x). Over all
//! latencies, the sum of D(x) - V c(x) is 0 or less, V being the printed variance, and so is that
//! of x - J, J being the mean that Little's law allows. If for some weight w >= 0 the function D(x)
//! - V c(x) + w (x - J) is above 0 for each x up to the maximum, both cannot be.

/// What was printed, all in microseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    /// `Avg`.
    pub(super) mean: f64,
    /// The most that the square of `Stdev` may have been, around this mean.
    pub(super) variance: f64,
    /// The most that `Max` may have been.
    pub(super) max: f64,
    /// I: the step of the padding.
    pub(super) step: f64,
    /// J: the largest mean that Little's law allows before the padding.
    pub(super) allowed: f64,
}

/// Latencies that are tried, of 0 to the maximum.
const POINTS: u32 = 4000;
/// Steps of the search for the weight; each takes a third off the range.
const SEARCH: u32 = 60;
/// How far above 0 the function must stay, in variances: it may dip between two points.
const MARGIN: f64 = 0.02;

impl Claim {
    /// Whether no measurement pads to this.
    pub(super) fn is_impossible(&self) -> bool {
        let least = |weight: f64| {
            let points = (0..=POINTS).map(|point| self.max * f64::from(point) / f64::from(POINTS));
            let sums = points.map(|one| self.excess(one) + weight * (one - self.allowed));
            sums.fold(f64::INFINITY, f64::min)
        };
        // The least over x is concave in the weight, so thirds find its largest value.
        let (mut low, mut high) = (0.0, 10.0 * self.max.max(self.allowed));
        for _ in 0..SEARCH {
            let third = (high - low) / 3.0;
            if least(low + third) < least(high - third) {
                low += third;
            } else {
                high -= third;
            }
        }
        least(f64::midpoint(low, high)) > MARGIN * self.variance
    }

    /// D(x) - V c(x): the numbers are x, x - I, ..., of which n were added.
    fn excess(&self, latency: f64) -> f64 {
        let added = ((latency / self.step).ceil() - 2.0).max(0.0);
        let count = added + 1.0;
        let distance = latency - self.mean;
        let sum = added * count / 2.0;
        let sum_of_squares = added * count * (2.0 * added + 1.0) / 6.0;
        let distances = count * distance * distance - 2.0 * distance * self.step * sum
            + self.step * self.step * sum_of_squares;
        distances - self.variance * count
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    /// wrk's own loop, on numbers instead of a histogram.
    fn padded(measured: &[f64], step: f64) -> Vec<f64> {
        let mut all = measured.to_vec();
        for latency in measured.iter().filter(|latency| **latency >= 2.0 * step) {
            let mut added = latency - step;
            while added > step {
                all.push(added);
                added -= step;
            }
        }
        all
    }

    #[expect(clippy::cast_precision_loss, reason = "some thousand numbers")]
    fn mean(numbers: &[f64]) -> f64 {
        numbers.iter().sum::<f64>() / numbers.len() as f64
    }

    /// What wrk would print of these, if they kept all connections waiting.
    fn claim(measured: &[f64]) -> Claim {
        let step = mean(measured);
        let all = padded(measured, step);
        let middle = mean(&all);
        let squares: Vec<f64> = all.iter().map(|one| (one - middle).powi(2)).collect();
        Claim {
            mean: middle,
            variance: mean(&squares),
            max: measured.iter().copied().fold(0.0, f64::max),
            step,
            allowed: step,
        }
    }

    #[test]
    fn what_wrk_pads_itself_is_possible() {
        let mut random = SmallRng::seed_from_u64(1);
        let mut raised = 0;
        for tail in 0..60 {
            let measured: Vec<f64> = (0..2000)
                .map(|_| {
                    let quick = 100.0 * random.random::<f64>();
                    let is_slow = random.random_range(0..100) < tail;
                    if is_slow {
                        5000.0 * random.random::<f64>()
                    } else {
                        quick
                    }
                })
                .collect();
            let claim = claim(&measured);
            assert!(!claim.is_impossible(), "{claim:?}");
            raised += u32::from(claim.mean > 1.5 * claim.allowed);
        }
        assert!(raised > 10, "the padding moved hardly any mean");
    }

    #[test]
    fn a_narrow_spread_far_above_the_allowed_mean_is_impossible() {
        let possible = claim(&[100.0, 100.0, 100.0, 5000.0]);
        let narrow = Claim {
            variance: possible.variance / 16.0,
            ..possible
        };
        assert!(narrow.is_impossible(), "{narrow:?}");
        assert!(!possible.is_impossible(), "{possible:?}");
    }
}
