//! From turns to rows: the ratio of two servers within each set, and over the sets.

use crate::results::{Results, Row, RowKind, Run};
use crate::server::Technique;
use crate::statistics::{Verdict, float, median, of_sets};
use crate::workload::Workload;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// CPU time for a request.
    Cpu,
    /// The median of the latency.
    Median,
    /// Its 99th percentile: the neighbour's, if the workload has one.
    Tail,
}

impl Figure {
    /// As a row says what it is judged by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "CPU time",
            Self::Median => "median latency",
            Self::Tail => "neighbour's p99",
        }
    }

    /// What a technique is judged by, under a workload.
    pub fn judging(technique: &Technique, workload: &Workload) -> Self {
        if technique.is_judged_by_cpu() {
            Self::Cpu
        } else if workload.neighbour {
            Self::Tail
        } else {
            Self::Median
        }
    }

    fn of(self, run: &Run) -> &[f64] {
        match self {
            Self::Cpu => &run.ns,
            Self::Median => &run.p50_ns,
            Self::Tail => &run.p99_ns,
        }
    }
}

/// Who is compared with whom, by what.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The kind of the row.
    pub kind: RowKind,
    /// What it is about.
    pub about: &'a str,
    /// The workload's name.
    pub workload: &'a str,
    /// Above the line.
    pub subject: &'a str,
    /// Below it.
    pub base: &'a str,
    /// By what.
    pub figure: Figure,
    /// The chance that the interval holds the true ratio.
    pub level: f64,
}

impl Question<'_> {
    /// The row; `None` if one of the two has no turns on that workload.
    pub fn answer(&self, results: &Results) -> Option<Row> {
        let above = runs(results, self.subject, self.workload);
        let below = runs(results, self.base, self.workload);
        let pairs: Vec<(&Run, &Run)> = above
            .iter()
            .filter_map(|run| Some((*run, *below.iter().find(|other| other.set == run.set)?)))
            .collect();
        let ratios: Vec<f64> = pairs
            .iter()
            .filter_map(|(above, below)| {
                let rounds = self.figure.of(above).iter().zip(self.figure.of(below));
                let ratios: Vec<f64> = rounds.map(|(above, below)| above / below).collect();
                // A virtual machine that compiled all through its idle time is charged nothing.
                median(&ratios).filter(|ratio| ratio.is_finite() && *ratio > 0.0)
            })
            .collect();
        if ratios.is_empty() {
            return None;
        }
        let ratio = of_sets(&ratios, self.level);
        Some(Row {
            about: self.about.to_owned(),
            kind: self.kind,
            workload: self.workload.to_owned(),
            subject: self.subject.to_owned(),
            base: self.base.to_owned(),
            judged_by: self.figure.name().to_owned(),
            ratio,
            verdict: ratio.as_ref().map(Verdict::of).unwrap_or_default(),
            base_ns: figure(&below, self.figure),
            subject_ns: figure(&above, self.figure),
            base_busy: busy(&below),
            subject_busy: busy(&above),
            ratios,
            ..Row::default()
        })
    }
}

/// The runs of a server on a workload, a set each.
pub fn runs<'a>(results: &'a Results, subject: &str, workload: &str) -> Vec<&'a Run> {
    let all = results.runs.iter();
    all.filter(|run| run.subject == subject && run.workload == workload)
        .collect()
}

/// The median over the sets of the medians of the turns.
pub fn figure(runs: &[&Run], figure: Figure) -> Option<f64> {
    let medians = runs.iter().filter_map(|run| median(figure.of(run)));
    median(&medians.collect::<Vec<_>>())
}

/// Share of the turns' time that the server was at work. Of several threads more than one core.
pub fn busy(runs: &[&Run]) -> Option<f64> {
    each(runs, |run| run.cpu_seconds / run.seconds)
}

/// The same of the generator.
pub fn generator_busy(runs: &[&Run]) -> Option<f64> {
    each(runs, |run| run.generator_seconds / run.seconds)
}

/// Resident memory after its turns, in bytes.
pub fn memory(runs: &[&Run]) -> Option<f64> {
    each(runs, |run| float(run.resident_bytes))
}

/// Requests in a second of its turns.
pub fn rate(runs: &[&Run]) -> Option<f64> {
    each(runs, |run| float(run.requests) / run.seconds)
}

/// The median of something over the runs.
fn each(runs: &[&Run], figure: impl Fn(&Run) -> f64) -> Option<f64> {
    median(&runs.iter().map(|run| figure(run)).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(set: u32, subject: &str, ns: &[f64]) -> Run {
        Run {
            set,
            subject: subject.to_owned(),
            workload: "keep-alive".to_owned(),
            ns: ns.to_vec(),
            requests: 100,
            seconds: 2.0,
            cpu_seconds: 1.0,
            ..Run::default()
        }
    }

    #[test]
    fn ratios_are_taken_within_rounds_and_sets() {
        // The machine is half as fast in the second set, and in every second round.
        let results = Results {
            runs: vec![
                run(0, "a", &[110.0, 220.0]),
                run(0, "b", &[100.0, 200.0]),
                run(1, "a", &[220.0, 440.0]),
                run(1, "b", &[200.0, 400.0]),
                run(2, "a", &[1.0]),
            ],
            ..Results::default()
        };
        let question = Question {
            kind: RowKind::Rival,
            about: "a",
            workload: "keep-alive",
            subject: "a",
            base: "b",
            figure: Figure::Cpu,
            level: 0.95,
        };
        let row = question.answer(&results).unwrap();
        assert_eq!(row.ratios.len(), 2, "the third set has no base");
        let ratio = row.ratio.unwrap();
        assert!((ratio.median - 1.1).abs() < 1e-9 && ratio.high - ratio.low < 1e-9);
        assert_eq!(row.verdict, Verdict::Slower);
        assert_eq!(row.base_busy, Some(0.5));
        let nobody = Question {
            base: "c",
            ..question
        };
        assert_eq!(nobody.answer(&results), None);
    }
}
