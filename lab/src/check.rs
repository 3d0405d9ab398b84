//! Reads anybody's wrk output and says what contradicts itself.
//!
//! wrk's figures depend on each other: the requests, the time and the rate; the rate, the latency
//! and the connections. Output that was typed, rounded by hand or pasted together breaks that, and
//! so does its format, which wrk's source fixes to the digit. Every figure is taken for the
//! interval that its last digit leaves open, so rounding accuses nobody. A genuine run passes,
//! however badly it went: failures, a busy machine and wrk's own padding are notes for the reader.
//! Absent is any judgement of what is not printed: output without findings may still be of a server
//! that answers nonsense.

use std::path::PathBuf;
use std::{fs, io};

use anyhow::{Context, Result, bail};
use serde::Serialize;

use crate::Exit;

pub mod quantity;

pub mod printed;

mod form;

mod sums;

mod spread;

mod waiting;

mod padding;

mod client;

use Severity::{Impossible, Note, Suspicious};
use printed::{Printed, Spread};
use quantity::Quantity;

/// Read anybody's wrk output and say what contradicts itself.
///
/// Exits with 1 if anything is impossible.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// File with the output of one or more runs, the command line above each if there is one;
    /// - for stdin.
    file: PathBuf,
    /// Print the findings as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    known: Known,
}

/// What is known of the runs that their output does not say.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Known {
    /// Cores of the machine that wrk ran on.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub cores: Option<u64>,
    /// Microseconds that the server waits before each answer.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub wait_us: Option<u32>,
    /// Requests that a script of wrk sends together.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub pipeline: Option<u16>,
}

impl Known {
    /// How much it weighs when latencies are not what one request at a time would leave.
    ///
    /// wrk takes the time of a whole batch, and pads by the step of one request. What it pads below
    /// the shortest latency it counts and does not add up (`stats_correct` and `stats_mean` in
    /// src/stats.c). So a script that pipelines excuses it; without the command line nobody knows.
    fn doubt(&self, run: &Printed) -> Severity {
        match self.pipeline {
            Some(1) => Impossible,
            None if run.command.is_none() => Suspicious,
            None if run.option("script").is_none() => Impossible,
            _ => Note,
        }
    }
}

/// How much a finding weighs, the heaviest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// wrk cannot have printed this of one run.
    Impossible,
    /// It can have, but nothing that wrk is known to do explains it.
    Suspicious,
    /// Worth knowing when the figures are read. A genuine run has notes and nothing else.
    Note,
}

impl Severity {
    /// Whether it speaks against the run.
    pub fn is_objection(self) -> bool {
        self != Self::Note
    }

    /// A finding that weighs so much.
    fn finding(self, kind: &'static str, source: &'static str, sentence: String) -> Finding {
        Finding {
            severity: self,
            kind,
            sentence,
            source,
        }
    }
}

/// Something that a run's output says about itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Its weight.
    pub severity: Severity,
    /// What it is about, in a word or two: `little`, `decimals`.
    pub kind: &'static str,
    /// The arithmetic.
    pub sentence: String,
    /// Where the rule comes from.
    pub source: &'static str,
}

/// One run and what was found in it.
#[derive(Clone, Debug, Serialize)]
pub struct Examined {
    /// What wrk asked for; empty if that line is missing.
    pub url: String,
    /// The command line above it.
    pub command: Option<String>,
    /// The heaviest first.
    pub findings: Vec<Finding>,
}

/// Runs it.
///
/// # Errors
///
/// If the findings cannot be written as JSON.
pub fn run(options: &Options) -> Result<Exit> {
    let examined = examine_file(options);
    let examined = examined.inspect_err(|error| eprintln!("barewire-lab: {error:#}"));
    let Ok(examined) = examined else {
        return Ok(Exit::Usage);
    };
    if options.json {
        println!("{}", serde_json::to_string_pretty(&examined)?);
    } else {
        print(&examined);
    }
    let mut findings = examined.iter().flat_map(|run| &run.findings);
    Ok(Exit::of(findings.all(|one| one.severity != Impossible)))
}

fn examine_file(options: &Options) -> Result<Vec<Examined>> {
    let shown = options.file.display();
    let text = if options.file.as_os_str() == "-" {
        io::read_to_string(io::stdin()).context("stdin cannot be read")?
    } else {
        fs::read_to_string(&options.file).with_context(|| format!("{shown} cannot be read"))?
    };
    let examined = examine(&text, &options.known);
    if examined.is_empty() {
        bail!("{shown} has no line `Running ... test @ ...`: not wrk's output");
    }
    Ok(examined)
}

/// All runs in a text, in its order, with what is to be said of each; empty if it has none.
pub fn examine(text: &str, known: &Known) -> Vec<Examined> {
    let runs = Printed::all(text);
    let examined = runs.iter().map(|run| Examined {
        url: run.url.to_owned(),
        command: run.command.map(str::to_owned),
        findings: findings(run, &runs[0], known),
    });
    examined.collect()
}

/// Says what is wrong with a run, if it is.
type Rule = fn(&Printed, &Known) -> Option<Finding>;

fn findings(run: &Printed, first: &Printed, known: &Known) -> Vec<Finding> {
    let broken = |rule: &Rule| rule(run, known);
    let mut found: Vec<Finding> = form::RULES.iter().filter_map(broken).collect();
    found.extend(sums::RULES.iter().filter_map(broken));
    found.extend(spread::findings(run, known.doubt(run)));
    found.extend(waiting::RULES.iter().filter_map(broken));
    found.extend(client::RULES.iter().filter_map(broken));
    found.extend(sums::answers(run, first));
    found.sort_by_key(|finding| finding.severity);
    found
}

fn print(examined: &[Examined]) {
    for (number, run) in (1..).zip(examined) {
        println!("run {number}: {}", run.url);
        if !run.findings.iter().any(|one| one.severity.is_objection()) {
            println!("  nothing to object to");
        }
        for finding in &run.findings {
            let word = format!("{:?}", finding.severity).to_lowercase();
            println!("  {word:<11} {}", finding.sentence);
            println!("  {:<11} [{}: {}]", "", finding.kind, finding.source);
        }
    }
}
