//! What counts cost here: ranges, from duels that vary one thing.

use std::collections::BTreeMap;

use super::ladder::PRICES;
use crate::results::{Results, Row, RowKind};

/// What an allocation costs, and an instruction, from the least to the most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Prices {
    /// Nanoseconds of an allocation that is freed again.
    allocation: [f64; 2],
    /// Its instructions.
    allocation_instructions: f64,
    /// Nanoseconds of an instruction that is neither.
    instruction: [f64; 2],
}

impl Prices {
    /// Those of a workload; `None` if a price was not measured.
    pub(super) fn of(results: &Results, workload: &str) -> Option<Self> {
        let mut all = PRICES.into_iter().map(|(name, each)| {
            let row = results.row(RowKind::Price, name, workload)?;
            let counted = row.counts.get("instructions").copied()?;
            Some((range(row)?, each, counted))
        });
        let (allocation, each, counted) = all.next()??;
        let others = all.collect::<Option<Vec<_>>>()?;
        let of_one = others
            .iter()
            .map(|(range, _, counted)| range.map(|ns| ns / counted));
        let instruction = of_one.fold([f64::INFINITY, 0.0], |[low, high], [lower, upper]| {
            [f64::min(low, lower.max(0.0)), f64::max(high, upper)]
        });
        Some(Self {
            allocation: allocation.map(|ns| (ns / each).max(0.0)),
            allocation_instructions: counted / each,
            instruction,
        })
    }

    /// From the least to the most that a layer of these counts should cost.
    pub(super) fn of_layer(&self, counts: &BTreeMap<String, f64>) -> [f64; 2] {
        let count = |name| counts.get(name).copied().unwrap_or_default();
        let allocations = count("allocations");
        let rest = count("instructions") - allocations * self.allocation_instructions;
        [0, 1].map(|end| allocations * self.allocation[end] + rest.max(0.0) * self.instruction[end])
    }
}

/// What the subject of a row costs more than its base, from the least to the most.
fn range(row: &Row) -> Option<[f64; 2]> {
    let (base, ratio) = (row.base_ns?, row.ratio?);
    Some([ratio.low, ratio.high].map(|ratio| base * (ratio - 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::Estimate;

    const LOAD: &str = "keep-alive";

    fn row(kind: RowKind, about: &str, base: &str, base_ns: f64, more: f64, count: f64) -> Row {
        let of = |ns: f64| (base_ns + ns) / base_ns;
        Row {
            about: about.to_owned(),
            kind,
            workload: LOAD.to_owned(),
            subject: about.to_owned(),
            base: base.to_owned(),
            base_ns: Some(base_ns),
            ratio: Some(Estimate {
                median: of(more),
                low: of(more - 10.0),
                high: of(more + 10.0),
                coverage: 0.95,
                pairs: 100,
            }),
            counts: [("instructions".to_owned(), count)].into(),
            ..Row::default()
        }
    }

    #[test]
    fn a_layer_is_predicted_from_its_counts() {
        let mut results = Results::default();
        for (name, more, instructions) in [
            ("allocations", 400.0, 3400.0),
            ("calls", 100.0, 1000.0),
            ("hashes", 510.0, 5000.0),
            ("atomics", 70.0, 300.0),
        ] {
            let row = row(RowKind::Price, name, "bare", 3000.0, more, instructions);
            results.rows.push(row);
        }
        let prices = Prices::of(&results, LOAD).unwrap();
        let counts = [("allocations", 2.0), ("instructions", 1340.0)];
        let counts = counts.map(|(name, count)| (name.to_owned(), count)).into();
        let [low, high] = prices.of_layer(&counts);
        // Two allocations at 19.5 to 20.5 ns; 1,000 instructions at 0.09 to 0.267 ns.
        assert!((low - (39.0 + 90.0)).abs() < 1e-6, "{low}");
        assert!((high - (41.0 + 80.0 / 0.3)).abs() < 1e-6, "{high}");
    }
}
