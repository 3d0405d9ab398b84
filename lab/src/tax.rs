//! The framework tax: where the time of a framework goes, layer by layer, in an account that is
//! closed against what the framework itself costs.
//!
//! The layers are levels of the ladder (`tax/`), a server on barewire's own loop, and are compared
//! by duels while it serves. What replaces the loop is compared between processes, in turns. An
//! [`account`] adds up both, and what is left is told as "not explained".

pub mod account;

mod ladder;
mod outside;
mod pairs;
mod prices;

pub use ladder::{BARE, rung};

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::ablate::workloads::of_any_server;
use crate::command::output_of;
use crate::compare::{SERVER, field};
use crate::counting;
use crate::machine::{self, Watch};
use crate::peers::Peer;
use crate::process::Subject;
use crate::progress::{Progress, STEPS_PER_SECOND};
use crate::results::{Counters, Results};
use crate::server::Server;
use crate::turns::{Contest, Entrant};
use crate::workload::Workload;
use crate::{Exit, generator, peers, report};

/// The canned loop that parses, with recv and send by the C library's functions.
pub const LIBRARY: &str = "L2, C library";
/// The runtime alone, with one thread.
pub const TASKS: &str = "tokio";
/// The same with the scheduler of many workers, and one worker beside the main thread.
pub const TASKS_MULTI_THREAD: &str = "tokio, multi-thread";
/// The first one, with each answer sent by itself, in two pieces.
pub const TASKS_VECTORED: &str = "tokio, writev";
/// Levels of the ladder that stand in an account; each is a process there, too.
const LEVELS: [&str; 10] = [
    "bare",
    "write-again",
    "parse-again",
    "memory",
    "types",
    "hyper",
    "axum",
    "hyperlane-read",
    "hyperlane-context",
    "hyperlane",
];
/// The rivals that stand in the account, or beside it.
const RIVALS: [&str; 14] = [
    "hyper",
    "axum",
    "actix-web",
    "ntex",
    "hyperlane-5",
    "node-http",
    "fastify",
    "express",
    "express-lean",
    "express-prototypes",
    "go-nethttp",
    "jdk-httpserver",
    "tomcat",
    "spring-boot",
];
/// What is asked for, where nothing else is said.
const WORKLOADS: [&str; 3] = ["keep-alive", "keep-alive-browser", "pipelined-x16"];

/// Say where the time of frameworks goes.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The folder of the layers' package [default: `tax`, beside the rivals' folder].
    #[arg(long, value_name = "FOLDER")]
    tax_folder: Option<PathBuf>,
    /// What is asked: keep-alive, keep-alive-browser, pipelined-x16 [default: these, with
    /// --outside-only, too].
    #[arg(long, value_delimiter = ',')]
    workload: Vec<String>,
    /// Only these rivals, by the names of their folders [default: those of the account; with
    /// --outside-only those on Node and the JVM, hyper and hyperlane-5].
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    peers: Vec<String>,
    /// Sets of fresh processes.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..))]
    sets: u32,
    /// Rounds of a set on each workload.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Seconds of a duel at most.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Where the result file is written.
    #[arg(short, long, default_value = "results/tax.json")]
    output: PathBuf,
    /// List the layers and leave.
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    outside: outside::Options,
}

/// Runs it.
///
/// # Errors
///
/// If the layers' package cannot be built, or the result file cannot be written. What cannot be
/// measured is told in the file.
pub fn run(options: &Options) -> Result<Exit> {
    let peers_folder = peers::folder(None)?;
    if options.outside.outside_only {
        return outside::alone(options, &peers_folder);
    }
    let beside = peers_folder.with_file_name("tax");
    let folder = options.tax_folder.clone().unwrap_or(beside);
    let programs = build(&folder)?;
    let layers = ladder::layers(&programs.join("ladder"))?;
    if options.list {
        for layer in &layers {
            println!("{:<20} over {}", layer.name, layer.below);
        }
        return Ok(Exit::Success);
    }
    let mut results = Results::new();
    let workloads = options.workloads()?;
    let rungs = ladder::Ladder {
        program: programs.join("ladder"),
        allocations: programs.join("allocations"),
        layers,
        seconds: options.seconds,
    };
    let mut entrants = options.entrants(&programs, &peers_folder, &mut results)?;
    entrants.extend(LEVELS.map(|level| rungs.level(level)));
    rungs.count(&workloads, &mut results)?;
    count(&entrants, &workloads, &mut results);
    let contest = options.contest(entrants, workloads);
    let duels = rungs.steps(contest.workloads.len(), STEPS_PER_SECOND);
    let progress = Progress::of(contest.steps() + duels)?;
    let duels = |results: &mut Results| {
        for workload in &contest.workloads {
            rungs.measure(workload, results, &progress, STEPS_PER_SECOND);
            results.save(&options.output)?;
        }
        Ok(())
    };
    options.hold(&contest, &mut results, &progress, duels, |_| ())?;
    Ok(Exit::of(!results.accounts.is_empty()))
}

impl Options {
    fn contest(&self, entrants: Vec<Entrant>, workloads: Vec<Workload>) -> Contest {
        Contest {
            entrants,
            workloads,
            sets: self.sets,
            rounds: self.rounds,
            timed: false,
        }
    }

    /// Holds a contest, with what is measured `before` and `after` it from the generator's core.
    fn hold(
        &self,
        contest: &Contest,
        results: &mut Results,
        progress: &Progress,
        before: impl FnOnce(&mut Results) -> Result<()>,
        after: impl FnOnce(&mut Results),
    ) -> Result<()> {
        let free = generator::stay_on_core(machine::generator_core())?;
        let watch = Watch::start();
        before(results)?;
        contest.hold(results, progress, |results| {
            watch.note(results);
            results.save(&self.output)
        })?;
        progress.finish();
        after(results);
        generator::leave_core(free)?;
        pairs::compare(contest, results);
        for workload in &contest.workloads {
            let accounts = account::all(results, &workload.name);
            results.accounts.extend(accounts);
        }
        watch.note(results);
        results.save(&self.output)?;
        report::terminal::print_written(results, &self.output);
        Ok(())
    }

    fn workloads(&self) -> Result<Vec<Workload>> {
        let names: Vec<&str> = self.workload.iter().map(String::as_str).collect();
        let names = if names.is_empty() {
            &WORKLOADS[..]
        } else {
            &names
        };
        names.iter().map(|name| of_any_server(name)).collect()
    }

    /// The rivals that are asked for, or the usual ones.
    fn rivals(&self, folder: &Path) -> Result<Vec<Peer>> {
        let mut rivals = peers::all(folder)?;
        rivals.retain(|peer| match self.peers.as_slice() {
            [] => RIVALS.contains(&peer.name.as_str()),
            names => names.contains(&peer.name),
        });
        Ok(rivals)
    }

    /// The limit, the server, the runtime alone, and frameworks as they are.
    fn entrants(
        &self,
        programs: &Path,
        peers_folder: &Path,
        results: &mut Results,
    ) -> Result<Vec<Entrant>> {
        let server = Server::given(None)?;
        let mut entrants: Vec<Entrant> = field::canned_loops()?;
        entrants.retain(|entrant| !entrant.subject.name.contains("io_uring"));
        entrants.push(field::canned(
            LIBRARY,
            "canned",
            &["--level", "2", "--library"],
        )?);
        entrants.push(Entrant::of(server.with(SERVER, &[])));
        let tasks: [(&str, &[&str]); 3] = [
            (TASKS, &["--port", "0"]),
            (TASKS_VECTORED, &["--port", "0", "--vectored"]),
            (
                TASKS_MULTI_THREAD,
                &["--port", "0", "--runtime", "multi-thread"],
            ),
        ];
        entrants.extend(tasks.map(|(name, arguments)| Entrant {
            closes: false,
            ..Entrant::of(Subject::announcing(name, programs.join("tasks"), arguments))
        }));
        let mut rivals = self.rivals(peers_folder)?;
        // They may answer in pieces, and take turns by themselves: --outside-only.
        rivals.retain(|peer| !outside::is_outside(peer));
        entrants.extend(peers::invited(
            &rivals,
            &mut results.missing,
            field::entrant,
        ));
        Ok(entrants)
    }
}

/// Builds the layers' package, and says where its programs lie.
fn build(folder: &Path) -> Result<PathBuf> {
    let manifest = folder.join("Cargo.toml");
    ensure!(
        manifest.is_file(),
        "{} is not there: name the layers' package with --tax-folder",
        manifest.display()
    );
    eprintln!("layers: building");
    let mut cargo = Command::new("cargo");
    cargo.args([
        "build",
        "--quiet",
        "--release",
        "--locked",
        "--manifest-path",
    ]);
    output_of(cargo.arg(&manifest)).context("the layers' package cannot be built")?;
    Ok(folder.join("target/release"))
}

/// Instructions of those that stand in an account.
fn count(entrants: &[Entrant], workloads: &[Workload], results: &mut Results) {
    for workload in workloads {
        let counted = entrants
            .iter()
            .filter(|one| one.countable && one.takes(workload) && pairs::has(&one.subject.name));
        for entrant in counted {
            let subject = entrant.subject_for(workload);
            eprintln!("{}, {}: counting instructions", subject.name, workload.name);
            match counting::instructions(&subject, workload) {
                Ok(instructions) => results.counters.push(Counters {
                    subject: subject.name,
                    workload: workload.name.clone(),
                    source: "callgrind".to_owned(),
                    instructions,
                    ..Counters::default()
                }),
                Err(error) => {
                    let what = format!("{}, {}, instructions", subject.name, workload.name);
                    results.missing.insert(what, format!("{error:#}"));
                }
            }
        }
    }
}
