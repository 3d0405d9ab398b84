//! wrk with the article's line, against everybody in turn.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use super::probes::{Asker, Probes};
use super::{Options, quoted};
use crate::machine::Steal;
use crate::peers::{self, Peer};
use crate::process::{Running, Subject, Usage};
use crate::results::{Block, Results};
use crate::server::Server;
use crate::workload::Workload;
use crate::wrk::{Drive, WrkOutcome};

/// The rivals of the article, by their folders: its own framework in its version, and the two that
/// it was compared with.
pub(super) const FRAMEWORK: &str = "hyperlane-5";
pub(super) const EXPRESS: &str = "express";
pub(super) const SPRING: &str = "spring-boot";
/// This project's server.
pub(super) const SERVER: &str = "barewire";
/// The article's handler, and the same without its wait.
pub(super) const WITH_WAIT: &str = "benchmark";
pub(super) const WITHOUT_WAIT: &str = "benchmark-without-wait";
/// Fields of the handler's answer.
const FIELDS: [&str; 4] = ["result", "processing_time_us", "request_id", "timestamp"];
/// Whole seconds before anything counts: wrk knows no others.
const WARMUP_SECONDS: u16 = 1;

/// Somebody who is run, with everything that is asked.
struct Entrant {
    subject: Subject,
    workloads: Vec<Workload>,
    warmup_seconds: u16,
}

/// Runs everybody, and asks the server what the ledger needs.
pub(super) fn measure(options: &Options) -> Result<(Results, Probes)> {
    let began = Instant::now();
    let mut results = Results::new();
    let server = Server::given(options.server.as_deref())?.with(SERVER, &[]);
    let mut entrants = vec![Entrant {
        subject: server.clone(),
        workloads: vec![benchmark(true), benchmark(false)],
        warmup_seconds: WARMUP_SECONDS,
    }];
    if options.peers {
        let folder = peers::folder(options.peers_folder.as_deref())?;
        entrants.extend(rivals(&folder, &mut results));
    } else {
        for name in [FRAMEWORK, EXPRESS, SPRING] {
            let reason = "not asked for (--peers)".to_owned();
            results.missing.insert(name.to_owned(), reason);
        }
    }
    for round in 0..options.rounds {
        for entrant in &entrants {
            run(entrant, options.seconds, round, began, &mut results)?;
        }
        // Whoever came first comes last: what changes meanwhile falls on all.
        entrants.reverse();
    }
    let probes = Probes::of(&server, workers())?;
    results.seconds = began.elapsed().as_secs_f64();
    Ok((results, probes))
}

/// The article's handler, with its wait or without.
fn benchmark(waits: bool) -> Workload {
    let (name, path) = if waits {
        (WITH_WAIT, "/benchmark")
    } else {
        (WITHOUT_WAIT, "/benchmark?wait_us=0")
    };
    Workload {
        name: name.to_owned(),
        paths: vec![path.to_owned()],
        body: None,
        connections: quoted::CONNECTIONS,
        ..Workload::keep_alive()
    }
}

/// The article's machine had nothing pinned: each server uses all cores, and so does wrk.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn rivals(folder: &Path, results: &mut Results) -> Vec<Entrant> {
    let mut found = Vec::new();
    let peers = peers::all_in(folder).unwrap_or_default();
    for name in [FRAMEWORK, EXPRESS, SPRING] {
        let peer = peers.iter().find(|peer| peer.name == name);
        match peer.context("there is no such folder").and_then(rival) {
            Ok(entrant) => found.push(entrant),
            Err(error) => {
                eprintln!("{name}: {error:#}");
                results
                    .missing
                    .insert(name.to_owned(), format!("{error:#}"));
            }
        }
    }
    found
}

/// Its own wait is in its handler and cannot be taken out.
fn rival(peer: &Peer) -> Result<Entrant> {
    eprintln!("{}: building", peer.name);
    let subject = peer.build()?;
    let server = Running::start(&subject, workers(), &[])?;
    check_answer(server.address(), "/benchmark")?;
    server.stop()?;
    let seconds = peer.about.warmup_seconds.unwrap_or_default().ceil();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast from a double saturates"
    )]
    let warmup_seconds = (seconds as u16).max(WARMUP_SECONDS);
    Ok(Entrant {
        subject,
        workloads: vec![benchmark(true)],
        warmup_seconds,
    })
}

/// Nobody is timed who answers something else.
fn check_answer(address: SocketAddr, path: &str) -> Result<()> {
    let answer = Asker::new(address).get(path);
    let answer = answer.with_context(|| format!("{path} is not answered with JSON"))?;
    match FIELDS.iter().find(|field| answer.get(field).is_none()) {
        Some(field) => bail!("its answer to {path} has no `{field}`"),
        None => Ok(()),
    }
}

/// All workloads of one, each on a fresh process.
fn run(
    entrant: &Entrant,
    seconds: u16,
    round: u16,
    began: Instant,
    results: &mut Results,
) -> Result<()> {
    for workload in &entrant.workloads {
        let subject = &entrant.subject;
        eprintln!("{}, {}, run {}", subject.name, workload.name, round + 1);
        let at_seconds = began.elapsed().as_secs_f64();
        let block = block(entrant, workload, seconds)?;
        results.blocks.push(Block {
            round: round.into(),
            at_seconds,
            ..block
        });
        let (subjects, workloads) = (&mut results.subjects, &mut results.workloads);
        subjects.insert(subject.name.clone(), subject.clone());
        workloads.insert(workload.name.clone(), workload.clone());
    }
    Ok(())
}

fn block(entrant: &Entrant, workload: &Workload, seconds: u16) -> Result<Block> {
    let server = Running::start(&entrant.subject, workers(), &[])?;
    let path = workload.paths.first().context("a workload has a path")?;
    check_answer(server.address(), path)?;
    let url = format!("http://{}{path}", server.address());
    let drive = |seconds| Drive {
        url: &url,
        threads: quoted::THREADS,
        connections: workload.connections,
        seconds,
        script: None,
        cores: &[],
    };
    drive(entrant.warmup_seconds).with_errors()?;
    let stolen = Steal::read();
    let before = Usage::of(server.pid())?;
    let outcome = drive(seconds).with_errors()?;
    let after = Usage::of(server.pid())?;
    let steal = Steal::share(stolen, Steal::read());
    server.stop()?;
    Ok(Block {
        subject: entrant.subject.name.clone(),
        workload: workload.name.clone(),
        steal,
        ..figures(&outcome, &before, &after)
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a double counts to 9e15 without loss"
)]
fn figures(outcome: &WrkOutcome, before: &Usage, after: &Usage) -> Block {
    let cpu = after.cpu_since(before).as_secs_f64();
    let busiest = after.busiest_since(before).as_secs_f64();
    let is_answered = outcome.requests > 0;
    Block {
        seconds: outcome.seconds,
        requests: outcome.requests,
        requests_per_second: outcome.requests_per_second(),
        server_cpu_ns_per_request: is_answered.then(|| cpu * 1e9 / outcome.requests as f64),
        server_busy: Some(busiest / outcome.seconds),
        // wrk tells only the sum of its threads; its connections are dealt out to them evenly.
        generator_busy: outcome.cpu_seconds / outcome.seconds / f64::from(quoted::THREADS),
        generator_cpu_ns_per_request: outcome.cpu_ns_per_request().unwrap_or_default(),
        resident_bytes: Some(after.resident_bytes),
        errors: outcome.errors_by_kind.clone(),
        ..Block::default()
    }
}
