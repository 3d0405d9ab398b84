//! A server under one workload: its connections, its turns, and what it used.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use barewire_load::Tally;

use super::{Entrant, Seat};
use crate::generator::lane::{Lane, Span};
use crate::process::Usage;
use crate::results::Run;
use crate::statistics::{count, float};
use crate::workload::Workload;

/// One turn: long enough for twenty requests of each connection, and not longer than this even so.
pub(crate) const TURN: Span = Span {
    time: Duration::from_millis(40),
    each: 20,
    most: Duration::from_millis(500),
};
/// What makes connections and caches warm.
const WARMUP: Duration = Duration::from_millis(100);

/// A server under one workload.
pub(super) struct Player {
    pub(super) entrant: usize,
    pid: u32,
    lane: Lane,
    looks: Vec<(Instant, Usage)>,
    tallies: Vec<Tally>,
    /// CPU time that it uses in a second in which nobody asks.
    idle_rate: f64,
    error: Option<anyhow::Error>,
}

impl Player {
    pub(super) fn warm(
        seat: &mut Seat,
        entrant: &Entrant,
        workload: &Workload,
        timed: bool,
    ) -> Result<Self> {
        let is_timed = timed || workload.rate_share.is_some();
        let mut lane = Lane::open(seat.running.address(), workload, is_timed)?;
        let mut warmup = WARMUP;
        if let Some(seconds) = entrant.warmup_seconds.filter(|_| !seat.is_warm) {
            warmup = Duration::from_secs_f64(seconds);
            seat.is_warm = true;
        }
        let tally = lane.turn(Span {
            time: warmup,
            ..TURN
        })?;
        if let Some(share) = workload.rate_share {
            lane.set_rate(share * count(tally.answered) / tally.wall.as_secs_f64());
        }
        Ok(Self {
            entrant: seat.entrant,
            pid: seat.running.pid(),
            lane,
            looks: Vec::new(),
            tallies: Vec::new(),
            idle_rate: 0.0,
            error: None,
        })
    }

    /// Reads what it has used so far.
    pub(super) fn look(&mut self) {
        match Usage::of(self.pid) {
            Ok(usage) => self.looks.push((Instant::now(), usage)),
            Err(error) => self.error = self.error.take().or(Some(error)),
        }
    }

    pub(super) fn learn_idle_rate(&mut self) {
        if let [(before, used), (after, then)] = &self.looks[..] {
            let cpu = then.cpu_since(used).as_secs_f64();
            self.idle_rate = cpu / after.duration_since(*before).as_secs_f64();
        }
        self.looks.clear();
    }

    pub(super) fn take_turn(&mut self) {
        if self.error.is_some() {
            return;
        }
        self.look();
        match self.lane.turn(TURN) {
            Ok(tally) => self.tallies.push(tally),
            Err(error) => self.error = Some(error),
        }
    }

    /// CPU time of each turn in seconds, and until when it is charged.
    fn charged(&self) -> Vec<f64> {
        let neighbours = self.looks.windows(2);
        let each = neighbours.map(|pair| {
            let ((from, before), (until, after)) = (&pair[0], &pair[1]);
            let idle = self.idle_rate * until.duration_since(*from).as_secs_f64();
            (after.cpu_since(before).as_secs_f64() - idle).max(0.0)
        });
        each.collect()
    }

    pub(super) fn run(mut self, set: u32, workload: &str, subject: String) -> Result<Run> {
        if let Some(error) = self.error.take() {
            return Err(error.context(workload.to_owned()));
        }
        let charged = self.charged();
        let (_, last) = self.looks.last().context("no turns")?;
        let figures = charged.iter().zip(&self.tallies);
        let ns = figures.map(|(cpu, tally)| 1e9 * cpu / count(tally.answered.max(1)));
        let ns: Vec<f64> = ns.collect();
        let percentile = |tally: &Tally, percent| {
            let latency = tally
                .latency
                .as_ref()
                .filter(|latency| !latency.is_empty())?;
            Some(float(latency.value_at_percentile(percent)))
        };
        let of_turns = |percent| -> Vec<f64> {
            let tallies = self.tallies.iter();
            tallies
                .filter_map(|tally| percentile(tally, percent))
                .collect()
        };
        let mut all = Tally::default();
        let mut run = Run {
            set,
            workload: workload.to_owned(),
            subject,
            ns,
            p50_ns: of_turns(50.0),
            p99_ns: of_turns(99.0),
            cpu_seconds: charged.iter().sum(),
            resident_bytes: last.resident_bytes,
            ..Run::default()
        };
        for tally in self.tallies {
            run.seconds += tally.wall.as_secs_f64();
            all.join(tally);
        }
        run.requests = all.answered as u64;
        run.generator_seconds = all.cpu.as_secs_f64();
        Ok(run)
    }
}
