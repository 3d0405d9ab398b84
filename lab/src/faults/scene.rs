//! A server while something is done to it: where it is, what it says of itself, and how a client
//! that does nothing wrong fares meanwhile.
//!
//! Absent is a limit on the neighbour's latency: on a machine where everybody shares two cores, it
//! would say more about the scheduler than about the server. It is told; what must hold is counted.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use procfs::process::Process;
use serde_json::Value;

use super::crowd::Crowd;
use crate::generator::{self, Outcome};
use crate::process::{Client, Running, Usage, within};

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
    pub(crate) address: SocketAddr,
    /// One connection, opened before anything happens: there may be no other way in later.
    control: Client,
    pub(crate) began: Instant,
    /// When all who send anything stop.
    pub(crate) until: Instant,
    /// The most connections that a case opens.
    peers_max: usize,
    /// Questions of ours that were answered.
    pub(crate) asked: Cell<u64>,
    facts: RefCell<Vec<String>>,
    broken: RefCell<Vec<String>>,
}

impl<'a> Scene<'a> {
    /// It begins now, and lasts so long.
    pub(crate) fn new(server: &'a Running, peers_max: usize, span: Duration) -> Result<Self> {
        let began = Instant::now();
        let scene = Self {
            server,
            address: server.address(),
            control: Client::of(server.address()),
            began,
            until: began + span,
            peers_max,
            asked: Cell::default(),
            facts: RefCell::default(),
            broken: RefCell::default(),
        };
        scene.ask("/stats")?;
        Ok(scene)
    }

    /// The time until it is over.
    pub(crate) fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// A crowd of so many, or of fewer where the machine does not allow it.
    pub(super) fn crowd(&self, wanted: usize, window: Option<usize>) -> Result<Crowd> {
        Crowd::of(wanted.min(self.peers_max), self.address, window)
    }

    /// One crowd after the other, until it is over. Returns how many there were, and the members of
    /// all of them.
    pub(super) fn waves(
        &self,
        wanted: usize,
        window: Option<usize>,
        mut wave: impl FnMut(Crowd) -> Result<()>,
    ) -> Result<(usize, usize)> {
        let (mut waves, mut peers) = (0, 0);
        while !self.left().is_zero() {
            let crowd = self.crowd(wanted, window)?;
            (waves, peers) = (waves + 1, peers + crowd.len());
            wave(crowd)?;
        }
        Ok((waves, peers))
    }

    /// What a route says in JSON, over the connection that was there before.
    pub(crate) fn ask(&self, path: &str) -> Result<Stats> {
        let answer = self.control.get(path).context(path.to_owned())?;
        self.asked.update(|asked| asked + 1);
        Ok(Stats(serde_json::from_slice(&answer)?))
    }

    /// CPU time and memory of the server.
    pub(crate) fn usage(&self) -> Result<Usage> {
        Usage::of(self.server.pid())
    }

    /// The server as a process.
    pub(crate) fn process(&self) -> Result<Process> {
        Ok(Process::new(self.server.pid().cast_signed())?)
    }

    /// Waits until it is so.
    pub(crate) fn wait(&self, what: &str, is_so: impl Fn(&Stats) -> Result<bool>) -> Result<()> {
        if within(PATIENCE, LOOK_EVERY, || is_so(&self.ask("/stats")?))? {
            return Ok(());
        }
        let stats = self.ask("/stats")?.0;
        bail!("waited in vain: {what}; /stats: {stats}")
    }

    /// Something that was found.
    pub(crate) fn tell(&self, fact: String) {
        self.facts.borrow_mut().push(fact);
    }

    /// Something that must be so, and what to say if it is not.
    pub(crate) fn must(&self, is_so: bool, broken: impl Into<String>) {
        if !is_so {
            self.broken.borrow_mut().push(broken.into());
        }
    }

    /// What was found, and what was not as it must be.
    pub(crate) fn into_findings(self) -> (Vec<String>, Vec<String>) {
        (self.facts.into_inner(), self.broken.into_inner())
    }
}

/// An answer of `/stats`, or of a route like it.
#[derive(Default)]
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
