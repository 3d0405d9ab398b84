//! wrk with the article's line, against everybody in turn.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde_json::Value;

use super::quoted::{CONNECTIONS, THREADS};
use super::{Options, probes};
use crate::machine::{self, Watch};
use crate::peers::{self, Peer};
use crate::process::{Client, Running, Subject, Usage};
use crate::results::{Block, Results};
use crate::server::Server;
use crate::statistics::{float, median};
use crate::workload::Workload;
use crate::wrk;

/// The article's own framework in its version, and the two that it was compared with: by their
/// folders, in the article's order.
const RIVALS: [&str; 3] = [FRAMEWORK, EXPRESS, SPRING];
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

/// Runs everybody, and asks the server what the ledger needs.
pub(super) fn measure(options: &Options) -> Result<(Results, Value)> {
    let watch = Watch::start();
    let mut results = Results::new();
    let server = Server::given(options.server.as_deref())?.with(SERVER, &[]);
    let mut entrants = rivals(options, &mut results)?;
    entrants.push(Entrant::new(&server, WITH_WAIT, "/benchmark"));
    entrants.push(Entrant::new(&server, WITHOUT_WAIT, "/benchmark?wait_us=0"));
    for round in 0..options.rounds {
        for entrant in &entrants {
            let block = entrant.run(round, options.seconds, watch.seconds())?;
            results.blocks.push(block);
        }
        // Whoever came first comes last: what changes meanwhile falls on all.
        entrants.reverse();
    }
    for entrant in entrants {
        let (subject, workload) = (entrant.subject, entrant.workload);
        results.subjects.insert(subject.name.clone(), subject);
        results.workloads.insert(workload.name.clone(), workload);
    }
    let answers = probes::ask(&server)?;
    watch.note(&mut results);
    Ok((results, answers))
}

/// Those of the article that can be run; who cannot is told in the results.
fn rivals(options: &Options, results: &mut Results) -> Result<Vec<Entrant>> {
    let reason = if options.peers {
        "there is no such folder"
    } else {
        "not asked for (--peers)"
    };
    results.missing = RIVALS
        .map(|name| (name.to_owned(), reason.to_owned()))
        .into();
    if !options.peers {
        return Ok(Vec::new());
    }
    let folder = peers::folder(options.peers_folder.as_deref())?;
    let mut peers = peers::all(&folder).unwrap_or_default();
    peers.retain(|peer| RIVALS.contains(&peer.name.as_str()));
    Ok(peers::invited(&peers, &mut results.missing, rival))
}

/// Its own wait is in its handler and cannot be taken out.
fn rival(peer: &Peer) -> Result<Entrant> {
    let mut entrant = Entrant::new(&peer.build()?, WITH_WAIT, "/benchmark");
    entrant.start()?.stop()?;
    let seconds = peer.about.warmup_seconds.unwrap_or_default().ceil();
    let warmup = u16::try_from(Duration::try_from_secs_f64(seconds)?.as_secs())?;
    entrant.warmup_seconds = warmup.max(WARMUP_SECONDS);
    Ok(entrant)
}

/// Somebody who is run, with what is asked.
struct Entrant {
    subject: Subject,
    workload: Workload,
    warmup_seconds: u16,
}

impl Entrant {
    fn new(subject: &Subject, workload: &str, path: &str) -> Self {
        Self {
            subject: subject.clone(),
            workload: Workload {
                name: workload.to_owned(),
                paths: vec![path.to_owned()],
                body: None,
                connections: CONNECTIONS,
                ..Workload::keep_alive()
            },
            warmup_seconds: WARMUP_SECONDS,
        }
    }

    /// A fresh process. Nobody is timed who answers something else than the article's handler.
    ///
    /// The article's machine had nothing pinned: each server uses all cores, and so does wrk.
    fn start(&self) -> Result<Running> {
        let server = Running::start(&self.subject, machine::cores(), &[])?;
        let path = &self.workload.paths[0];
        let answer = Client::of(server.address()).get(path);
        let answer = answer.and_then(|body| Ok(serde_json::from_slice::<Value>(&body)?));
        let answer = answer.with_context(|| format!("{path} is not answered with JSON"))?;
        for field in FIELDS {
            let is_there = answer.get(field).is_some();
            ensure!(is_there, "its answer to {path} has no `{field}`");
        }
        Ok(server)
    }

    /// One round, on a fresh process.
    fn run(&self, round: u16, seconds: u16, at_seconds: f64) -> Result<Block> {
        let (subject, workload) = (self.subject.name.clone(), self.workload.name.clone());
        eprintln!("{subject}, {workload}, run {}", round + 1);
        let server = self.start()?;
        let url = format!("http://{}{}", server.address(), self.workload.paths[0]);
        let load = |seconds| wrk::run(&url, THREADS, CONNECTIONS, seconds);
        load(self.warmup_seconds)?;
        let watch = Watch::start();
        let before = Usage::of(server.pid())?;
        let outcome = load(seconds)?;
        let after = Usage::of(server.pid())?;
        let steal = watch.steal();
        server.stop()?;
        let (cpu, requests) = (
            after.cpu_since(&before).as_secs_f64(),
            float(outcome.requests),
        );
        let each = |seconds: f64| (requests > 0.0).then(|| seconds * 1e9 / requests);
        Ok(Block {
            subject,
            workload,
            round: round.into(),
            at_seconds,
            seconds: outcome.seconds,
            requests: outcome.requests,
            requests_per_second: requests / outcome.seconds,
            server_cpu_ns_per_request: each(cpu),
            server_busy: Some(after.busiest_since(&before).as_secs_f64() / outcome.seconds),
            // wrk tells only the sum of its threads; its connections are dealt out evenly to them.
            generator_busy: outcome.cpu_seconds / outcome.seconds / f64::from(THREADS),
            generator_cpu_ns_per_request: each(outcome.cpu_seconds).unwrap_or_default(),
            steal,
            resident_bytes: Some(after.resident_bytes),
            errors: outcome.errors_by_kind,
        })
    }
}

/// What the rounds say together.
#[derive(Serialize)]
pub(super) struct Medians {
    /// Requests per second.
    pub(super) rate: f64,
    /// CPU time of the server for a request.
    pub(super) cpu_ns: Option<f64>,
    /// Not a median: all of them.
    pub(super) errors: u64,
}

/// Of a subject on a workload; `None` if there was no round.
pub(super) fn medians(results: &Results, subject: &str, workload: &str) -> Option<Medians> {
    let blocks = results.blocks.iter();
    let blocks = blocks.filter(|block| block.subject == subject && block.workload == workload);
    let rates = blocks.clone().map(|block| block.requests_per_second);
    let costs = blocks.clone();
    let costs = costs.filter_map(|block| block.server_cpu_ns_per_request);
    Some(Medians {
        rate: median(&rates.collect::<Vec<_>>())?,
        cpu_ns: median(&costs.collect::<Vec<_>>()),
        errors: blocks.flat_map(|block| block.errors.values()).sum(),
    })
}
