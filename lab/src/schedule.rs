//! Who is measured next: pairs in turned order, spent where the interval is still too wide.
//!
//! A comparison is two subjects under one workload. Its pairs go A B, B A, A B, so that what slowly
//! changes in the machine falls on both. All rows are made from the blocks of a result file, so an
//! experiment that was broken off goes on where it stopped. Absent is any clock: how long to go on
//! is the experiment's to say.

use crate::measure::{self, Plan};
use crate::process::Subject;
use crate::results::{Block, Results, Row, RowKind};
use crate::statistics::{self, PAIRS_MIN};
use crate::workload::Workload;

/// Of the first pairs of a row so many times more are begun, if their blocks are dropped.
const DROPPED_AT_MOST: usize = 2;

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

    /// Measures the next pair and adds its blocks to the results. `at_seconds` says when each
    /// began.
    ///
    /// # Errors
    ///
    /// As of [`measure::block`]; a pair that was not finished counts for nothing.
    pub fn measure(
        &self,
        results: &mut Results,
        plan: &Plan,
        mut at_seconds: impl FnMut() -> f64,
    ) -> anyhow::Result<()> {
        let round = u32::try_from(rounds(results, &self.name))?;
        // A control compares one subject with itself; its blocks are told apart by their names.
        let mut pair = [
            (&self.base, self.base_name()),
            (&self.subject, self.subject_name()),
        ];
        if round % 2 == 1 {
            pair.reverse();
        }
        for (subject, name) in pair {
            for block in measure::blocks(subject, &self.workload, plan, &mut at_seconds) {
                let (at_seconds, block) = block?;
                results.blocks.push(Block {
                    subject: name.clone(),
                    comparison: self.name.clone(),
                    round,
                    at_seconds,
                    ..block
                });
            }
        }
        Ok(())
    }

    /// The row that the blocks so far allow.
    pub fn row(&self, results: &Results) -> Row {
        let (subject, base) = (self.subject_name(), self.base_name());
        let rate = ratios(results, &self.name, &subject, &base, |block| {
            Some(block.requests_per_second)
        });
        let cpu = statistics::estimate(&self.cpu_ratios(results));
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

    fn cpu_ratios(&self, results: &Results) -> Vec<f64> {
        let (subject, base) = (self.subject_name(), self.base_name());
        ratios(results, &self.name, &subject, &base, |block| {
            block.server_cpu_ns_per_request
        })
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

/// Which comparison gets the next pair; `None` when all are settled or have `pairs_max`.
///
/// First those with fewer than six pairs that count, one after the other, since five resolve
/// nothing: if the time is short, some rows are whole and not all of them begun. Then whoever's
/// interval is widest for what its verdict needs, as long as it has not twice the pairs of another
/// that is open: a hopeless row does not use up the time of all.
pub fn next<'a>(
    comparisons: &'a [Comparison],
    results: &Results,
    pairs_max: usize,
) -> Option<&'a Comparison> {
    let mut open = Vec::new();
    for one in comparisons {
        let rounds = rounds(results, &one.name);
        if rounds >= pairs_max {
            continue;
        }
        let estimate = statistics::estimate(&one.cpu_ratios(results));
        let pairs = estimate.map_or(0, |estimate| estimate.pairs as usize);
        if pairs < PAIRS_MIN && rounds < PAIRS_MIN * DROPPED_AT_MOST {
            return Some(one);
        }
        if !statistics::is_settled(estimate.as_ref()) {
            let excess = estimate.as_ref().map_or(f64::INFINITY, statistics::excess);
            open.push((one, rounds, excess));
        }
    }
    let fewest = open.iter().map(|(_, rounds, _)| *rounds).min()?;
    open.retain(|(_, rounds, _)| *rounds < 2 * fewest);
    let widest = open.iter().max_by(|left, right| left.2.total_cmp(&right.2));
    widest.map(|(one, ..)| *one)
}

/// Pairs that were begun, whether they count or not.
fn rounds(results: &Results, comparison: &str) -> usize {
    let own = results
        .blocks
        .iter()
        .filter(|it| it.comparison == comparison);
    own.map(|block| block.round as usize + 1).max().unwrap_or(0)
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
    use crate::statistics::Verdict;

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

    #[test]
    fn a_row_that_was_begun_is_made_whole_first() {
        let mut results = Results::default();
        let all = [comparison("begun"), comparison("new")];
        add(&mut results, &all[0], 110.0, 100.0);
        assert_eq!(next(&all, &results, 20).unwrap().about, "begun");
    }

    #[test]
    fn a_hopeless_row_leaves_time_to_the_others() {
        let mut results = Results::default();
        let all = [comparison("hopeless"), comparison("open")];
        for pair in 0..12 {
            add(&mut results, &all[0], 50.0 + 10.0 * f64::from(pair), 100.0);
        }
        for pair in 0..6 {
            add(&mut results, &all[1], 101.0 + f64::from(pair), 100.0);
        }
        assert_eq!(next(&all, &results, 30).unwrap().about, "open");
        add(&mut results, &all[1], 104.0, 100.0);
        assert_eq!(next(&all, &results, 30).unwrap().about, "hopeless");
    }

    #[test]
    fn pairs_that_were_dropped_are_repeated_but_not_for_ever() {
        let mut results = Results::default();
        let all = [comparison("disturbed"), comparison("new")];
        for round in 1..=12 {
            add(&mut results, &all[0], 110.0, 100.0);
            for block in &mut results.blocks {
                block.dropped = Some("steal".to_owned());
            }
            let expected = if round < 12 { "disturbed" } else { "new" };
            assert_eq!(next(&all, &results, 30).unwrap().about, expected, "{round}");
        }
    }
}
