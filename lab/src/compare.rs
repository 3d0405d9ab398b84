//! The server beside its rivals, and beside the limit.
//!
//! Rounds: in each every subject has one block of every workload, in an order that is turned round
//! in the next. Each figure is compared with the server's own of the same round, and the server
//! stands in each round twice: what it differs from itself is noise. Then latencies at fixed rates,
//! and counts. Nobody is timed before its answers were checked.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

mod options;

mod field;

use crate::ablate::{Progress, Server, server_beside_us};
use crate::counting;
use crate::measure::{self, Plan};
use crate::process::Subject;
use crate::results::{Block, Latency, Results, Row, RowKind};
use crate::schedule;
use crate::statistics::{self, PAIRS_MIN};
use crate::workload::Workload;
use crate::{Exit, guard, report};

use field::{Entrant, Field, Role};
pub use options::Options;

/// Shares of the saturation rate at which latency is measured.
const SHARES: [f64; 3] = [0.5, 0.7, 0.9];
/// Part of the time that is for rounds; the rest is for latencies.
const ROUNDS_SHARE: f64 = 0.75;

/// Runs it.
pub fn run(options: &Options) -> Result<Exit> {
    let peers = options.rivals()?;
    if options.list {
        for peer in &peers {
            let sheet = &peer.about;
            println!(
                "{:<14} {:<10} {:<9} {}",
                peer.name, sheet.language, sheet.version, sheet.about
            );
        }
        return Ok(Exit::Success);
    }
    let workloads = options.workloads()?;
    let program = options.server.clone().map_or_else(server_beside_us, Ok)?;
    let server = Server::ask(&program)?.full();
    let mut results = Results::new();
    let mut field = Field::limits_of(server)?;
    field.invite(&peers, &mut results.missing);
    if options.build_only {
        for (name, reason) in &results.missing {
            println!("{name}: {reason}");
        }
        return Ok(if results.missing.is_empty() {
            Exit::Success
        } else {
            Exit::Failure
        });
    }
    let progress = Progress::start(Duration::from_secs_f64(60.0 * options.minutes))?;
    let mut comparison = Comparison {
        options,
        field,
        workloads,
        results,
        progress,
    };
    comparison.rounds()?;
    comparison.latencies()?;
    comparison.counts()?;
    comparison.finish()
}

struct Comparison<'a> {
    options: &'a Options,
    field: Field,
    workloads: Vec<Workload>,
    results: Results,
    progress: Progress,
}

impl Comparison<'_> {
    fn rounds(&mut self) -> Result<()> {
        let until = 60.0 * self.options.minutes * ROUNDS_SHARE;
        let mut plan = Plan::of_two_cores(self.options.block_seconds);
        plan.workers = self.options.workers.into();
        for round in 0..self.options.rounds_max {
            let began = self.progress.seconds();
            let mut order: Vec<usize> = (0..self.field.entrants.len()).collect();
            if round % 2 == 1 {
                order.reverse();
            }
            for workload in self.workloads.clone() {
                for place in &order {
                    if self.progress.is_over() {
                        return self.save();
                    }
                    self.block(*place, &workload, round, &plan)?;
                }
            }
            self.results.rows = self.rows();
            self.save()?;
            let took = self.progress.seconds() - began;
            if self.progress.seconds() + took > until && round as usize + 1 >= PAIRS_MIN {
                break;
            }
        }
        Ok(())
    }

    /// One block of one entrant. Whoever fails once is out, with the reason.
    fn block(&mut self, place: usize, workload: &Workload, round: u32, plan: &Plan) -> Result<()> {
        let entrant = &self.field.entrants[place];
        if !entrant.takes(workload) || self.results.missing.contains_key(&entrant.label) {
            return Ok(());
        }
        let (label, subject) = (entrant.label.clone(), entrant.subject_for(workload));
        let plan = Plan {
            warmup_seconds: entrant.warmup_seconds,
            ..plan.clone()
        };
        self.progress
            .show(&format!("round {}, {label}, {}", round + 1, workload.name));
        let clock = || self.progress.seconds();
        for block in measure::blocks(&subject, workload, &plan, clock) {
            match block {
                Ok((at_seconds, block)) => self.results.blocks.push(Block {
                    subject: label.clone(),
                    comparison: workload.name.clone(),
                    round,
                    at_seconds,
                    ..block
                }),
                Err(error) if entrant.role == Role::Rival => {
                    let missing = &mut self.results.missing;
                    missing.insert(label.clone(), format!("{error:#}"));
                }
                Err(error) => return Err(error),
            }
        }
        self.results.subjects.insert(label, subject);
        self.results
            .workloads
            .insert(workload.name.clone(), workload.clone());
        Ok(())
    }

    /// Everybody against the server, round by round; the server against the limit.
    fn rows(&self) -> Vec<Row> {
        let others = || {
            self.field
                .entrants
                .iter()
                .filter(|one| one.role != Role::Server)
        };
        let pairs = self
            .workloads
            .iter()
            .flat_map(|workload| others().map(move |one| (workload, one)));
        pairs
            .filter_map(|(workload, one)| self.row(workload, one))
            .collect()
    }

    /// `None` if there is nothing to compare.
    fn row(&self, workload: &Workload, entrant: &Entrant) -> Option<Row> {
        let server = self.field.server().label.clone();
        let other = entrant.label.clone();
        let (kind, subject, base) = match entrant.role {
            Role::Limit => (RowKind::Limit, server, other),
            Role::WouldBlock => (RowKind::Control, other, server),
            Role::Rival | Role::Server => (RowKind::Rival, other, server),
        };
        let ratios = |figure: fn(&Block) -> Option<f64>| {
            let ratios = schedule::ratios(&self.results, &workload.name, &subject, &base, figure);
            statistics::estimate(&ratios)
        };
        let cpu = ratios(|block| block.server_cpu_ns_per_request);
        let rate = ratios(|block| Some(block.requests_per_second));
        let instructions = |name: &str| schedule::instructions(&self.results, name, &workload.name);
        let instructions = instructions(&subject).zip(instructions(&base));
        cpu.or(rate)?;
        Some(Row {
            comparison: workload.name.clone(),
            about: entrant.label.clone(),
            kind,
            workload: workload.name.clone(),
            subject,
            base,
            verdict: statistics::verdict(cpu.as_ref()),
            cpu,
            rate,
            instructions: instructions.map(|(above, below)| above / below),
        })
    }

    /// Latency of the first workload at shares of each one's own saturation rate.
    fn latencies(&mut self) -> Result<()> {
        let Some(workload) = self.workloads.first().cloned() else {
            return Ok(());
        };
        let mut plan = Plan::of_two_cores(self.options.block_seconds);
        plan.workers = self.options.workers.into();
        let entrants: Vec<_> = self.field.entrants.clone();
        for entrant in entrants.iter().filter(|one| one.role != Role::WouldBlock) {
            let Some(saturation) = self.saturation(&entrant.label, &workload.name) else {
                continue;
            };
            for share in SHARES {
                if self.progress.is_over() {
                    return self.save();
                }
                self.progress
                    .show(&format!("latency of {} at {share}", entrant.label));
                let rate = saturation * share;
                let subject = entrant.subject_for(&workload);
                let plan = Plan {
                    warmup_seconds: entrant.warmup_seconds,
                    ..plan.clone()
                };
                let asked = workload.clone().at_rate(rate);
                let clock = || self.progress.seconds();
                match measure::blocks(&subject, &asked, &plan, clock).last() {
                    Some(Ok((_, block))) => self.results.latencies.push(Latency {
                        subject: entrant.label.clone(),
                        workload: workload.name.clone(),
                        share,
                        rate,
                        answered_per_second: block.requests_per_second,
                        percentiles: block.latency.unwrap_or_default(),
                    }),
                    Some(Err(error)) => eprintln!("{}, {share}: {error:#}", entrant.label),
                    None => {}
                }
            }
            self.save()?;
        }
        Ok(())
    }

    /// Answers per second of the closed loop, the median of all rounds.
    fn saturation(&self, subject: &str, workload: &str) -> Option<f64> {
        let blocks = self.results.blocks.iter().filter(|block| {
            block.subject == subject && block.workload == workload && block.dropped.is_none()
        });
        let rates: Vec<f64> = blocks.map(|block| block.requests_per_second).collect();
        statistics::median(&rates)
    }

    /// System calls and instructions, where they can be counted.
    fn counts(&mut self) -> Result<()> {
        let entrants = self.field.entrants.clone();
        for workload in self.workloads.clone() {
            for entrant in entrants.iter().filter(|one| one.role != Role::WouldBlock) {
                let is_missing = self.results.missing.contains_key(&entrant.label);
                if self.progress.is_over() || is_missing || !entrant.takes(&workload) {
                    continue;
                }
                self.progress
                    .show(&format!("counts of {}, {}", entrant.label, workload.name));
                let subject = entrant.subject_for(&workload);
                let calls = counting::by_strace(&subject, &workload).ok().flatten();
                let mut counters = calls.unwrap_or_default();
                counters.subject.clone_from(&entrant.label);
                counters.workload.clone_from(&workload.name);
                if entrant.is_countable {
                    // What valgrind cannot run has no figure, and that is all there is to say.
                    counters.instructions =
                        counting::instructions(&subject, &workload).ok().flatten();
                }
                self.results.counters.push(counters);
            }
            self.save()?;
        }
        self.results.rows = self.rows();
        self.save()
    }

    fn finish(mut self) -> Result<Exit> {
        self.progress.finish();
        self.results.objections = guard::objections(&self.results);
        self.save()?;
        report::terminal::print(&self.results);
        let file = self.options.output.display();
        println!("written: {file}; `barewire-lab report {file}` draws it");
        let (exit, told) = guard::ending(&self.results, self.options.fail_if.as_deref())?;
        if let Some(told) = told {
            println!("{told}");
        }
        Ok(exit)
    }

    fn save(&mut self) -> Result<()> {
        self.results.seconds = self.progress.seconds();
        self.results.save(&self.options.output)
    }
}

/// How a canned loop of this program is started.
fn canned(program: PathBuf, name: &str, level: Option<u8>, workload: &Workload) -> Subject {
    let mut arguments = vec![
        "--request-bytes".to_owned(),
        measure::request_bytes(workload).to_string(),
    ];
    if let Some(level) = level {
        arguments.extend(["--level".to_owned(), level.to_string()]);
    }
    Subject {
        name: name.to_owned(),
        program,
        arguments,
        announces: true,
        ..Subject::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canned_loop_is_told_how_long_a_request_is() {
        let subject = canned("canned".into(), "L0", Some(0), &Workload::keep_alive());
        assert_eq!(subject.arguments, ["--request-bytes", "44", "--level", "0"]);
    }
}
