//! A server under a mixed load for a long time: nothing may grow, nothing may be lost.
//!
//! Three kinds of client at once: a steady load, visitors of every route, and strangers who send
//! anything and leave in any way. Memory and descriptors are looked at all the while. In the end
//! the answers that the server counted are compared with those that the clients got. The only
//! slack in that sum are answers to strangers who left without reading: how many these can be at
//! the most is counted too.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::faults::Scene;
use crate::generator;
use crate::positive;
use crate::process::{Running, Subject};
use crate::server::server_beside_us;
use crate::{Exit, environment};

mod strangers;

mod visitors;

mod samples;

use samples::{Sample, Samples};

/// Requests in a second of the steady load, over so many connections.
const STEADY_RATE: f64 = 2000.0;
const STEADY_CONNECTIONS: u16 = 32;
/// Seconds of one run of it; the next one has connections of its own.
const STEADY_SECONDS: f64 = 5.0;
const VISITORS: u64 = 3;
const STRANGERS: u64 = 3;

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

impl Ledger {
    fn add(count: &AtomicU64, more: u64) {
        count.fetch_add(more, Ordering::Relaxed);
    }

    fn get(count: &AtomicU64) -> u64 {
        count.load(Ordering::Relaxed)
    }
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
    println!(
        "commit {commit}, {} cores, {}, seed {}",
        place.cores, place.kernel, options.seed
    );
    let server = start(options)?;
    let scene = Scene::new(&server, usize::MAX)?;
    let before = Sample::of(&scene, Duration::ZERO)?;
    println!("{}\n{before}", Sample::HEADING);
    let ledger = Ledger::default();
    let until = Instant::now() + span;
    let samples = thread::scope(|scope| -> Result<Samples> {
        let (ledger, address) = (&ledger, server.address());
        let mut clients = vec![scope.spawn(move || steady(address, until, ledger))];
        for number in 0..VISITORS {
            let seed = options.seed.wrapping_mul(1000).wrapping_add(number);
            clients.push(scope.spawn(move || visitors::visit(address, until, seed, ledger)));
        }
        for number in 0..STRANGERS {
            let seed = options.seed.wrapping_mul(1000).wrapping_add(500 + number);
            clients.push(scope.spawn(move || strangers::pester(address, until, seed, ledger)));
        }
        let samples = watch(&scene, until, every);
        for client in clients {
            let left = client.join();
            left.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked))?;
        }
        samples
    })?;
    judge(&scene, &before, &samples, &ledger, span)?;
    let (facts, broken) = scene.into_findings();
    for fact in facts {
        println!("{fact}");
    }
    for promise in &broken {
        println!("BROKEN: {promise}");
    }
    let ended = server.stop().context("leaving")?;
    ensure!(ended.success(), "the server ended with {ended}");
    Ok(if broken.is_empty() {
        Exit::Success
    } else {
        Exit::Failure
    })
}

fn start(options: &Options) -> Result<Running> {
    let program = match &options.server {
        Some(program) => program.clone(),
        None => server_beside_us()?,
    };
    let arguments = ["--workers", "{workers}", "--port", "0"];
    let subject = Subject {
        name: "soak".to_owned(),
        program,
        arguments: arguments.map(str::to_owned).to_vec(),
        announces: true,
        ..Subject::default()
    };
    Running::start(&subject, options.workers.into(), &[])
}

/// Requests at a fixed rate, of which none may fail.
fn steady(address: std::net::SocketAddr, until: Instant, ledger: &Ledger) -> Result<()> {
    while Instant::now() < until {
        let options = generator::Options {
            path: ["/plaintext=6", "/json=3", "/cache/soak=1"]
                .map(str::parse)
                .into_iter()
                .collect::<Result<_>>()?,
            varying: true,
            connections: STEADY_CONNECTIONS,
            rate: Some(STEADY_RATE),
            seconds: STEADY_SECONDS,
            warmup: 0.0,
            ..generator::Options::to(address)?
        };
        let outcome = generator::measure(&options)?;
        ensure!(
            outcome.errors == 0,
            "the steady load lost {} requests: {:?}",
            outcome.errors,
            outcome.errors_by_kind
        );
        Ledger::add(&ledger.answers, outcome.requests);
    }
    Ok(())
}

/// Looks at the server until the time is over.
fn watch(scene: &Scene<'_>, until: Instant, every: Duration) -> Result<Samples> {
    let began = Instant::now();
    let mut samples = Samples::default();
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        thread::sleep(every.min(left));
        let sample = Sample::of(scene, began.elapsed())?;
        println!("{sample}");
        samples.add(sample);
    }
    Ok(samples)
}

/// What must hold when all have left.
fn judge(
    scene: &Scene<'_>,
    before: &Sample,
    samples: &Samples,
    ledger: &Ledger,
    span: Duration,
) -> Result<()> {
    scene.eventually("all connections are closed", |stats| {
        Ok(stats.get("connections")? == 1 && stats.sum("buffer_bytes") == 0)
    })?;
    let after = Sample::of(scene, span)?;
    println!("{after}");
    scene.must(after.descriptors <= before.descriptors, || {
        format!(
            "{} files are open, before it were {}",
            after.descriptors, before.descriptors
        )
    });
    scene.must(after.panics == 0, || format!("{} panics", after.panics));
    let (answers, unread) = (Ledger::get(&ledger.answers), Ledger::get(&ledger.unread));
    let made = after.requests - before.requests;
    let read = answers + after.asked - before.asked;
    scene.tell(format!(
        "{made} answers made, {read} read; {} strangers left at most {unread} unread",
        Ledger::get(&ledger.strangers)
    ));
    scene.must((read..=read + unread).contains(&made), || {
        format!("{made} answers were made, but {read} read and at most {unread} left unread")
    });
    scene.must(after.by_status == after.requests, || {
        format!("{} answers, {} by status", after.requests, after.by_status)
    });
    samples.must_be_flat(scene);
    Ok(())
}
