//! The figures of one phase of a load.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::answer::Fault;

/// Latencies are kept with three digits, up to ten minutes, in nanoseconds.
const LATENCY_MAX_NS: u64 = 600_000_000_000;

/// The figures of one phase, of one thread or of all.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Answers.
    pub answered: usize,
    /// Requests that were due and found no free connection.
    pub unsent: u64,
    /// Failures by kind.
    pub errors: BTreeMap<&'static str, u64>,
    /// From the phase's start to the last answer.
    pub wall: Duration,
    /// CPU time of all threads.
    pub cpu: Duration,
    /// CPU time of the busiest.
    pub busiest: Duration,
    /// Latencies in nanoseconds, if answers are timed.
    pub latency: Option<Histogram<u64>>,
}

impl Tally {
    /// An empty one; with a histogram if answers are timed.
    pub fn new(timed: bool) -> Self {
        let latency = timed
            .then(|| Histogram::new_with_bounds(1, LATENCY_MAX_NS, 3).ok())
            .flatten();
        Self {
            latency,
            ..Self::default()
        }
    }

    /// So many answers took so long.
    pub fn record(&mut self, latency: Duration, answers: usize) {
        if let Some(histogram) = &mut self.latency {
            let nanoseconds = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
            histogram.saturating_record_n(nanoseconds, answers as u64);
        }
    }

    /// Counts a failure. The first of each kind is told on stderr: its kind alone explains little.
    pub fn fail(&mut self, fault: &Fault) {
        let count = self.errors.entry(fault.kind.name()).or_default();
        *count += 1;
        if *count == 1 {
            eprintln!("load: {fault}");
        }
    }

    /// Adds another thread's figures of the same phase.
    pub fn join(&mut self, other: Self) {
        self.answered += other.answered;
        self.unsent += other.unsent;
        self.cpu += other.cpu;
        self.busiest = self.busiest.max(other.busiest);
        self.wall = self.wall.max(other.wall);
        self.add_errors(&other);
        match (&mut self.latency, other.latency) {
            // Both have the same bounds, so that nothing can be lost.
            (Some(own), Some(other)) => own.add(other).unwrap_or_default(),
            (own @ None, other) => *own = other,
            _ => {}
        }
    }

    /// Adds the errors of another phase.
    pub fn add_errors(&mut self, other: &Self) {
        for (kind, count) in &other.errors {
            *self.errors.entry(kind).or_default() += count;
        }
    }
}
