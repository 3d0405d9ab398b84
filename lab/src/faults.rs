//! What a server does under faults: peers that say too little, want too much, leave in the middle,
//! and resources that run out.
//!
//! Each case starts a server of one reactor and does one thing to it, for some seconds; a neighbour
//! who does nothing wrong goes on asking, and is timed before and meanwhile. What must hold is
//! counted: by the peers, and by the server. In the end every connection, buffer and descriptor
//! must have been given back, and the server must leave in order.

use std::{ffi::OsString, fs, path::PathBuf, thread, time::Duration};

use anyhow::{Context, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Serialize;

use crate::{
    Exit, chosen, environment,
    generator::{Outcome, joined},
    positive,
};
use crate::{process::Running, server::Server};

mod cases;

mod crowd;

mod scene;

mod deeds;

mod attacks;

mod document;

use cases::Case;
pub(crate) use scene::{Scene, Stats};
use scene::{neighbour, slow};

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
    #[arg(long, default_value_t = 16_384, value_parser = clap::value_parser!(u16).range(1..))]
    peers_max: u16,
    /// Leave it to others how fast the neighbour is answered: the machine is busy.
    #[arg(long)]
    untimed: bool,
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
    name: String,
    what: String,
    promise: String,
    facts: Vec<String>,
    /// Promises that were not kept.
    broken: Vec<String>,
    quiet: Outcome,
    meanwhile: Outcome,
    /// Share of a core that the server used meanwhile.
    server_busy: f64,
}

impl Finding {
    fn verdict(&self) -> &'static str {
        let held = self.broken.is_empty();
        if held { "held" } else { "did not hold" }
    }
}

/// Runs it: [`Exit::Failure`] if a promise was broken.
///
/// # Errors
///
/// If a name is no case's, or a server cannot be started or asked.
pub fn run(options: &Options) -> Result<Exit> {
    let cases = cases::all()?;
    if options.list {
        for case in cases {
            println!("{:<18} {}", case.name, case.what);
            println!("{:18} must: {}", "", case.promise);
        }
        return Ok(Exit::Success);
    }
    let chosen = chosen(&cases, &options.only, |case| &case.name, "case")?;
    let peers_max = allow_files(options.peers_max.into())?;
    let server = Server::given(options.server.as_deref())?;
    let span = Duration::try_from_secs_f64(options.seconds)?;
    let mut findings = Vec::new();
    for case in chosen {
        eprintln!("{}: {}", case.name, case.what);
        let finding = try_out(case, &server, span, peers_max, options.untimed);
        let finding = finding.with_context(|| case.name.clone())?;
        if !options.json {
            print(&finding);
        }
        findings.push(finding);
    }
    if options.json {
        println!("{}", serde_json::to_string_pretty(&findings)?);
    }
    if let Some(path) = &options.document {
        let text = document::of(&findings, &environment::read());
        fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(Exit::of(
        findings.iter().all(|finding| finding.broken.is_empty()),
    ))
}

/// Raises the limit of open files to the hard one, which the servers inherit. Returns how many
/// connections it allows, if they are fewer than wanted.
fn allow_files(wanted: usize) -> Result<usize> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let current = maximum;
    setrlimit(Resource::Nofile, Rlimit { current, maximum }).context("the limit of open files")?;
    let files = maximum.unwrap_or(u64::MAX);
    // The server has one for each, too, and keeps a tenth for other things.
    let allowed = usize::try_from((files.saturating_mul(9) / 10).saturating_sub(FILES_SPARE))?;
    if allowed < wanted {
        eprintln!("only {allowed} connections: the limit of open files is {files} (ulimit -Hn)");
    }
    Ok(wanted.min(allowed))
}

/// One case, with a server of its own.
fn try_out(
    case: &Case,
    server: &Server,
    span: Duration,
    peers_max: usize,
    untimed: bool,
) -> Result<Finding> {
    let arguments: Vec<_> = case.arguments.split_whitespace().collect();
    let folder = tempfile::tempdir().context("a folder for the server")?;
    let mut subject = server.with(&case.name, &arguments);
    subject.directory = Some(folder.path().to_owned());
    let under: Vec<_> = case.under.iter().map(OsString::from).collect();
    let server = Running::start_under(&under, &subject, 1)?;
    let address = server.address();
    let quiet = neighbour(address, span)?;
    let scene = Scene::new(&server, peers_max, LEAD + span)?;
    let files_before = scene.process()?.fd_count()?;
    let used_before = scene.usage()?;
    let beside = thread::spawn(move || neighbour(address, LEAD + span));
    thread::sleep(LEAD);
    let done = case.run(&scene);
    let meanwhile = joined(beside.join());
    done?;
    let meanwhile = meanwhile?;
    let used = scene.usage()?.cpu_since(&used_before);
    let server_busy = used.as_secs_f64() / scene.began.elapsed().as_secs_f64();
    let (failed, kinds) = (meanwhile.errors, &meanwhile.errors_by_kind);
    let broken = format!("the neighbour lost {failed} requests: {kinds:?}");
    scene.must(failed == 0, broken);
    if scene.is_timed.get() && !untimed {
        let broken = slow(&meanwhile);
        scene.must(broken.is_none(), broken.unwrap_or_default());
    }
    all_is_given_back(&scene, files_before)?;
    let (facts, mut broken) = scene.into_findings();
    let ended = server.stop()?;
    if !ended.success() {
        broken.push(format!("the server ended with {ended}"));
    }
    Ok(Finding {
        name: case.name.clone(),
        what: case.what.clone(),
        promise: case.promise.clone(),
        facts,
        broken,
        quiet,
        meanwhile,
        server_busy,
    })
}

/// Only the connection that asks is left, no buffer is lent, and no descriptor more is open.
fn all_is_given_back(scene: &Scene<'_>, files_before: usize) -> Result<()> {
    // A job whose asker has gone may have a file open for a moment more.
    scene.wait("everything is given back", |stats| {
        let (connections, lent) = (stats.get("connections")?, stats.get("buffer_bytes")?);
        Ok(connections == 1 && lent == 0 && scene.process()?.fd_count()? <= files_before)
    })
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
    println!("  {}", finding.verdict());
}

/// The neighbour's latencies in a line.
fn times(outcome: &Outcome) -> String {
    let mut parts = vec![format!("{} answers", outcome.requests)];
    if let Some(latency) = &outcome.latency {
        let (half, most, all) = (latency.p50_us, latency.p99_us, latency.max_us);
        parts.push(format!(
            "50 % {half:.0} us, 99 % {most:.0} us, slowest {all:.0} us"
        ));
    }
    // The end came in the middle of a pause: they are in the latencies.
    if outcome.unsent > 0 {
        parts.push(format!("{} waited still at the end", outcome.unsent));
    }
    parts.join(", ")
}
