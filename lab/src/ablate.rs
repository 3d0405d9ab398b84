//! What each technique is worth: the server with and without it.
//!
//! First the server against itself, which shows what noise there is, and the naive server against
//! it. Then counts, which have no noise: system calls, copies, allocations and instructions of each
//! server. Then time, in interleaved pairs of fresh processes, for what the counts say has moved.
//! The file is written after every step, so whoever breaks off loses the step under way and no
//! more.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

mod techniques;

mod options;

mod progress;

mod counts;

mod ladders;

mod scope;

mod resume;

use counts::Count;
pub use options::{Options, positive};
pub use progress::Progress;
use scope::Scope;
pub use techniques::{Server, Technique, server_beside_us};

use crate::measure::{self, Plan};
use crate::process::Subject;
use crate::results::{Block, Counters, Results, Row};
use crate::schedule::{self, Comparison};
use crate::workload::Workload;
use crate::{Exit, guard, report};

/// Share of the time in which the first rows are timed, before anything is counted.
const FIRST_SHARE: f64 = 0.3;
/// Share of the time after which ladders are timed, where they are.
const LADDERS_AFTER: f64 = 0.8;
/// A row that cannot be measured so many times in a row is given up.
const FAILURES_MAX: u32 = 2;

/// Runs it.
///
/// # Errors
///
/// If the server cannot be asked for its techniques, or the result file cannot be read or written;
/// a row that cannot be measured is told in the file, and no error.
pub fn run(options: &Options) -> Result<Exit> {
    let Some(path) = &options.resume else {
        return Ablation::begin(options, &options.output, Results::new())?.run();
    };
    let results = Results::load(path)?;
    let begun_with = resume::options(&results, options)?;
    let mut seconds_left = 60.0 * begun_with.minutes();
    if options.minutes.is_none() {
        seconds_left -= results.seconds;
    }
    if seconds_left <= 0.0 {
        let file = path.display();
        bail!("the time of {file} is used up: --minutes says how many more there are");
    }
    let options = Options {
        minutes: Some(seconds_left / 60.0),
        ..begun_with
    };
    resume::check(&results, &options.program()?)?;
    Ablation::begin(&options, path, results)?.run()
}

struct Ablation<'a> {
    options: &'a Options,
    server: Server,
    plan: Plan,
    path: &'a Path,
    /// Seconds of earlier sittings.
    before: f64,
    results: Results,
    progress: Progress,
}

impl<'a> Ablation<'a> {
    fn begin(options: &'a Options, path: &'a Path, results: Results) -> Result<Self> {
        let mut server = Server::ask(&options.program()?)?;
        if !options.techniques.is_empty() {
            server.keep(&options.techniques)?;
        }
        let seconds = options.block_seconds;
        let seconds = seconds.unwrap_or_else(|| options.scope().block_seconds());
        Ok(Self {
            options,
            server,
            plan: Plan::of_two_cores(seconds),
            path,
            before: results.seconds,
            results,
            progress: Progress::start(Duration::from_secs_f64(60.0 * options.minutes()))?,
        })
    }

    fn run(mut self) -> Result<Exit> {
        let scope = self.options.scope();
        let first = scope.first_rows(&self.server);
        let left_out = scope.left_out(&self.server);
        let alone = scope.alone(&self.server);
        self.time(&first, FIRST_SHARE)?;
        let began = Instant::now();
        self.count(scope.counts(&self.server))?;
        self.progress.allow(began.elapsed());
        let mut timed = first.clone();
        match scope {
            Scope::Quick => {}
            Scope::Usual => timed.extend(scope::moved(&left_out, &self.results)),
            Scope::Full => timed.extend([left_out.clone(), alone.clone()].concat()),
        }
        let has_timed_ladders = scope == Scope::Full;
        self.time(
            &timed,
            if has_timed_ladders {
                LADDERS_AFTER
            } else {
                1.0
            },
        )?;
        if has_timed_ladders {
            self.climb()?;
        }
        self.conclude(&[first, left_out, alone].concat());
        self.finish()
    }

    /// Spends pairs on these rows until all are settled or this share of the time is used up.
    fn time(&mut self, comparisons: &[Comparison], share: f64) -> Result<()> {
        let until = 60.0 * self.options.minutes() * share;
        let pairs_max = usize::from(self.options.pairs_max);
        let mut open = comparisons.to_vec();
        let mut failures: BTreeMap<String, u32> = BTreeMap::new();
        while !self.progress.is_spent() && self.progress.seconds_used() < until {
            let Some(next) = schedule::next(&open, &self.results, pairs_max).cloned() else {
                break;
            };
            self.progress.show(&next.name);
            for subject in [&next.subject, &next.base] {
                self.note(subject, &next.workload);
            }
            let (progress, before) = (&self.progress, self.before);
            let at = || before + progress.seconds();
            match next.measure(&mut self.results, &self.plan, at) {
                Ok(()) => _ = failures.remove(&next.name),
                // Ctrl-C ends the generator too.
                Err(_) if self.progress.is_over() => {}
                Err(error) => {
                    let failed = failures.entry(next.name.clone()).or_default();
                    *failed += 1;
                    if *failed >= FAILURES_MAX {
                        let missing = &mut self.results.missing;
                        missing.insert(next.name.clone(), format!("{error:#}"));
                        open.retain(|one| one.name != next.name);
                    }
                }
            }
            self.save()?;
        }
        Ok(())
    }

    /// Counts what is not in the file yet.
    fn count(&mut self, counts: Vec<Count>) -> Result<()> {
        let is_new = |count: &Count| {
            let mut counters = self.results.counters.iter();
            !counters.any(|one| is_of(one, &count.subject, &count.workload))
        };
        let counts: Vec<Count> = counts.into_iter().filter(is_new).collect();
        let progress = self.progress.clone();
        counts::all(counts, &progress, |count, counters| {
            let name = format!("{}, {}", count.subject.name, count.workload.name);
            match counters {
                Ok(counters) => {
                    self.note(&count.subject, &count.workload);
                    self.results.missing.remove(&name);
                    self.results.counters.push(counters);
                }
                Err(_) if progress.is_over() => {}
                Err(error) => _ = self.results.missing.insert(name, format!("{error:#}")),
            }
            self.save()
        })
    }

    /// Times the rungs of all ladders, up and down in turn, until the time is used up.
    fn climb(&mut self) -> Result<()> {
        let server = self.server.clone();
        for round in 0..ladders::ROUNDS {
            for workload in self.options.scope().ladder_workloads() {
                for order in ladders::orders(&server) {
                    let mut rungs = order.rungs(&server);
                    if round % 2 == 1 {
                        rungs.reverse();
                    }
                    let comparison = order.comparison(&workload);
                    self.time_rungs(&rungs, &workload, &comparison, round)?;
                }
            }
        }
        Ok(())
    }

    /// One block for each rung that has none of this round.
    fn time_rungs(
        &mut self,
        rungs: &[Subject],
        workload: &Workload,
        comparison: &str,
        round: u32,
    ) -> Result<()> {
        for rung in rungs {
            let is_done = |block: &Block| {
                block.comparison == comparison && block.subject == rung.name && block.round == round
            };
            if self.results.blocks.iter().any(is_done) {
                continue;
            }
            if self.progress.is_spent() {
                break;
            }
            self.progress.show(&format!("{comparison}: {}", rung.name));
            self.note(rung, workload);
            let at_seconds = self.before + self.progress.seconds();
            match measure::block(rung, workload, &self.plan) {
                Ok(block) => self.results.blocks.push(Block {
                    comparison: comparison.to_owned(),
                    round,
                    at_seconds,
                    ..block
                }),
                Err(_) if self.progress.is_over() => break,
                Err(error) => {
                    let missing = &mut self.results.missing;
                    missing.insert(rung.name.clone(), format!("{error:#}"));
                }
            }
            self.save()?;
        }
        Ok(())
    }

    /// Rows of all that was timed or counted, and the ladders.
    fn conclude(&mut self, comparisons: &[Comparison]) {
        let rows = comparisons.iter().map(|one| one.row(&self.results));
        let is_measured = |row: &Row| row.cpu.is_some() || row.instructions.is_some();
        let rows = rows.filter(is_measured).collect();
        let mut ladders = Vec::new();
        for workload in self.options.scope().ladder_workloads() {
            let (server, results) = (&self.server, &self.results);
            let orders = ladders::orders(server);
            ladders.extend(
                orders
                    .iter()
                    .filter_map(|it| it.counted(server, results, &workload)),
            );
            ladders.extend(
                orders
                    .iter()
                    .filter_map(|it| it.timed(server, results, &workload)),
            );
        }
        self.results.rows = rows;
        self.results.ladders = ladders;
    }

    /// The guard, the table, and what to do next.
    fn finish(mut self) -> Result<Exit> {
        self.progress.finish();
        self.results.objections = guard::objections(&self.results);
        self.save()?;
        report::terminal::print(&self.results);
        let file = self.path.display();
        println!("written: {file}; `barewire-lab report {file}` draws it");
        if self.progress.is_over() {
            println!("broken off; `barewire-lab ablate --resume {file}` goes on");
        }
        let (exit, why) = guard::ending(&self.results, self.options.fail_if.as_deref())?;
        if let Some(why) = why {
            println!("{why}");
        }
        Ok(exit)
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

fn is_of(counters: &Counters, subject: &Subject, workload: &Workload) -> bool {
    counters.subject == subject.name && counters.workload == workload.name
}
