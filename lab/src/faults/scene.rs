//! A server while something is done to it: where it is, what it says of itself, and how a client
//! that does nothing wrong fares meanwhile.
//!
//! Absent is a limit on the neighbour's latency: on a machine where everybody shares two cores, it
//! would say more about the scheduler than about the server. It is told; what must hold is counted.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use ureq::Agent;

use crate::generator::{self, Outcome};
use crate::process::{Running, Usage};

/// Requests in a second that the neighbour sends, over so many connections.
const NEIGHBOUR_RATE: f64 = 500.0;
const NEIGHBOUR_CONNECTIONS: u16 = 4;
/// How long something is waited for that must come: longer than any timeout in the cases.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks at whether it has come.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A server, and somebody who watches it over a connection of his own.
pub(crate) struct Scene<'a> {
    server: &'a Running,
    /// One connection, opened before anything happens: there may be no other way in later.
    control: Agent,
    /// When the neighbour stops, and the fault should.
    pub(super) until: Instant,
    /// The most connections that a case opens.
    pub(super) peers_max: usize,
    /// Questions of ours that were answered.
    asked: Cell<u64>,
    facts: RefCell<Vec<String>>,
    broken: RefCell<Vec<String>>,
}

impl<'a> Scene<'a> {
    pub(crate) fn new(server: &'a Running, peers_max: usize) -> Result<Self> {
        let scene = Self {
            server,
            control: Agent::config_builder().proxy(None).build().into(),
            until: Instant::now(),
            peers_max,
            asked: Cell::default(),
            facts: RefCell::default(),
            broken: RefCell::default(),
        };
        scene.stats()?;
        Ok(scene)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    /// So many of what a case wants, or fewer where the machine does not allow it.
    pub(super) fn peers(&self, wanted: usize) -> usize {
        wanted.min(self.peers_max)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// How many questions of ours were answered.
    pub(crate) fn asked(&self) -> u64 {
        self.asked.get()
    }

    /// What `/stats` says.
    pub(crate) fn stats(&self) -> Result<Stats> {
        self.ask("/stats")
    }

    /// What a route says in JSON, over the connection that was there before.
    pub(crate) fn ask(&self, path: &str) -> Result<Stats> {
        let url = format!("http://{}{path}", self.address());
        let mut answer = self.control.get(url).call().context(path.to_owned())?;
        let text = answer.body_mut().read_to_string()?;
        self.asked.set(self.asked() + 1);
        Ok(Stats(serde_json::from_str(&text)?))
    }

    /// CPU time and memory of the server.
    pub(crate) fn usage(&self) -> Result<Usage> {
        Usage::of(self.server.pid())
    }

    /// Waits until it is so.
    pub(crate) fn eventually(
        &self,
        what: &str,
        is_so: impl Fn(&Stats) -> Result<bool>,
    ) -> Result<Stats> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let stats = self.stats()?;
            if is_so(&stats)? {
                return Ok(stats);
            }
            if Instant::now() > deadline {
                bail!("waited in vain: {what}; /stats: {}", stats.0);
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Something that was found.
    pub(crate) fn tell(&self, fact: String) {
        self.facts.borrow_mut().push(fact);
    }

    /// Something that must be so.
    pub(crate) fn must(&self, is_so: bool, promise: impl FnOnce() -> String) {
        if !is_so {
            self.broken.borrow_mut().push(promise());
        }
    }

    /// What was found, and what was not as it must be.
    pub(crate) fn into_findings(self) -> (Vec<String>, Vec<String>) {
        (self.facts.into_inner(), self.broken.into_inner())
    }
}

/// An answer of `/stats`, or of a route like it.
pub(crate) struct Stats(Value);

impl Stats {
    /// A number of the whole server, or of its only reactor; `refusals/idle` is one in a group.
    pub(crate) fn get(&self, name: &str) -> Result<u64> {
        let mine = self.0.pointer(&format!("/{name}"));
        let found = mine.or_else(|| self.0.pointer(&format!("/reactors/0/{name}")));
        let number = found.and_then(Value::as_u64);
        number.with_context(|| format!("there is no number {name}"))
    }

    /// The sum of a counter over all reactors.
    pub(crate) fn sum(&self, name: &str) -> u64 {
        let reactors = self.0["reactors"].as_array().into_iter().flatten();
        let each = reactors.filter_map(|row| row.pointer(&format!("/{name}"))?.as_u64());
        each.sum()
    }
}

/// A client that does nothing wrong, for so long: a few connections, requests at a fixed rate,
/// timed from when they were due.
pub(super) fn neighbour(address: SocketAddr, span: Duration) -> Result<Outcome> {
    generator::measure(&generator::Options {
        connections: NEIGHBOUR_CONNECTIONS,
        rate: Some(NEIGHBOUR_RATE),
        seconds: span.as_secs_f64(),
        warmup: 0.0,
        ..generator::Options::to(address)?
    })
}

/// Open files of a process.
pub(crate) fn descriptors(pid: u32) -> Result<usize> {
    let folder = PathBuf::from(format!("/proc/{pid}/fd"));
    Ok(folder.read_dir().context("the server's files")?.count())
}
