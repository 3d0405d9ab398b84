//! What a figure is worth: ratios of pairs, their interval, and what may be said of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A median with its bootstrap interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// Median of the pairs' ratios.
    pub median: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Its upper end.
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

/// The median of ratios with a bootstrap interval of 95 %; `None` of fewer than three.
pub fn estimate(ratios: &[f64]) -> Option<Estimate> {
    let _ = ratios;
    todo!()
}

/// What an interval allows to say.
pub fn verdict(estimate: Option<&Estimate>) -> Verdict {
    let _ = estimate;
    todo!()
}
