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

use crate::Exit;
use crate::results::Results;

mod runs;

mod probes;

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
        Some(path) => Results::load(path)?,
        None => measured(options)?,
    };
    let shown = options.from.as_ref().unwrap_or(&options.output).display();
    let has_ledger = !results.ledger.is_empty();
    ensure!(has_ledger, "{shown} is not of `article`: it has no ledger");
    print(&results);
    if let Some(path) = &options.document {
        let written = std::fs::write(path, document::of(&results));
        written.with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(Exit::Success)
}

fn measured(options: &Options) -> Result<Results> {
    let is_there = which::which("wrk").is_ok();
    ensure!(is_there, "wrk is not installed (apt-get install wrk)");
    let loaded = options.with.iter().map(|path| Results::load(path));
    let others = loaded.collect::<Result<Vec<_>>>()?;
    let (mut results, answers) = runs::measure(options)?;
    results.ledger = ledger::of(&results, &answers, &others);
    results.save(&options.output)?;
    eprintln!("written: {}", options.output.display());
    Ok(results)
}

fn print(results: &Results) {
    for row in document::runs(results) {
        println!("{row}");
    }
    for sentence in &results.ledger {
        println!("\nsaid      {}", sentence.said);
        println!("measured  {}", sentence.measured);
        println!("verdict   {}", sentence.verdict);
        println!("why       {}", sentence.reason);
    }
}
