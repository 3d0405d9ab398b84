//! Flame graphs: where the CPU time of the full and of the naive server goes, and how they differ.
//!
//! perf samples by `cpu-clock`, because virtual machines seldom have hardware counters, and unwinds
//! by DWARF, because glibc has no frame pointers (docs/profiling.md). The server is the `map`
//! build, in which the functions that a reader knows from the source are not inlined. Where perf is
//! missing or may not record, the reason takes the picture's place: nothing is drawn from anything
//! else.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use inferno::collapse::Collapse;
use inferno::collapse::perf::{Folder, Options as Collapsing};
use inferno::{differential, flamegraph};
use regex::Regex;
use tempfile::TempDir;

use crate::command::{built, output_of};
use crate::generator::{self, lane::Background};
use crate::process::{Running, Subject};
use crate::results::{Flame, Results};
use crate::server::barewire;
use crate::workload::Workload;
use crate::{Exit, machine};

/// Builds the server whose functions keep their names, apart from the other builds.
const MAP_BUILD: &str = "RUSTFLAGS='-C force-frame-pointers=yes --cfg map' cargo build --package \
                         barewire --profile profiling --target-dir target/map";
/// Samples a second: not a round number, so that they do not keep step with timers.
const FREQUENCY: &str = "999";
/// Bytes of stack kept with each sample: 8 KiB, the default, cuts one in some hundred off.
const CALL_GRAPH: &str = "dwarf,16384";
/// What stays after a name was shortened; in order.
const SHORTER: [(&str, &str); 6] = [
    // What starts a thread; the reactor's own name comes after it.
    (";.*__rust_begin_short_backtrace;", ";"),
    (r"[a-z_:]*<impl (?:[^;]*? for )?([^;]*?)>::", "$1::"),
    (r"<(barewire::[A-Za-z_:]+) as [A-Za-z_:]+>", "$1"),
    (r"<[A-Z](,[A-Z])*>", ""),
    (r"barewire::(?:[a-z_]+::)*([A-Z])", "$1"),
    (r"barewire::(?:[a-z_]+::)*([a-z_]+::[a-z_]+)", "$1"),
];

/// What is recorded, and where it goes.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The result file to write.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// A server with symbols [default: the `map` build, which is built first].
    #[arg(long, value_name = "PROGRAM")]
    server: Option<PathBuf>,
    /// Seconds to record of each server.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    seconds: u16,
    /// Requests that are sent together: with 1, nine tenths of the picture are the kernel's.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    pipeline: u16,
}

/// Records, draws, and writes the result file, with reasons in place of what could not be drawn.
///
/// # Errors
///
/// The server cannot be built or started, or perf broke off in the middle.
pub fn run(options: &Options) -> Result<Exit> {
    let mut results = Results::new();
    results.flames = match obstacle()? {
        Some(why) => missing(&why),
        None => drawn(options, &mut results)?,
    };
    for flame in &results.flames {
        let state = flame.missing.as_deref().unwrap_or("drawn");
        eprintln!("{}: {state}", flame.title);
    }
    results.save(&options.output)?;
    Ok(Exit::Success)
}

/// The four titles, in the order of a report.
const TITLES: [&str; 4] = ["full", "naive", "full against naive", "naive against full"];

/// Four reasons instead of four pictures.
fn missing(why: &str) -> Vec<Flame> {
    let flame = |title: &str| Flame {
        title: title.to_owned(),
        svg: None,
        missing: Some(why.to_owned()),
    };
    TITLES.map(flame).to_vec()
}

/// Why perf cannot record here, and what to do; `None` if it can.
fn obstacle() -> Result<Option<String>> {
    if which::which("perf").is_err() {
        return Ok(Some(
            "install perf (Debian: apt install linux-perf)".to_owned(),
        ));
    }
    let folder = TempDir::new()?;
    let tried = output_of(perf_record(&folder.path().join("perf.data")).args(["--", "true"]));
    Ok(tried.err().map(|error| {
        format!(
            "perf may not record here: run it as root, or `sysctl kernel.perf_event_paranoid=1` \
             ({error:#})"
        )
    }))
}

fn perf_record(output: &Path) -> Command {
    let mut command = Command::new("perf");
    command
        .args(["record", "--quiet", "-e", "cpu-clock", "-F", FREQUENCY])
        .args(["--call-graph", CALL_GRAPH, "-o"])
        .arg(output);
    command
}

fn drawn(options: &Options, results: &mut Results) -> Result<Vec<Flame>> {
    let program = match &options.server {
        Some(program) => program.clone(),
        None => built(MAP_BUILD).context("--server takes another one")?,
    };
    generator::stay_on_core(machine::generator_core())?;
    let mut folded = |name: &str, flags: &[&str]| {
        let subject = barewire(name, &program, flags);
        let stacks = profiled(&subject, options).with_context(|| name.to_owned())?;
        results.subjects.insert(name.to_owned(), subject);
        anyhow::Ok(stacks)
    };
    let (full, naive) = (folded("full", &[])?, folded("naive", &["--naive"])?);
    let (less, more) = (difference(&naive, &full)?, difference(&full, &naive)?);
    let flames = TITLES.iter().zip([full, naive, less, more]);
    let flames = flames.map(|(title, stacks)| {
        Ok(Flame {
            title: (*title).to_owned(),
            svg: Some(picture(title, &stacks)?),
            missing: None,
        })
    });
    flames.collect()
}

/// Loads a server, records it, and returns its stacks, folded: a line for each, with its time.
fn profiled(subject: &Subject, options: &Options) -> Result<String> {
    let folder = TempDir::new()?;
    let data = folder.path().join("perf.data");
    let server = Running::start(subject, 1, &machine::server_cores(1))?;
    let workload = Workload {
        pipeline: options.pipeline,
        ..Workload::keep_alive()
    };
    let load = Background::start(server.address(), &workload)?;
    let (pid, seconds) = (server.pid().to_string(), options.seconds.to_string());
    output_of(perf_record(&data).args(["-p", &pid, "--", "sleep", &seconds]))?;
    load.end()?;
    server.stop()?;
    folded(&data)
}

fn folded(data: &Path) -> Result<String> {
    let mut perf = Command::new("perf");
    let samples = output_of(perf.args(["script", "--no-inline", "-i"]).arg(data))?;
    let mut collapsing = Collapsing::default();
    collapsing.annotate_kernel = true;
    let mut stacks = Vec::new();
    Folder::from(collapsing).collapse(samples.as_bytes(), &mut stacks)?;
    let stacks = shortened(&String::from_utf8_lossy(&stacks))?;
    ensure!(!stacks.trim().is_empty(), "perf saw no samples");
    Ok(stacks)
}

/// Names as the source has them: `Connection::serve`.
fn shortened(stacks: &str) -> Result<String> {
    let mut text = stacks.to_owned();
    for (pattern, shorter) in SHORTER {
        text = Regex::new(pattern)?
            .replace_all(&text, shorter)
            .into_owned();
    }
    Ok(text)
}

/// Stacks with the times of both: drawn as wide as in `after`, coloured by what is more than
/// before. `before` is scaled to the same sum, because both servers were busy all the time.
fn difference(before: &str, after: &str) -> Result<String> {
    let options = differential::Options {
        normalize: true,
        strip_hex: true,
    };
    let mut stacks = Vec::new();
    differential::from_readers(options, before.as_bytes(), after.as_bytes(), &mut stacks)?;
    Ok(String::from_utf8(stacks)?)
}

fn picture(title: &str, stacks: &str) -> Result<String> {
    let mut options = flamegraph::Options::default();
    options.title = format!("CPU time: {title}");
    "ns".clone_into(&mut options.count_name);
    options.image_width = Some(1_200);
    // A quarter of a per cent is 3 units of 1,200; what is narrower cannot be read, and fills
    // files.
    options.min_width = 0.25;
    options.deterministic = true;
    let mut sorted: Vec<&str> = stacks.lines().collect();
    sorted.sort_unstable();
    let mut svg = Vec::new();
    flamegraph::from_lines(&mut options, sorted, &mut svg)?;
    Ok(String::from_utf8(svg)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_source() {
        let stack = "barewire;std::sys::backtrace::__rust_begin_short_backtrace;\
                     barewire::reactor::turn::<impl barewire::reactor::Reactor<K>>::turn;\
                     barewire::handlers::table::<impl barewire::http::handler::Handler for \
                     barewire::handlers::Routes>::handle;\
                     barewire::http::head::parse 12";
        assert_eq!(
            shortened(stack).unwrap(),
            "barewire;Reactor::turn;Routes::handle;head::parse 12"
        );
    }

    #[test]
    fn four_pictures_or_four_reasons() {
        let reasons = missing("install perf");
        assert!(reasons.iter().all(|flame| flame.svg.is_none()));
        assert_eq!(reasons.len(), TITLES.len());
        let (full, naive) = ("a;read 60\na;write 40\n", "a;read 90\na;epoll_ctl 110\n");
        let plain = picture("full", full).unwrap();
        assert!(plain.contains("read") && plain.starts_with("<?xml"));
        let both = picture("full against naive", &difference(naive, full).unwrap()).unwrap();
        assert!(
            both.contains("write"),
            "it is drawn as wide as in the full server"
        );
    }
}
