//! The article's comparison, run again, and what is true of its sentences.
//!
//! The article: "I am a junior computer science student ..." on DEV Community, by github-recommend,
//! about the framework hyperlane. Its three wrk blocks are repeated with its own line, on this
//! machine, once as it has them and once without the wait inside its handler; then a ledger sets
//! what it said beside what was measured. Every measured value comes out of the result file, and
//! what was not measured says so.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;

mod document;

mod ledger;

use crate::ablate::{Server, server_beside_us};
use crate::measure::Steal;
use crate::process::{Running, Subject, Usage};
use crate::results::{Block, Results};
use crate::workload::Workload;
use crate::wrk::{self, Drive, WrkOutcome};
use crate::{Exit, peers};

/// Of the article's line, `wrk -t12 -c400 -d30s`.
const THREADS: u16 = 12;
const CONNECTIONS: u16 = 400;
/// The rivals that it compares, and the framework that it is about.
const RIVALS: [&str; 3] = ["hyperlane-5", "express", "spring-boot"];
/// Seconds of warm-up, with as many connections.
const WARMUP_SECONDS: u16 = 2;
/// Seconds of a run with one connection, which shows how long a request takes by itself.
const ALONE_SECONDS: u16 = 2;
/// What the results call the server.
const OURS: &str = "barewire";

/// Rerun the article's comparison and judge it sentence by sentence.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Seconds of each run; the article's are 30.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..))]
    seconds: u16,
    /// The server; without it, the one beside this program.
    #[arg(long)]
    server: Option<PathBuf>,
    /// The folder of the rivals [default: `peers`, here or above this program].
    #[arg(long, value_name = "FOLDER")]
    peers_folder: Option<PathBuf>,
    /// Leave the rivals out.
    #[arg(long)]
    alone: bool,
    /// Where the result file is written.
    #[arg(long, default_value = "results/article.json")]
    output: PathBuf,
    /// Measure nothing: take the results from this file.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Write the ledger as a document.
    #[arg(long, value_name = "FILE")]
    document: Option<PathBuf>,
}

/// Runs it.
pub fn run(options: &Options) -> Result<Exit> {
    let (path, results) = match &options.from {
        Some(path) => (path, Results::load(path)?),
        None => (&options.output, measured(options)?),
    };
    print(&results);
    if let Some(file) = &options.document {
        std::fs::write(file, document::of(&results, path))
            .with_context(|| format!("{} cannot be written", file.display()))?;
        println!("written: {}", file.display());
    }
    Ok(Exit::Success)
}

fn measured(options: &Options) -> Result<Results> {
    let program = options.server.clone().map_or_else(server_beside_us, Ok)?;
    let mut results = Results::new();
    let mut subjects = vec![Subject {
        name: OURS.to_owned(),
        ..Server::ask(&program)?.full()
    }];
    if !options.alone {
        subjects.extend(rivals(options.peers_folder.as_deref(), &mut results)?);
    }
    for subject in subjects {
        let name = subject.name.clone();
        if let Err(error) = visit(&subject, options.seconds, &mut results) {
            results.missing.insert(name.clone(), format!("{error:#}"));
        }
        results.subjects.insert(name, subject);
        results.save(&options.output)?;
    }
    results.ledger = ledger::of(&results);
    results.save(&options.output)?;
    println!("written: {}", options.output.display());
    Ok(results)
}

/// Those that can be built; the others are in the results, with their reasons.
fn rivals(folder: Option<&Path>, results: &mut Results) -> Result<Vec<Subject>> {
    let all = peers::all_in(&peers::folder(folder)?)?;
    let mut found = Vec::new();
    for peer in all
        .iter()
        .filter(|peer| RIVALS.contains(&peer.name.as_str()))
    {
        eprintln!("{}: building", peer.name);
        match peer.build() {
            Ok(subject) => found.push(subject),
            Err(error) => {
                results
                    .missing
                    .insert(peer.name.clone(), format!("{error:#}"));
            }
        }
    }
    Ok(found)
}

/// All runs of one server: the article's line, the same without the wait if it is ours, and one
/// connection.
fn visit(subject: &Subject, seconds: u16, results: &mut Results) -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let server = Running::start(subject, cores, &[])?;
    let mut runs = vec![
        (
            "as in the article",
            "/benchmark",
            THREADS,
            CONNECTIONS,
            seconds,
        ),
        ("one connection", "/benchmark", 1, 1, ALONE_SECONDS),
    ];
    if subject.name == OURS {
        let without = (
            "without the wait",
            "/benchmark?wait_us=0",
            THREADS,
            CONNECTIONS,
            seconds,
        );
        runs.insert(1, without);
    }
    for (name, path, threads, connections, seconds) in runs {
        eprintln!("{}: {name}, {seconds} s", subject.name);
        let url = format!("http://{}{path}", server.address());
        let drive = |seconds| Drive {
            url: &url,
            threads,
            connections,
            seconds,
            script: None,
            cores: &[],
        };
        wrk::run(&url, threads, connections, WARMUP_SECONDS, None)?;
        let (usage, steal) = (Usage::of(server.pid())?, Steal::read());
        let outcome = drive(seconds).with_errors()?;
        let after = Usage::of(server.pid())?;
        let block = block(&outcome, &usage, &after, Steal::share(steal, Steal::read()));
        results.blocks.push(Block {
            subject: subject.name.clone(),
            workload: name.to_owned(),
            comparison: "article".to_owned(),
            ..block
        });
        results
            .workloads
            .insert(name.to_owned(), workload(name, path, connections));
    }
    server.stop()
}

fn workload(name: &str, path: &str, connections: u16) -> Workload {
    Workload {
        name: name.to_owned(),
        path: path.to_owned(),
        body: None,
        connections,
        ..Workload::keep_alive()
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a double counts to 9e15 without loss"
)]
fn block(outcome: &WrkOutcome, before: &Usage, after: &Usage, steal: f64) -> Block {
    let cpu = after.cpu_since(before).as_secs_f64();
    let busiest = after.busiest_since(before).as_secs_f64();
    Block {
        seconds: outcome.seconds,
        requests: outcome.requests,
        requests_per_second: outcome.requests_per_second(),
        server_cpu_ns_per_request: (outcome.requests > 0)
            .then(|| cpu * 1e9 / outcome.requests as f64),
        server_busy: Some(busiest / outcome.seconds),
        generator_busy: outcome.cpu_seconds / outcome.seconds,
        generator_cpu_ns_per_request: outcome.cpu_ns_per_request().unwrap_or(0.0),
        steal,
        resident_bytes: Some(after.resident_bytes),
        errors: outcome.errors_by_kind.clone(),
        ..Block::default()
    }
}

fn print(results: &Results) {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY);
    table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
    table.set_header(["the article said", "measured here", "verdict", "because"]);
    for sentence in &results.ledger {
        let crate::results::Sentence {
            said,
            measured,
            verdict,
            reason,
        } = sentence;
        table.add_row([said, measured, verdict, reason]);
    }
    println!("{table}");
    for (name, reason) in &results.missing {
        println!("{name} was not measured: {reason}");
    }
}

#[cfg(test)]
mod tests;
