//! Node and the JVM from outside: what can be told of a server whose layers cannot be levels of the
//! ladder.
//!
//! Its threads tell who spends the CPU time: the program, the compiler, the collector of garbage.
//! The kernel tells the system calls. The runtime tells its collections, and samples whose code
//! runs. All of it is of a warm server under the load that is timed. What one server costs more
//! than the one below it is a difference of turns, as everywhere.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::compare::field;
use crate::generator::lane::Lane;
use crate::machine;
use crate::process::{Running, Subject};
use crate::progress::Progress;
use crate::results::{Counters, Outside, Results};
use crate::turns::Entrant;
use crate::window::{Window, span};
use crate::workload::Workload;
use crate::{Exit, counting, peers};

mod code;
mod collections;
mod threads;

/// Seconds of load before anything counts, of a server that asks for none.
const WARMUP: Duration = Duration::from_secs(10);
/// Servers in Rust that take turns with them, and are not taken apart here.
const BESIDE: [&str; 2] = ["hyper", "hyperlane-5"];

/// How long servers are looked at from outside.
#[derive(Clone, Copy, Debug, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    /// Seconds of CPU time of each server on Node or the JVM, looked at from outside; 0: none.
    /// Counts with --outside-only alone.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(..=600))]
    outside_seconds: u64,
    /// Only servers on Node and the JVM, in turns with the limit, hyper and hyperlane-5: no ladder
    /// and no account. Without --workload there are pipelined turns, too.
    #[arg(long)]
    pub(super) outside_only: bool,
}

/// Whose threads and logs are known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Runtime {
    Node,
    Jvm,
}

impl Runtime {
    fn of(subject: &Subject) -> Option<Self> {
        Self::by_program(subject.program.file_name()?.to_str()?)
    }

    /// By the name of the program that is started.
    fn by_program(name: &str) -> Option<Self> {
        match name {
            "node" => Some(Self::Node),
            "java" => Some(Self::Jvm),
            _ => None,
        }
    }
}

/// Whether a rival runs on one.
pub(super) fn is_outside(peer: &peers::Peer) -> bool {
    Runtime::by_program(&peer.about.run[0]).is_some()
}

/// Those that run on one, in turns with the limit and a few in Rust, and taken apart.
///
/// # Errors
///
/// If there is no folder of rivals, or the result file cannot be written.
pub(super) fn alone(options: &super::Options, peers_folder: &Path) -> Result<Exit> {
    let mut results = Results::new();
    let mut rivals = options.rivals(peers_folder)?;
    if options.peers.is_empty() {
        rivals.retain(|peer| is_outside(peer) || BESIDE.contains(&peer.name.as_str()));
    }
    let mut entrants = vec![field::limit()?];
    entrants.extend(peers::invited(
        &rivals,
        &mut results.missing,
        field::entrant,
    ));
    let mut workloads = options.workloads()?;
    for workload in &mut workloads {
        workload.read_every = 1;
    }
    let contest = options.contest(entrants, workloads);
    let progress = Progress::of(contest.steps())?;
    let taken_apart = |results: &mut Results| options.outside.measure(&contest.entrants, results);
    options.hold(&contest, &mut results, &progress, |_| Ok(()), taken_apart)?;
    Ok(Exit::of(!results.outside.is_empty()))
}

impl Options {
    /// Takes apart those that run on Node or the JVM. What fails of one is told in `missing`.
    pub(super) fn measure(self, entrants: &[Entrant], results: &mut Results) {
        if self.outside_seconds == 0 {
            return;
        }
        let time = Duration::from_secs(self.outside_seconds);
        for entrant in entrants {
            let Some(runtime) = Runtime::of(&entrant.subject) else {
                continue;
            };
            let name = &entrant.subject.name;
            eprintln!("{name}: from outside");
            let mut note = |what: &str, error: anyhow::Error| {
                let what = format!("{name}, {what}");
                results.missing.insert(what, format!("{error:#}"));
            };
            let seen = Seen::of(runtime, entrant, time);
            let Seen { mut outside, calls } = match seen {
                Ok(seen) => seen,
                Err(error) => {
                    note("from outside", error);
                    continue;
                }
            };
            match code::shares(runtime, entrant, &Workload::keep_alive()) {
                Ok(shares) => outside.code = shares,
                Err(error) => note("whose code", error),
            }
            match calls {
                Ok(counters) => results.counters.push(counters),
                Err(error) => note("system calls", error),
            }
            results.outside.push(outside);
        }
    }
}

/// What a run of a server told.
struct Seen {
    outside: Outside,
    calls: Result<Counters>,
}

impl Seen {
    fn of(runtime: Runtime, entrant: &Entrant, time: Duration) -> Result<Self> {
        let workload = Workload::keep_alive();
        let mut subject = entrant.subject.clone();
        if runtime == Runtime::Node {
            subject.arguments.insert(0, collections::TELL.to_owned());
        }
        let server = Running::start(&subject, 1, &machine::server_cores(1))?;
        let pid = server.pid();
        let mut lane = Lane::open(server.address(), &workload, false)?;
        lane.turn(span(warmup(entrant)))?;
        let collected = collections::so_far(runtime, &server)?;
        let window = Window::of(pid, &mut lane, time)?;
        let collected = collections::between(collected, collections::so_far(runtime, &server)?);
        let threads = threads::used(runtime, pid, &window.usage, window.requests);
        let calls = counting::calls_of(pid, &mut lane);
        server.stop()?;
        let in_kernel = window.in_kernel();
        let name = subject.name;
        Ok(Self {
            outside: Outside {
                of: name.clone(),
                workload: workload.name.clone(),
                seconds: window.seconds,
                requests: window.requests as u64,
                threads,
                system_share: in_kernel.map(|(share, _)| share),
                system_share_error: in_kernel.map(|(_, error)| error),
                collections: Some(collected),
                code: Vec::new(),
            },
            calls: calls.map(|system_calls| Counters {
                subject: name,
                workload: workload.name,
                system_calls,
                source: "perf".to_owned(),
                ..Counters::default()
            }),
        })
    }
}

/// How long a server is asked before anything counts.
fn warmup(entrant: &Entrant) -> Duration {
    let seconds = entrant.warmup_seconds.map(Duration::from_secs_f64);
    seconds.unwrap_or(WARMUP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_is_known_by_its_program() {
        let of = |program: &str| {
            Runtime::of(&Subject {
                program: program.into(),
                ..Subject::default()
            })
        };
        assert_eq!(of("node"), Some(Runtime::Node));
        assert_eq!(of("/usr/bin/java"), Some(Runtime::Jvm));
        assert_eq!(of("javac"), None);
        assert_eq!(of(""), None);
    }

    #[test]
    fn a_server_is_warmed_up_as_long_as_it_asks_for() {
        let mut entrant = Entrant::of(Subject::default());
        assert_eq!(warmup(&entrant), WARMUP);
        entrant.warmup_seconds = Some(20.0);
        assert_eq!(warmup(&entrant), Duration::from_secs(20));
    }
}
