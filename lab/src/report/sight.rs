//! What a report asks of a result file: medians over the blocks that count, rows by kind, and the
//! ladders' shares.

use std::collections::BTreeMap;

use crate::results::{Block, Counters, Ladder, Results, Row, RowKind};
use crate::statistics::{self, Share};

/// A result file, looked at.
#[derive(Clone, Copy)]
pub struct Sight<'a>(pub &'a Results);

impl<'a> Sight<'a> {
    /// Workloads that have rows of these kinds, in the order of the rows.
    pub fn workloads_of(self, kinds: &[RowKind]) -> Vec<&'a str> {
        let rows = self.0.rows.iter().filter(|row| kinds.contains(&row.kind));
        in_order(rows.map(|row| row.workload.as_str()))
    }

    /// Rows of a kind on a workload.
    pub fn rows_of(self, kind: RowKind, workload: &str) -> impl Iterator<Item = &'a Row> {
        let rows = self.0.rows.iter();
        rows.filter(move |row| row.kind == kind && row.workload == workload)
    }

    /// Techniques that were left out or added on a workload.
    pub fn techniques(self, workload: &str) -> Vec<&'a str> {
        let kinds = [RowKind::LeaveOut, RowKind::AddOne];
        let rows = self.0.rows.iter();
        let rows = rows.filter(|row| kinds.contains(&row.kind) && row.workload == workload);
        in_order(rows.map(|row| row.about.as_str()))
    }

    /// The row of a kind that is about `about`.
    pub fn row(self, kind: RowKind, workload: &str, about: &str) -> Option<&'a Row> {
        self.rows_of(kind, workload).find(|row| row.about == about)
    }

    /// The full server of each workload that has counters: the base of its rows, or `full`.
    pub fn bases(self) -> Vec<(&'a str, &'a str)> {
        let workloads = in_order(self.0.counters.iter().map(|row| row.workload.as_str()));
        workloads
            .into_iter()
            .map(|workload| (workload, self.full(workload)))
            .collect()
    }

    fn full(self, workload: &str) -> &'a str {
        let base_of = |kind| Some(self.rows_of(kind, workload).next()?.base.as_str());
        base_of(RowKind::LeaveOut)
            .or_else(|| base_of(RowKind::Naive))
            .or_else(|| base_of(RowKind::Rival))
            .unwrap_or("full")
    }

    /// Counters of subjects that a table can name; a ladder's rungs are numbers in between.
    pub fn counted(self) -> impl Iterator<Item = &'a Counters> {
        let is_rung = |subject: &str| {
            let mut ladders = self.0.ladders.iter();
            ladders.any(|ladder| {
                let rest = subject.strip_prefix(&ladder.order);
                rest.is_some_and(|rest| rest.starts_with(", "))
            })
        };
        self.0
            .counters
            .iter()
            .filter(move |row| !is_rung(&row.subject))
    }

    /// Of these, the server's: with and without techniques, but no rival and no limit.
    pub fn counted_of_server(self) -> impl Iterator<Item = &'a Counters> {
        let is_other = |name: &str| {
            self.0.rows.iter().any(|row| match row.kind {
                RowKind::Rival => row.subject == name,
                RowKind::Limit => row.base == name,
                _ => false,
            })
        };
        self.counted().filter(move |row| !is_other(&row.subject))
    }

    /// The counters of a subject.
    pub fn counters(self, subject: &str, workload: &str) -> Option<&'a Counters> {
        let mut all = self.0.counters.iter();
        all.find(|row| row.subject == subject && row.workload == workload)
    }

    /// Median CPU time of a request, in nanoseconds.
    pub fn cpu_ns(self, subject: &str, workload: &str) -> Option<f64> {
        self.of(subject, workload, |block| block.server_cpu_ns_per_request)
    }

    /// Median requests per second.
    pub fn rate(self, subject: &str, workload: &str) -> Option<f64> {
        self.of(subject, workload, |block| Some(block.requests_per_second))
    }

    /// How busy the server's busiest thread was, 0 to 1.
    pub fn server_busy(self, subject: &str, workload: &str) -> Option<f64> {
        self.of(subject, workload, |block| block.server_busy)
    }

    /// The same of the generator.
    pub fn generator_busy(self, subject: &str, workload: &str) -> Option<f64> {
        self.of(subject, workload, |block| Some(block.generator_busy))
    }

    /// Resident memory in bytes.
    #[expect(clippy::cast_precision_loss, reason = "bytes of a process fit 52 bits")]
    pub fn memory(self, subject: &str, workload: &str) -> Option<f64> {
        self.of(subject, workload, |block| {
            block.resident_bytes.map(|bytes| bytes as f64)
        })
    }

    fn of(self, subject: &str, workload: &str, figure: fn(&Block) -> Option<f64>) -> Option<f64> {
        self.median(figure, |block| {
            block.subject == subject && block.workload == workload
        })
    }

    /// The median of a figure over the blocks that count and are chosen.
    pub fn median(
        self,
        figure: fn(&Block) -> Option<f64>,
        chosen: impl Fn(&Block) -> bool,
    ) -> Option<f64> {
        let blocks = self
            .0
            .blocks
            .iter()
            .filter(|block| block.dropped.is_none() && chosen(block));
        statistics::median(&blocks.filter_map(figure).collect::<Vec<f64>>())
    }
}

/// Each once, in the order of first appearance.
fn in_order<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = Vec::new();
    for name in names {
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen
}

/// The ladders of one workload and unit together: what each technique saves, whatever the order.
#[derive(Clone, Debug, PartialEq)]
pub struct Worth {
    /// Name of the workload.
    pub workload: String,
    /// `instructions` or `cpu_ns`.
    pub unit: String,
    /// Mean cost of the naive server.
    pub naive: f64,
    /// Mean cost of the full one: the ladders' last step.
    pub full: f64,
    /// In the order of the first ladder, which is the fixed one.
    pub steps: Vec<Saving>,
}

/// What a technique saves of a request's cost, over all orders of adding.
#[derive(Clone, Debug, PartialEq)]
pub struct Saving {
    /// Its name.
    pub technique: String,
    /// The mean over the orders; negative if it costs.
    pub saved: f64,
    /// The least of all orders.
    pub least: f64,
    /// The most.
    pub most: f64,
}

impl Worth {
    /// Of each workload and unit that has ladders.
    pub fn all(results: &Results) -> Vec<Self> {
        let mut groups: Vec<Vec<&Ladder>> = Vec::new();
        for ladder in results
            .ladders
            .iter()
            .filter(|ladder| !ladder.steps.is_empty())
        {
            let like = |group: &&mut Vec<&Ladder>| {
                group[0].workload == ladder.workload && group[0].unit == ladder.unit
            };
            match groups.iter_mut().find(like) {
                Some(group) => group.push(ladder),
                None => groups.push(vec![ladder]),
            }
        }
        groups.iter().map(|group| Self::of(group)).collect()
    }

    /// A step's share of the whole way; 0 if there is no way.
    pub fn share(&self, step: &Saving) -> f64 {
        let way = self.naive - self.full;
        if way == 0.0 { 0.0 } else { step.saved / way }
    }

    fn of(ladders: &[&Ladder]) -> Self {
        let shares = statistics::shares(ladders);
        let last = |ladder: &&Ladder| ladder.steps.last().map_or(ladder.naive, |step| step.cost);
        let first = ladders[0];
        Self {
            workload: first.workload.clone(),
            unit: first.unit.clone(),
            naive: mean(ladders.iter().map(|ladder| ladder.naive)),
            full: mean(ladders.iter().map(last)),
            steps: first
                .steps
                .iter()
                .filter_map(|step| Saving::of(&step.technique, &shares))
                .collect(),
        }
    }
}

impl Saving {
    fn of(technique: &str, shares: &BTreeMap<String, Share>) -> Option<Self> {
        let share = shares.get(technique)?;
        Some(Self {
            technique: technique.to_owned(),
            saved: share.mean,
            least: share.least,
            most: share.most,
        })
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Step;

    fn ladder(order: &str, steps: [(&str, f64); 2]) -> Ladder {
        let steps = steps.map(|(technique, cost)| Step {
            technique: technique.to_owned(),
            cost,
            interval: None,
        });
        Ladder {
            order: order.to_owned(),
            workload: "keep-alive".to_owned(),
            unit: "instructions".to_owned(),
            naive: 100.0,
            steps: steps.to_vec(),
        }
    }

    #[test]
    fn shares_are_averaged_over_the_orders() {
        let results = Results {
            ladders: vec![
                ladder("fixed", [("a", 70.0), ("b", 60.0)]),
                ladder("random-1", [("b", 80.0), ("a", 60.0)]),
            ],
            ..Results::default()
        };
        let all = Worth::all(&results);
        let [worth] = all.as_slice() else {
            panic!("one group was expected");
        };
        let [a, b] = worth.steps.as_slice() else {
            panic!("two steps were expected");
        };
        assert_eq!((a.saved, a.least, a.most), (25.0, 20.0, 30.0));
        assert_eq!((b.saved, b.least, b.most), (15.0, 10.0, 20.0));
        assert!((worth.share(a) + worth.share(b) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn medians_leave_dropped_blocks_out() {
        let block = |ns, dropped: Option<&str>| Block {
            subject: "full".to_owned(),
            workload: "keep-alive".to_owned(),
            server_cpu_ns_per_request: Some(ns),
            dropped: dropped.map(str::to_owned),
            ..Block::default()
        };
        let results = Results {
            blocks: vec![
                block(10.0, None),
                block(20.0, None),
                block(900.0, Some("steal")),
            ],
            ..Results::default()
        };
        assert_eq!(Sight(&results).cpu_ns("full", "keep-alive"), Some(15.0));
        assert_eq!(Sight(&results).cpu_ns("naive", "keep-alive"), None);
    }
}
