//! Whether the machine changed while it was measured: the costs of what did not change, early
//! against late.
//!
//! Pairs cancel what is slow; a machine that gets slower by a tenth between two blocks of a pair
//! does not cancel. So a drift does not falsify a ratio, but it says that the noise was not the
//! harmless kind. Absent is a mending of figures by the drift that was seen: they are measured again.

use super::{Estimate, ascending, median_of_sorted};

/// Change that counts as drift, if the interval bears it out: 5 %.
pub const DRIFT: f64 = 0.05;

/// Standard normal quantile of a two-sided interval of 95 %.
const NORMAL_95: f64 = 1.96;

/// By what factor costs of the second half of a run exceed those of the first; in order of time,
/// all of the same subject and workload. `None` of fewer than eight: four in each half.
///
/// The shift estimate of Hodges and Lehmann, as the median of all ratios of a later to an earlier
/// cost, with the interval that belongs to the rank sum test (Hollander and Wolfe, Nonparametric
/// Statistical Methods, 1999, section 4.3): it assumes no shape of the noise, and holds for few.
pub fn drift(costs: &[f64]) -> Option<Estimate> {
    let (early, late) = costs.split_at(costs.len() / 2);
    if early.len() < 4 {
        return None;
    }
    let ratios: Vec<f64> = late
        .iter()
        .flat_map(|late| early.iter().map(move |early| late / early))
        .collect();
    let sorted = ascending(&ratios);
    let rank = rank_of_lower_end(early.len(), late.len()).min(sorted.len() / 2);
    Some(Estimate {
        median: median_of_sorted(&sorted),
        low: sorted[rank],
        high: sorted[sorted.len() - 1 - rank],
        pairs: u32::try_from(early.len()).ok()?,
    })
}

/// Whether costs changed by more than [`DRIFT`], and not by chance.
pub fn has_drifted(estimate: &Estimate) -> bool {
    let is_certain = estimate.low > 1.0 || estimate.high < 1.0;
    is_certain && (estimate.median - 1.0).abs() > DRIFT
}

/// Position, from 0, of the ratio that ends the interval, by the normal approximation of the rank
/// sum: rounded down, so that the interval is rather too wide.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers of blocks, far below 2^52; what is negative becomes 0"
)]
fn rank_of_lower_end(early: usize, late: usize) -> usize {
    let (early, late) = (early as f64, late as f64);
    let spread = (early * late * (early + late + 1.0) / 12.0).sqrt();
    let rank = early * late / 2.0 - NORMAL_95 * spread;
    (rank - 1.0).max(0.0).floor() as usize
}
