//! What each technique takes off, whichever order they are added in.
//!
//! On one ladder, a technique's step depends on what was there before it: the first of two that save
//! the same thing gets it all. Its mean step over random orders does not; it is an estimate of
//! the Shapley value (Castro, Gómez and Tejada, Polynomial calculation of the Shapley value based on
//! sampling, 2009), and the shares of all techniques add up to what lies between naive and full.

use std::collections::BTreeMap;

use crate::results::Ladder;

/// How the name of a ladder in random order begins.
pub const RANDOM: &str = "random-";

/// A technique's part of what lies between the naive server and the full one.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// Its name.
    pub technique: String,
    /// Cost that it takes off, the mean of all orders; negative if it adds some.
    pub mean: f64,
    /// The least of the orders.
    pub least: f64,
    /// The largest.
    pub largest: f64,
    /// Of the way from naive to full, 0 to 1; `None` if that way has no length.
    pub of_all: Option<f64>,
    /// Orders that were measured.
    pub orders: u32,
}

/// Shares from the ladders of this workload and unit, the largest first. From those in random order
/// if there are any, since a fixed one is not a sample of orders; ladders that were not finished are
/// left out.
pub fn shares(ladders: &[Ladder], workload: &str, unit: &str) -> Vec<Share> {
    let fitting = |ladder: &&Ladder| ladder.workload == workload && ladder.unit == unit;
    let height = ladders
        .iter()
        .filter(fitting)
        .map(|ladder| ladder.steps.len());
    let Some(height) = height.max() else {
        return Vec::new();
    };
    let whole = |ladder: &&Ladder| fitting(ladder) && ladder.steps.len() == height;
    let is_random = |ladder: &Ladder| ladder.order.starts_with(RANDOM);
    let has_random = ladders.iter().filter(whole).any(is_random);
    let used: Vec<&Ladder> = ladders
        .iter()
        .filter(whole)
        .filter(|ladder| is_random(ladder) || !has_random)
        .collect();
    let mut steps: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (technique, taken) in used.iter().flat_map(|ladder| taken_off(ladder)) {
        steps.entry(technique).or_default().push(taken);
    }
    let mut shares: Vec<Share> = steps.into_iter().map(share).collect();
    let all: f64 = shares.iter().map(|share| share.mean).sum();
    for share in &mut shares {
        share.of_all = (all != 0.0).then(|| share.mean / all);
    }
    shares.sort_by(|left, right| right.mean.total_cmp(&left.mean));
    shares
}

/// Each technique of a ladder with what its step took off.
fn taken_off(ladder: &Ladder) -> impl Iterator<Item = (&str, f64)> {
    let before = std::iter::once(ladder.naive).chain(ladder.steps.iter().map(|step| step.cost));
    let steps = ladder.steps.iter().zip(before);
    steps.map(|(step, before)| (step.technique.as_str(), before - step.cost))
}

fn share((technique, steps): (&str, Vec<f64>)) -> Share {
    let orders = u32::try_from(steps.len()).unwrap_or(u32::MAX);
    Share {
        technique: technique.to_owned(),
        mean: steps.iter().sum::<f64>() / f64::from(orders),
        least: steps.iter().copied().fold(f64::INFINITY, f64::min),
        largest: steps.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        of_all: None,
        orders,
    }
}
