//! The command line of the lab: one command for each experiment.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use barewire_lab::{
    Exit, ablate, article, check, compare, doctor, duel, faults, front, generator, machine, report,
    soak, tax, versus, why,
};
use clap::{Parser, Subcommand};
use signal_hook::consts::SIGPIPE;

/// Proves where the speed of barewire comes from.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure what each technique is worth.
    Ablate(ablate::Options),
    /// Measure the server beside its rivals.
    Compare(compare::Options),
    /// Measure the server beside loops that send canned answers.
    Limit(compare::LimitOptions),
    /// Measure the picture of the front page: the limit, the server, rivals, the kernel's share.
    Front(front::Options),
    /// Compare two servers of anybody's.
    Versus(versus::Options),
    /// Say where the time of frameworks goes, layer by layer.
    Tax(tax::Options),
    /// Say what a request costs a server that runs, and where that may go.
    Why(why::Options),
    /// Ask a server that runs with --live what a technique is worth.
    Duel(duel::Options),
    /// Rerun the article's comparison and judge it sentence by sentence.
    Article(article::Options),
    /// Read anybody's wrk output and say what contradicts itself.
    Check(check::Options),
    /// Draw result files: HTML, Markdown, a table for the terminal.
    Report(report::Options),
    /// Draw flame graphs of the full and of the naive server, into a result file.
    Flames(report::flames::Options),
    /// Send load to a server: closed or open loop.
    Load(generator::Options),
    /// See what a server does under faults: slow, greedy and abrupt peers, nothing left to open.
    Faults(faults::Options),
    /// Keep a server under a mixed load, and see whether anything grows or is lost.
    Soak(soak::Options),
    /// Say what this machine lacks for good measurements, and the remedy.
    Doctor(doctor::Options),
}

fn main() -> ExitCode {
    // Before anything stays on one core.
    machine::cores();
    // Whoever reads the output may leave: then this ends, as other tools do, and not by a panic.
    let ends = Arc::new(AtomicBool::new(true));
    if let Err(error) = signal_hook::flag::register_conditional_default(SIGPIPE, ends) {
        eprintln!("barewire-lab: {error}");
    }
    let ended = match Cli::parse().command {
        Command::Ablate(options) => ablate::run(&options),
        Command::Compare(options) => compare::run(&options),
        Command::Limit(options) => compare::limit(&options),
        Command::Front(options) => front::run(&options),
        Command::Versus(options) => versus::run(&options),
        Command::Tax(options) => tax::run(&options),
        Command::Why(options) => why::run(&options),
        Command::Duel(options) => duel::run(&options),
        Command::Article(options) => article::run(&options),
        Command::Check(options) => check::run(&options),
        Command::Report(options) => report::run(&options),
        Command::Flames(options) => report::flames::run(&options),
        Command::Load(options) => generator::run(&options),
        Command::Faults(options) => faults::run(&options),
        Command::Soak(options) => soak::run(&options),
        Command::Doctor(options) => doctor::run(&options),
    };
    ended
        .unwrap_or_else(|error| {
            eprintln!("barewire-lab: {error:#}");
            Exit::Failure
        })
        .into()
}
