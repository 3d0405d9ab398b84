//! What single blocks say against the machine that they ran on.

use super::{object, percent};
use crate::results::{Objection, Results};

/// Steal that a block may have: above it the hypervisor's other guests are part of the figure.
const STEAL_MAX: f64 = 0.01;
/// Blocks that may have more: a few are dropped and measured again, and no harm is done.
const STOLEN_MAX: usize = 3;
/// The same as a share of all blocks, for long runs.
const STOLEN_SHARE_MAX: f64 = 0.05;

/// Whether the hypervisor took time away from more than a few blocks, dropped ones included.
pub(super) fn steal(results: &Results) -> Vec<Objection> {
    let blocks = &results.blocks;
    let stolen = blocks.iter().filter(|block| block.steal > STEAL_MAX);
    let count = stolen.clone().count();
    #[expect(clippy::cast_precision_loss, reason = "a number of blocks")]
    let share = count as f64 / blocks.len().max(1) as f64;
    if count <= STOLEN_MAX || share <= STOLEN_SHARE_MAX {
        return Vec::new();
    }
    let most = stolen.map(|block| block.steal).fold(0.0, f64::max);
    let what = format!(
        "The hypervisor took more than {} of the time away in {count} of {} blocks, {} at most.",
        percent(STEAL_MAX),
        blocks.len(),
        percent(most),
    );
    let remedy = "Run it when the host is quieter, or on a machine of your own.";
    vec![object("all", "steal", what, remedy)]
}
