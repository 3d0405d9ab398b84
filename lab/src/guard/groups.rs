//! What the blocks of one subject in one comparison say together, and what the comparisons say.

use std::collections::BTreeMap;

use super::{object, percent};
use crate::results::{Block, Objection, Results, Row, RowKind};
use crate::statistics::{PAIRS_MIN, Verdict, median};
use crate::workload::Workload;

/// A thread that is on a core for this share of the time cannot do much more.
const BUSY: f64 = 0.95;
/// What the base may have changed from the first half to the second.
const DRIFT_MAX: f64 = 0.05;
/// Blocks from which two halves can be compared: three each, so that a median is not an extreme.
const HALVES_MIN: usize = 6;
/// What Little's law may be missed by: both figures are rounded, and the block's edges cut
/// requests.
const LITTLE_SLACK: f64 = 0.02;

/// The blocks of one subject in one comparison that count, in the order of time.
pub(super) struct Group<'a> {
    /// The comparison; the subject where blocks belong to none.
    about: &'a str,
    subject: &'a str,
    workload: &'a str,
    blocks: Vec<&'a Block>,
}

/// All groups.
pub(super) fn of(results: &Results) -> Vec<Group<'_>> {
    let mut groups: BTreeMap<(&str, &str, &str), Vec<&Block>> = BTreeMap::new();
    for block in results
        .blocks
        .iter()
        .filter(|block| block.dropped.is_none())
    {
        let about = match block.comparison.as_str() {
            "" => &block.subject,
            comparison => comparison,
        };
        let key = (about, block.subject.as_str(), block.workload.as_str());
        groups.entry(key).or_default().push(block);
    }
    let all = groups.into_iter();
    all.map(|((about, subject, workload), mut blocks)| {
        blocks.sort_by(|one, other| one.at_seconds.total_cmp(&other.at_seconds));
        Group {
            about,
            subject,
            workload,
            blocks,
        }
    })
    .collect()
}

impl Group<'_> {
    pub(super) fn objections(&self, results: &Results) -> Vec<Objection> {
        let workload = results.workloads.get(self.workload);
        let all = [
            self.errors(),
            self.answers_differ(),
            self.bottleneck(workload, results.environment.cores),
            self.drift(results),
            workload.and_then(|workload| self.little(workload)),
        ];
        all.into_iter().flatten().collect()
    }

    fn object(&self, kind: &str, what: &str, remedy: &str) -> Objection {
        let what = format!("{} on {}: {what}.", self.subject, self.workload);
        object(self.about, kind, what, remedy)
    }

    fn median_of(&self, figure: impl Fn(&Block) -> Option<f64>) -> Option<f64> {
        let figures: Vec<f64> = self
            .blocks
            .iter()
            .filter_map(|block| figure(block))
            .collect();
        median(&figures)
    }

    fn errors(&self) -> Option<Objection> {
        let found = self.count_errors(|kind| !is_about_answers(kind))?;
        let remedy = "Look at the server's log; a server that fails is not measured.";
        Some(self.object("errors", &found, remedy))
    }

    fn answers_differ(&self) -> Option<Objection> {
        let found = self.count_errors(is_about_answers)?;
        let remedy = "Ask it with curl, and make it answer what the others answer.";
        Some(self.object("answers-differ", &found, remedy))
    }

    /// `reset 3, silence 1 in 4012 requests`; `None` if there are none of these kinds.
    fn count_errors(&self, wanted: impl Fn(&str) -> bool) -> Option<String> {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for (kind, count) in self.blocks.iter().flat_map(|block| &block.errors) {
            if wanted(kind) && *count > 0 {
                *counts.entry(kind).or_default() += count;
            }
        }
        let requests: u64 = self.blocks.iter().map(|block| block.requests).sum();
        let told = counts.iter().map(|(kind, count)| format!("{kind} {count}"));
        let told = told.collect::<Vec<_>>().join(", ");
        (!counts.is_empty()).then(|| format!("{told} in {requests} requests"))
    }

    /// Whose the requests per second are. One connection leaves everybody asleep between two
    /// requests, and a fixed rate is nobody's limit: there, the question has no answer.
    fn bottleneck(&self, workload: Option<&Workload>, cores: usize) -> Option<Objection> {
        if workload.is_some_and(|asked| asked.rate.is_some() || asked.connections == 1) {
            return None;
        }
        let server = self.median_of(|block| block.server_busy)?;
        if server >= BUSY {
            return None;
        }
        let generator = self.median_of(|block| Some(block.generator_busy))?;
        let busy = format!(
            "the server's busiest thread had a core for {} of the time, the generator's for {}",
            percent(server),
            percent(generator)
        );
        let used = self.median_of(cores_used).unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "a number of cores")]
        let is_full = cores > 0 && used >= BUSY * cores as f64;
        if generator >= BUSY || is_full {
            let what = format!("{busy}, so the requests per second are the generator's");
            let remedy = "CPU time for a request still stands: compare that, or use more generator \
                          threads on more cores.";
            return Some(self.object("client-bound", &what, remedy));
        }
        let what = format!("{busy}, so something else was in the way");
        let remedy = "End whatever else runs, pin both sides to cores of their own, run it again.";
        Some(self.object("disturbed", &what, remedy))
    }

    /// Whether the one that all others are compared with changed meanwhile.
    fn drift(&self, results: &Results) -> Option<Objection> {
        let is_base = |row: &Row| row.comparison == self.about && row.base == self.subject;
        let costs = self.blocks.iter().copied();
        let costs: Vec<f64> = costs
            .filter_map(|block| block.server_cpu_ns_per_request)
            .collect();
        if !results.rows.iter().any(is_base) || costs.len() < HALVES_MIN {
            return None;
        }
        let (first, second) = costs.split_at(costs.len() / 2);
        let (first, second) = (median(first)?, median(second)?);
        if (second / first - 1.0).abs() <= DRIFT_MAX {
            return None;
        }
        let what = format!(
            "{first:.0} ns of CPU time for a request in the first half, {second:.0} in the second"
        );
        let remedy = "The machine changed meanwhile: run it again when it is quiet.";
        Some(self.object("drift", &what, remedy))
    }

    /// Requests in flight are rate x mean latency (Little 1961), and cannot be more than were sent
    /// together. Latency of a fixed rate counts from the intended time, when nothing is in flight
    /// yet, so the law says nothing there.
    fn little(&self, workload: &Workload) -> Option<Objection> {
        if workload.rate.is_some() {
            return None;
        }
        let most = f64::from(workload.connections) * f64::from(workload.pipeline);
        let in_flight = self.blocks.iter().filter_map(|block| {
            let mean_seconds = block.latency.as_ref()?.mean_us / 1e6;
            Some(block.requests_per_second * mean_seconds)
        });
        let highest = in_flight.fold(0.0, f64::max);
        if highest <= most * (1.0 + LITTLE_SLACK) {
            return None;
        }
        let what = format!(
            "requests per second x mean latency is {highest:.0} requests in flight, with room for \
             {most}"
        );
        let remedy = "One of the two figures is wrong; believe neither until it is known which.";
        Some(self.object("little", &what, remedy))
    }
}

fn is_about_answers(kind: &str) -> bool {
    ["body", "length", "status"].contains(&kind)
}

/// Cores' worth of time that both sides used together.
fn cores_used(block: &Block) -> Option<f64> {
    let server = block.server_cpu_ns_per_request?;
    let both = server + block.generator_cpu_ns_per_request;
    Some(both * block.requests_per_second / 1e9)
}

/// A subject that differs from itself: whatever made it so is in every other row too.
pub(super) fn controls(results: &Results) -> impl Iterator<Item = Objection> + '_ {
    let controls = results.rows.iter().filter(|row| {
        row.kind == RowKind::Control && matches!(row.verdict, Verdict::Faster | Verdict::Slower)
    });
    controls.filter_map(|row| {
        let cpu = row.cpu?;
        let what = format!(
            "{} against itself on {}: {:.3} times the CPU time, between {:.3} and {:.3}.",
            row.base, row.workload, cpu.median, cpu.low, cpu.high
        );
        let remedy = "The noise is larger than the intervals say: run it again on a quiet machine.";
        Some(object("all", "drift", what, remedy))
    })
}

/// Rows with too few pairs for an interval.
pub(super) fn few_pairs(results: &Results) -> impl Iterator<Item = Objection> + '_ {
    results.rows.iter().filter_map(|row| {
        let pairs = row.cpu.map_or(0, |cpu| cpu.pairs as usize);
        let is_timed = results
            .blocks
            .iter()
            .any(|block| block.comparison == row.comparison);
        if !is_timed || pairs >= PAIRS_MIN {
            return None;
        }
        let what = format!(
            "{} has {pairs} pairs that count, of {PAIRS_MIN}.",
            row.comparison
        );
        let remedy = "Give it more time, or resume it.";
        Some(object(&row.comparison, "few-pairs", what, remedy))
    })
}
