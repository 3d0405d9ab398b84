//! No headline without a figure that can bear it.

pub mod threshold;

use crate::results::{Objection, Results};

/// Everything that speaks against the results; empty if nothing does.
pub fn objections(results: &Results) -> Vec<Objection> {
    let _ = results;
    todo!()
}
