//! What a server does under faults: peers that say too little, want too much, leave in the middle,
//! and resources that run out.
//!
//! Each case starts a server of one reactor and does one thing to it, for some seconds; a neighbour
//! who does nothing wrong goes on asking, and is timed before and meanwhile. What must hold is
//! counted: by the peers, and by the server. In the end every connection, buffer and descriptor
//! must have been given back, and the server must leave in order.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context, Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Serialize;

use crate::generator::Outcome;
use crate::positive;
use crate::process::{Running, Subject};
use crate::server::server_beside_us;
use crate::{Exit, environment};

mod cases;

mod scene;

mod crowd;

mod silent;

mod greedy;

mod abrupt;

mod scarce;

mod document;

use cases::{CASES, Case};
use scene::neighbour;
pub(crate) use scene::{Scene, descriptors};

/// The neighbour is there first, so that it need not wait in a full backlog.
const LEAD: Duration = Duration::from_millis(200);
/// Files that this program needs beside the connections of a case.
const FILES_SPARE: u64 = 200;

/// See what a server does under faults.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Only these cases, by name.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    only: Vec<String>,
    /// List the cases and leave.
    #[arg(long)]
    list: bool,
    /// Seconds that each is kept up.
    #[arg(long, default_value_t = 5.0, value_parser = positive)]
    seconds: f64,
    /// The most connections of a case.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u16).range(1..))]
    peers_max: u16,
    /// The server; without it, the one beside this program.
    #[arg(long)]
    server: Option<PathBuf>,
    /// Write what was found as a document.
    #[arg(long, value_name = "FILE")]
    document: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What a case found.
#[derive(Debug, Serialize)]
struct Finding {
    name: &'static str,
    what: &'static str,
    promise: &'static str,
    facts: Vec<String>,
    /// Promises that were not kept.
    broken: Vec<String>,
    quiet: Outcome,
    meanwhile: Outcome,
    /// Share of a core that the server used meanwhile.
    server_busy: f64,
}

/// Runs it: [`Exit::Failure`] if a promise was broken.
///
/// # Errors
///
/// If a name is no case's, or a server cannot be started or asked.
pub fn run(options: &Options) -> Result<Exit> {
    if options.list {
        for case in CASES {
            println!(
                "{:<12} {}\n{:12} must: {}",
                case.name, case.what, "", case.promise
            );
        }
        return Ok(Exit::Success);
    }
    let chosen = chosen(&options.only)?;
    let peers_max = allow_files(options.peers_max.into())?;
    let mut findings = Vec::new();
    for case in chosen {
        eprintln!("{}: {}", case.name, case.what);
        let finding = try_out(case, options, peers_max);
        findings.push(finding.with_context(|| case.name)?);
        if !options.json {
            print(&findings[findings.len() - 1]);
        }
    }
    if options.json {
        println!("{}", serde_json::to_string_pretty(&findings)?);
    }
    if let Some(path) = &options.document {
        let text = document::of(&findings, &environment::read());
        fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    let are_kept = findings.iter().all(|finding| finding.broken.is_empty());
    Ok(if are_kept {
        Exit::Success
    } else {
        Exit::Failure
    })
}

fn chosen(only: &[String]) -> Result<Vec<&'static Case>> {
    let known = |name: &&String| !CASES.iter().any(|case| case.name == **name);
    if let Some(unknown) = only.iter().find(known) {
        let names: Vec<_> = CASES.iter().map(|case| case.name).collect();
        bail!(
            "there is no case {unknown}; there are: {}",
            names.join(", ")
        );
    }
    let is_meant = |case: &&Case| only.is_empty() || only.iter().any(|name| name == case.name);
    Ok(CASES.iter().filter(is_meant).collect())
}

/// Raises the limit of open files to the hard one, which the servers inherit. Returns how many
/// connections it allows, if they are fewer than wanted.
fn allow_files(wanted: usize) -> Result<usize> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, raised).context("the limit of open files")?;
    let Some(files) = maximum else {
        return Ok(wanted);
    };
    // The server has one for each, too, and keeps a tenth for other things.
    let allowed = usize::try_from((files * 9 / 10).saturating_sub(FILES_SPARE))?;
    if allowed < wanted {
        eprintln!("only {allowed} connections: the limit of open files is {files} (ulimit -Hn)");
    }
    Ok(wanted.min(allowed))
}

/// One case, with a server of its own.
fn try_out(case: &'static Case, options: &Options, peers_max: usize) -> Result<Finding> {
    let server = start(case, options)?;
    let span = Duration::try_from_secs_f64(options.seconds)?;
    let mut scene = Scene::new(&server, peers_max)?;
    let quiet = neighbour(server.address(), span)?;
    let files_before = descriptors(server.pid())?;
    let used_before = scene.usage()?;
    let began = Instant::now();
    scene.until = began + LEAD + span;
    let (meanwhile, done) = thread::scope(|scope| {
        let address = server.address();
        let beside = scope.spawn(move || neighbour(address, span + LEAD));
        thread::sleep(LEAD);
        let done = (case.run)(&scene);
        (beside.join(), done)
    });
    done?;
    let meanwhile = meanwhile.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked))?;
    let used = scene.usage()?.cpu_since(&used_before);
    let server_busy = used.as_secs_f64() / began.elapsed().as_secs_f64();
    let (failed, kinds) = (meanwhile.errors, &meanwhile.errors_by_kind);
    scene.must(failed == 0, || {
        format!("the neighbour lost {failed} requests: {kinds:?}")
    });
    all_is_given_back(&scene, &server, files_before)?;
    let (facts, mut broken) = scene.into_findings();
    let ended = server.stop()?;
    if !ended.success() {
        broken.push(format!("the server ended with {ended}"));
    }
    Ok(Finding {
        name: case.name,
        what: case.what,
        promise: case.promise,
        facts,
        broken,
        quiet,
        meanwhile,
        server_busy,
    })
}

fn start(case: &Case, options: &Options) -> Result<Running> {
    let program = match &options.server {
        Some(program) => program.clone(),
        None => server_beside_us()?,
    };
    let common = ["--workers", "{workers}", "--port", "0"];
    let arguments = common.iter().chain(case.arguments);
    let subject = Subject {
        name: case.name.to_owned(),
        program,
        arguments: arguments.map(|argument| (*argument).to_owned()).collect(),
        announces: true,
        ..Subject::default()
    };
    // prlimit(1) lowers its own limit and becomes the program that follows.
    let limit = case
        .files_max
        .map(|files| format!("--nofile={files}:{files}"));
    let runner = limit.map_or(Vec::new(), |limit| vec!["prlimit".into(), limit.into()]);
    Running::start_under(&runner, &subject, 1)
}

/// Only the connection that asks is left, no buffer is lent, and no descriptor more is open.
fn all_is_given_back(scene: &Scene<'_>, server: &Running, files_before: usize) -> Result<()> {
    let (what, pid) = ("everything is given back", server.pid());
    // A job whose asker has gone may have a file open for a moment more.
    let given_back = scene.eventually(what, |stats| {
        let (connections, lent) = (stats.get("connections")?, stats.get("buffer_bytes")?);
        Ok(connections == 1 && lent == 0 && descriptors(pid)? <= files_before)
    });
    given_back.map(drop)
}

fn print(finding: &Finding) {
    for fact in &finding.facts {
        println!("  {fact}");
    }
    println!("  neighbour, quiet:     {}", times(&finding.quiet));
    println!("  neighbour, meanwhile: {}", times(&finding.meanwhile));
    for broken in &finding.broken {
        println!("  BROKEN: {broken}");
    }
}

/// The neighbour's latencies in a line.
fn times(outcome: &Outcome) -> String {
    let mut text = format!("{} answers", outcome.requests);
    if let Some(latency) = &outcome.latency {
        let (half, most, all) = (latency.p50_us, latency.p99_us, latency.max_us);
        let _ = write!(
            text,
            ", 50 % {half:.0} us, 99 % {most:.0} us, slowest {all:.0} us"
        );
    }
    // The end came in the middle of a pause: they are in the latencies.
    if outcome.unsent > 0 {
        let _ = write!(text, ", {} waited still at the end", outcome.unsent);
    }
    text
}
