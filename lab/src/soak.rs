//! A server under a mixed load for a long time: nothing may grow, nothing may be lost.
//!
//! Three kinds of client at once: a steady load, visitors of every route, and strangers who send
//! anything and leave in any way. Memory and descriptors are looked at all the while. In the end
//! the answers that the server counted are compared with those that the clients got. The only
//! slack in that sum are answers to strangers who left without reading: how many these can be at
//! the most is counted too.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use std::{fmt, net::SocketAddr, path::PathBuf, thread};

use anyhow::{Context, Result, ensure};

use crate::faults::{Scene, Stats};
use crate::statistics::{float, median};
use crate::{Exit, environment, generator, positive, process::Running, server::Server};

mod clients;

/// Requests in a second of the steady load, over so many connections.
const STEADY_RATE: f64 = 2000.0;
const STEADY_CONNECTIONS: u16 = 32;
/// Seconds of one run of it; the next one has connections of its own.
const STEADY_SECONDS: f64 = 5.0;
/// Visitors, and as many strangers.
const VISITORS: u64 = 3;
/// What stands above the samples.
const HEADING: &str = "  seconds  resident KiB  allocated KiB  descriptors  connections  \
                       buffers KiB      answers";
/// What may change between the second and the last quarter of a run: pages that the allocator keeps
/// or gives back.
const MEMORY_SPARE: f64 = 1024.0 * 1024.0;
/// Over less than this, nothing is said of memory: it rises by steps until the largest request of
/// every kind has come, and a short run sees one step as growth.
const GROWTH_SHOWS: Duration = Duration::from_mins(1);

/// Keep a server under a mixed load, and see whether anything grows or is lost.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Minutes of load.
    #[arg(long, default_value_t = 20.0, value_parser = positive)]
    minutes: f64,
    /// Seconds between two looks.
    #[arg(long, default_value_t = 10.0, value_parser = positive)]
    every: f64,
    /// Reactors.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..))]
    workers: u16,
    /// Chooses what visitors and strangers do.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The server; without it, the one beside this program.
    #[arg(long)]
    server: Option<PathBuf>,
}

/// What the clients know.
#[derive(Debug, Default)]
struct Ledger {
    /// Answers that were read.
    answers: AtomicU64,
    /// Answers that strangers may have left unread, at the most.
    unread: AtomicU64,
    /// Connections of strangers.
    strangers: AtomicU64,
}

/// Runs it: [`Exit::Failure`] if something grew or was lost.
///
/// # Errors
///
/// If the server cannot be started, or does not answer as it should.
pub fn run(options: &Options) -> Result<Exit> {
    let span = Duration::try_from_secs_f64(options.minutes * 60.0)?;
    let every = Duration::try_from_secs_f64(options.every)?;
    let place = environment::read();
    let commit = place.commit.as_deref().unwrap_or("unknown");
    let (cores, kernel, seed) = (place.cores, &place.kernel, options.seed);
    println!("commit {commit}, {cores} cores, {kernel}, seed {seed}");
    let server = Server::given(options.server.as_deref())?.with("soak", &[]);
    let server = Running::start(&server, options.workers.into(), &[])?;
    let scene = Scene::new(&server, usize::MAX, span)?;
    let before = look(&scene)?;
    println!("{HEADING}\n{before}");
    let ledger = Ledger::default();
    let samples = keep_up(&scene, every, seed, &ledger)?;
    judge(&scene, &before, &samples, ledger)?;
    let (facts, broken) = scene.into_findings();
    for fact in facts {
        println!("{fact}");
    }
    for promise in &broken {
        println!("BROKEN: {promise}");
    }
    let ended = server.stop().context("leaving")?;
    ensure!(ended.success(), "the server ended with {ended}");
    Ok(Exit::of(broken.is_empty()))
}

/// Keeps all clients at it until the time is over, and looks at the server meanwhile.
fn keep_up(scene: &Scene<'_>, every: Duration, seed: u64, ledger: &Ledger) -> Result<Vec<Sample>> {
    let (address, until) = (scene.address, scene.until);
    thread::scope(|scope| {
        let mut clients = vec![scope.spawn(move || steady(address, until, ledger))];
        for number in 0..VISITORS {
            let seed = seed.wrapping_mul(1000).wrapping_add(number);
            clients.push(scope.spawn(move || clients::visit(address, until, seed, ledger)));
            let seed = seed.wrapping_add(500);
            clients.push(scope.spawn(move || clients::annoy(address, until, seed, ledger)));
        }
        let samples = watch(scene, every);
        for client in clients {
            generator::joined(client.join())?;
        }
        samples
    })
}

/// Requests at a fixed rate, of which none may fail.
fn steady(address: SocketAddr, until: Instant, ledger: &Ledger) -> Result<()> {
    let paths = ["/plaintext=6", "/json=3", "/cache/soak=1"].map(str::parse);
    let options = generator::Options {
        path: paths.into_iter().collect::<Result<_>>()?,
        varying: true,
        connections: STEADY_CONNECTIONS,
        rate: Some(STEADY_RATE),
        seconds: STEADY_SECONDS,
        warmup: 0.0,
        ..generator::Options::to(address)?
    };
    while Instant::now() < until {
        let outcome = generator::measure(&options)?;
        let (lost, kinds) = (outcome.errors, outcome.errors_by_kind);
        ensure!(lost == 0, "the steady load lost {lost} requests: {kinds:?}");
        ledger.answers.fetch_add(outcome.requests, Relaxed);
    }
    Ok(())
}

/// Looks at the server until the time is over.
fn watch(scene: &Scene<'_>, every: Duration) -> Result<Vec<Sample>> {
    let mut samples = Vec::new();
    while !scene.left().is_zero() {
        thread::sleep(every.min(scene.left()));
        let sample = look(scene)?;
        println!("{sample}");
        samples.push(sample);
    }
    Ok(samples)
}

/// What must hold when all have left.
fn judge(scene: &Scene<'_>, before: &Sample, samples: &[Sample], ledger: Ledger) -> Result<()> {
    scene.wait("all connections are closed", |stats| {
        Ok(stats.get("connections")? == 1 && stats.sum("buffer_bytes") == 0)
    })?;
    let after = look(scene)?;
    println!("{after}");
    let (files, files_before) = (after.descriptors, before.descriptors);
    let broken = format!("{files} files are open, before it were {files_before}");
    scene.must(files <= files_before, broken);
    let panics = after.stats.get("panics")?;
    scene.must(panics == 0, format!("{panics} panics"));
    let [answers, unread, strangers] =
        [ledger.answers, ledger.unread, ledger.strangers].map(AtomicU64::into_inner);
    let requests = after.stats.sum("requests");
    let made = requests - before.stats.sum("requests");
    let read = answers + after.asked - before.asked;
    scene.tell(format!(
        "{made} answers made, {read} read; {strangers} strangers left at most {unread} unread"
    ));
    let broken =
        format!("{made} answers were made, but {read} read and at most {unread} left unread");
    scene.must((read..=read + unread).contains(&made), broken);
    let classes = ["status/2xx", "status/3xx", "status/4xx", "status/5xx"];
    let by_status: u64 = classes.map(|class| after.stats.sum(class)).iter().sum();
    let broken = format!("{requests} answers, {by_status} by status");
    scene.must(by_status == requests, broken);
    must_be_flat(samples, scene);
    Ok(())
}

/// What a server is like at one moment.
#[derive(Default)]
struct Sample {
    at: Duration,
    resident_bytes: u64,
    allocated_bytes: u64,
    descriptors: usize,
    /// Questions that we had asked by then, whose answers count.
    asked: u64,
    /// What it says of itself.
    stats: Stats,
}

/// What it is like now.
fn look(scene: &Scene<'_>) -> Result<Sample> {
    Ok(Sample {
        at: scene.began.elapsed(),
        resident_bytes: scene.usage()?.resident_bytes,
        allocated_bytes: scene.ask("/memory-stats")?.get("current_usage_bytes")?,
        descriptors: scene.process()?.fd_count()?,
        asked: scene.asked.get(),
        stats: scene.ask("/stats")?,
    })
}

impl fmt::Display for Sample {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            to,
            "{:>9} {:>13} {:>14} {:>12} {:>12} {:>12} {:>12}",
            self.at.as_secs(),
            self.resident_bytes >> 10,
            self.allocated_bytes >> 10,
            self.descriptors,
            self.stats.sum("connections"),
            self.stats.sum("buffer_bytes") >> 10,
            self.stats.sum("requests")
        )
    }
}

/// The medians of the second quarter and of the last, in which the load is the same. The first one
/// is left out: caches and pools fill. `None` if the samples are too few, or too near together for
/// growth to show.
fn quarters(samples: &[Sample], figure: impl Fn(&Sample) -> u64) -> Option<(f64, f64)> {
    let span = samples.last()?.at.saturating_sub(samples.first()?.at);
    if span < GROWTH_SHOWS {
        return None;
    }
    let figures = samples.iter().map(|sample| float(figure(sample)));
    let figures: Vec<f64> = figures.collect();
    let quarter = figures.len() / 4;
    let second = median(figures.get(quarter..2 * quarter)?)?;
    let last = median(figures.get(figures.len() - quarter..)?)?;
    Some((second, last))
}

/// Whether memory grows, from samples in the order of time.
fn must_be_flat(samples: &[Sample], scene: &Scene<'_>) {
    let resident = quarters(samples, |sample| sample.resident_bytes);
    let allocated = quarters(samples, |sample| sample.allocated_bytes);
    for (name, medians) in [("resident", resident), ("allocated", allocated)] {
        let Some((second, last)) = medians else {
            scene.tell(format!(
                "too few looks, or too short a run, to say whether {name} memory grows: 4 looks \
                 over {} s would do",
                GROWTH_SHOWS.as_secs()
            ));
            continue;
        };
        let (second_kib, last_kib) = (second / 1024.0, last / 1024.0);
        scene.tell(format!(
            "{name} memory, medians: {second_kib:.0} KiB in the second quarter, {last_kib:.0} in \
             the last"
        ));
        let broken = format!("{name} memory grew from {second_kib:.0} to {last_kib:.0} KiB");
        scene.must(last <= second + MEMORY_SPARE, broken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(resident: impl IntoIterator<Item = u64>) -> Vec<Sample> {
        let sample = |(second, resident_bytes)| Sample {
            at: Duration::from_secs(second),
            resident_bytes,
            ..Sample::default()
        };
        (0..).zip(resident).map(sample).collect()
    }

    #[test]
    fn the_second_quarter_is_compared_with_the_last() {
        let grows = samples((0..100).map(|number| number << 20));
        let (second, last) = quarters(&grows, |sample| sample.resident_bytes).unwrap();
        assert!(last - second > 40.0 * MEMORY_SPARE, "{second} {last}");
        let settles = samples((0..100).map(|number: u64| number.min(25) << 20));
        let (second, last) = quarters(&settles, |sample| sample.resident_bytes).unwrap();
        assert!(last - second < MEMORY_SPARE, "{second} {last}");
        let few = [0, 60, 120].map(|second| Sample {
            at: Duration::from_secs(second),
            ..Sample::default()
        });
        assert!(quarters(&few, |sample| sample.resident_bytes).is_none());
        let short = samples((0..59).map(|number| number << 20));
        assert!(quarters(&short, |sample| sample.resident_bytes).is_none());
    }
}
