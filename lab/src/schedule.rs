//! Who is measured next: pairs in turned order, spent where the interval is still too wide.
//!
//! A comparison is two subjects under one workload. Its pairs go A B, B A, A B, so that what slowly
//! changes in the machine falls on both. All rows are made from the blocks of a result file, so an
//! experiment that was broken off goes on where it stopped. Absent is any clock: how long to go on
//! is the experiment's to say.

use crate::measure::{self, Plan};
use crate::process::Subject;
use crate::results::{Block, Results, Row, RowKind};
use crate::statistics::{self, Estimate, PAIRS_MIN, Verdict};
use crate::workload::Workload;

/// Two subjects under one workload.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// What its blocks are marked with; unique in an experiment.
    pub name: String,
    /// The technique, or whatever else it is about.
    pub about: String,
    /// Its kind.
    pub kind: RowKind,
    /// What is asked of both.
    pub workload: Workload,
    /// Who stands above the line.
    pub subject: Subject,
    /// Who stands below it.
    pub base: Subject,
}

impl Comparison {
    /// One that is named by its kind, what it is about and its workload.
    pub fn new(
        kind: RowKind,
        about: &str,
        workload: &Workload,
        subject: &Subject,
        base: &Subject,
    ) -> Self {
        let kind_name = match kind {
            RowKind::Control => "control",
            RowKind::LeaveOut => "leave-out",
            RowKind::AddOne => "add-one",
            RowKind::Naive => "naive",
            RowKind::Rival => "rival",
            RowKind::Limit => "limit",
        };
        Self {
            name: format!("{kind_name}/{about}/{}", workload.name),
            about: about.to_owned(),
            kind,
            workload: workload.clone(),
            subject: subject.clone(),
            base: base.clone(),
        }
    }

    /// Measures the next pair and adds its blocks to the results. `at_seconds` says when each began.
    pub fn measure(
        &self,
        results: &mut Results,
        plan: &Plan,
        mut at_seconds: impl FnMut() -> f64,
    ) -> anyhow::Result<()> {
        let own = results
            .blocks
            .iter()
            .filter(|block| block.comparison == self.name);
        let round = own.map(|block| block.round + 1).max().unwrap_or(0);
        // A control compares one subject with itself; its blocks are told apart by their names.
        let mut pair = [
            (&self.base, self.base_name()),
            (&self.subject, self.subject_name()),
        ];
        if round % 2 == 1 {
            pair.reverse();
        }
        for (subject, name) in pair {
            let at = at_seconds();
            let block = measure::block(subject, &self.workload, plan)?;
            results.blocks.push(Block {
                subject: name,
                comparison: self.name.clone(),
                round,
                at_seconds: at,
                ..block
            });
        }
        Ok(())
    }

    /// The row that the blocks so far allow.
    pub fn row(&self, results: &Results) -> Row {
        let (subject, base) = (self.subject_name(), self.base_name());
        let cpu = ratios(results, &self.name, &subject, &base, |block| {
            block.server_cpu_ns_per_request
        });
        let rate = ratios(results, &self.name, &subject, &base, |block| {
            Some(block.requests_per_second)
        });
        let cpu = statistics::estimate(&cpu);
        Row {
            comparison: self.name.clone(),
            about: self.about.clone(),
            kind: self.kind,
            workload: self.workload.name.clone(),
            verdict: statistics::verdict(cpu.as_ref()),
            cpu,
            rate: statistics::estimate(&rate),
            instructions: instructions(results, &subject, &self.workload.name)
                .zip(instructions(results, &base, &self.workload.name))
                .map(|(above, below)| above / below),
            subject,
            base,
        }
    }

    fn subject_name(&self) -> String {
        match self.kind {
            RowKind::Control => format!("{}, again", self.subject.name),
            _ => self.subject.name.clone(),
        }
    }

    fn base_name(&self) -> String {
        self.base.name.clone()
    }
}

/// The ratios of a figure, pair by pair, of blocks that count.
pub fn ratios(
    results: &Results,
    comparison: &str,
    subject: &str,
    base: &str,
    figure: impl Fn(&Block) -> Option<f64>,
) -> Vec<f64> {
    let counts = |block: &&Block| block.comparison == comparison && block.dropped.is_none();
    let blocks: Vec<&Block> = results.blocks.iter().filter(counts).collect();
    let of = |name: &str, round: u32| {
        let found = blocks
            .iter()
            .find(|block| block.subject == name && block.round == round);
        found.and_then(|block| figure(block))
    };
    let above = blocks.iter().filter(|block| block.subject == subject);
    above
        .filter_map(|block| Some(of(subject, block.round)? / of(base, block.round)?))
        .collect()
}

/// Which comparison gets the next pair: first whoever has fewer than six, then whoever is not
/// resolved and has the widest interval; `None` when all are resolved or have `pairs_max`.
pub fn next<'a>(
    comparisons: &'a [Comparison],
    results: &Results,
    pairs_max: usize,
) -> Option<&'a Comparison> {
    let measured = |comparison: &Comparison| {
        let own = results
            .blocks
            .iter()
            .filter(|block| block.comparison == comparison.name);
        own.map(|block| block.round as usize + 1).max().unwrap_or(0)
    };
    let few = comparisons
        .iter()
        .filter(|one| measured(one) < PAIRS_MIN.min(pairs_max));
    if let Some(fewest) = few.min_by_key(|one| measured(one)) {
        return Some(fewest);
    }
    let open = comparisons.iter().filter(|one| measured(one) < pairs_max);
    let widths = open.filter_map(|one| {
        let row = one.row(results);
        (row.verdict == Verdict::NotResolved).then(|| (one, width(row.cpu.as_ref())))
    });
    let widest = widths.max_by(|(_, left), (_, right)| left.total_cmp(right));
    widest.map(|(one, _)| one)
}

/// Of an interval; infinite if there is none.
fn width(estimate: Option<&Estimate>) -> f64 {
    estimate.map_or(f64::INFINITY, |estimate| estimate.high - estimate.low)
}

/// Instructions of a request, if they were counted.
pub fn instructions(results: &Results, subject: &str, workload: &str) -> Option<f64> {
    let mut counters = results.counters.iter();
    counters
        .find(|counters| counters.subject == subject && counters.workload == workload)?
        .instructions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(name: &str) -> Subject {
        Subject {
            name: name.to_owned(),
            ..Subject::default()
        }
    }

    fn comparison(about: &str) -> Comparison {
        let (without, full) = (subject(about), subject("full"));
        Comparison::new(
            RowKind::LeaveOut,
            about,
            &Workload::keep_alive(),
            &without,
            &full,
        )
    }

    /// A pair: what the subject and the full server cost.
    fn add(results: &mut Results, comparison: &Comparison, above: f64, below: f64) {
        let own = results
            .blocks
            .iter()
            .filter(|block| block.comparison == comparison.name);
        let round = u32::try_from(own.count() / 2).unwrap();
        for (name, cost) in [
            (comparison.subject_name(), above),
            (comparison.base_name(), below),
        ] {
            results.blocks.push(Block {
                subject: name,
                comparison: comparison.name.clone(),
                round,
                server_cpu_ns_per_request: Some(cost),
                requests_per_second: 1e9 / cost,
                ..Block::default()
            });
        }
    }

    #[test]
    fn ratios_are_those_of_each_pair() {
        let (mut results, one) = (Results::default(), comparison("slab"));
        for (above, below) in [(110.0, 100.0), (240.0, 200.0), (130.0, 100.0)] {
            add(&mut results, &one, above, below);
        }
        results.blocks[0].dropped = Some("steal".to_owned());
        let found = ratios(&results, &one.name, "slab", "full", |block| {
            block.server_cpu_ns_per_request
        });
        assert_eq!(found, [1.2, 1.3]);
    }

    #[test]
    fn a_row_has_its_estimate_and_verdict() {
        let (mut results, one) = (Results::default(), comparison("slab"));
        for _ in 0..6 {
            add(&mut results, &one, 120.0, 100.0);
        }
        let row = one.row(&results);
        assert_eq!(row.verdict, Verdict::Slower);
        assert!((row.cpu.unwrap().median - 1.2).abs() < 1e-9);
        assert!((row.rate.unwrap().median - 1.0 / 1.2).abs() < 1e-9);
        assert_eq!(row.instructions, None);
    }

    #[test]
    fn pairs_go_where_they_are_needed() {
        let mut results = Results::default();
        let all = [comparison("clear"), comparison("noisy"), comparison("new")];
        for pair in 0..6 {
            add(&mut results, &all[0], 200.0, 100.0);
            add(&mut results, &all[1], 90.0 + 5.0 * f64::from(pair), 100.0);
        }
        assert_eq!(next(&all, &results, 20).unwrap().about, "new");
        for _ in 0..6 {
            add(&mut results, &all[2], 100.0, 100.0);
        }
        assert_eq!(next(&all, &results, 20).unwrap().about, "noisy");
        assert!(next(&all, &results, 6).is_none());
    }
}
