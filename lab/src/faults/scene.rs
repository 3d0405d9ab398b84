//! A server while something is done to it: where it is, what it says of itself, and how a client
//! that does nothing wrong fares meanwhile.
//!
//! The neighbour's latency is told. Most cases set no limit to it: on a machine where everybody
//! shares two cores, it would say more about the scheduler than about the server. Those that do
//! ([`slow`]) have a wide one, for faults that hold everybody up for seconds.

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
/// How long somebody may wait to be served, where others must make room first.
const SERVED_WITHIN: Duration = Duration::from_secs(3);
/// What the neighbour's latency must not pass where it is limited, in microseconds: for half of the
/// requests, for 99 %, for each.
const CALM_US: [f64; 3] = [5_000.0, 250_000.0, 1_000_000.0];
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
    /// Whether the neighbour's latency is limited, too.
    pub(super) is_timed: Cell<bool>,
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
            is_timed: Cell::default(),
            facts: RefCell::default(),
            broken: RefCell::default(),
        };
        scene.ask("/stats")?;
        // The sample files are made when they are first asked for, and stay open.
        let nothing = r#"{"files":[]}"#;
        scene.control.ask("POST", "/async-files", nothing)?;
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

    /// So many of all there were; it must be all.
    pub(super) fn all(&self, what: &str, count: usize, all: usize) {
        let fact = format!("{count} of {all} {what}");
        self.must(count == all, fact.clone());
        self.tell(fact);
    }

    /// The most bytes at any look, of those that there may be.
    pub(super) fn at_most(&self, what: &str, bytes: u64, most: u64) {
        let fact = format!("at most {} of {} KiB {what}", bytes >> 10, most >> 10);
        self.must(bytes <= most, fact.clone());
        self.tell(fact);
    }

    /// So many who come now and send this are served.
    pub(super) fn newcomers(&self, wanted: usize, request: &[u8]) -> Result<()> {
        self.served(Crowd::of(wanted, self.address, None)?, request)
    }

    /// Each sends this, and is told 200 in time.
    pub(super) fn served(&self, mut crowd: Crowd, request: &[u8]) -> Result<()> {
        within(SERVED_WITHIN, LOOK_EVERY, || {
            crowd.send(request);
            crowd.hear();
            Ok(crowd.told(200).count() == crowd.len())
        })?;
        self.all("served in time", crowd.told(200).count(), crowd.len());
        Ok(())
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

/// What to say of a neighbour that was held up for longer than [`CALM_US`].
pub(super) fn slow(outcome: &Outcome) -> Option<String> {
    let latency = outcome.latency.as_ref()?;
    let times = [latency.p50_us, latency.p99_us, latency.max_us];
    let is_calm = times.iter().zip(CALM_US).all(|(time, most)| *time <= most);
    (!is_calm).then(|| format!("the neighbour was held up: {times:.0?} us, of {CALM_US:.0?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_neighbour_is_held_up_if_any_of_its_times_is_too_long() {
        let told = |[p50_us, p99_us, max_us]: [f64; 3]| {
            let mut outcome = Outcome::default();
            let latency = outcome.latency.get_or_insert_default();
            (latency.p50_us, latency.p99_us, latency.max_us) = (p50_us, p99_us, max_us);
            slow(&outcome)
        };
        assert_eq!(told(CALM_US), None);
        for (index, said) in [(0, "[5001, 2"), (1, ", 250001, "), (2, ", 1000001]")] {
            let mut times = CALM_US;
            times[index] += 1.0;
            assert!(told(times).unwrap().contains(said));
        }
    }
}
