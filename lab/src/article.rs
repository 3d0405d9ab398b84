//! The article's comparison, run again, and judged sentence by sentence.
//!
//! wrk runs with the article's own line against barewire, and against the article's rivals where
//! they can be built, with the wait of 100 us that the article put into its handler and, for
//! barewire, without it. Then the server is asked what the article's other handlers claim. From
//! that comes the ledger. Each figure in it was measured in this run, was computed from the
//! article's own figures, or is called not measured. Absent is a mean latency: wrk pads it (see
//! [`crate::wrk`]).

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::results::Results;
use crate::{Exit, guard, wrk};

mod runs;

pub mod probes;

pub mod quoted;

pub mod ledger;

pub mod document;

/// Rerun the article's comparison and judge it sentence by sentence.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Seconds of each run; the article's are 30.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..))]
    seconds: u16,
    /// Runs of each, in turned order.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Run Express, Spring Boot and the article's hyperlane too, as far as they can be built.
    #[arg(long)]
    peers: bool,
    /// The folder of the rivals [default: `peers`, here or above this program].
    #[arg(long, value_name = "FOLDER")]
    peers_folder: Option<PathBuf>,
    /// The server; without it, the one beside this program.
    #[arg(long)]
    server: Option<PathBuf>,
    /// Where the result file is written.
    #[arg(long, default_value = "results/article.json")]
    output: PathBuf,
    /// A result file of `compare`, whose figures stand beside the article's.
    #[arg(long, value_name = "FILE")]
    with: Vec<PathBuf>,
    /// Write the document about a run.
    #[arg(long, value_name = "FILE")]
    document: Option<PathBuf>,
    /// Measure nothing: take the run from its result file.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["with", "peers"])]
    from: Option<PathBuf>,
}

/// Runs it.
///
/// # Errors
///
/// If wrk is not installed, the server does not start, or a file cannot be read or written. A rival
/// that cannot be built or does not answer is told, and the rest goes on.
pub fn run(options: &Options) -> Result<Exit> {
    let results = match &options.from {
        Some(path) => {
            let results = Results::load(path)?;
            let shown = path.display();
            ensure!(
                !results.ledger.is_empty(),
                "{shown} is not of `article`: it has no ledger"
            );
            results
        }
        None => measured(options)?,
    };
    print(&results);
    if let Some(path) = &options.document {
        let written = std::fs::write(path, document::of(&results));
        written.with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(Exit::Success)
}

fn measured(options: &Options) -> Result<Results> {
    ensure!(
        wrk::is_installed(),
        "wrk is not installed (apt-get install wrk)"
    );
    let loaded = options.with.iter().map(|path| Results::load(path));
    let others = loaded.collect::<Result<Vec<_>>>()?;
    let (mut results, probes) = runs::measure(options)?;
    results.objections = guard::objections(&results);
    results.ledger = ledger::of(&results, &probes, &others);
    results.save(&options.output)?;
    eprintln!("written: {}", options.output.display());
    Ok(results)
}

fn print(results: &Results) {
    for row in document::runs(results) {
        println!("{row}");
    }
    for objection in &results.objections {
        println!(
            "\n{}: {} {}",
            objection.kind, objection.what, objection.remedy
        );
    }
    for sentence in &results.ledger {
        println!("\nsaid      {}", sentence.said);
        println!("measured  {}", sentence.measured);
        println!("verdict   {}", sentence.verdict);
        println!("why       {}", sentence.reason);
    }
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
