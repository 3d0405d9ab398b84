//! What belongs to an ablation of each size: which servers are counted, and which are compared.
//!
//! A server that is not the usual one decides its techniques by flags, which costs some fifty
//! instructions for each request by itself. So a technique that is left out is compared with the
//! full server by flags, in instructions and in time, and what the constants are worth has a row of
//! its own. Absent is any measuring.

use super::counts::Count;
use super::ladders;
use super::techniques::{Server, Technique};
use crate::results::{Counters, Results, RowKind};
use crate::schedule::Comparison;
use crate::workload::Workload;

/// A count that differs by less is the run's beginning and end: a hundredth of a call for each
/// request, or of the larger figure.
const MOVED: f64 = 0.01;
/// What the row is about that compares constants with flags.
const CONSTANTS: &str = "constants";
/// The technique that shows only in answers of JSON.
const OF_JSON: &str = "json-in-place";

/// How much is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Counts for every technique; in time, naive against full.
    Quick,
    /// Also each technique alone and the ladders, in counts; in time, what the counts say moved.
    Usual,
    /// Everything in time, on all workloads.
    Full,
}

impl Scope {
    /// Minutes that it takes, if nothing else is said.
    pub(super) fn minutes(self) -> f64 {
        match self {
            Self::Quick => 2.0,
            Self::Usual => 20.0,
            Self::Full => 360.0,
        }
    }

    /// Seconds of a block, if nothing else is said.
    pub(super) fn block_seconds(self) -> f64 {
        if self == Self::Quick { 1.0 } else { 2.0 }
    }

    /// What the techniques are measured on.
    pub(super) fn workloads(self) -> Vec<Workload> {
        match self {
            Self::Quick | Self::Usual => vec![Workload::keep_alive(), Workload::pipelined()],
            Self::Full => Workload::all().into(),
        }
    }

    /// What ladders are made on.
    pub(super) fn ladder_workloads(self) -> Vec<Workload> {
        match self {
            Self::Quick => Vec::new(),
            Self::Usual => vec![Workload::keep_alive()],
            Self::Full => vec![Workload::keep_alive(), Workload::pipelined()],
        }
    }

    /// The first that are timed: the full server against itself, and the naive one against it.
    pub(super) fn first_rows(self, server: &Server) -> Vec<Comparison> {
        let (full, naive) = (server.full(), server.naive());
        let mut rows = Vec::new();
        if self != Self::Quick {
            let workloads = self.workloads();
            let control = |on| Comparison::new(RowKind::Control, "full", on, &full, &full);
            rows.extend(workloads.iter().map(control));
        }
        let workloads = match self {
            Self::Quick => self.workloads(),
            Self::Usual | Self::Full => Workload::all().into(),
        };
        let naive = |on| Comparison::new(RowKind::Naive, "naive", on, &naive, &full);
        rows.extend(workloads.iter().map(naive));
        rows
    }

    /// The constants, and then each technique, left out of the full server by flags.
    pub(super) fn left_out(self, server: &Server) -> Vec<Comparison> {
        let (full, by_flags) = (server.full(), server.full_by_flags());
        let workloads = self.workloads();
        let constants = |on| Comparison::new(RowKind::LeaveOut, CONSTANTS, on, &by_flags, &full);
        let constants = workloads.iter().map(constants);
        constants
            .chain(self.on_each_workload(server).map(|(technique, on)| {
                let without = server.left_out(technique);
                Comparison::new(RowKind::LeaveOut, &technique.name, &on, &without, &by_flags)
            }))
            .collect()
    }

    /// Each technique, added alone to the naive server.
    pub(super) fn alone(self, server: &Server) -> Vec<Comparison> {
        let naive = server.naive();
        let row = |(technique, on): (&Technique, Workload)| {
            let alone = server.alone(technique);
            Comparison::new(RowKind::AddOne, &technique.name, &on, &alone, &naive)
        };
        self.on_each_workload(server).map(row).collect()
    }

    /// All that is counted: both sides of each row, and the rungs of the ladders.
    pub(super) fn counts(self, server: &Server) -> Vec<Count> {
        let mut counts: Vec<Count> = Vec::new();
        let mut add = |subject, workload: &Workload, accounts| {
            let is_there = |one: &Count| one.subject == subject && one.workload == *workload;
            if !counts.iter().any(is_there) {
                counts.push(Count {
                    subject,
                    workload: workload.clone(),
                    accounts,
                });
            }
        };
        let mut rows = self.left_out(server);
        if self != Self::Quick {
            rows.extend(self.alone(server));
        }
        for workload in self.workloads() {
            add(server.full(), &workload, true);
            add(server.naive(), &workload, true);
        }
        for row in rows {
            add(row.subject, &row.workload, true);
            add(row.base, &row.workload, true);
        }
        for workload in self.ladder_workloads() {
            for order in ladders::orders(server) {
                for rung in order.rungs(server) {
                    add(rung, &workload, false);
                }
            }
        }
        counts
    }

    fn on_each_workload(self, server: &Server) -> impl Iterator<Item = (&Technique, Workload)> {
        server.techniques.iter().flat_map(move |technique| {
            let workloads = self.workloads().into_iter();
            workloads.map(move |workload| (technique, fitting(technique, workload)))
        })
    }
}

/// Those rows whose counts moved, or were not counted, the largest change in instructions first: if
/// the time is short, it is for them.
pub(super) fn moved(rows: &[Comparison], results: &Results) -> Vec<Comparison> {
    let of = |name: &str, workload: &str| {
        let mut counters = results.counters.iter();
        counters.find(|one| one.subject == name && one.workload == workload)
    };
    let change = |row: &Comparison| {
        let above = of(&row.subject.name, &row.workload.name);
        let below = of(&row.base.name, &row.workload.name);
        let (Some(above), Some(below)) = (above, below) else {
            return Some(f64::INFINITY);
        };
        let instructions = above.instructions.zip(below.instructions);
        let change = instructions.map_or(0.0, |(above, below)| (above / below).ln().abs());
        differ(above, below).then_some(change)
    };
    let mut moved: Vec<_> = rows
        .iter()
        .filter_map(|row| Some((change(row)?, row.clone())))
        .collect();
    moved.sort_by(|left, right| right.0.total_cmp(&left.0));
    moved.into_iter().map(|(_, row)| row).collect()
}

/// The workload on which a technique can show.
fn fitting(technique: &Technique, workload: Workload) -> Workload {
    if technique.name == OF_JSON {
        workload.of_json()
    } else {
        workload
    }
}

/// Whether two servers ask for different things.
fn differ(one: &Counters, other: &Counters) -> bool {
    let names = one.system_calls.keys().chain(other.system_calls.keys());
    let calls = names.map(|name| {
        let of = |counters: &Counters| counters.system_calls.get(name).copied();
        (of(one).or(Some(0.0)), of(other).or(Some(0.0)))
    });
    let figures = [
        (one.eagains, other.eagains),
        (one.timers_set, other.timers_set),
        (one.bytes_copied, other.bytes_copied),
        (one.allocations, other.allocations),
        (one.instructions, other.instructions),
    ];
    calls.chain(figures).any(|pair| match pair {
        (Some(left), Some(right)) => (left - right).abs() > MOVED * left.max(right).max(1.0),
        _ => false,
    })
}

#[cfg(test)]
mod tests;
