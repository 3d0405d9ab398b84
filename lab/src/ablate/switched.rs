//! What is judged by latency: a technique is changed while the server runs, between two turns of
//! the same clients.

use std::thread;
use std::time::Duration;

use anyhow::Result;

use super::Ablation;
use super::plan::Item;
use crate::duel::put;
use crate::generator::lane::{Lane, Span};
use crate::machine;
use crate::process::Running;
use crate::results::Row;
use crate::rows::Figure;
use crate::statistics::{Verdict, median, of_pairs};

/// Pairs of turns.
const PAIRS: usize = 60;
/// One turn.
const TURN: Span = Span {
    time: Duration::from_millis(120),
    each: 1,
    most: Duration::from_secs(1),
};
/// What a change needs until it is in force, and what it left is gone.
const SETTLE: Duration = Duration::from_millis(20);

impl Ablation<'_> {
    /// The turns of one technique.
    pub(super) fn switch(&mut self, item: &Item) -> Result<()> {
        if self.progress.is_over() {
            return Ok(());
        }
        let workload = &item.workload;
        self.results
            .workloads
            .insert(workload.name.clone(), workload.clone());
        match self.turns(item) {
            Ok(row) => self.push(row),
            Err(error) => self.fail(item, &error),
        }
        let what = format!("{}, {}", item.about, workload.name);
        self.progress.steps(item.steps(), &what);
        self.save()
    }

    fn turns(&self, item: &Item) -> Result<Row> {
        let workload = &item.workload;
        let subject = self.server.with("barewire, live", &["--live"]);
        let workers = workload.workers();
        let server = Running::start(&subject, workers, &machine::server_cores(workers))?;
        let mut lane = Lane::open(server.address(), workload, true)?;
        lane.turn(TURN)?;
        let usual = if item.query == "off" { "on" } else { "off" };
        let mut seen = [Vec::new(), Vec::new()];
        for pair in 0..PAIRS {
            // Who comes first changes, so that what drifts falls on both.
            let first = pair % 2;
            for arm in [first, 1 - first] {
                put(server.address(), &item.about, [usual, &item.query][arm])?;
                thread::sleep(SETTLE);
                let tally = lane.turn(TURN)?;
                let percent = if Figure::of_latency(workload) == Figure::Tail {
                    99.0
                } else {
                    50.0
                };
                let latency = tally
                    .latency
                    .map_or(0, |all| all.value_at_percentile(percent));
                seen[arm].push(f64::from(u32::try_from(latency).unwrap_or(u32::MAX)));
            }
        }
        drop(lane);
        server.stop()?;
        Ok(self.row(item, &seen))
    }

    fn row(&self, item: &Item, seen: &[Vec<f64>; 2]) -> Row {
        let [base, subject] = seen;
        let pairs = subject.iter().zip(base);
        let ratios: Vec<f64> = pairs.map(|(subject, base)| subject / base).collect();
        let ratio = of_pairs(&ratios, self.level);
        let word = if item.query == "off" {
            "without"
        } else {
            "with"
        };
        Row {
            about: item.about.clone(),
            kind: item.kind,
            workload: item.workload.name.clone(),
            subject: format!("{word} {}", item.about),
            base: "as it stands".to_owned(),
            judged_by: Figure::of_latency(&item.workload).name().to_owned(),
            ratio,
            verdict: ratio.as_ref().map(Verdict::of).unwrap_or_default(),
            base_ns: median(base),
            subject_ns: median(subject),
            ratios,
            ..Row::default()
        }
    }
}
