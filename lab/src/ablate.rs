//! What each technique is worth: the server with and without it.
//!
//! First the server against itself, which shows what noise there is. Then counts, which have none:
//! system calls, copies, allocations and instructions of each server. Then time, in interleaved
//! pairs of fresh processes, for what the counts say has moved. The file is written after every
//! step, so whoever breaks off loses the step under way and no more.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;

mod techniques;

mod progress;

mod counts;

use counts::Count;
pub use progress::Progress;
pub use techniques::{Server, Technique, server_beside_us};

use crate::measure::Plan;
use crate::process::Subject;
use crate::results::{Counters, Objection, Results, RowKind};
use crate::schedule::{self, Comparison};
use crate::workload::Workload;
use crate::{Exit, guard, report};

/// What of the budget the timed rows may use before the rest is counted, at least.
const QUICK_MINUTES: f64 = 2.0;
const DEFAULT_MINUTES: f64 = 20.0;
const FULL_MINUTES: f64 = 360.0;
/// Orders besides the fixed one.
const RANDOM_ORDERS: u64 = 3;
/// A count that differs by less is the run's beginning and end.
const MOVED: f64 = 0.01;

/// Measure what each technique is worth.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Two minutes: counts for every technique, and naive against full in time.
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    /// Everything, for hours: each technique left out and added alone, on all workloads.
    #[arg(long)]
    full: bool,
    /// Only these techniques, by name.
    #[arg(long, value_delimiter = ',')]
    techniques: Vec<String>,
    /// Minutes that it may take, instead of 2, 20 or 360.
    #[arg(long, value_parser = positive)]
    minutes: Option<f64>,
    /// The most pairs of one row.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(6..))]
    pairs_max: u16,
    /// Seconds that count of a block, after one of warm-up.
    #[arg(long, default_value_t = 1.5, value_parser = positive)]
    block_seconds: f64,
    /// The server; without it, the one beside this program.
    #[arg(long)]
    server: Option<PathBuf>,
    /// Where the result file is written.
    #[arg(long, default_value = "results/ablation.json")]
    output: PathBuf,
    /// Go on with a file that was broken off.
    #[arg(long, value_name = "FILE", conflicts_with = "output")]
    resume: Option<PathBuf>,
    /// Exit with 3 if this holds, such as 'ns_per_request > limit * 1.1'.
    #[arg(long, value_name = "EXPRESSION")]
    fail_if: Option<String>,
}

/// A positive number of seconds or minutes.
pub fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number),
        _ => Err("a number above 0 is wanted".to_owned()),
    }
}

/// Runs it.
pub fn run(options: &Options) -> Result<Exit> {
    let program = options.server.clone().map_or_else(server_beside_us, Ok)?;
    let mut server = Server::ask(&program)?;
    if !options.techniques.is_empty() {
        server.keep(&options.techniques)?;
    }
    let (path, results) = match &options.resume {
        Some(path) => (path, Results::load(path)?),
        None => (&options.output, Results::new()),
    };
    let progress = Progress::start(Duration::from_secs_f64(60.0 * options.budget()))?;
    let before = results.seconds;
    let mut ablation = Ablation {
        options,
        server,
        path,
        before,
        results,
        progress,
    };
    ablation.measure()?;
    ablation.finish()
}

impl Options {
    fn budget(&self) -> f64 {
        self.minutes.unwrap_or(match (self.quick, self.full) {
            (true, _) => QUICK_MINUTES,
            (_, true) => FULL_MINUTES,
            _ => DEFAULT_MINUTES,
        })
    }
}

struct Ablation<'a> {
    options: &'a Options,
    server: Server,
    path: &'a PathBuf,
    /// Seconds of earlier sittings.
    before: f64,
    results: Results,
    progress: Progress,
}

impl Ablation<'_> {
    fn measure(&mut self) -> Result<()> {
        let controls = self.controls();
        self.time(&controls[..1], 0.1)?;
        self.count(self.counts())?;
        self.add_ladders();
        let mut comparisons = controls;
        comparisons.extend(self.naive_rows());
        if !self.options.quick {
            comparisons.extend(self.rows_that_moved());
        }
        if self.options.full {
            comparisons.extend(self.rows_alone());
        }
        self.time(&comparisons, 1.0)?;
        self.results.rows = comparisons
            .iter()
            .map(|one| one.row(&self.results))
            .collect();
        self.save()
    }

    /// The guard, the table, and what to do next.
    fn finish(mut self) -> Result<Exit> {
        self.progress.finish();
        self.results.objections = guard::objections(&self.results);
        self.save()?;
        report::terminal::print(&self.results);
        let file = self.path.display();
        if self.progress.is_over() {
            println!("broken off; `barewire-lab ablate --resume {file}` goes on");
        }
        println!("written: {file}; `barewire-lab report {file}` draws it");
        if let Some(expression) = &self.options.fail_if
            && let Some(told) = guard::threshold::failed(&self.results, expression)?
        {
            println!("{told}");
            return Ok(Exit::Threshold);
        }
        let is_noise = |one: &Objection| ["drift", "steal"].contains(&one.kind.as_str());
        let is_noisy = self.results.objections.iter().any(is_noise);
        Ok(if is_noisy { Exit::Noisy } else { Exit::Success })
    }

    fn controls(&self) -> Vec<Comparison> {
        let full = self.server.full();
        let of =
            |workload: &Workload| Comparison::new(RowKind::Control, "full", workload, &full, &full);
        self.main_workloads().iter().map(of).collect()
    }

    /// The two that most rows are timed on.
    fn main_workloads(&self) -> Vec<Workload> {
        if self.options.full {
            Workload::all().into()
        } else {
            vec![Workload::keep_alive(), Workload::pipelined()]
        }
    }

    fn naive_rows(&self) -> Vec<Comparison> {
        let (naive, full) = (self.server.naive(), self.server.full());
        let workloads = if self.options.quick {
            self.main_workloads()
        } else {
            Workload::all().into()
        };
        let of =
            |workload: &Workload| Comparison::new(RowKind::Naive, "naive", workload, &naive, &full);
        workloads.iter().map(of).collect()
    }

    /// Each technique left out, on the workloads on which its counts moved.
    fn rows_that_moved(&self) -> Vec<Comparison> {
        let full = self.server.full();
        let mut rows = Vec::new();
        for technique in &self.server.techniques {
            let without = self.server.left_out(technique);
            for workload in self
                .main_workloads()
                .iter()
                .map(|workload| fitting(technique, workload))
            {
                if self.options.full || self.has_moved(&without.name, &workload.name) {
                    let name = &technique.name;
                    rows.push(Comparison::new(
                        RowKind::LeaveOut,
                        name,
                        &workload,
                        &without,
                        &full,
                    ));
                }
            }
        }
        rows
    }

    fn rows_alone(&self) -> Vec<Comparison> {
        let naive = self.server.naive();
        let mut rows = Vec::new();
        for technique in &self.server.techniques {
            let alone = self.server.alone(technique);
            for workload in self
                .main_workloads()
                .iter()
                .map(|workload| fitting(technique, workload))
            {
                let name = &technique.name;
                rows.push(Comparison::new(
                    RowKind::AddOne,
                    name,
                    &workload,
                    &alone,
                    &naive,
                ));
            }
        }
        rows
    }

    /// Whether its counts differ from those of the full server that decides by flags too.
    fn has_moved(&self, subject: &str, workload: &str) -> bool {
        let of = |name: &str| {
            let mut counters = self.results.counters.iter();
            counters.find(|one| one.subject == name && one.workload == workload)
        };
        match (of(subject), of(&self.server.full_by_flags().name)) {
            (Some(without), Some(full)) => differ(without, full),
            // What could not be counted may well have moved.
            _ => true,
        }
    }

    fn counts(&self) -> Vec<Count> {
        let server = &self.server;
        let mut counts = Vec::new();
        let mut add = |subject: Subject, workload: Workload, accounts| {
            counts.push(Count {
                subject,
                workload,
                accounts,
            });
        };
        for workload in [Workload::keep_alive(), Workload::pipelined()] {
            for workload in [workload.clone(), workload.of_json()] {
                for subject in [server.full(), server.full_by_flags(), server.naive()] {
                    add(subject, workload.clone(), true);
                }
            }
        }
        for technique in &server.techniques {
            for workload in [Workload::keep_alive(), Workload::pipelined()] {
                let workload = fitting(technique, &workload);
                add(server.left_out(technique), workload.clone(), true);
                if !self.options.quick {
                    add(server.alone(technique), workload, true);
                }
            }
        }
        if !self.options.quick {
            for (order, techniques) in self.orders() {
                for rung in 0..=techniques.len() {
                    let subject = server.rung(&order, &techniques[..rung]);
                    add(subject, Workload::keep_alive(), false);
                }
            }
        }
        counts
    }

    /// The ladders: the server's own order, and some that chance has made, the same each time.
    fn orders(&self) -> Vec<(String, Vec<&Technique>)> {
        let on = self.server.techniques.iter().filter(|one| one.is_default);
        let fixed: Vec<&Technique> = on.collect();
        let mut orders = vec![("fixed".to_owned(), fixed.clone())];
        for seed in 1..=RANDOM_ORDERS {
            let mut techniques = fixed.clone();
            techniques.shuffle(&mut SmallRng::seed_from_u64(seed));
            orders.push((format!("random-{seed}"), techniques));
        }
        orders
    }

    /// Counts what is not in the file yet.
    fn count(&mut self, counts: Vec<Count>) -> Result<()> {
        let is_new = |count: &Count| {
            let mut counters = self.results.counters.iter();
            !counters
                .any(|one| one.subject == count.subject.name && one.workload == count.workload.name)
        };
        let counts: Vec<_> = counts.into_iter().filter(is_new).collect();
        for count in &counts {
            self.note(&count.subject, &count.workload);
        }
        let (done, failed) = counts::all(counts, &self.progress);
        self.results.counters.extend(done);
        self.results.missing.extend(failed);
        self.save()
    }

    fn add_ladders(&mut self) {
        let workload = Workload::keep_alive();
        let ladders = self.orders().into_iter().filter_map(|(order, techniques)| {
            let names: Vec<&str> = techniques.iter().map(|one| one.name.as_str()).collect();
            let cost = |rung: usize| {
                let subject = self.server.rung(&order, &techniques[..rung]);
                schedule::instructions(&self.results, &subject.name, &workload.name)
            };
            counts::ladder(&order, &workload, &names, cost)
        });
        self.results.ladders = ladders.collect();
    }

    /// Spends pairs on these rows until all are resolved or this share of the time is used up.
    fn time(&mut self, comparisons: &[Comparison], share: f64) -> Result<()> {
        let plan = Plan::of_two_cores(self.options.block_seconds);
        let until = 60.0 * self.options.budget() * share;
        let pairs_max = usize::from(self.options.pairs_max);
        while !self.progress.is_spent() && self.progress.seconds() < until {
            let Some(next) = schedule::next(comparisons, &self.results, pairs_max) else {
                break;
            };
            self.progress.show(&next.name);
            for subject in [&next.subject, &next.base] {
                self.note(subject, &next.workload);
            }
            let (progress, before) = (&self.progress, self.before);
            next.measure(&mut self.results, &plan, || before + progress.seconds())?;
            self.save()?;
        }
        Ok(())
    }

    /// Every figure has its subject and its workload in the same file.
    fn note(&mut self, subject: &Subject, workload: &Workload) {
        let subjects = &mut self.results.subjects;
        subjects.insert(subject.name.clone(), subject.clone());
        let workloads = &mut self.results.workloads;
        workloads.insert(workload.name.clone(), workload.clone());
    }

    fn save(&mut self) -> Result<()> {
        self.results.seconds = self.before + self.progress.seconds();
        self.results.save(self.path)
    }
}

/// The workload on which a technique can show: one that is about JSON is asked for JSON.
fn fitting(technique: &Technique, workload: &Workload) -> Workload {
    if technique.name == "json-in-place" {
        workload.clone().of_json()
    } else {
        workload.clone()
    }
}

/// Whether two servers ask for different things, by more than a hundredth of a request, or of the
/// larger figure.
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
